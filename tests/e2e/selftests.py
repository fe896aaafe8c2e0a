# SPDX-License-Identifier: GPL-2.0
"""
The tests of selftests/ in the kernel's own form, run in a machine from their place in a kernel
tree. Both ends are in one machine, the remote one in a network namespace, which the kernel's
library supports (REMOTE_TYPE=netns): machines have no network besides the channels under test,
over which an ssh could reach another machine. For REMOTE_TYPE=ssh, a program `ssh` enters the
namespace instead.
"""

import ast
import re
from dataclasses import dataclass, field

from rig import (LOOP, V4, V6, KsftNamedVariant, counters, defer, ksft_eq, ksft_in, ksft_pr,
                 ksft_true, ksft_variants, load, paths, up, wait_for, wait_peer)
from rig.initramfs import KERNEL_TREE, SELFTESTS

SYSTEM = LOOP

SOURCE = paths.TOP / "selftests"
PLACE = f"{KERNEL_TREE}/{SELFTESTS}/drivers/net/muennet"
SPECIFICATION = f"{KERNEL_TREE}/Documentation/netlink/specs/muennet.yaml"

PARAMETERS = ("name=net0,net1 in=left_in,right_in out=left_out,right_out "
              "reader_protocol=2,2 writer_protocol=2,2 flags={0},{0}")
ADDRESSES = f"LOCAL_V4={V4['a']} REMOTE_V4={V4['b']} LOCAL_V6={V6['a']} REMOTE_V6={V6['b']}"

SSH = """#!/bin/sh
# ssh -q HOST COMMAND
shift
exec ip netns exec "$1" sh -c "$2"
"""

# Systems: the mode, and the environment of the programs.
SYSTEMS = {
    "ip": ("net_hdr", "REMOTE_TYPE=netns REMOTE_ARGS=remote"),
    "offload": ("net_hdr+offload", "REMOTE_TYPE=netns REMOTE_ARGS=remote"),
    "ethernet": ("eth_dev", "REMOTE_TYPE=netns REMOTE_ARGS=remote"),
    "ssh": ("net_hdr", "REMOTE_TYPE=ssh REMOTE_ARGS=remote PATH=/run/ssh:$PATH"),
}


def listed(path) -> list:
    """Returns the names of the cases in a program: the list that it gives to ksft_run()."""
    call, = [node for node in ast.walk(ast.parse(path.read_text()))
             if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ksft_run"]
    cases = [case.id for case in call.args[0].elts]
    # A case that is written but not in the list would never run.
    written = [node.name for node in ast.parse(path.read_text()).body
               if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
               and node.args.args and node.args.args[0].arg == "cfg"]
    if set(cases) != set(written):
        raise ValueError(f"{path.name}: {set(cases) ^ set(written)} are not run, or not there")
    return cases


CASES = {path.stem: listed(path) for path in sorted(SOURCE.glob("*.py"))}
# The cases that are skipped, by system. Any other skip is a failure.
SKIPPED = {"ethernet": {f"children.{case}" for case in CASES["children"]}}

@dataclass
class Run:
    """A run of a program: its output, and for each case that ended: verdict, comment, lines."""
    output: str = ""
    results: dict = field(default_factory=dict)


# The runs of this file's process, by system and program.
RUNS: dict = {}


def variants(system: str, programs=CASES) -> list:
    """Returns the variants of a test: system, program and case."""
    return [KsftNamedVariant(f"{program}.{case}", system, program, case)
            for program in programs for case in CASES[program]]


def install(machine):
    """Copies the tests and the specification to their places."""
    for path in sorted(SOURCE.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            machine.put(f"{PLACE}/{path.relative_to(SOURCE)}", path.read_bytes(),
                        path.stat().st_mode & 0o777)
    machine.put(SPECIFICATION, (paths.TOP / "child/muennet.yaml").read_bytes())
    machine.put("/run/ssh/ssh", SSH.encode(), 0o755)


def prepare(env, mode: str):
    """Loads the driver, and sets up both ends, the remote one in its namespace."""
    load(env.a, PARAMETERS.format(mode))
    env.a.run("ip netns add remote && ip link set net1 netns remote")
    defer(env.a.run, "ip netns del remote")
    up(env.a, "net0", side="a")
    up(env.a, "net1", side="b", ns="remote")
    # Routes that the programs restore.
    for ip, other in (("ip", "b"), ("ip -n remote", "a")):
        env.a.run(f"{ip} route add 198.18.0.0/15 via {V4[other]} && "
                  f"{ip} route add 2001:db8:1::/48 via {V6[other]}")
    wait_peer(env.a, "net0")
    wait_for(lambda: counters(env.a, "net1", "remote")["peer_active"], "peer of net1")


def state(machine) -> str:
    """Returns what the programs may change, and must restore."""
    settings = "; ".join(f"ethtool {option} net0" for option in ("-a", "-c", "--show-priv-flags"))
    # Link-local addresses are random in IP mode.
    return machine.run("for ip in 'ip' 'ip -n remote'; do $ip -o link; "
                       "$ip -o addr show scope global; $ip route; $ip -6 route; done; ip netns; "
                       "ip netns exec remote cat /proc/sys/net/ipv4/fwmark_reflect; "
                       f"{settings}").stdout


def run(env, system: str, program: str, made: Run):
    """Runs a program and stores its results."""
    mode, environment = SYSTEMS[system]
    install(env.a)
    prepare(env, mode)
    before = state(env.a)
    done = env.a.run(f"cd {PLACE} && NETIF=net0 {ADDRESSES} {environment} ./{program}.py",
                     fail=False)
    made.output = f"{done.stdout}{done.stderr}exit status {done.ret}"
    lines = []
    for line in done.stdout.splitlines():
        lines.append(line)
        match = re.match(rf"(not ok|ok) \d+ {program}\.(\S+)(?: # (.*))?$", line)
        if match:
            verdict, case, comment = match.groups(default="")
            made.results[case] = verdict, comment, lines
            lines = []
    planned = re.findall(r"^1\.\.(\d+)$", done.stdout, re.M)
    ksft_eq(planned, [str(len(CASES[program]))], "plan")
    ksft_in("# Totals: ", done.stdout, "the program ends")
    failed = any(verdict != "ok" for verdict, _, _ in made.results.values())
    ksft_eq(done.ret, int(failed), "exit status")
    ksft_eq(state(env.a), before, "the program restores what it changes")


def check(env, system: str, program: str, case: str):
    """Checks the result of a case. The first case of a program in a system runs the program."""
    if (system, program) not in RUNS:
        RUNS[system, program] = Run()
        run(env, system, program, RUNS[system, program])
    made = RUNS[system, program]
    if case not in made.results:
        ksft_pr(made.output)
        ksft_true(False, "the program ended without a result of this case")
        return
    verdict, comment, lines = made.results[case]
    skip = f"{program}.{case}" in SKIPPED.get(system, ())
    if verdict != "ok" or comment:
        ksft_pr("\n".join(lines))
    ksft_eq(verdict, "ok")
    ksft_eq(comment.split()[:1], ["SKIP"] if skip else [])


@ksft_variants(variants("ip"))
def test_ip(env, system, program, case):
    check(env, system, program, case)


@ksft_variants(variants("offload", ["traffic"]))
def test_offload(env, system, program, case):
    check(env, system, program, case)


@ksft_variants(variants("ethernet", ["children", "ethtool", "mtu", "traffic"]))
def test_ethernet(env, system, program, case):
    check(env, system, program, case)


@ksft_variants(variants("ssh", ["restarts"]))
def test_ssh(env, system, program, case):
    check(env, system, program, case)
