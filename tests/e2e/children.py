# SPDX-License-Identifier: GPL-2.0
"""Children from the user's view: traffic, counters, states, notifications."""

import json

from e2e import netlink
from e2e.netlink.children import both, ends, ping_children
from rig import (PAIR, defer, ksft_eq, ksft_in, ksft_not_in, load, ping_at_once, stats, wait_for,
                 wait_stats)

SYSTEM = PAIR


def test_traffic_is_separated(env):
    both(env)
    for child, other in (("child0", "child1"), ("child1", "child0")):
        before = {(m.name, dev): stats(m, dev) for m in (env.a, env.b)
                  for dev in ("net0", child, other)}
        ksft_eq(ping_children(env, child).received, 20)
        for machine in (env.a, env.b):
            for dev, packets in ((child, 20), (other, 0), ("net0", 0)):
                now, was = stats(machine, dev), before[machine.name, dev]
                for counter in ("rx_packets", "tx_packets"):
                    ksft_eq(now[counter] - was[counter], packets,
                            comment=f"{counter} of {dev} in {machine.name}")


def test_show(env):
    both(env)
    found = {entry["ifname"]: entry for entry in netlink.dump(env.a, "dev-get")}
    ksft_eq(list(found), ["net0", "child0", "child1"])
    ksft_eq(found["net0"]["in-channel"]["name"], "channel_in")
    ksft_eq(found["net0"]["out-channel"]["element-size"], 1508)
    ksft_eq(found["net0"]["peer-state"], 2)
    ksft_eq(found["child0"]["parent-ifname"], "net0")
    ksft_eq(found["child0"]["mark-count"], 1)
    marks = [(entry["ifname"], entry["mark"]) for entry in netlink.dump(env.a, "mark-get")]
    ksft_eq(marks, [("child0", 24), ("child1", 0xffffffff)])
    owner = netlink.do(env.a, "mark-get", parent_ifname="net0", mark=24)["replies"][0]
    ksft_eq(owner["ifname"], "child0")
    one = netlink.do(env.a, "dev-get", ifname="child1")["replies"][0]
    ksft_eq(one["ifname"], "child1")


def test_tools(env):
    both(env)
    ksft_eq(ping_children(env, "child0", 5).received, 5)
    notifications = env.a.run("ethtool -i child0").stdout
    ksft_in("driver: muennet\n", notifications)
    ksft_in("bus-info: channel_in:channel_out\n", notifications)
    own = env.a.run("ethtool -S child0").stdout
    for counter in ("rx_packets: 5", "tx_packets: 5", "rx_down: 0", "tx_dropped: 0"):
        ksft_in(f" {counter}\n", own)
    for options in ("-g", "-c", "--show-priv-flags"):
        ksft_in("not supported", env.a.run(f"ethtool {options} child0", fail=False).stderr)
    where = "/sys/kernel/debug/muennet"
    ksft_eq(env.a.run(f"cat {where}/child0/info").stdout.splitlines(), [
        "in/out: channel_in:channel_out", "mtu: 1500", "flags: net_hdr", "poll: every 4000 µs",
        "writer is enabled", "writer.element_size: 1508", "reader is enabled",
        "reader.element_size: 1508", "stats.rx_packets: 5", "stats.rx_bytes: 420",
        "stats.rx_errors: 0", "stats.rx_over_errors: 0", "stats.rx_frame_errors: 0",
        "stats.tx_packets: 5", "stats.tx_bytes: 460", "marks: 1"])
    env.a.run("ip link set net0 down")
    ksft_in("writer is disabled\nreader is disabled\n",
            env.a.run(f"cat {where}/child0/info").stdout)
    env.a.run("ip link set child0 down; ip link set child0 name other; ip link del child1")
    ksft_eq(env.a.run(f"ls {where}").stdout.split(), ["net0", "other"])


def test_down_child(env):
    both(env)
    env.b.run("ip link set child0 down")
    before = stats(env.b, "child0"), stats(env.b)
    ksft_eq(ping_at_once(*ends(env, "child0"), "-c 5 -i 0.05 -W 1").received, 0)
    wait_stats(env.b, "child0", rx_dropped=before[0]["rx_dropped"] + 5)
    after = stats(env.b, "child0"), stats(env.b)
    ksft_eq(after[0]["rx_packets"], before[0]["rx_packets"])
    ksft_eq(after[1]["rx_packets"], before[1]["rx_packets"])


def flags(machine, dev: str, ns: str = "") -> list:
    """Returns the flags that `ip link` shows."""
    return json.loads(machine.run(f"ip {ns} -j link show {dev}").stdout)[0]["flags"]


