# SPDX-License-Identifier: GPL-2.0
"""Marks: many of them, and one that moves under traffic."""

import json

from e2e import netlink
from e2e.netlink.children import CHILDREN, between, both
from rig import (PAIR, KsftNamedVariant, defer, ksft_busy_wait, ksft_eq, ksft_ge, ksft_gt, ksft_in,
                 ksft_lt, ksft_variants, load, stats)

SYSTEM = PAIR


def test_many_marks(env):
    load(env.a)
    netlink.install(env.a)
    count = 2000
    requests = [{"do": "add-child", "attrs": {"parent-ifname": "net0", "ifname": f"child{n}"}}
                for n in range(2)]
    requests += [{"do": "add-mark", "attrs": {"ifname": f"child{n % 2}", "mark": n * 7 + 1}}
                 for n in range(count)]
    requests += [{"dump": "get-mark"}, {"dump": "get-mark", "attrs": {"ifname": "child1"}},
                 {"do": "del-child", "attrs": {"ifname": "child1"}}, {"dump": "get-mark"}]
    answers = netlink.ask(env.a, *requests)
    ksft_eq({answer["errno"] for answer in answers}, {""})
    found = [[entry["mark"] for entry in answers[which]["replies"]] for which in (-4, -3, -1)]
    marks = [n * 7 + 1 for n in range(count)]
    ksft_eq(found, [marks, marks[1::2], marks[::2]])


# What happens between two buffers of a dump: of all marks or of one child's; what comes of it.
BETWEEN = [KsftNamedVariant(name, *rest) for name, *rest in (
    ("nothing", {}, [], False, ""),
    ("another_name_space", {}, ["ip netns add green; ip netns del green"], False, ""),
    ("mark", {}, [{"do": "add-mark", "attrs": {"ifname": "child1", "mark": 9999}}], True, ""),
    ("own_mark", {"ifname": "child0"},
     [{"do": "del-mark", "attrs": {"ifname": "child0", "mark": 5}}], True, ""),
    ("child", {}, [{"do": "add-child", "attrs": {"parent-ifname": "net0", "ifname": "child2"}}],
     True, ""),
    ("end", {}, ["ip link del child1"], True, ""),
    ("refused", {}, [{"do": "del-mark", "attrs": {"ifname": "child1", "mark": 5}}], False, ""),
    ("rename", {}, ["ip link set child1 name other"], True, ""),
    ("move", {}, ["ip netns add blue; ip link set child1 netns blue"], True, ""),
    ("exchange", {"ifname": "child0"}, ["ip link set child0 name other; "
                                        "ip link set child1 name child0"], None, "ENODEV"),
)]


@ksft_variants(BETWEEN)
def test_interrupted_dump(env, attrs, between, interrupted, errno):
    load(env.a)
    netlink.install(env.a)
    defer(env.a.run, "ip netns del blue 2>/dev/null; true")
    requests = [{"do": "add-child", "attrs": {"parent-ifname": "net0", "ifname": child}}
                for child in CHILDREN]
    requests += [{"do": "add-mark", "attrs": {"ifname": "child0", "mark": n + 1}}
                 for n in range(1500)]
    requests += [{"dump": "get-mark", "attrs": attrs, "between": between}]
    *done, answer = netlink.ask(env.a, *requests)
    ksft_eq({it["errno"] for it in done}, {""})
    ksft_eq(answer["errno"], errno)
    if errno:
        ksft_in("another child", answer["text"])
        ksft_eq({it["ifname"] for it in answer["replies"]}, {"child0"})
        ksft_lt(len(answer["replies"]), 1500)
    else:
        ksft_eq(answer.get("interrupted", False), interrupted)
        ksft_ge(len(answer["replies"]), 1499)


def test_move_under_traffic(env):
    both(env)
    # Whichever child owns the mark, the machine answers.
    env.b.run("for dev in all child0 child1; do echo 0 >/proc/sys/net/ipv4/conf/$dev/rp_filter; "
              "done")
    ways = [{"from-ifname": "child0", "ifname": "child1", "mark": 24},
            {"from-ifname": "child1", "ifname": "child0", "mark": 24}]
    lines = "".join(json.dumps({"do": "move-mark", "attrs": ways[n % 2]}) + "\n"
                    for n in range(200))
    env.b.put("/run/moves", lines.encode())
    before = {dev: stats(env.b, dev)["rx_packets"] for dev in ("net0", *CHILDREN)}
    env.b.run("(while read line; do echo \"$line\"; sleep 0.02; done </run/moves | "
              f"python3 -B {netlink.WHERE}/client.py >/run/moved) >/dev/null 2>&1 &")
    ksft_busy_wait(lambda: env.b.run("cat /run/moved").stdout, deadline=30)
    ksft_eq(between(env, "child0", "-c 1000 -i 0.004").received, 1000)
    ksft_busy_wait(lambda: env.b.run("wc -l </run/moved").stdout.strip() == "200", deadline=60)
    answers = [json.loads(line) for line in env.b.run("cat /run/moved").stdout.splitlines()]
    ksft_eq({answer["errno"] for answer in answers}, {""})
    got = {dev: stats(env.b, dev)["rx_packets"] - was for dev, was in before.items()}
    ksft_eq(got["net0"], 0)
    ksft_eq(got["child0"] + got["child1"], 1000)
    ksft_gt(got["child0"], 0)
    ksft_gt(got["child1"], 0)
