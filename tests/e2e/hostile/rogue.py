# SPDX-License-Identifier: GPL-2.0
"""A rogue writer, which makes random changes that break the protocol."""

import struct
from collections import Counter

from rig.channel import WORDS

from . import MAX, AccountedPeer

BOUNDARIES = (0, 1, 2, 4, 75, 76, 1500, 1508, 1516, 1 << 16, 1 << 20, (1 << 20) + 1, 1 << 32,
              (1 << 32) + 695, 1 << 40, 1 << 63, MAX)
LENGTHS = (0, 1, 4, 13, 14, 19, 20, 40, 1500, 1501, 65535)


class Rogue:
    """Changes a peer's channel at random, by `rng`, and counts the changes by kind."""

    # The kinds of changes with their weights.
    KINDS = {"word of the header": 8, "counter": 4, "both counters": 4, "epoch": 4,
             "length in an element": 10, "bytes of an element": 10, "shape of the ring": 2,
             "element at random": 20, "good packets": 20, "good epoch": 6}
    # The same with flow control, where the peer reports.
    KINDS_WITH_REPORTS = KINDS | {"report": 30}

    def __init__(self, peer: AccountedPeer, rng):
        self.peer, self.rng, self.tried = peer, rng, Counter()
        kinds = self.KINDS_WITH_REPORTS if peer.mode.pause else self.KINDS
        self._kinds, self._weights = [*kinds], [*kinds.values()]

    def change(self):
        """Makes one change."""
        kind, = self.rng.choices(self._kinds, self._weights)
        self.tried[kind] += 1
        getattr(self, "_" + kind.replace(" ", "_"))()
        # Interrupts are independent of changes: some come without one, and many are missing.
        if self.peer.interrupt and self.rng.random() < 0.2:
            self.tried["interrupt"] += 1
            self.peer.ring()

    def _word_of_the_header(self):
        setattr(self.peer.channel, self.rng.choice(WORDS), self.rng.choice(BOUNDARIES))

    def _counter(self):
        setattr(self.peer.channel, self.rng.choice(("wsc", "wc")), self.rng.getrandbits(64))

    def _both_counters(self):
        c = self.peer.channel
        c.wsc = c.wc = (c.wc + self.rng.choice((1, 8, 700, 1 << 40, -1))) & MAX

    def _report(self):
        """Writes a report of the writer's epoch, or of another one, near its counter or far."""
        out, rng = self.peer.out, self.rng
        count = rng.choice((out.wc, out.wc + 1, out.wc - rng.randrange(1000), rng.getrandbits(32)))
        epoch = rng.choice((out.epoch,) * 4 + (rng.getrandbits(32), 0))
        self.peer.channel.report = (epoch & 0xffffffff) << 32 | count & 0xffffffff

    def _epoch(self):
        self.peer.channel.epoch = self.rng.randrange(4)

    def _shape_of_the_ring(self):
        c = self.peer.channel
        c.size, c.elements = self.rng.randrange(2000), self.rng.randrange(1400)

    def _offset(self) -> int:
        """Returns the offset of a random element."""
        return 64 + self.rng.randrange(600) * self.peer.mode.size

    def _length_in_an_element(self):
        at = self._offset() + self.rng.choice((4, 8, 10, 12, self.peer.mode.size - 2))
        length = self.rng.choice((*LENGTHS, self.rng.randrange(1 << 16)))
        self.peer.channel.map[at:at + 2] = struct.pack(self.rng.choice("<>") + "H", length)

    def _bytes_of_an_element(self):
        data = self.rng.randbytes(self.rng.randrange(1, 60))
        at = self._offset() + self.rng.randrange(self.peer.mode.size - 60)
        self.peer.channel.map[at:at + len(data)] = data

    def _element_at_random(self):
        self.peer.write(self.rng.randbytes(self.rng.randrange(self.peer.mode.size)))

    def _good_packets(self):
        self.peer.write(*self.peer.mode.packet * self.rng.randrange(1, 20))

    def _good_epoch(self):
        self.peer.next_epoch()
