# SPDX-License-Identifier: GPL-2.0
"""Random netlink messages, with and without CAP_NET_ADMIN."""

import json

from e2e import netlink
from rig import (DEADLINE, LOOP, V4, End, KsftNamedVariant, defer, ksft_eq, ksft_ge, ksft_gt,
                 ksft_in, ksft_pr, ksft_variants, load, ping, wait_for)
from rig.driver import up

SYSTEM = LOOP

TWO = ("name=net0,net1 in=left_in,right_in out=left_out,right_out reader_protocol=2,2 "
       "writer_protocol=2,2 flags=net_hdr,net_hdr")
CHILDREN = {"child0": 24, "child1": 25}
# The errors that a user without rights may get.
REFUSED = {"EPERM", "EINVAL", "ENOENT", "EOPNOTSUPP", "ERANGE", "ENODEV", "EMSGSIZE",
           "ENOTSUP"}
USER = ("python3 -c 'import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534); "
        "os.execvp(sys.argv[1], sys.argv[1:])'")
# The interfaces with their flags, MTUs, addresses and all else, in the first namespace.
LINKS = "ip -d -j addr"
# The names of interfaces, which may contain any bytes.
NAMES = "python3 -I -S -c 'import json, os; print(json.dumps(os.listdir(\"/sys/class/net\")))'"


def prepare(env):
    """Sets up net0, with an address, and two children with one mark each."""
    load(env.a, TWO)
    netlink.install(env.a)
    requests = [{"do": "child-add", "attrs": {"parent-ifname": "net0", "ifname": name}}
                for name in CHILDREN]
    requests += [{"do": "mark-add", "attrs": {"ifname": name, "mark": mark}}
                 for name, mark in CHILDREN.items()]
    ksft_eq({answer["errno"] for answer in netlink.ask(env.a, *requests)}, {""})
    env.a.run(f"chmod -R a+rX {netlink.WHERE}")
    up(env.a, "net0", quiet=True, side="a")


def attack(env, seed: int, count: int, prefix: str = "", which: str = "all") -> dict:
    """Sends messages, and returns the number of answers by errno."""
    seed = env.seed(seed)
    result = env.a.run(f"{prefix} python3 -B {netlink.WHERE}/fuzz.py {seed} {count} {which}",
                       timeout=DEADLINE * (20 if env.long else 1))
    answers = json.loads(result.stdout)["answers"]
    ksft_pr(f"{count} messages: {answers}")
    ksft_eq(sum(answers.values()), count, "every message is answered")
    return answers


def test_with_rights(env):
    # A kernel with built-in dummy devices has one.
    others = set(json.loads(env.a.run(NAMES).stdout))
    prepare(env)
    env.a.run("ip netns add fuzz")
    defer(env.a.run, "ip netns del fuzz 2>/dev/null; true")
    answers = attack(env, 5, 100_000 if env.long else 1_000, which="")
    # Some messages were valid.
    ksft_gt(answers.get("done", 0), 0)
    ksft_ge(len(answers), 6, "several kinds of refusals")
    ksft_eq(netlink.inconsistent(env.a), [])
    ksft_pr(f"left: {[it['ifname'] for it in netlink.dump(env.a, 'dev-get')]!a}")
    # The main interfaces exist, and no other interface except their children.
    known = {it["ifname"] for it in netlink.dump(env.a, "dev-get") if "netnsid" not in it}
    ksft_eq(set(json.loads(env.a.run(NAMES).stdout)) - others, known)
    ksft_in("net0", known)
    ksft_in("net1", known)

    # The children in a namespace are deleted with it.
    env.a.run("ip netns del fuzz")
    wait_for(lambda: not any("netnsid" in it for it in netlink.dump(env.a, "dev-get")),
             "end of the children in the namespace")
    ksft_eq(netlink.inconsistent(env.a), [])
    env.a.run("ip link set net0 mtu 1500; ip link set net1 mtu 1500; "
              "ip netns add right; ip link set net1 netns right")
    defer(env.a.run, "ip netns del right")
    up(env.a, "net0", quiet=True, side="a")
    up(env.a, "net1", quiet=True, side="b", ns="right")
    ends = End(env.a, V4["a"]), End(env.a, V4["b"], "right")
    ksft_eq(ping(*ends, count=10).received, 10)


@ksft_variants([KsftNamedVariant("a_user", USER),
                KsftNamedVariant("root_of_a_user_namespace", f"{USER} unshare -U -r")])
def test_without_rights(env, prefix):
    prepare(env)
    before = netlink.state(env.a), env.a.run(LINKS).stdout
    answers = attack(env, 6, 50_000 if env.long else 500, prefix)
    ksft_gt(answers.get("EPERM", 0), 0)
    # Reading needs no rights.
    ksft_eq(set(answers) - REFUSED - {"done"}, set())
    ksft_eq((netlink.state(env.a), env.a.run(LINKS).stdout), before)


def test_in_a_container(env):
    """
    A container with its own user and network namespaces, and root in them, can change the
    child that was moved into it, but nothing else.
    """
    prepare(env)
    # The container runs until it is killed.
    env.a.run(f"{USER} unshare -U -r -n tail -f /dev/null >/dev/null 2>&1 & "
              "echo $! >/run/container")
    defer(env.a.run, "kill $(cat /run/container)")
    ready = "[ $(readlink /proc/$(cat /run/container)/ns/net) != $(readlink /proc/self/ns/net) ]"
    env.a.wait(ready, "container")
    env.a.run("ip link set child0 netns $(cat /run/container)")

    def outside():
        """Returns everything outside of the container."""
        found, marks = netlink.state(env.a)
        return ([it for it in found["replies"] if "netnsid" not in it],
                [it for it in marks["replies"] if "netnsid" not in it], env.a.run(LINKS).stdout)

    def inside():
        """Returns the child in the container, and its mark."""
        found, marks = netlink.state(env.a)
        return ([it["ifindex"] for it in found["replies"] if "netnsid" in it],
                [it["mark"] for it in marks["replies"] if "netnsid" in it])
    before, mine = outside(), inside()
    ksft_eq((len(before[0]), len(before[1]), len(mine[0]), mine[1]), (3, 1, 1, [24]))
    root = f"{USER} nsenter -U -n --preserve-credentials -t $(cat /run/container)"
    answers = attack(env, 7, 50_000 if env.long else 600, root)
    ksft_gt(answers.get("EPERM", 0), 0)
    ksft_gt(answers.get("done", 0), 0)
    ksft_eq(outside(), before)
    ksft_in(inside(), (mine, ([], [])), "the child has its mark, or it was deleted")
    ksft_eq(netlink.inconsistent(env.a), [])
