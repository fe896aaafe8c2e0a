# SPDX-License-Identifier: GPL-2.0
"""
Each allocation of sending and receiving fails, one after the other: in the task that
sends, and in the thread that polls. In softirqs they fail by probability.
"""

import struct

from e2e import netlink
from rig import (V4, V6, KsftNamedVariant, counters, defer, ksft_eq, ksft_gt, ksft_pr,
                 ksft_variants, load, ping, ping_at_once, stats)

import leaks
from inject import ANY, DEBUG, MODULES, NO_MEMORY, inject_each, prepare

SYSTEM = leaks.SYSTEM

# Flags, which allocations fail, the counter that shows the kind of sending, and the arguments
# of Send in guest/operations.py.
SENDS = [KsftNamedVariant(name, *how) for name, how in {
    "packet": ("net_hdr", ANY, "tx_packets", (V4["b"], "1000")),
    "fragments": ("net_hdr", MODULES, "tx_fragmented", (V4["b"], "1000", "1")),
    "too_big": ("net_hdr", MODULES, "tx_too_big", (V4["b"], "1000", "1", "1")),
    "too_big_ipv6": ("net_hdr", MODULES, "tx_too_big", (V6["b"], "1400", "2", "1")),
    "segments": ("net_hdr", ANY, "tx_packets", (V4["b"], "4000", "0", "0", "1000")),
    "large": ("net_hdr+offload", ANY, "tx_packets", (V4["b"], "4000", "0", "0", "1000")),
}.items()]


@ksft_variants(SENDS)
def test_send(env, flags, where, counter, arguments):
    prepare(env, where)
    table = env.channel("table").map
    defer(table.__setitem__, slice(0, 8), bytes(8))
    table[:8] = struct.pack("<II", 600, 1300)
    # Large packets and a table of path MTUs exclude each other.
    load(env.a, leaks.parameters(flags=flags, more="" if "offload" in flags else "pmtu=table"))
    left, right = leaks.ends(env.a)
    ksft_eq(ping(left, right, count=2).received, 2)
    before = counters(env.a, "left")[counter]
    inject_each(env, "send", "left", *arguments, fails=NO_MEMORY | {"EMSGSIZE": set()})
    ksft_gt(counters(env.a, "left")[counter] - before, 0, counter)
    ksft_eq(ping(left, right, count=3).received, 3, "works again")


MODES = [KsftNamedVariant("raw", "", b"hello"),
         KsftNamedVariant("ethernet", "eth_dev", b"\xff" * 6 + b"\2" * 6 + b"\x88\xb5" + bytes(40))]


@ksft_variants(MODES)
def test_send_by_packet_socket(env, flags, data):
    prepare(env, ANY)
    load(env.a, leaks.parameters(flags=flags))
    leaks.ends(env.a, quiet=True)
    inject_each(env, "send-packet", "left", data.hex())
    ksft_gt(stats(env.a, "left")["tx_packets"], 0)


# Flags, and the arguments of Receive in guest/operations.py.
RECEIVES = [KsftNamedVariant(name, *how) for name, how in {
    "ip": ("net_hdr", ()),
    "ethernet": ("eth_dev", ()),
    "large": ("net_hdr+offload", ("4000", "0", "1000")),
    "child": ("net_hdr", ("1000", "7", "0", "child0"))}.items()]


@ksft_variants(RECEIVES)
def test_receive_in_a_thread(env, flags, arguments):
    """
    Each allocation of the polling task, also in the stack, fails. A failure need not lose the
    packet, because there are spare buffers.
    """
    prepare(env)
    load(env.a, leaks.parameters(flags=flags))
    left, right = leaks.ends(env.a, quiet=True)
    ksft_eq(ping(left, right, count=2).received, 2)
    if "child0" in arguments:
        netlink.install(env.a)
        netlink.do(env.a, "child-add", parent_ifname="left", ifname="child0")
        netlink.do(env.a, "mark-add", ifname="child0", mark=7)
        env.a.run("ip link set child0 up")
    inject_each(env, "receive", "left", V4["a"], "right", *arguments)
    ksft_eq(ping(left, right, count=3).received, 3, "works again")


def test_receive_in_softirqs(env):
    """The default, softirqs, with a share of all allocations failing."""
    prepare(env)
    load(env.a, leaks.parameters())
    left, right = leaks.ends(env.a, quiet=True)

    def dropped() -> int:
        """Returns the number of packets that the receivers dropped."""
        return sum(stats(env.a, name, ns=ns)["rx_dropped"]
                   for name, ns in (("left", ""), ("right", "right")))
    sent = received = 0
    for name, value in (("verbose", 0), ("times", -1), ("ignore-gfp-wait", "Y"),
                        ("probability", 20)):
        env.a.run(f"echo {value} >{DEBUG}/failslab/{name}")
    try:
        # By chance a receiver drops one packet in 25.
        while not dropped() and sent < 10_000:
            lossy = ping_at_once(left, right, "-c 100 -i 0.02 -s 1400 -W 1")
            sent, received = sent + lossy.sent, received + lossy.received
    finally:
        env.a.run(f"echo 0 >{DEBUG}/failslab/probability")
    ksft_pr(f"{sent - received} of {sent} answers were lost; receivers dropped {dropped()} packets")
    ksft_gt(sent, received, "allocations failed")
    ksft_gt(dropped(), 0, "some of them in the receiver")
    ksft_eq(ping(left, right, count=5).received, 5, "works again")
