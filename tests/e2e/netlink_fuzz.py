# SPDX-License-Identifier: GPL-2.0
"""Random netlink messages, with and without rights."""

import json

from e2e import netlink
from rig import (LOOP, V4, End, KsftNamedVariant, defer, interfaces, ksft_eq, ksft_ge, ksft_gt,
                 ksft_in, ksft_pr, ksft_variants, load, ping)
from rig.driver import up

SYSTEM = LOOP

TWO = ("name=net0,net1 in=left_in,right_in out=left_out,right_out reader_protocol=2,2 "
       "writer_protocol=2,2 flags=net_hdr,net_hdr")
# What may come back of those who may not change anything.
REFUSED = {"EPERM", "EINVAL", "ENOENT", "EOPNOTSUPP", "ERANGE", "ENODEV", "EMSGSIZE",
           "ENOTSUP"}
USER = ("python3 -c 'import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534); "
        "os.execvp(sys.argv[1], sys.argv[1:])'")


def prepare(env):
    """net0 with a child that owns a mark."""
    load(env.a, TWO)
    netlink.install(env.a)
    for request in ({"do": "add-child", "attrs": {"parent-ifname": "net0", "ifname": "child0"}},
                    {"do": "add-mark", "attrs": {"ifname": "child0", "mark": 24}}):
        ksft_eq(netlink.ask(env.a, request)[0]["errno"], "")
    env.a.run(f"chmod 755 /root; chmod -R a+rX {netlink.WHERE}")


def attack(env, seed: int, count: int, prefix: str = "") -> dict:
    """Sends messages; how often each errno came back."""
    result = env.a.run(f"{prefix} python3 -B {netlink.WHERE}/fuzz.py {seed} {count}", timeout=3000)
    answers = json.loads(result.stdout)["answers"]
    ksft_pr(f"seed {seed}, {count} messages: {answers}")
    ksft_eq(sum(answers.values()), count, "every message is answered")
    return answers


def test_with_rights(env):
    prepare(env)
    answers = attack(env, 5, 100_000 if env.long else 2_000)
    # Some of it was right.
    ksft_gt(answers.get("done", 0), 0)
    ksft_ge(len(answers), 6, "several kinds of refusals")
    # The main interfaces are there, and nothing that is no child of theirs.
    ksft_in("net0", interfaces(env.a))
    ksft_in("net1", interfaces(env.a))
    env.a.run("ip netns add right; ip link set net1 netns right")
    defer(env.a.run, "ip netns del right")
    up(env.a, "net0", quiet=True, side="a")
    up(env.a, "net1", quiet=True, side="b", ns="right")
    ends = End(env.a, V4["a"]), End(env.a, V4["b"], "right")
    ksft_eq(ping(*ends, "-c 10 -i 0.05").received, 10)


@ksft_variants([KsftNamedVariant("a_user", USER),
                KsftNamedVariant("root_of_a_user_namespace", f"{USER} unshare -U -r")])
def test_without_rights(env, prefix):
    prepare(env)
    before = netlink.state(env.a), interfaces(env.a)
    answers = attack(env, 6, 50_000 if env.long else 1_000, prefix)
    ksft_gt(answers.get("EPERM", 0), 0)
    # Looking is everybody's right.
    ksft_eq(set(answers) - REFUSED - {"done"}, set())
    ksft_eq((netlink.state(env.a), interfaces(env.a)), before)
