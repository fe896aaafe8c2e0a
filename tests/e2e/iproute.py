# SPDX-License-Identifier: GPL-2.0
"""Children by stock iproute2."""

import json

from rig import PAIR, defer, interfaces, ksft_eq, ksft_in, ksft_true, load

SYSTEM = PAIR


def test_added_and_deleted(env):
    load(env.a)
    run = env.a.run
    run("ip link add link net0 name child0 type muennet")
    ksft_in(": child0@net0: ", run("ip link show child0").stdout)
    # Only children are of the kind.
    kinds = {dev: json.loads(run(f"ip -d -j link show {dev}").stdout)[0].get("linkinfo", {})
             for dev in ("net0", "child0")}
    ksft_eq(kinds, {"net0": {}, "child0": {"info_kind": "muennet"}})
    ksft_in("\n    muennet ", run("ip -d link show child0").stdout)
    ksft_eq([link["ifname"] for link in json.loads(run("ip -j link show type muennet").stdout)],
            ["child0"])
    run("ip link set net0 mtu 1300")
    ksft_eq(json.loads(run("ip -j link show child0").stdout)[0]["mtu"], 1300)
    ksft_eq(run("ip link set child0 mtu 1200", fail=False).ret, 2)
    run("ip link del child0")
    ksft_true("child0" not in interfaces(env.a))


REFUSED = (
    ("add link child0 name x type muennet",
     "child0 is itself a child of net0: children cannot have children"),
    ("add link lo name x type muennet", "lo is not a muennet interface"),
    ("add name x type muennet", "a muennet interface needs a parent: give its link"),
    ("add link net0 name child0 type muennet", "File exists"),
    ("add link net0 name x mtu 1000 type muennet",
     "a child has the MTU of its parent, which is 1500"),
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
    env.a.wait("grep -q Deleted /run/links", "word of the end")
    heard = [line for line in env.a.run("cat /run/links").stdout.splitlines() if "child0@" in line]
    ksft_in("child0@net0", heard[0])
    ksft_in("Deleted", heard[-1])
