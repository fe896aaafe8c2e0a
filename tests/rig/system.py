# SPDX-License-Identifier: GPL-2.0
"""
The description of a system, as a Muen policy has it: subjects, and channels between
them. From it follow the subject information of each subject and the memory of the
machines that play them.

    PAIR = System("pair", subjects=("a", "b"), channels=(
        Channel("a_to_b", writes={"a": "channel_out"}, reads={"b": "channel_in"}),
        Channel("b_to_a", writes={"b": "channel_out"}, reads={"a": "channel_in"})))

The test itself is the other side of a channel that no subject writes, or none reads:
it can map every channel (rig/channel.py).
"""

from dataclasses import dataclass, field
from typing import Callable, Optional

from . import sinfo

SINFO_BASE = 0xe00000000
# The distance of two processors' images, and of two variants of all images.
PROCESSOR_STRIDE = 0x9000
SINFO_STRIDE = 0x20000
SINFO_SIZE = 4 << 20
CHANNELS_BASE = 0xe10000000
WRITER_STRIDE = 0x40000000
MEGABYTE = 1 << 20
# The test itself, which writes the channels that no subject writes.
HOST = "host"
# All possible writers, in the order of their files in memory.
WRITERS = (HOST, "a", "b")


@dataclass(frozen=True)
class Channel:
    """
    A memory region with one writer. `writes` and `reads` map a subject to the name by which
    it knows the channel; a subject may do both. `event` and `vector` are the numbers of a
    notification: the writer has the event and the readers have the vector, under the
    channel's name, on the processors `event_on` and `vector_on`.
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
        """The subject that writes, or HOST."""
        return next(iter(self.writes), HOST)

    @property
    def interrupts(self) -> str:
        """The other subject that the writer's event interrupts, or an empty string."""
        if self.event is None or self.vector is None or self.writer in (*self.reads, HOST):
            return ""
        return next(iter(self.reads), "")


@dataclass(frozen=True)
class System:
    """
    Subjects and channels.

    Each of a subject's `processors` has an image of the subject information, with all memory
    and with its own events and vectors. `extras` gives a subject more resources
    (sinfo.Memory and others) in the image of processor 0, or, with the key (subject, n), in
    that of processor n. `variants` are more images of each subject, by name: functions that
    take the valid image of processor 0 and return another one. They lie behind the valid
    ones, at sinfo_address(name).

    Without `has_sinfo` the machines have no subject information, so they are no subjects.
    The subjects in `debian` run an installed Debian (debian.py). `options` are added to the
    kernel's command line. With `host_interrupts` the test can raise vectors.
    """
    name: str
    subjects: tuple = ("a", "b")
    channels: tuple = ()
    extras: dict = field(default_factory=dict)
    variants: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)
    version: int = 3
    processors: int = 2
    has_sinfo: bool = True
    debian: tuple = ()
    options: str = ""
    host_interrupts: bool = False

    def __post_init__(self):
        names = [channel.name for channel in self.channels]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.name}: two channels have the same name")
        unknown_subjects = {*self.subjects} - {*WRITERS[1:]}
        if unknown_subjects:
            raise ValueError(f"{self.name}: subjects are {WRITERS[1:]}, not {unknown_subjects}")
        for channel in self.channels:
            if len(channel.writes) > 1:
                raise ValueError(f"{channel.name}: a channel has one writer")
            if channel.size <= 64 or channel.size % sinfo.PAGE:
                raise ValueError(f"{channel.name}: {channel.size:#x} is no valid size of a region")
            if channel.interrupts and len(channel.reads) > 1:
                raise ValueError(f"{channel.name}: an event interrupts one subject")
            unknown = {*channel.writes, *channel.reads} - {*self.subjects}
            if unknown:
                raise ValueError(f"{channel.name}: no subject {unknown}")
        for subject in self.subjects:
            self.image(subject)

    def hardware(self) -> tuple:
        """Returns what the machines depend on. Systems with the same value can share machines."""
        return self.has_sinfo, self.options, self.debian

    def needs_doorbells(self) -> bool:
        """Returns whether subjects, or the test, interrupt a subject."""
        return self.host_interrupts or any(channel.interrupts for channel in self.channels)

    def writers(self) -> list:
        """Returns all writers. Each has its own file for its channels."""
        return [*self.subjects, HOST]

    def channel(self, name: str) -> Channel:
        """Returns the channel with this name."""
        return next(channel for channel in self.channels if channel.name == name)

    def offset(self, name: str) -> int:
        """Returns the offset of a channel in its writer's file."""
        at = 0
        for channel in self.channels:
            if channel.name == name:
                return at
            if channel.writer == self.channel(name).writer:
                at += channel.size
        raise KeyError(name)

    def file_size(self, writer: str) -> int:
        """Returns the size of a writer's file: its channels, rounded up to 2 MiB; may be 0."""
        used = sum(c.size for c in self.channels if c.writer == writer)
        return -(-used // (2 * MEGABYTE)) * 2 * MEGABYTE

    def base(self, writer: str) -> int:
        """Returns the guest-physical address of a writer's file, the same in all systems."""
        return CHANNELS_BASE + WRITERS.index(writer) * WRITER_STRIDE

    def address(self, name: str) -> int:
        """Returns the guest-physical address of a channel, the same in every subject."""
        return self.base(self.channel(name).writer) + self.offset(name)

    def sinfo_address(self, variant: str = "") -> int:
        """Returns the address of the valid image, or of a variant."""
        index = [*self.variants].index(variant) + 1 if variant else 0
        return SINFO_BASE + index * SINFO_STRIDE

    def resources(self, subject: str, processor: int = 0) -> list:
        """Returns the resources in the image of a processor of the subject."""
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
        """Returns the subject information of a processor."""
        return sinfo.build(subject, self.resources(subject, processor), self.version)

    def images(self, subject: str) -> bytes:
        """Returns all images and variants as memory contents; zeros for an unknown subject."""
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
