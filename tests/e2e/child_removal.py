# SPDX-License-Identifier: GPL-2.0
"""The end of children: under traffic, with their namespace, with the module."""

from e2e import netlink
from e2e.netlink.children import SIDES, both
from rig import (ANSWER_SECONDS, PAIR, End, defer, interfaces, ksft_eq, ksft_ge, ksft_true, load,
                 ping, unload, wait_for)

SYSTEM = PAIR


# Pings until /run/over exists, one request after each answer.
OTHER_CHILD = f"""while [ ! -e /run/over ]; do ping -q -c 1 -W {ANSWER_SECONDS} 10.0.1.2; done"""


def test_delete_under_traffic(env):
    both(env)
    requests = [{"do": "child-del", "attrs": {"ifname": "child0"}},
                {"do": "child-add", "attrs": {"parent-ifname": "net0", "ifname": "child0"}},
                {"do": "mark-add", "attrs": {"ifname": "child0", "mark": 24}}]
    # Without answers ping sends 100 packets a second; the ring holds those of 7 seconds.
    env.a.run("ping -f 10.0.0.2 >/dev/null 2>&1 & echo $! >/run/flood")
    defer(env.a.run, "kill $(cat /run/flood); true")
    # The receiver is up most of the time, so that packets for it are in flight.
    env.b.run("(while ip link show net0 >/dev/null 2>&1; do ip link set child0 up 2>/dev/null; "
              "done) >/dev/null 2>&1 & echo $! >/run/up_loop")
    defer(env.b.run, "kill $(cat /run/up_loop); true")
    # The packets of the other child are not affected.
    env.a.run("rm -f /run/over")
    with env.a.bkg(OTHER_CHILD, exit_wait=True, fail=True) as other_child:
        answers = netlink.ask(env.b, *requests * 30)
        env.a.run("touch /run/over")
    ksft_eq({answer["errno"] for answer in answers}, {""})
    ksft_ge(other_child.stdout.count(" 1 received"), 1)
    ksft_eq(other_child.stdout.count(" 1 received"), other_child.stdout.count("transmitted"))
    env.a.run("kill $(cat /run/flood)")
    env.b.run("ip addr replace 10.0.0.2/24 dev child0")
    env.b.run("ip link set child0 up")
    ksft_eq(ping(End(env.a, "10.0.0.1"), End(env.b, "10.0.0.2")).received, 3)


def test_namespaces(env):
    both(env)
    for machine in (env.a, env.b):
        machine.run("ip netns add ns1; ip link set child1 netns ns1; "
                    "ip netns exec ns1 iptables -t mangle -A OUTPUT -o child1 -j MARK "
                    "--set-mark 4294967295; ip -n ns1 addr add "
                    f"10.0.1.{SIDES[machine.name]}/24 dev child1; ip -n ns1 link set child1 up")
        defer(machine.run, "ip netns del ns1 2>/dev/null; true")
    ksft_eq(ping(End(env.a, "10.0.1.1", "ns1"), End(env.b, "10.0.1.2", "ns1")).received, 3)
    inside = netlink.dump(env.a, "dev-get", prefix="ip netns exec ns1")
    ksft_eq([entry["ifname"] for entry in inside], ["child1"])
    ksft_true("parent-netnsid" in inside[0])
    outside = {entry["ifname"]: entry for entry in netlink.dump(env.a, "dev-get")}
    ksft_eq(set(outside), {"net0", "child0", "child1"})
    where = outside["child1"]["netnsid"]
    # From the parent's namespace, by the netnsid of the child's.
    ksft_eq(netlink.do(env.a, "mark-add", ifname="child1", mark=5)["errno"], "ENODEV")
    ksft_eq(netlink.do(env.a, "mark-add", ifname="child1", netnsid=where, mark=5)["errno"], "")
    env.a.run("ip netns del ns1")
    wait_for(lambda: len(netlink.dump(env.a, "dev-get")) == 2, "end of child1")
    ksft_eq([entry["mark"] for entry in netlink.dump(env.a, "mark-get")], [24])


def test_parent_in_a_namespace(env):
    load(env.a)
    netlink.install(env.a)
    netlink.do(env.a, "child-add", parent_ifname="net0", ifname="child0")
    env.a.run("ip netns add ns1; ip link set net0 netns ns1; ip netns del ns1")
    wait_for(lambda: "net0" in interfaces(env.a), "net0 in the initial namespace")
    ksft_eq([entry["ifname"] for entry in netlink.dump(env.a, "dev-get")], ["net0", "child0"])


def test_unload_with_children(env):
    both(env)
    env.a.run("ip netns add ns1; ip link set child1 netns ns1")
    defer(env.a.run, "ip netns del ns1 2>/dev/null; true")
    channel = env.channel("a_to_b")
    count = channel.wc
    with env.a.bkg("ping -q -i 0.002 10.0.0.2"):
        wait_for(lambda: channel.wc > count + 10, "traffic")
        unload(env.a)
    ksft_true(not {"net0", "child0"} & interfaces(env.a))
    ksft_true("child1" not in env.a.run("ip -n ns1 link").stdout)
