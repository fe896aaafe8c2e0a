# SPDX-License-Identifier: GPL-2.0
"""One subject with two interfaces, each in its namespace, that are each other's peers."""

from rig import LOOP, V4, End, defer, iperf3, ksft_eq, ksft_gt, load, ping, up
from rig.client import PATIENCE

SYSTEM = LOOP

PARAMETERS = ("name=left,right in=left_in,right_in out=left_out,right_out "
              "reader_protocol=2,2 writer_protocol=2,2 flags=net_hdr,net_hdr")


def ends(env):
    """Loads the module and makes the namespaces. Returns the two ends."""
    load(env.a, PARAMETERS)
    for name, side in (("left", "a"), ("right", "b")):
        env.a.run(f"ip netns add {name} && ip link set {name} netns {name}")
        defer(env.a.run, f"ip netns del {name}")
        up(env.a, name, side=side, ns=name)
    return End(env.a, V4["a"], "left"), End(env.a, V4["b"], "right")


def test_ping(env):
    left, right = ends(env)
    count = 20 // PATIENCE
    ksft_eq(ping(left, right, count=count).received, count)
    ksft_eq(ping(right, left, "-s 1472", count=count).received, count)


def test_tcp(env):
    left, right = ends(env)
    for source, target in ((left, right), (right, left)):
        ksft_gt(iperf3(source, target, seconds=1).rate, 0)
