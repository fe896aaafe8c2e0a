# SPDX-License-Identifier: GPL-2.0
"""
The driver in a machine: installation, load, set-up, counters.

The end of a test undoes what was set up in it (the library's defer()).
"""

import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import ksft, paths
from .traffic import End
from .wait import wait_for

# The parameters of the README's example.
README = ("name=net0 in=channel_in out=channel_out reader_protocol=2 writer_protocol=2 "
          "flags=net_hdr")
V4 = {"a": "192.0.2.1", "b": "192.0.2.2"}
V6 = {"a": "2001:db8::1", "b": "2001:db8::2"}
# The errors of loading a module, and the text that modprobe prints for each.
ERRORS = {"EINVAL": "Invalid argument", "ENXIO": "No such device or address",
          "ENODEV": "No such device", "EPERM": "Operation not permitted",
          "EFAULT": "Bad address", "ENOMEM": "Cannot allocate memory",
          "EBUSY": "Device or resource busy", "EOPNOTSUPP": "Operation not supported",
          "EEXIST": "File exists"}


def install(machine, finish=lambda path: None):
    """Installs the module under test for modprobe; `finish(path)` may change its file before."""
    with tempfile.NamedTemporaryFile(suffix=".ko") as stripped:
        subprocess.run(["llvm-strip", "--strip-debug", "-o", stripped.name,
                        paths.module()], check=True)
        finish(stripped.name)
        data = Path(stripped.name).read_bytes()
    release = machine.run("uname -r").stdout.strip()
    machine.put(f"/usr/lib/modules/{release}/updates/muennet.ko", data)
    machine.run("depmod 2>/dev/null")


def unload(machine):
    """Unloads the module if it is loaded."""
    if machine.alive():
        machine.run("[ ! -e /sys/module/muennet ] || rmmod muennet")


def load(machine, parameters: str = README, fail: bool = True):
    """Loads the module with modprobe, until the end of the test."""
    ksft.defer(unload, machine)
    return machine.run(f"modprobe muennet {parameters}", fail=fail)


def in_parallel(function, machines) -> list:
    """
    Calls a function for all machines in parallel and returns the results. The function must
    not check anything: the library attributes a check to the test by its thread.
    """
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(function, machine) for machine in machines]
    errors = [one.exception() for one in running if one.exception()]
    if errors:
        for other in errors[1:]:
            errors[0].add_note(f"and also: {other}")
        raise errors[0]
    return [one.result() for one in running]


def errno_of(result) -> str:
    """Returns the name of the errno with which modprobe failed, or an empty string."""
    if result.ret == 0:
        return ""
    text = result.stderr.strip().splitlines()[-1].rsplit(": ", 1)[-1] if result.stderr else ""
    return next((name for name, error in ERRORS.items() if error == text), text or "?")


def up(machine, dev: str = "net0", quiet: bool = False, side: str = "", ns: str = "",
       addresses: bool = True):
    """
    Sets an interface up, with the addresses of its side unless `addresses` is false.
    `quiet` disables IPv6, so that the interface sends the test's own packets only.
    """
    side = side or machine.name
    steps, before = [f"link set {dev} up"], ""
    if addresses and not quiet:
        steps.insert(0, f"addr replace {V6[side]}/64 dev {dev} nodad")
    if addresses:
        steps.insert(0, f"addr replace {V4[side]}/24 dev {dev}")
    if quiet:
        # An interface whose MTU is below IPv6's minimum has no such file.
        path = f"/proc/sys/net/ipv6/conf/{dev}/disable_ipv6"
        before = f"{{ [ ! -e {path} ] || echo 1 >{path}; }}"
        before = f"ip netns exec {ns} sh -c '{before}' && " if ns else f"{before} && "
    # One run of ip for all steps: programs start slowly under emulation.
    machine.run(before + batch(steps, ns))


def batch(steps, ns: str = "") -> str:
    """Returns a command that runs these steps by `ip -batch`."""
    return "\n".join((f"ip {f'-n {ns} ' if ns else ''}-batch - <<END", *steps, "END"))


def load_all(machines, parameters: str = README, after=lambda machine: None):
    """Loads the module in these machines until the end of the test, then calls `after`."""
    def one(machine):
        machine.run(f"modprobe muennet {parameters}")
        after(machine)
    ksft.defer(in_parallel, unload, machines)
    in_parallel(one, machines)


def pair(env, parameters: str = README, dev: str = "net0", quiet: bool = False,
         set_up=None) -> tuple:
    """
    Loads the module in a and b, sets both interfaces up, waits until each follows its
    peer, and returns the two ends. `set_up(machine)` replaces up() with its `quiet`.
    """
    load_all((env.a, env.b), parameters,
             set_up or (lambda machine: up(machine, dev, quiet=quiet)))
    for machine in (env.a, env.b):
        wait_peer(machine, dev)
    return End(env.a, V4["a"]), End(env.b, V4["b"])


def wait_peer(machine, dev: str = "net0"):
    """Waits until an interface follows its peer. It reads nothing that was sent before."""
    wait_for(lambda: counters(machine, dev)["peer_active"],
             f"active peer of {dev} in {machine.name}")


def stats(machine, dev: str = "net0", ns: str = "") -> dict:
    """Returns the interface's standard counters."""
    return machine.stats(dev, ns)


def counters(machine, dev: str = "net0", ns: str = "") -> dict:
    """Returns the counters of `ethtool -S`."""
    return machine.counters(dev, ns)[0]


def wait_stats(machine, dev: str = "net0", ns: str = "", **wanted):
    """Waits until the interface's standard counters have these values."""
    wait_for(lambda: wanted.items() <= stats(machine, dev, ns).items(),
             lambda: f"{wanted} of {dev} in {machine.name}: {stats(machine, dev, ns)}")


def wait_counters(machine, dev: str = "net0", ns: str = "", **wanted):
    """Waits until counters of `ethtool -S` have these values."""
    wait_for(lambda: wanted.items() <= counters(machine, dev, ns).items(),
             lambda: f"{wanted} of {dev} in {machine.name}: {counters(machine, dev, ns)}")


def interfaces(machine) -> set:
    """Returns the names of all interfaces."""
    return set(machine.read_files("/sys/class/net").split())


def messages(lines) -> list:
    """Returns the driver's own kernel log lines, without their times."""
    texts = [re.sub(r"^\[ *[\d.]+\] ", "", line) for line in lines]
    return [text for text in texts
            if "muennet" in text or re.match(r"\w+: (Interface|Using)", text)]
