# SPDX-License-Identifier: GPL-2.0
"""Marks: many of them, and one that moves under traffic."""

import json

from e2e import netlink
from e2e.netlink.children import CHILDREN, between, both
from rig import PAIR, ksft_busy_wait, ksft_eq, ksft_gt, load, stats

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


def test_move_under_traffic(env):
    both(env)
    # Whichever child owns the mark, the machine answers.
    env.b.run("for dev in all child0 child1; do echo 0 >/proc/sys/net/ipv4/conf/$dev/rp_filter; "
              "done")
    ways = [{"from-ifname": "child0", "ifname": "child1", "mark": 24},
            {"from-ifname": "child1", "ifname": "child0", "mark": 24}]
    lines = "".join(json.dumps({"do": "move-mark", "attrs": ways[n % 2]}) + "\n"
                    for n in range(200))
    env.b.put("/root/moves", lines.encode())
    before = {dev: stats(env.b, dev)["rx_packets"] for dev in ("net0", *CHILDREN)}
    env.b.run("(while read line; do echo \"$line\"; sleep 0.02; done </root/moves | "
              f"python3 -B {netlink.WHERE}/client.py >/root/moved) >/dev/null 2>&1 &")
    ksft_busy_wait(lambda: env.b.run("cat /root/moved").stdout, deadline=30)
    ksft_eq(between(env, "child0", "-c 1000 -i 0.004").received, 1000)
    ksft_busy_wait(lambda: env.b.run("wc -l </root/moved").stdout.strip() == "200", deadline=60)
    answers = [json.loads(line) for line in env.b.run("cat /root/moved").stdout.splitlines()]
    ksft_eq({answer["errno"] for answer in answers}, {""})
    got = {dev: stats(env.b, dev)["rx_packets"] - was for dev, was in before.items()}
    ksft_eq(got["net0"], 0)
    ksft_eq(got["child0"] + got["child1"], 1000)
    ksft_gt(got["child0"], 0)
    ksft_gt(got["child1"], 0)
