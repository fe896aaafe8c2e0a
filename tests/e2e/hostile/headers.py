# SPDX-License-Identifier: GPL-2.0
"""
Values of the words of the header, and what the reader must do with them: before an epoch
and within one.
"""

from dataclasses import dataclass, field

from rig.channel import TRANSPORT

from . import MAX, MEGABYTE, Mode


@dataclass(frozen=True)
class Outcome:
    """The counted events, the peer's state after them, and whether its next packet is received."""
    state: str
    counted: dict = field(default_factory=dict)
    received: bool = False


@dataclass(frozen=True)
class Row:
    """Words that are written in this order, and the outcome."""
    words: dict
    outcome: Outcome

    @property
    def name(self) -> str:
        """The words, for messages."""
        return " ".join(f"{word}={value:#x}" for word, value in self.words.items())


# Before an epoch.
REFUSED = Outcome("incompatible", {"rx_incompatible": 1})
FOLLOWED = Outcome("active", {"rx_epochs": 1})
BROKEN_AT_ONCE = Outcome("broken", {"rx_epochs": 1, "rx_broken": 1})
NONE = Outcome("inactive")
# Within one.
IGNORED = Outcome("active", {}, received=True)
BROKEN = Outcome("broken", {"rx_broken": 1})
ENDED = Outcome("inactive")


def shapes(mode: Mode) -> list:
    """Returns words that describe the ring, and their outcome before an epoch."""
    size, ring, region = mode.size, mode.ring, MEGABYTE
    refused = [{"transport": value} for value in
               (0, 1, TRANSPORT ^ 1, TRANSPORT & 0xffffffff, MAX)]
    refused += [{"protocol": value} for value in
                (0, mode.protocol + 1, mode.protocol | 1 << 32, mode.protocol ^ 1 << 63, MAX)]
    refused += [{"size": value} for value in
                (0, mode.smallest - 1, mode.largest + 1, region, region + 1, 2 * region,
                 1 << 32, (1 << 32) + size, 1 << 63, MAX)]
    refused += [{"elements": value} for value in
                (0, ring + 1, region, 1 << 32, (1 << 32) + 1, (1 << 32) + ring, 1 << 63, MAX)]
    # The product is too large, or becomes small because it wraps.
    refused += [{"size": mode.largest, "elements": ring}, {"size": 2 * size, "elements": ring},
                {"elements": 1 << 62}, {"elements": (1 << 62) + 1},
                {"size": 1 << 32, "elements": 1 << 32},
                {"size": size, "elements": (1 << 64) // size + 1},
                {"size": mode.largest + 1, "elements": 1}, {"size": MAX, "elements": MAX}]
    followed = [{"size": mode.smallest}, {"size": mode.largest, "elements": 1},
                {"elements": 1}, {"elements": ring - 1}, {"report": 1}, {"report": MAX}]
    return ([Row(words, REFUSED) for words in refused] +
            [Row(words, FOLLOWED) for words in followed])


def overrun(mode: Mode, written: int, read: int, **more) -> Outcome:
    """
    The outcome if the writer claims more elements than a ring of zeros has: the reader reads
    the newest ring.
    """
    counted = {"rx_overruns": 1, "rx_missed": written - mode.ring - read,
               "rx_elements": mode.ring, **more}
    for name in mode.zeros:
        counted[name] = mode.ring
    return Outcome("active", counted)


def before_an_epoch(mode: Mode) -> list:
    """Returns rows for a header that is valid except for these words; the epoch comes last."""
    return shapes(mode) + [Row({"epoch": value}, FOLLOWED) for value in (1, 1 << 63, MAX)] + [
        Row({"epoch": 0}, NONE)] + [
        Row({"wc": value}, BROKEN_AT_ONCE) for value in (1, 5, 1 << 40, 1 << 63, MAX)] + [
        Row({"wsc": 5, "wc": 6}, BROKEN_AT_ONCE), Row({"wsc": MAX - 1, "wc": MAX}, BROKEN_AT_ONCE)
        ] + [
        Row({"wsc": value}, FOLLOWED) for value in (1, 1 << 40, 1 << 63, MAX)] + [
        Row({"wsc": value, "wc": value}, overrun(mode, value, 0, rx_epochs=1))
        for value in (mode.ring + 1, 1 << 32, 1 << 40, 1 << 63, MAX)]


def joined(row: Row) -> Outcome:
    """The outcome for a reader that joins later: it reads nothing before `wc`."""
    return FOLLOWED if "rx_overruns" in row.outcome.counted else row.outcome


def within_an_epoch(mode: Mode, interrupt: bool, read: int, replay: dict) -> list:
    """
    Returns rows for an epoch of which `read` elements have been read; `replay` is what the
    reader counts if it reads them again.
    """
    again = Outcome("active", {"rx_epochs": 1, "rx_elements": read, **replay}, received=True)
    rows = [Row(row.words, IGNORED) for row in shapes(mode)]
    rows += [Row({"epoch": value}, again) for value in (1, 1 << 63, MAX)]
    rows += [Row({"epoch": 0}, ENDED)]
    rows += [Row({"wsc": value}, IGNORED) for value in (read, 1 << 40, 1 << 63, MAX)]
    # Without an interrupt the reader checks `wsc` only after a change of `wc`.
    rows += [Row({"wsc": 0}, BROKEN if interrupt else IGNORED)]
    rows += [Row({"wc": value}, BROKEN) for value in
             (0, read - 1, read + 1, 1 << 32, 1 << 40, 1 << 63, MAX) if value != read]
    rows += [Row({"wsc": 0, "wc": read + 1}, BROKEN), Row({"wsc": 0, "wc": 0}, BROKEN),
             Row({"wsc": MAX - 1, "wc": MAX}, BROKEN)]
    # All unread elements are being overwritten.
    rows += [Row({"wsc": value, "wc": read + 1},
                 Outcome("active", {"rx_overruns": 1, "rx_missed": 1}))
             for value in (read + 1 + mode.ring, 1 << 40, MAX)]
    rows += [Row({"wsc": value, "wc": value}, overrun(mode, value, read))
             for value in (mode.ring + read + 1, 1 << 32, 1 << 40, 1 << 63, MAX)]
    return rows


def refused_again(row: Row) -> Outcome:
    """The outcome for a reader that has refused the epoch: it waits for another one."""
    epoch = row.words.get("epoch")
    if epoch is None:
        return Outcome("incompatible")
    return REFUSED if epoch else ENDED


def broken_again(row: Row) -> Outcome:
    """The outcome for a reader that has stopped reading the epoch, with `wc` beyond `wsc`."""
    epoch = row.words.get("epoch")
    if epoch is None:
        return Outcome("broken")
    return BROKEN_AT_ONCE if epoch else ENDED
