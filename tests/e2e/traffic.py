# SPDX-License-Identifier: GPL-2.0
"""Traffic between two subjects: ping, floods, TCP and UDP, in both directions."""

import json

from rig import (PAIR, V4, V6, End, KsftNamedVariant, Streaming, counters, ksft_eq, ksft_ge,
                 ksft_pr, ksft_variants, pair, ping, ping_at_once, sampled, stats, stream, wait_for,
                 wait_stats)

SYSTEM = PAIR

BOTH_WAYS = [KsftNamedVariant("a_to_b", "a", "b"), KsftNamedVariant("b_to_a", "b", "a")]


def ends(env, source, target, addresses=V4):
    """Returns the source and target ends of a test."""
    return (End(getattr(env, source), addresses[source]),
            End(getattr(env, target), addresses[target]))


@sampled(4)
@ksft_variants([KsftNamedVariant(f"{name}_{size}", addresses, size)
                for name, addresses, sizes in (("ipv4", V4, (0, 56, 1472, 1473, 8000)),
                                               ("ipv6", V6, (0, 56, 1452, 1453, 8000)))
                for size in sizes])
def test_ping(env, addresses, size):
    pair(env)
    ksft_eq(ping(*ends(env, "a", "b", addresses), f"-s {size}").received, 3)


def test_full_packets_are_not_fragmented(env):
    pair(env)
    ksft_eq(ping(*ends(env, "a", "b"), "-M do -s 1472").received, 3)


def test_flood_loses_nothing(env):
    # 60 packets are in flight, far fewer than the ring's 695 elements. Without answers ping
    # sends a hundred a second, so a machine may stall for six seconds.
    count = 100_000 if env.long else 20_000
    pair(env, quiet=True)
    ping_at_once(*ends(env, "a", "b"), f"-f -l 60 -c {count} -s 64")
    for machine in (env.a, env.b):
        # ping itself does not wait for late answers. The counted bytes are those of the payload
        # when received, and include net_hdr when sent.
        wait_stats(machine, rx_packets=count, rx_bytes=count * (20 + 8 + 64),
                   tx_packets=count, tx_bytes=count * (8 + 20 + 8 + 64))
        counted = stats(machine)
        for name in ("rx_errors", "rx_over_errors", "rx_missed_errors", "rx_frame_errors",
                     "tx_dropped"):
            ksft_eq(counted[name], 0, name)


def accounted(env):
    """
    Checks that each machine has received everything that the other one sent, or counted it as
    overwritten before it was read: a channel has no flow control.
    """
    for source, target in ((env.a, env.b), (env.b, env.a)):
        def counted(source=source, target=target) -> tuple:
            got = counters(target)
            return counters(source)["tx_packets"], got["rx_packets"], got["rx_missed"]
        wait_for(lambda: counted()[0] == sum(counted()[1:]),
                 lambda: f"balance of (sent, received, missed): {counted()}")
        sent, received, missed = counted()
        ksft_pr(f"{source.name}: {sent} packets sent, {received} received, {missed} missed")
        # TCP adapts to the rate of any reader.
        ksft_ge(sent, 2 * missed, "packets that arrive")
        for name in ("rx_malformed", "rx_no_memory", "tx_dropped"):
            ksft_eq(counters(target)[name], 0, name)


@ksft_variants(BOTH_WAYS)
def test_tcp(env, source, target):
    pair(env, quiet=True)
    stream(*ends(env, source, target), (256 if env.long else 16) << 20)
    accounted(env)


def test_tcp_both_at_once(env):
    pair(env, quiet=True)
    a, b = ends(env, "a", "b")
    with Streaming(a, b, 4 << 20), Streaming(b, a, 4 << 20):
        pass
    accounted(env)


@ksft_variants(BOTH_WAYS)
def test_tcp_ipv6(env, source, target):
    pair(env)
    stream(*ends(env, source, target, V6))


PORT = 4000
SEND = f"""
import socket, struct, sys, zlib
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
address, first, count = sys.argv[1], *map(int, sys.argv[2:])
for number in range(first, first + count):
    body = struct.pack("<Q", number) + bytes([number & 255]) * 1388
    s.sendto(body + struct.pack("<I", zlib.crc32(body)), (address, {PORT}))
"""


@sampled(1)
@ksft_variants(BOTH_WAYS)
def test_udp(env, source, target):
    """Datagrams at full speed, in bursts that the ring holds."""
    burst, bursts = 400, 3
    pair(env, quiet=True)
    a, b = ends(env, source, target)
    a.machine.put("/run/send.py", SEND.encode())
    receiver = b.machine.bkg(b.script("/rig/receive.py", PORT), fail=True)
    with receiver:
        b.wait_listens(PORT, "udp")
        for number in range(bursts):
            a.machine.run(a.script("/run/send.py", b.address, number * burst, burst))
            wait_stats(b.machine, rx_packets=(number + 1) * burst)
    got = json.loads(receiver.stdout)
    ksft_eq(got, {"received": bursts * burst, "bad": 0, "numbers": [[0, bursts * burst - 1]]})
    accounted(env)
