# SPDX-License-Identifier: GPL-2.0
"""
A writer that breaks the rules. The reader stays inside its region, goes on
serving everything else, and works again with the next honest epoch.
"""

import os
import random
import struct
import time

from rig import (PAIR, V4, KsftNamedVariant, Writer, defer, ip_element, ksft_busy_wait,
                 ksft_eq, ksft_ge, ksft_variants, load, stats, up, wait_stats)
from rig.packets import udp4

SYSTEM = PAIR

SIZE = 1508
MAX = (1 << 64) - 1


def honest(number: int) -> bytes:
    """A good element."""
    return ip_element(udp4(V4["b"], V4["a"], 9, number.to_bytes(8, "little")))


class Peer:
    """Plays b towards a: starts honest, and checks a at the end."""

    def __init__(self, env):
        self.machine = env.a
        self.channel = env.channel("b_to_a")
        load(env.a)
        up(env.a, quiet=True)
        self.writer = Writer(self.channel, 2, SIZE)
        self.epoch = 100
        defer(self.writer.stop)

    def start(self):
        """An honest epoch."""
        self.epoch += 1
        self.writer.start(self.epoch)
        time.sleep(0.02)

    def recovers(self):
        """After all that: a new epoch of ten packets arrives."""
        self.start()
        time.sleep(0.1)
        before = stats(self.machine)["rx_packets"]
        self.writer.write(*(honest(n) for n in range(10)))
        wait_stats(self.machine, rx_packets=before + 10)


HEADERS = [KsftNamedVariant(f"{word}={value:#x}", word, value) for word, value in (
    ("transport", 0), ("transport", MAX),
    ("protocol", 0), ("protocol", 3), ("protocol", MAX),
    ("size", 0), ("size", 1), ("size", 9), ("size", 1 << 20), ("size", 1 << 63), ("size", MAX),
    ("elements", 0), ("elements", 1 << 20), ("elements", 1 << 63), ("elements", MAX),
    ("wc", MAX), ("wc", 1 << 63), ("wc", 5), ("wsc", MAX), ("wsc", 1 << 63))]


@ksft_variants(HEADERS)
def test_header_at_start(env, word, value):
    peer = Peer(env)
    peer.start()
    peer.writer.stop()
    time.sleep(0.02)
    setattr(peer.channel, word, value)
    peer.channel.epoch = 7
    time.sleep(0.1)
    peer.recovers()


@ksft_variants(HEADERS)
def test_header_while_running(env, word, value):
    peer = Peer(env)
    peer.start()
    peer.writer.write(honest(0))
    time.sleep(0.02)
    setattr(peer.channel, word, value)
    peer.writer.write(honest(1))
    setattr(peer.channel, word, value)
    time.sleep(0.1)
    peer.recovers()


def test_counter_runs_back(env):
    peer = Peer(env)
    peer.start()
    peer.writer.write(*(honest(n) for n in range(10)))
    time.sleep(0.05)
    peer.channel.wc = 3
    time.sleep(0.1)
    peer.recovers()


ELEMENTS = [KsftNamedVariant(name, data) for name, data in (
    ("unknown_protocol", honest(0)[:6] + b"\x06" + honest(0)[7:]),
    ("version_of_the_packet", honest(0)[:8] + b"\x65" + honest(0)[9:]),
    ("version_and_protocol_differ", honest(0)[:6] + b"\x29" + honest(0)[7:]),
    ("header_length_0", honest(0)[:8] + b"\x40" + honest(0)[9:]),
    ("length_0", honest(0)[:10] + struct.pack(">H", 0) + honest(0)[12:]),
    ("length_19", honest(0)[:10] + struct.pack(">H", 19) + honest(0)[12:]),
    ("longer_than_the_element", honest(0)[:10] + struct.pack(">H", 1501) + honest(0)[12:]),
    ("length_65535", honest(0)[:10] + struct.pack(">H", 65535) + honest(0)[12:]),
    ("ipv6_too_long", struct.pack("<IHBB", 0, 0, 41, 0) + b"\x60\0\0\0" +
     struct.pack(">H", 1461) + bytes(34)),
    ("zeros", bytes(SIZE)), ("ones", b"\xff" * SIZE))]


@ksft_variants(ELEMENTS)
def test_bad_element(env, data):
    peer = Peer(env)
    peer.start()
    peer.writer.write(honest(0), data, honest(1))
    # The good ones around it arrive.
    wait_stats(peer.machine, rx_packets=2, rx_frame_errors=1, rx_errors=1, rx_over_errors=0)


def test_length_of_our_header_may_be_zero(env):
    peer = Peer(env)
    peer.start()
    data = honest(0)
    peer.writer.write(data[:4] + bytes(2) + data[6:])
    wait_stats(peer.machine, rx_packets=1, rx_errors=0)


def test_wrong_protocol_is_reported_once(env):
    peer = Peer(env)
    env.a.new_log()
    writer = Writer(peer.channel, 3, SIZE)
    lines: list = []

    def told() -> int:
        lines.extend(line for line in env.a.new_log() if "net0" in line)
        return len(lines)

    for count, epoch in ((1, 41), (2, 42)):
        writer.start(epoch)
        ksft_busy_wait(lambda count=count: told() >= count, sleep=0.1, deadline=30)
    time.sleep(0.5)
    ksft_eq(told(), 2, f"one line an epoch: {lines}")
    peer.recovers()


def test_epochs_that_change_without_end(env):
    peer = Peer(env)
    end = time.monotonic() + (20 if env.long else 2)
    epoch = 1000
    while time.monotonic() < end:
        peer.channel.epoch = epoch
        epoch += 1
    ksft_eq(env.a.run("cat /sys/class/net/net0/operstate").stdout, "up\n")
    peer.recovers()


def test_noise(env):
    """Random words and bytes, for a while: the machine stays well."""
    peer = Peer(env)
    seed = int.from_bytes(os.urandom(4), "little")
    print(f"# seed {seed}")
    rng = random.Random(seed)
    noise = rng.randbytes(1 << 20)
    words = ("transport", "epoch", "protocol", "size", "elements", "wsc", "wc")
    values = (0, 1, 2, 8, 76, SIZE, 695, 1 << 20, 1 << 32, 1 << 63, MAX)
    end = time.monotonic() + (60 if env.long else 4)
    done = 0
    while time.monotonic() < end:
        peer.start()
        for _ in range(rng.randrange(200)):
            done += 1
            if rng.random() < 0.3:
                setattr(peer.channel, rng.choice(words), rng.choice(values))
            else:
                at = rng.randrange(len(noise) - SIZE)
                peer.writer.write(noise[at:at + rng.randrange(SIZE)])
    ksft_ge(done, 1)
    peer.recovers()
