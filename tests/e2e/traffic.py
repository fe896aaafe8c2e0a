# SPDX-License-Identifier: GPL-2.0
"""Two subjects talk: ping, floods, TCP and UDP, in both directions."""

from rig import (PAIR, V4, V6, End, KsftNamedVariant, iperf3, ksft_eq, ksft_gt, ksft_lt, ksft_pr,
                 ksft_variants, pair, ping, stats)

SYSTEM = PAIR

BOTH_WAYS = [KsftNamedVariant("a_to_b", "a", "b"), KsftNamedVariant("b_to_a", "b", "a")]


def ends(env, source, target, addresses=V4):
    """The two ends of a test."""
    return (End(getattr(env, source), addresses[source]),
            End(getattr(env, target), addresses[target]))


@ksft_variants([KsftNamedVariant(f"{name}_{size}", addresses, size)
                for name, addresses, sizes in (("ipv4", V4, (0, 56, 1472, 1473, 8000)),
                                               ("ipv6", V6, (0, 56, 1452, 1453, 8000)))
                for size in sizes])
def test_ping(env, addresses, size):
    pair(env)
    # Without room for a time in the packet, ping waits for one interval at its end.
    interval = 0.02 if size else 0.2
    result = ping(*ends(env, "a", "b", addresses), f"-s {size}", count=10)
    ksft_eq(result.received, 10)


def test_full_packets_are_not_fragmented(env):
    pair(env)
    ksft_eq(ping(*ends(env, "a", "b"), "-M do -s 1472").received, 3)


def test_flood_loses_nothing(env):
    # 60 packets are on their way at a time: far below the ring's 695 elements.
    count = 100_000
    pair(env, quiet=True)
    result = ping(*ends(env, "a", "b"), f"-f -l 60 -c {count} -s 64", timeout=600)
    ksft_eq(result.received, count)
    for machine in (env.a, env.b):
        counted = stats(machine)
        ksft_eq(counted["rx_packets"], count, "rx_packets")
        ksft_eq(counted["tx_packets"], count, "tx_packets")
        ksft_eq(counted["rx_bytes"], count * (20 + 8 + 64), "rx_bytes: the payload")
        ksft_eq(counted["tx_bytes"], count * (8 + 20 + 8 + 64), "tx_bytes: with net_hdr")
        for name in ("rx_errors", "rx_over_errors", "rx_missed_errors", "rx_frame_errors",
                     "tx_dropped"):
            ksft_eq(counted[name], 0, name)


@ksft_variants(BOTH_WAYS)
def test_tcp(env, source, target):
    seconds = 30 if env.long else 4
    pair(env)
    result = iperf3(*ends(env, source, target), seconds=seconds)
    ksft_pr(f"{result.rate:.0f} Mbit/s, {result.retransmits} retransmits")
    ksft_gt(min(result.intervals), 0, "every interval moves bytes")
    segments = result.rate * 1e6 / 8 * seconds / 1448
    # A machine that gets no processor for a while loses a ring of packets at once.
    ksft_lt(result.retransmits, max(3 * 695, segments / 50), "retransmits")


def test_tcp_both_at_once(env):
    pair(env)
    result = iperf3(*ends(env, "a", "b"), "--bidir", seconds=2)
    ksft_gt(min(result.intervals), 0, "every interval moves bytes")


@ksft_variants(BOTH_WAYS)
def test_tcp_ipv6(env, source, target):
    pair(env)
    result = iperf3(*ends(env, source, target, V6), seconds=2)
    ksft_gt(min(result.intervals), 0, "every interval moves bytes")


@ksft_variants(BOTH_WAYS)
def test_udp(env, source, target):
    pair(env)
    result = iperf3(*ends(env, source, target), "-u -b 5M -l 1400", seconds=3)
    ksft_gt(result.packets, 1000)
    ksft_eq(result.lost, 0)
