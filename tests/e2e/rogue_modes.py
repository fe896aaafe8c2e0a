# SPDX-License-Identifier: GPL-2.0
"""
A rogue with a seed, in all modes: words and bytes of a running channel
change at random. Whenever the honest peer comes back, its first packet is there
by the second poll.

tests/fuzz does the same to the reader alone, a thousand times faster; here the
stack, NAPI and the poller are behind it.
"""

import random
import struct
import time

from e2e import offload
from rig import (PAIR, V4, KsftNamedVariant, Writer, counters, defer, ip_element, ksft_eq, ksft_ge,
                 ksft_pr, ksft_true, ksft_variants, load, up)
from rig.channel import WORDS
from rig.packets import udp4

SYSTEM = PAIR

SEED = 96
ROUNDS, CHANGES = 6, 1000
BOUNDARIES = (0, 1, 2, 4, 75, 76, 1500, 1508, 1516, 1 << 16, 1 << 20, (1 << 20) + 1, 1 << 32,
              1 << 40, 1 << 63, (1 << 64) - 1)
LENGTHS = (0, 1, 4, 13, 14, 19, 20, 40, 1500, 1501, 65535)

PACKET = udp4(V4["b"], V4["a"], 9, bytes(100))
FRAME = bytes.fromhex("ffffffffffff020000000001") + b"\x08\x00" + PACKET
LARGE = udp4(V4["b"], V4["a"], 9, bytes(4000))
MODES = [KsftNamedVariant(name, flags, protocol, size, elements)
         for name, flags, protocol, size, elements in (
    ("raw", "", 2, 1500, [bytes(1500)]),
    ("ip", "net_hdr", 2, 1508, [ip_element(PACKET)]),
    ("large", "net_hdr+offload", offload.PROTOCOL, offload.SIZE, offload.pieces(LARGE)),
    ("ethernet", "eth_dev", 2, 1516, [FRAME.ljust(1514, b"\0") + struct.pack("<H", len(FRAME))]))]


def settled(machine) -> dict:
    """The counters, once polls have ceased."""
    before = counters(machine)
    for _ in range(50):
        time.sleep(0.1)
        now = counters(machine)
        if now["rx_polls"] == before["rx_polls"]:
            return now
        before = now
    raise AssertionError("polls do not cease")


def change(channel, rng, size: int):
    """One thing that no honest writer would do just now."""
    kind = rng.randrange(6)
    if kind < 2:
        setattr(channel, rng.choice(WORDS), rng.choice(BOUNDARIES))
    elif kind == 2:
        setattr(channel, rng.choice(("wsc", "wc")), rng.getrandbits(64))
    elif kind == 3:
        channel.wsc = channel.wc = (channel.wc + rng.choice((1, 8, 700, -1))) & BOUNDARIES[-1]
    elif kind == 4:
        channel.epoch = rng.randrange(1, 4)
    else:
        at = 64 + rng.randrange(600) * size + rng.choice((4, 10, 12, size - 2))
        length = rng.choice(LENGTHS)
        channel.map[at:at + 2] = struct.pack(rng.choice("<>") + "H", length)


@ksft_variants(MODES)
def test_attacked(env, flags, protocol, size, elements):
    load(env.a, "name=net0 in=channel_in out=channel_out reader_protocol=2 writer_protocol=2 "
                f"flags={flags}")
    up(env.a, quiet=True)
    channel = env.channel("b_to_a")
    writer = Writer(channel, protocol, size)
    defer(writer.stop)
    rounds = 100 if env.long else ROUNDS
    ksft_pr(f"seed {SEED}, {rounds} rounds of {CHANGES} changes")
    rng = random.Random(SEED)
    for number in range(rounds):
        writer.start(10 + number)
        writer.write(*elements * rng.randrange(1, 100))
        pause = rng.choice((0, 0, 0.00001, 0.0005))
        for _ in range(CHANGES):
            change(channel, rng, size)
            if pause:
                time.sleep(pause)
        channel.epoch = 0
        before = settled(env.a)
        writer.start(1000 + number)
        writer.write(*elements)
        after = settled(env.a)
        ksft_eq(after["rx_packets"], before["rx_packets"] + 1, f"round {number}")
        ksft_true(after["rx_polls"] <= before["rx_polls"] + 2, f"round {number}")
    ksft_ge(counters(env.a)["rx_epochs"], rounds)


def test_replay_of_a_ring(env):
    """A counter without end and the other at 0 would have the ring read for ever."""
    load(env.a)
    up(env.a, quiet=True)
    channel = env.channel("b_to_a")
    writer = Writer(channel, 2, 1508)
    defer(writer.stop)
    broken = 0
    for epoch, wc in enumerate((1 << 40, (1 << 64) - 1), 1):
        writer.start(epoch)
        time.sleep(0.1)
        channel.wc = wc
        time.sleep(0.3)
        now = settled(env.a)
        broken += 1
        ksft_eq(now["rx_broken"], broken)
        ksft_eq(now["rx_packets"], 0)
