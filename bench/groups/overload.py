# SPDX-License-Identifier: GPL-2.0
"""
One virtual machine and a writer on the host: packets received under overload.

The writer is a part of this file. It writes UDP packets of 64 bytes at a given rate to the channel
of a machine that is otherwise idle, so only the reader limits the number of received packets.
"""

import time

from figures import Measure, Target
from rig import PAIR, V4, Writer, ip_element, stats, up
from rig.driver import README, install
from rig.machine import Machines
from rig.packets import udp4

ELEMENT = 100
TICK = 0.0005


class Source:
    """The writer, and the counter of packets that the reader received."""

    def __init__(self, machine, channel):
        self.machine = machine
        self.writer = Writer(channel, 2, ELEMENT)
        self.writer.start(time.monotonic_ns())
        packet = ip_element(udp4(V4["b"], V4["a"], 9, bytes(64))).ljust(ELEMENT, b"\0")
        self._ring = packet * self.writer.elements
        self.best = 0.0

    def batch(self, count: int):
        """Writes `count` elements, at most a full ring. All of them hold the same packet."""
        c, ring = self.writer.channel, self.writer.elements
        at, count = self.writer.count, min(count, ring)
        c.wsc = at + count
        first = min(count, ring - at % ring)
        for start, some in ((at % ring, first), (0, count - first)):
            where = 64 + start * ELEMENT
            c.map[where:where + some * ELEMENT] = self._ring[:some * ELEMENT]
        c.wc = at + count
        self.writer.count = at + count

    def rate(self, wanted: float, seconds: float) -> tuple:
        """Writes at a rate in packets/s. Returns the rates (written, received) in packets/s."""
        received_before, written_before = stats(self.machine)["rx_packets"], self.writer.count
        begin = now = time.monotonic()
        while now < begin + seconds:
            due = int((now - begin) * wanted) - (self.writer.count - written_before)
            if due > 0:
                self.batch(due)
            time.sleep(TICK)  # sleep: paces what is written
            now = time.monotonic()
        written = self.writer.count - written_before
        time.sleep(0.1)  # sleep: until the last packets are received
        received = stats(self.machine)["rx_packets"] - received_before
        return written / (now - begin), received / (now - begin)


def measures(report, source: Source) -> list:
    """Returns the quantity: the highest rate without loss, and the rate under tenfold overload."""
    seconds = report.seconds(1)

    def best(_) -> float:
        """Returns the highest rate of received packets with a loss of at most 1%."""
        rate, highest = 20e3, 0.0
        while rate < 5e6:
            written, received = source.rate(rate, seconds)
            if received < 0.99 * written:
                break
            highest, rate = max(highest, received), rate * 1.5
        # Refine between the last rate without loss and the first one with loss.
        for part in (0.85, 1.1):
            written, received = source.rate(rate / 1.5 * (1 + part * 0.25), seconds)
            if received >= 0.99 * written:
                highest = max(highest, received)
        source.best = highest
        return highest / 1000

    def tenfold(_) -> float:
        """Returns the rate of received packets at ten times the best rate."""
        _, received = source.rate(10 * source.best, seconds)
        return received / 1000
    return [Measure("udp64", "k/s", lambda which: (best if which == "best" else tenfold)(which),
                    Target(">=", 0.8))]


def run(report):
    """Boots the machines (only one is used) and measures."""
    with Machines(PAIR) as machines:
        a = machines["a"]
        install(a)
        a.run(f"modprobe muennet {README}")
        up(a, quiet=True)
        source = Source(a, machines.channel("b_to_a"))
        source.rate(1000, 0.5)
        report.compare("overload", "tcg", {"tenfold": "tenfold", "best": "best"},
                       measures(report, source), order=("best", "tenfold"))
