# SPDX-License-Identifier: GPL-2.0
"""Children and marks: two children on each side, and what comes of them."""

import json

from e2e import netlink
from rig import PAIR, End, defer, ksft_busy_wait, ksft_eq, load, pair, ping, stats

SYSTEM = PAIR

# A child, the mark of its packets, and its network.
CHILDREN = {"child0": (24, "10.0.0."), "child1": (0xffffffff, "10.0.1.")}
SIDES = {"a": "1", "b": "2"}


def family(machine, forms=("iptables", "nft")):
    """Adds both children to net0, with their marks, each marked by another tool."""
    netlink.install(machine)
    defer(machine.run, "iptables -t mangle -F OUTPUT; nft delete table ip marks 2>/dev/null; true")
    requests, script = [], ["set -e"]
    for (child, (mark, network)), form in zip(CHILDREN.items(), forms):
        requests += [{"do": "add-child", "attrs": {"parent-ifname": "net0", "ifname": child}},
                     {"do": "add-mark", "attrs": {"ifname": child, "mark": mark}}]
        if form == "iptables":
            script += [f"iptables -t mangle -A OUTPUT -o {child} -j MARK --set-mark {mark}"]
        else:
            script += ["nft add table ip marks", "nft 'add chain ip marks out "
                       "{ type route hook output priority mangle; }'",
                       f"nft add rule ip marks out oifname {child} meta mark set {mark}"]
        script += [f"echo 1 >/proc/sys/net/ipv6/conf/{child}/disable_ipv6",
                   f"ip addr add {network}{SIDES[machine.name]}/24 dev {child}",
                   f"ip link set {child} up"]
    ksft_eq({answer["errno"] for answer in netlink.ask(machine, *requests)}, {""})
    machine.run("\n".join(script))


def both(env):
    """Both machines with net0 and the children up."""
    pair(env, quiet=True)
    for machine in (env.a, env.b):
        family(machine)


def between(env, child: str, options: str = "-c 20 -i 0.05"):
    """Pings from a to b by the children of this name."""
    network = CHILDREN[child][1]
    return ping(End(env.a, network + "1"), End(env.b, network + "2"), options)


def test_traffic_is_separated(env):
    both(env)
    for child, other in (("child0", "child1"), ("child1", "child0")):
        before = {(m.name, dev): stats(m, dev) for m in (env.a, env.b)
                  for dev in ("net0", child, other)}
        ksft_eq(between(env, child).received, 20)
        for machine in (env.a, env.b):
            for dev, packets in ((child, 20), (other, 0), ("net0", 0)):
                now, was = stats(machine, dev), before[machine.name, dev]
                for counter in ("rx_packets", "tx_packets"):
                    ksft_eq(now[counter] - was[counter], packets,
                            comment=f"{counter} of {dev} in {machine.name}")


def test_show(env):
    both(env)
    found = {entry["ifname"]: entry for entry in netlink.dump(env.a, "get")}
    ksft_eq(list(found), ["net0", "child0", "child1"])
    ksft_eq(found["net0"]["in-channel"]["name"], "channel_in")
    ksft_eq(found["net0"]["out-channel"]["element-size"], 1508)
    ksft_eq(found["net0"]["peer-state"], 2)
    ksft_eq(found["child0"]["parent-ifname"], "net0")
    ksft_eq(found["child0"]["mark-count"], 1)
    marks = [(entry["ifname"], entry["mark"]) for entry in netlink.dump(env.a, "get-mark")]
    ksft_eq(marks, [("child0", 24), ("child1", 0xffffffff)])
    owner = netlink.do(env.a, "get-mark", parent_ifname="net0", mark=24)["replies"][0]
    ksft_eq(owner["ifname"], "child0")
    one = netlink.do(env.a, "get", ifname="child1")["replies"][0]
    ksft_eq(one["ifname"], "child1")


def test_notifications(env):
    load(env.a)
    netlink.install(env.a)
    env.a.run(f"python3 -B {netlink.WHERE}/client.py monitor 60 >/root/heard 2>&1 & "
              "echo $! >/root/monitor")
    defer(env.a.run, "kill $(cat /root/monitor)")
    ksft_busy_wait(lambda: "listening" in env.a.run("cat /root/heard").stdout, deadline=30)
    answers = netlink.ask(env.a, *[{"do": command, "attrs": attrs} for command, attrs in (
        ("add-child", {"parent-ifname": "net0", "ifname": "child0"}),
        ("add-child", {"parent-ifname": "net0", "ifname": "child1"}),
        ("add-mark", {"ifname": "child0", "mark": 7}),
        ("move-mark", {"from-ifname": "child0", "ifname": "child1", "mark": 7}),
        ("del-mark", {"ifname": "child1", "mark": 7}),
        ("del-child", {"ifname": "child0"}))])
    ksft_eq({answer["errno"] for answer in answers}, {""})
    ksft_busy_wait(lambda: "child-del" in env.a.run("cat /root/heard").stdout, deadline=30)
    heard = [json.loads(line) for line in env.a.run("cat /root/heard").stdout.splitlines()[1:]]
    ksft_eq([(entry["name"], entry["ifname"]) for entry in heard], [
        ("child-add-ntf", "child0"), ("child-add-ntf", "child1"), ("mark-add-ntf", "child0"),
        ("mark-move-ntf", "child1"), ("mark-del-ntf", "child1"), ("child-del-ntf", "child0")])
    ksft_eq(heard[3]["from-ifname"], "child0")