def test_parent_down(env):
    both(env)
    env.a.run("ip link set net0 down")
    # linkwatch changes the state in a workqueue.
    wait_for(lambda: "NO-CARRIER" in flags(env.a, "child0"), "end of the carrier")
    ksft_not_in("LOWER_UP", flags(env.a, "child0"))
    before = stats(env.a, "child0")
    env.a.run("ip route replace 10.0.0.0/24 dev child0 src 10.0.0.1; "
              "ping -c 3 -i 0.01 -W 1 10.0.0.2; true")
    ksft_eq(stats(env.a, "child0")["tx_packets"], before["tx_packets"])
    env.a.run("ip link set net0 up")
    wait_for(lambda: "NO-CARRIER" not in flags(env.a, "child0"), "carrier")
    ksft_in("LOWER_UP", flags(env.a, "child0"))
    env.a.run("ip addr replace 10.0.0.1/24 dev child0")
    ksft_eq(ping_children(env, "child0", 5).received, 5)


def test_stacked_devices(env):
    """The stack knows that children are on top of their parent, until they are deleted."""
    both(env)

    def neighbours(dev: str) -> list:
        return env.a.run(f"cd /sys/class/net/{dev} && ls -d upper_* lower_*; true").stdout.split()

    ksft_eq(neighbours("net0"), ["upper_child0", "upper_child1"])
    ksft_eq(neighbours("child0"), ["lower_net0"])
    env.a.run("ip link set child0 name child2")
    ksft_eq(neighbours("net0"), ["upper_child1", "upper_child2"])
    ksft_eq(netlink.do(env.a, "child-del", ifname="child2")["errno"], "")
    ksft_eq(neighbours("net0"), ["upper_child1"])
    env.a.run("ip link del child1")
    ksft_eq(neighbours("net0"), [])


def test_notifications(env):
    load(env.a)
    netlink.listen(env.a)
    answers = netlink.ask(env.a, *[{"do": command, "attrs": attrs} for command, attrs in (
        ("child-add", {"parent-ifname": "net0", "ifname": "child0"}),
        ("child-add", {"parent-ifname": "net0", "ifname": "child1"}),
        ("mark-add", {"ifname": "child0", "mark": 7}),
        ("mark-move", {"from-ifname": "child0", "ifname": "child1", "mark": 7}),
        ("mark-del", {"ifname": "child1", "mark": 7}),
        ("child-del", {"ifname": "child0"}))])
    ksft_eq({answer["errno"] for answer in answers}, {""})
    notifications = netlink.notifications_until(env.a, "child-del")
    ksft_eq([(entry["name"], entry["ifname"]) for entry in notifications], [
        ("child-add-ntf", "child0"), ("child-add-ntf", "child1"), ("mark-add-ntf", "child0"),
        ("mark-move-ntf", "child1"), ("mark-del-ntf", "child1"), ("child-del-ntf", "child0")])
    ksft_eq(notifications[3]["from-ifname"], "child0")


def test_no_notification_of_what_never_was(env):
    load(env.a)
    env.a.run("ip netns add blue && ip -n blue link add taken index 77 type dummy")
    defer(env.a.run, "ip netns del blue; ip link del child0", fail=False)
    netlink.listen(env.a)
    # register_netdevice() finds the index in use, after ndo_init has added the port.
    tried = env.a.run("ip link replace link net0 name never index 77 netns blue type muennet",
                      fail=False)
    ksft_in("busy", tried.stderr)
    ksft_eq(netlink.do(env.a, "child-add", parent_ifname="net0", ifname="child0")["errno"], "")
    notifications = netlink.notifications_until(env.a, "child0")
    ksft_eq([(it["name"], it["ifname"]) for it in notifications], [("child-add-ntf", "child0")])
    ksft_eq([it["ifname"] for it in netlink.dump(env.a, "dev-get")], ["net0", "child0"])


def test_notifications_of_elsewhere(env):
    load(env.a)
    netlink.listen(env.a)
    defer(env.a.run, "ip netns del blue 2>/dev/null; true")
    ksft_eq(netlink.do(env.a, "child-add", parent_ifname="net0", ifname="child0")["errno"], "")
    env.a.run("ip netns add blue && ip link set child0 name other && "
              "ip link set other netns blue && ip -n blue link set other name third && "
              "ip netns del blue")
    notifications = netlink.notifications_until(env.a, "child-del")
    # rtnetlink notifies of names and moves. A namespace that is deleted has no netnsid.
    ksft_eq([(it["name"], it["ifname"], it.get("netnsid")) for it in notifications],
            [("child-add-ntf", "child0", None), ("child-del-ntf", "third", -1)])
