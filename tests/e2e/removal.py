# SPDX-License-Identifier: GPL-2.0
"""How children end: under traffic, with their namespace, with the module."""

from e2e import netlink
from e2e.netlink.children import SIDES, between, both
from rig import (PAIR, defer, interfaces, ksft_busy_wait, ksft_eq, ksft_ge, ksft_in, ksft_true,
                 load, unload)

SYSTEM = PAIR


def test_delete_under_traffic(env):
    both(env)
    requests = [{"do": "del-child", "attrs": {"ifname": "child0"}},
                {"do": "add-child", "attrs": {"parent-ifname": "net0", "ifname": "child0"}},
                {"do": "add-mark", "attrs": {"ifname": "child0", "mark": 24}}]
    env.a.run("ping -f -i 0.002 -w 60 10.0.0.2 >/dev/null 2>&1 & echo $! >/run/flood")
    defer(env.a.run, "kill $(cat /run/flood); true")
    # The receiving end is up most of the time, so that its packets are on their way to it.
    env.b.run("(while ip link show net0 >/dev/null 2>&1; do ip link set child0 up 2>/dev/null; "
              "done) >/dev/null 2>&1 & echo $! >/run/upper")
    defer(env.b.run, "kill $(cat /run/upper); true")
    # Its neighbour's packets are not touched.
    with env.a.bkg("ping -q -c 300 -i 0.005 10.0.1.2", exit_wait=True) as neighbour:
        answers = netlink.ask(env.b, *requests * 30)
    ksft_eq({answer["errno"] for answer in answers}, {""})
    ksft_in(" 300 received", neighbour.stdout)
    env.a.run("kill $(cat /run/flood)")
    env.b.run("ip addr replace 10.0.0.2/24 dev child0")
    ksft_ge(between(env, "child0").received, 19)


def test_namespaces(env):
    both(env)
    for machine in (env.a, env.b):
        machine.run("ip netns add ns1; ip link set child1 netns ns1; "
                    "ip netns exec ns1 iptables -t mangle -A OUTPUT -o child1 -j MARK "
                    "--set-mark 4294967295; ip -n ns1 addr add "
                    f"10.0.1.{SIDES[machine.name]}/24 dev child1; ip -n ns1 link set child1 up")
        defer(machine.run, "ip netns del ns1 2>/dev/null; true")
    result = env.a.run("ip netns exec ns1 ping -c 5 -i 0.05 10.0.1.2", fail=False)
    ksft_in("5 received", result.stdout)
    inside = netlink.dump(env.a, "get", prefix="ip netns exec ns1")
    ksft_eq([entry["ifname"] for entry in inside], ["child1"])
    ksft_true("parent-netnsid" in inside[0])
    outside = {entry["ifname"]: entry for entry in netlink.dump(env.a, "get")}
    ksft_eq(set(outside), {"net0", "child0", "child1"})
    where = outside["child1"]["netnsid"]
    # From the parent's namespace, by the number of the child's.
    ksft_eq(netlink.do(env.a, "add-mark", ifname="child1", mark=5)["errno"], "ENODEV")
    ksft_eq(netlink.do(env.a, "add-mark", ifname="child1", netnsid=where, mark=5)["errno"], "")
    env.a.run("ip netns del ns1")
    ksft_busy_wait(lambda: len(netlink.dump(env.a, "get")) == 2, deadline=10)
    ksft_eq([entry["mark"] for entry in netlink.dump(env.a, "get-mark")], [24])


def test_parent_in_a_namespace(env):
    load(env.a)
    netlink.install(env.a)
    netlink.do(env.a, "add-child", parent_ifname="net0", ifname="child0")
    env.a.run("ip netns add ns1; ip link set net0 netns ns1; ip netns del ns1")
    ksft_busy_wait(lambda: "net0" in interfaces(env.a), deadline=10)
    ksft_eq([entry["ifname"] for entry in netlink.dump(env.a, "get")], ["net0", "child0"])


def test_unload_with_children(env):
    both(env)
    env.a.run("ip netns add ns1; ip link set child1 netns ns1")
    defer(env.a.run, "ip netns del ns1 2>/dev/null; true")
    env.a.run("ping -i 0.002 -w 10 10.0.0.2 >/dev/null 2>&1 & true")
    unload(env.a)
    ksft_true(not {"net0", "child0"} & interfaces(env.a))
    ksft_true("child1" not in env.a.run("ip -n ns1 link").stdout)
