# SPDX-License-Identifier: GPL-2.0
"""Marks: many of them, dumps while they change, and a mark that moves under traffic."""

from e2e import netlink
from e2e.netlink.children import CHILDREN, both, ends
from rig import (PAIR, KsftNamedVariant, Script, defer, ksft_eq, ksft_ge, ksft_in, ksft_lt,
                 ksft_variants, load, sampled, stats, wait_for)

SYSTEM = PAIR


def test_many_marks(env):
    load(env.a)
    netlink.install(env.a)
    count = 2000
    requests = [{"do": "child-add", "attrs": {"parent-ifname": "net0", "ifname": f"child{n}"}}
                for n in range(2)]
    requests += [{"do": "mark-add", "attrs": {"ifname": f"child{n % 2}", "mark": n * 7 + 1}}
                 for n in range(count)]
    requests += [{"dump": "mark-get"}, {"dump": "mark-get", "attrs": {"ifname": "child1"}},
                 {"do": "child-del", "attrs": {"ifname": "child1"}}, {"dump": "mark-get"}]
    answers = netlink.ask(env.a, *requests)
    ksft_eq({answer["errno"] for answer in answers}, {""})
    found = [[entry["mark"] for entry in answers[which]["replies"]] for which in (-4, -3, -1)]
    marks = [n * 7 + 1 for n in range(count)]
    ksft_eq(found, [marks, marks[1::2], marks[::2]])


# The kernel fills two buffers of 8 KiB before the test changes something. These marks need
# four.
MARKS = 500

# What happens between two buffers of a dump (of all marks, or of those of a child), whether
# the dump must be marked as interrupted, and the errno.
BETWEEN = [KsftNamedVariant(name, *rest) for name, *rest in (
    ("nothing", {}, [], False, ""),
    ("another_name_space", {}, ["ip netns add green; ip netns del green"], False, ""),
    ("mark", {}, [{"do": "mark-add", "attrs": {"ifname": "child1", "mark": 9999}}], True, ""),
    ("own_mark", {"ifname": "child0"},
     [{"do": "mark-del", "attrs": {"ifname": "child0", "mark": 5}}], True, ""),
    ("child", {}, [{"do": "child-add", "attrs": {"parent-ifname": "net0", "ifname": "child2"}}],
     True, ""),
    ("end", {}, ["ip link del child1"], True, ""),
    ("refused", {}, [{"do": "mark-del", "attrs": {"ifname": "child1", "mark": 5}}], False, ""),
    ("rename", {}, ["ip link set child1 name other"], True, ""),
    ("move", {}, ["ip netns add blue; ip link set child1 netns blue"], True, ""),
    ("exchange", {"ifname": "child0"}, ["ip link set child0 name other; "
                                        "ip link set child1 name child0"], None, "ENODEV"),
)]


@sampled(4)
@ksft_variants(BETWEEN)
def test_interrupted_dump(env, attrs, between, interrupted, errno):
    load(env.a)
    netlink.install(env.a)
    defer(env.a.run, "ip netns del blue 2>/dev/null; true")
    requests = [{"do": "child-add", "attrs": {"parent-ifname": "net0", "ifname": child}}
                for child in CHILDREN]
    requests += [{"do": "mark-add", "attrs": {"ifname": "child0", "mark": n + 1}}
                 for n in range(MARKS)]
    requests += [{"dump": "mark-get", "attrs": attrs, "between": between}]
    *done, answer = netlink.ask(env.a, *requests)
    ksft_eq({it["errno"] for it in done}, {""})
    ksft_eq(answer["errno"], errno)
    if errno:
        ksft_in("another child", answer["text"])
        ksft_eq({it["ifname"] for it in answer["replies"]}, {"child0"})
        ksft_lt(len(answer["replies"]), MARKS)
    else:
        ksft_eq(answer.get("interrupted", False), interrupted)
        ksft_ge(len(answer["replies"]), MARKS - 1)


# Moves a mark between two children, each time after its new owner has received a packet.
MOVES = 200
MOVER = f"""
import sys, time
sys.path.append("{netlink.WHERE}")
from client import Client

def received(child):
    with open(f"/sys/class/net/{{child}}/statistics/rx_packets") as file:
        return int(file.read())

client, owner, other = Client(), "child0", "child1"
for _ in range({MOVES}):
    before = received(other)
    answer = client.run({{"do": "mark-move", "attrs": {{"from-ifname": owner, "ifname": other,
                                                    "mark": 24}}}})
    if answer["errno"]:
        sys.exit(str(answer))
    while received(other) == before:
        time.sleep(0.001)  # sleep: the interval of the checks
    owner, other = other, owner
"""


def test_move_under_traffic(env):
    both(env)
    # The machine answers by both children, so it does not matter which one owns the mark.
    env.b.run("for dev in all child0 child1; do echo 0 >/proc/sys/net/ipv4/conf/$dev/rp_filter; "
              "done")
    env.b.put("/run/mover.py", MOVER.encode())
    devices = [(env.a, "child0"), *((env.b, dev) for dev in ("net0", *CHILDREN))]
    before = [stats(*device) for device in devices]

    def counted(counter: str) -> list:
        """Returns the increments of a counter of the devices in this test."""
        return [stats(*device)[counter] - was[counter] for device, was in zip(devices, before)]
    source, target = ends(env, "child0")
    # Some packets are always in flight.
    with source.machine.bkg(f"exec ping -q -f -l 3 {target.address}", fail=False):
        env.b.run(Script("/run/mover.py"))
    sent = counted("tx_packets")[0]
    wait_for(lambda: counted("rx_packets")[0] == sent,
             lambda: f"answer to each of {sent} packets: {counted('rx_packets')[0]} arrived")
    _, parent, *children = counted("rx_packets")
    ksft_eq((parent, sum(children)), (0, sent))
    for packets in children:
        ksft_ge(packets, MOVES // 2)
