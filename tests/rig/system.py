# SPDX-License-Identifier: GPL-2.0
"""
What a Muen policy would say, in a few lines: subjects, and channels between
them. From it come the subject information of every subject and the memory of
the machines that play them.

    PAIR = System("pair", subjects=("a", "b"), channels=(
        Channel("a_to_b", writes={"a": "channel_out"}, reads={"b": "channel_in"}),
        Channel("b_to_a", writes={"b": "channel_out"}, reads={"a": "channel_in"})))

A channel that no subject writes, or none reads, is for the test itself: it can
map every channel (rig/channel.py) and be the other side.
"""

from dataclasses import dataclass, field
from typing import Callable, Optional

from . import sinfo

SINFO_BASE = 0xe00000000
# From a processor's image to the next one's, and from one variant of them all to the next.
PROCESSOR_STRIDE = 0x9000
SINFO_STRIDE = 0x20000
SINFO_SIZE = 4 << 20
CHANNELS_BASE = 0xe10000000
WRITER_STRIDE = 0x40000000
MEGABYTE = 1 << 20
# The test itself, which is the writer of what no subject writes.
HOST = "host"
# Who can write, in the order of their files in memory.
PLACES = (HOST, "a", "b")


@dataclass(frozen=True)
class Channel:
    """
    One region with one writer. `writes` and `reads` map a subject to the name
    under which that subject knows the channel; one subject may do both.
    `event` and `vector` are numbers of a notification, given to the writer and
    to the readers under the channel's name, on the processors `event_on` and `vector_on`.
    """
    name: str
    writes: dict = field(default_factory=dict)
    reads: dict = field(default_factory=dict)
    size: int = MEGABYTE
    event: Optional[int] = None
    vector: Optional[int] = None
    event_on: int = 0
    vector_on: int = 0

    @property
    def writer(self) -> str:
        """The subject that writes, or "host"."""
        return next(iter(self.writes), HOST)

    @property
    def interrupts(self) -> str:
        """The other subject that the writer's event interrupts; empty: none."""
        if self.event is None or self.vector is None or self.writer in (*self.reads, HOST):
            return ""
        return next(iter(self.reads), "")


@dataclass(frozen=True)
class System:
    """
    Subjects and channels. Each of a subject's `processors` has an image, with all memory
    and its own events and vectors. `extras` gives subjects more resources
    (sinfo.Memory and others) in the image of processor 0, or in that of processor n where it
    is asked for (subject, n); `variants` names further images in
    every subject: functions that take the good image of processor 0 and return another one.
    They lie behind the good ones, at sinfo_address(name). Without `informed` the
    machines are no subjects: they have no subject information. `options` are for
    the kernel's command line. With `rung` the test itself can raise vectors.
    """
    name: str
    subjects: tuple = ("a", "b")
    channels: tuple = ()
    extras: dict = field(default_factory=dict)
    variants: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)
    version: int = 3
    processors: int = 2
    informed: bool = True
    options: str = ""
    rung: bool = False

    def __post_init__(self):
        names = [channel.name for channel in self.channels]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.name}: two channels have the same name")
        strangers = {*self.subjects} - {*PLACES[1:]}
        if strangers:
            raise ValueError(f"{self.name}: subjects are {PLACES[1:]}, not {strangers}")
        for channel in self.channels:
            if len(channel.writes) > 1:
                raise ValueError(f"{channel.name}: a channel has one writer")
            if channel.size <= 64 or channel.size % sinfo.PAGE:
                raise ValueError(f"{channel.name}: {channel.size:#x} is no size of a region")
            if channel.interrupts and len(channel.reads) > 1:
                raise ValueError(f"{channel.name}: an event interrupts one subject")
            unknown = {*channel.writes, *channel.reads} - {*self.subjects}
            if unknown:
                raise ValueError(f"{channel.name}: no subject {unknown}")
        for subject in self.subjects:
            self.image(subject)

    def hardware(self) -> tuple:
        """What machines are like: those of systems in which it is the same can be shared."""
        return self.informed, self.options

    def needs_doorbells(self) -> bool:
        """Whether subjects interrupt each other, or the test does it."""
        return self.rung or any(channel.interrupts for channel in self.channels)

    def writers(self) -> list:
        """All that write: each has a file of its own for its channels."""
        return [*self.subjects, HOST]

    def channel(self, name: str) -> Channel:
        """The channel of that name."""
        return next(channel for channel in self.channels if channel.name == name)

    def offset(self, name: str) -> int:
        """Where the channel lies in its writer's file."""
        at = 0
        for channel in self.channels:
            if channel.name == name:
                return at
            if channel.writer == self.channel(name).writer:
                at += channel.size
        raise KeyError(name)

    def file_size(self, writer: str) -> int:
        """Bytes of all channels of a writer, in whole 2 MiB; may be 0."""
        used = sum(c.size for c in self.channels if c.writer == writer)
        return -(-used // (2 * MEGABYTE)) * 2 * MEGABYTE

    def base(self, writer: str) -> int:
        """The guest-physical address of a writer's file, the same in all systems."""
        return CHANNELS_BASE + PLACES.index(writer) * WRITER_STRIDE

    def address(self, name: str) -> int:
        """The guest-physical address of a channel, the same in every subject."""
        return self.base(self.channel(name).writer) + self.offset(name)

    def sinfo_address(self, variant: str = "") -> int:
        """Where the good image, or a variant of it, lies."""
        index = [*self.variants].index(variant) + 1 if variant else 0
        return SINFO_BASE + index * SINFO_STRIDE

    def resources(self, subject: str, processor: int = 0) -> list:
        """What a processor of the subject is told about."""
        found = []
        for c in self.channels:
            for ends, writable, notice, number, owner in (
                    (c.writes, True, sinfo.Event, c.event, c.event_on),
                    (c.reads, False, sinfo.Vector, c.vector, c.vector_on)):
                if subject not in ends:
                    continue
                found.append(sinfo.Memory(ends[subject], self.address(c.name), c.size, writable))
                if number is not None and owner == processor:
                    found.append(notice(ends[subject], number))
        return found + [*self.extras.get((subject, processor) if processor else subject, ())]

    def image(self, subject: str, processor: int = 0) -> bytes:
        """The subject information of a processor."""
        return sinfo.build(subject, self.resources(subject, processor), self.version)

    def images(self, subject: str) -> bytes:
        """All images and variants, as they lie in memory; zeros for a stranger."""
        memory = bytearray(SINFO_SIZE)
        if subject not in self.subjects:
            return bytes(memory)
        good = [self.image(subject, processor) for processor in range(self.processors)]
        pieces = {number * PROCESSOR_STRIDE: image for number, image in enumerate(good)}
        for index, make in enumerate(self.variants.values(), 1):
            pieces[index * SINFO_STRIDE] = make(good[0])
        for at, image in pieces.items():
            memory[at:at + len(image)] = image
        return bytes(memory)
