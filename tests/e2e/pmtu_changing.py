# SPDX-License-Identifier: GPL-2.0
"""
The table of path MTUs belongs to somebody else, who writes it while packets are sent.
Each packet is sent by one value of its entry, which counts as the minimum if it is less.
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
    """Writes values to the entry of mark 1 meanwhile, as fast as it gets."""
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

    def goes_on(much: int):
        count = channel.wc
        wait_for(lambda: channel.wc > count + much, lambda: f"traffic at {paths.map[:4].hex()}")
    with Streaming(paths.client, paths.server) as sent:
        for _ in range(5 if env.long else 1):
            for value in (1400, 0, 1300, 900, 1200, 1500, 800, 1000, 600):
                paths[1] = value
                goes_on(500)
        # Each time that a value is less than what was known.
        ksft_gt(refused(), 1)
        paths[1] = 0
        goes_on(500)
    ksft_pr(f"{sent.received} bytes, {refused()} packets answered")


def sizes(found: list) -> set:
    """
    The lengths of those fragments that tell the value by which they were made. What the
    sender sent has up to 1,500 bytes: each of that is cut by one value.
    """
    def made_of(packet: bytes) -> tuple:
        ident, field = struct.unpack_from(">HH", packet, 4)
        return packet[12:20], ident, (field & 0x1fff) * 8 // (MTU - HEADER)

    told = set()
    for _, group in itertools.groupby((it for it in found if it[0] >> 4 == 4), key=made_of):
        *before, last = [len(packet) for packet in group]
        ksft_true(len(set(before)) <= 1, f"fragments of one packet: {before}, {last}")
        if before:
            ksft_ge(before[0], last)
            ksft_ge(before[0], LEAST)
            told.add(before[0])
    return told


def test_hostile_values(env):
    paths = Paths(env)
    # The client does not learn how long packets may be, and so cuts all that it sends alike.
    paths.client.run("ip route replace default via 10.1.0.2 mtu lock 1500")
    rng = random.Random(env.seed(7))
    told, pings = set(), itertools.cycle(
        (f"-M dont -s 1472 {SERVER}", f"-M do -s 1472 {SERVER}", f"-M dont -s 8000 {SERVER}",
         f"-M do -s 1452 {SERVER6}"))

    def value():
        return rng.choice(VALUES) if rng.random() < 0.9 else rng.getrandbits(32)
    rounds = 0
    with changing(paths, value):
        # Until packets were cut by several values; 1,280 and 1,279 make the same.
        while rounds < (100 if env.long else 8) or len(told) < 5:
            rounds += 1
            paths.client.run(f"ping -q -i 0.002 -c 100 -W 0.2 {next(pings)}", fail=False)
            found = packets(env)
            for packet in found:
                ksft_true(len(packet) <= MTU)
                if packet[0] >> 4 == 4 and packet[6] & 0x40:
                    ksft_eq(packet[6:8], b"\x40\0", "not to be fragmented")
            told |= sizes(found)
    ksft_pr(f"fragments of {sorted(told)} bytes in {rounds} rounds")
    ksft_eq(ping(paths.client, paths.server, "-s 1472 -M dont").received, 3)
