# SPDX-License-Identifier: GPL-2.0
"""Children managed by stock iproute2."""

import json

from rig import PAIR, defer, interfaces, ksft_eq, ksft_in, ksft_true, load

SYSTEM = PAIR


def test_added_and_deleted(env):
    load(env.a)
    run = env.a.run
    run("ip link add link net0 name child0 type muennet")
    ksft_in(": child0@net0: ", run("ip link show child0").stdout)
    # Only children are of this link kind.
    kinds = {dev: json.loads(run(f"ip -d -j link show {dev}").stdout)[0].get("linkinfo", {})
             for dev in ("net0", "child0")}
    ksft_eq(kinds, {"net0": {}, "child0": {"info_kind": "muennet"}})
    ksft_in("\n    muennet ", run("ip -d link show child0").stdout)
    ksft_eq([link["ifname"] for link in json.loads(run("ip -j link show type muennet").stdout)],
            ["child0"])
    run("ip link del child0")
    ksft_true("child0" not in interfaces(env.a))


# A device, the MTU to set, whether that works, and the MTUs of parent and child after it.
MTUS = (
    ("net0", 1300, True, 1300, 1300), ("net0", 1600, True, 1600, 1600),
    ("child0", 1400, True, 1600, 1400), ("child0", 1601, False, 1600, 1400),
    ("net0", 2000, True, 2000, 1400), ("net0", 1400, True, 1400, 1400),
    ("child0", 68, True, 1400, 68), ("child0", 67, False, 1400, 68),
    ("child0", 1400, True, 1400, 1400), ("net0", 1000, True, 1000, 1000),
    ("child0", 900, True, 1000, 900), ("net0", 900, True, 900, 900), ("net0", 950, True, 950, 950),
)


def test_mtu(env):
    """
    The MTU of a child is at most that of its parent. A child with the maximum follows the
    parent's MTU, a child with a smaller one does not.
    """
    load(env.a)
    run = env.a.run
    run("ip link set net0 up; ip link add link net0 name child0 type muennet")
    shown = lambda dev: json.loads(run(f"ip -d -j link show {dev}").stdout)[0]  # noqa: E731
    for dev, mtu, works, parent, child in MTUS:
        ksft_eq(run(f"ip link set {dev} mtu {mtu}", fail=False).ret, 0 if works else 2, (dev, mtu))
        ksft_eq((shown("net0")["mtu"], shown("child0")["mtu"]), (parent, child), (dev, mtu))
        ksft_eq((shown("child0")["min_mtu"], shown("child0")["max_mtu"]), (68, parent))
        ksft_eq(env.channel("a_to_b").size, parent + 8, "the elements follow the parent")
    run("ip link add link net0 name child1 mtu 900 type muennet")
    ksft_eq(shown("child1")["mtu"], 900)


REFUSED = (
    ("add link child0 name x type muennet",
     "child0 is itself a child of net0: children cannot have children"),
    ("add link lo name x type muennet", "lo is not a muennet interface"),
    ("add name x type muennet", "a muennet interface needs a parent: give its link"),
    ("add link net0 name child0 type muennet", "File exists"),
    ("add link net0 name x mtu 1501 type muennet",
     "the MTU of a child must be 68 to 1500, the MTU of its parent"),
    ("add link net0 name x mtu 67 type muennet",
     "the MTU of a child must be 68 to 1500, the MTU of its parent"),
    ("del net0", "Operation not supported"),
)


def test_refused(env):
    load(env.a)
    env.a.run("ip link add link net0 name child0 type muennet")
    before = interfaces(env.a)
    for command, text in REFUSED:
        result = env.a.run(f"ip link {command}", fail=False)
        ksft_eq(result.ret, 2, comment=command)
        ksft_in(text, result.stderr, comment=command)
    ksft_eq(interfaces(env.a), before)


def test_monitor(env):
    load(env.a)
    env.a.run("ip monitor link >/run/links 2>&1 & echo $! >/run/monitor")
    defer(env.a.run, "kill $(cat /run/monitor)")
    # A socket of rtnetlink, protocol 0, that has joined a group.
    env.a.wait("awk '$2 == 0 && $4 !~ /^0+$/' /proc/net/netlink | grep -q .", "listener")
    env.a.run("ip link add link net0 name child0 type muennet; ip link del child0")
    env.a.wait("grep -q Deleted /run/links", "deletion")
    lines = [line for line in env.a.run("cat /run/links").stdout.splitlines() if "child0@" in line]
    ksft_in("child0@net0", lines[0])
    ksft_in("Deleted", lines[-1])
