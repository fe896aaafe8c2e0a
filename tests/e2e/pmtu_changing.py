# SPDX-License-Identifier: GPL-2.0
"""
Another subject changes the table of path MTUs while packets are sent. The driver uses one
value of the entry for each packet, and at least the minimum.
"""

import itertools
import random
import struct
import threading
from contextlib import contextmanager

from e2e import pmtu
from e2e.pmtu import SERVER, SERVER6, Paths, packets
from rig import (Streaming, counters, ksft_eq, ksft_ge, ksft_gt, ksft_pr, ksft_true, ping,
                 wait_for)

SYSTEM = pmtu.SYSTEM

MTU, LEAST, HEADER = 1500, 68, 20
VALUES = (0, 1, 19, 20, 28, 67, 68, 69, 75, 76, 300, 576, 1000, 1279, 1280, 1499, 1500, 1501, 65535,
          65536, (1 << 31) - 1, 1 << 31, (1 << 32) - 8, (1 << 32) - 1)


@contextmanager
def changing(paths, values):
    """A context in which a thread changes the entry of mark 1 as fast as possible."""
    over = threading.Event()

    def run():
        while not over.is_set():
            paths[1] = values()
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        paths[1] = 0


def test_tcp_survives(env):
    paths = Paths(env)
    channel = env.channel("to_server")

    def refused() -> int:
        return counters(env.b, "right")["tx_too_big"]

    def wait_traffic(elements: int):
        count = channel.wc
        wait_for(lambda: channel.wc > count + elements, lambda: f"traffic at {paths.map[:4].hex()}")
    with Streaming(paths.client, paths.server) as sent:
        for _ in range(5 if env.long else 1):
            for value in (1400, 0, 1300, 900, 1200, 1500, 800, 1000, 600):
                paths[1] = value
                wait_traffic(500)
        # At least once for each value that is less than the known path MTU.
        ksft_gt(refused(), 1)
        paths[1] = 0
        wait_traffic(500)
    ksft_pr(f"{sent.received} bytes, {refused()} packets too big")


def sizes(found: list) -> set:
    """
    Returns the lengths of first fragments, which show the value that was used. The sender's
    packets have up to 1,500 bytes; the driver cuts each of them by one value.
    """
    def made_of(packet: bytes) -> tuple:
        ident, field = struct.unpack_from(">HH", packet, 4)
        return packet[12:20], ident, (field & 0x1fff) * 8 // (MTU - HEADER)

    lengths = set()
    for _, group in itertools.groupby((it for it in found if it[0] >> 4 == 4), key=made_of):
        *before, last = [len(packet) for packet in group]
        ksft_true(len(set(before)) <= 1, f"fragments of one packet: {before}, {last}")
        if before:
            ksft_ge(before[0], last)
            ksft_ge(before[0], LEAST)
            lengths.add(before[0])
    return lengths


def test_hostile_values(env):
    paths = Paths(env)
    # The client must not learn the path MTU, so that it always fragments in the same way.
    paths.client.run("ip route replace default via 10.1.0.2 mtu lock 1500")
    rng = random.Random(env.seed(7))
    lengths, pings = set(), itertools.cycle(
        (f"-M dont -s 1472 {SERVER}", f"-M do -s 1472 {SERVER}", f"-M dont -s 8000 {SERVER}",
         f"-M do -s 1452 {SERVER6}"))

    def value():
        return rng.choice(VALUES) if rng.random() < 0.9 else rng.getrandbits(32)
    rounds = 0
    with changing(paths, value):
        # Until packets were fragmented by several values; 1,280 and 1,279 have the same result.
        while rounds < (100 if env.long else 8) or len(lengths) < 5:
            rounds += 1
            paths.client.run(f"ping -q -i 0.002 -c 100 -W 0.2 {next(pings)}", fail=False)
            found = packets(env)
            for packet in found:
                ksft_true(len(packet) <= MTU)
                if packet[0] >> 4 == 4 and packet[6] & 0x40:
                    ksft_eq(packet[6:8], b"\x40\0", "don't fragment")
            lengths |= sizes(found)
    ksft_pr(f"fragments of {sorted(lengths)} bytes in {rounds} rounds")
    ksft_eq(ping(paths.client, paths.server, "-s 1472 -M dont").received, 3)
