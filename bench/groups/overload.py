# SPDX-License-Identifier: GPL-2.0
"""
One virtual machine and a writer on the host: what arrives when the writer is much too fast.

The writer of this file writes UDP packets of 64 bytes at a given rate into the
channel of an idle machine, so that nothing but the reader's own work limits it.
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
    """The writer, and what the reader makes of it."""

    def __init__(self, machine, channel):
        self.machine = machine
        self.writer = Writer(channel, 2, ELEMENT)
        self.writer.start(time.monotonic_ns())
        packet = ip_element(udp4(V4["b"], V4["a"], 9, bytes(64))).ljust(ELEMENT, b"\0")
        self._ring = packet * self.writer.elements
        self.best = 0.0

    def batch(self, count: int):
        """Writes so many elements: all that the ring holds is the same packet."""
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
        """Writes at a rate (packets/s): (written, received) in packets/s."""
        before, wrote = stats(self.machine)["rx_packets"], self.writer.count
        begin = now = time.monotonic()
        while now < begin + seconds:
            due = int((now - begin) * wanted) - (self.writer.count - wrote)
            if due > 0:
                self.batch(due)
            time.sleep(TICK)  # sleep: paces what is written
            now = time.monotonic()
        written = self.writer.count - wrote
        time.sleep(0.1)  # sleep: the last of it is received
        received = stats(self.machine)["rx_packets"] - before
        return written / (now - begin), received / (now - begin)


def measures(report, source: Source) -> list:
    """The best rate that arrives without overload, and what arrives of ten times that."""
    seconds = report.seconds(1)

    def best(_) -> float:
        """Raises the rate by halves until more is lost than a hundredth."""
        rate, found = 20e3, 0.0
        while rate < 5e6:
            written, received = source.rate(rate, seconds)
            if received < 0.99 * written:
                break
            found, rate = max(found, received), rate * 1.5
        # Between the last two rates.
        for part in (0.85, 1.1):
            written, received = source.rate(rate / 1.5 * (1 + part * 0.25), seconds)
            if received >= 0.99 * written:
                found = max(found, received)
        source.best = found
        return found / 1000

    def flooded(_) -> float:
        _, received = source.rate(10 * source.best, seconds)
        return received / 1000
    return [Measure("udp64", "k/s", lambda which: (best if which == "best" else flooded)(which),
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
