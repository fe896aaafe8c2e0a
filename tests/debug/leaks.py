# SPDX-License-Identifier: GPL-2.0
"""
An unload leaves nothing behind, after any other test on the same machine.

The other tests of this folder use the system here: one subject whose interfaces are each
other's peers.
"""

from rig import (V4, Channel, End, System, defer, iperf3, ksft_eq, ksft_gt, ksft_in, ksft_pr,
                 ksft_true, load, ping, unload, up)

import slab_owners
import reports

# The second pair has events and vectors, and there is a table of path MTUs.
SYSTEM = System("debug", ("a",), (
    Channel("left_to_right", writes={"a": "left_out"}, reads={"a": "right_in"}),
    Channel("right_to_left", writes={"a": "right_out"}, reads={"a": "left_in"}),
    Channel("ring_to_bell", writes={"a": "ring_out"}, reads={"a": "bell_in"}, event=1, vector=0x70),
    Channel("bell_to_ring", writes={"a": "bell_out"}, reads={"a": "ring_in"}, event=2, vector=0x71),
    Channel("table", reads={"a": "table"}, size=4096)))


def parameters(left: str = "left", right: str = "right", flags: str = "net_hdr",
               more: str = "") -> str:
    """Returns the module parameters for a pair of interfaces."""
    return (f"name={left},{right} in={left}_in,{right}_in out={left}_out,{right}_out "
            f"reader_protocol=2,2 writer_protocol=2,2 flags={flags},{flags} {more}")


def ends(machine, left: str = "left", right: str = "right", quiet: bool = False) -> tuple:
    """Returns the two ends of a pair, up; the right one is in its own namespace."""
    machine.run(f"ip netns add {right} && ip link set {right} netns {right}")
    defer(machine.run, f"ip netns del {right} 2>/dev/null; true")
    up(machine, left, side="a", quiet=quiet)
    up(machine, right, side="b", ns=right, quiet=quiet)
    return End(machine, V4["a"]), End(machine, V4["b"], right)


def test_a_single_leak_is_found(env):
    """A leak of eight bytes is found, before and after the unload of the module."""
    before = slab_owners.totals(slab_owners.living(env.a, "provoke"))
    reports.report(env, "leak")
    after = slab_owners.living(env.a, "provoke")
    ksft_eq(dict(slab_owners.totals(after) - before), {"kmalloc-8": 1})
    ksft_true(any(call.startswith("provoke") for _, _, calls in after for call in calls), after)
    env.a.run("rmmod provoke")
    living = slab_owners.living(env.a, "provoke")
    ksft_eq(dict(slab_owners.totals(living) - before), {"kmalloc-8": 1})
    env.a.run("insmod /run/provoke.ko")


def test_used_and_unloaded(env):
    before = slab_owners.totals(slab_owners.living(env.a))
    for _ in range(2):
        load(env.a, parameters())
        left, right = ends(env.a)
        ksft_eq(ping(left, right, "-s 1400", count=5).received, 5)
        ksft_gt(iperf3(left, right, seconds=1).rate, 0, "TCP")
        env.a.run("ip netns del right")
        env.a.wait("[ -e /sys/class/net/right ]", "right in the first namespace")
        unload(env.a)
    ksft_eq(slab_owners.new_objects(env.a, before), [])
    # A leak of a test module shows that leaks are found.
    reports.report(env, "kmemleak")
    found = slab_owners.scan(env.a)
    ksft_in("kmemleak: ", reports.failure(env), "a leak fails a test")
    others = [report for report in found if "[provoke]" not in report]
    ksft_eq("".join(others[:5]), "")
    ksft_gt(len(found), 0, "leaks are found")
    ksft_pr(f"of 2000 leaked objects {len(found)} were found")
