# SPDX-License-Identifier: GPL-2.0
"""
Images of the subject information: the pages in which the separation kernel describes a
subject's name and resources (versions 3, 4 and 5, 32,720 bytes).

build() makes an image, and refuses what Muen's own generator would never write. parse()
reads an image. Tests that need an invalid image patch the bytes of a valid one, so that
the test shows what is invalid.
"""

import struct
from dataclasses import dataclass
from typing import Optional

IMAGE_SIZE = 32720
ENTRIES = 255
ENTRY_SIZE = 128
ENTRIES_AT = 80
NAME_MAX = 63
PAGE = 4096
COUNT_AT = {3: 77, 4: 77, 5: 78}

KIND_NONE, KIND_MEMORY, KIND_EVENT, KIND_VECTOR = range(4)
MEMORY_CHANNEL = 5


@dataclass(frozen=True)
class Memory:
    """A memory resource; `kind` 5 is a channel."""
    name: str
    address: int
    size: int
    writable: bool = False
    executable: bool = False
    kind: int = MEMORY_CHANNEL
    content: int = 0
    pattern: int = 0
    hash: bytes = bytes(32)


@dataclass(frozen=True)
class Event:
    """The event by which a writer notifies the readers of channel `name`."""
    name: str
    number: int


@dataclass(frozen=True)
class Vector:
    """The vector on which a reader of channel `name` is notified."""
    name: str
    number: int


@dataclass(frozen=True)
class Other:
    """A resource of any other kind, with raw data, which the driver must skip."""
    kind: int
    name: str
    data: bytes = b""


def _name(name: str, least: int = 1) -> bytes:
    raw = name.encode()
    if not least <= len(raw) <= NAME_MAX or b"\0" in raw:
        raise ValueError(f"{name!r} is no valid resource name (1 to {NAME_MAX} bytes)")
    return bytes([len(raw)]) + raw.ljust(NAME_MAX + 1, b"\0")


def _number(res, limit: int) -> bytes:
    if not 0 <= res.number < limit:
        raise ValueError(f"{res.name}: number {res.number} does not fit a byte")
    return bytes([res.number])


def _memory(res: Memory) -> bytes:
    if res.size <= 0 or res.size % PAGE or res.address % PAGE:
        raise ValueError(f"{res.name}: {res.address:#x}+{res.size:#x} is not page aligned")
    if res.address + res.size > 1 << 64:
        raise ValueError(f"{res.name}: {res.address:#x}+{res.size:#x} wraps")
    if len(res.hash) != 32:
        raise ValueError(f"{res.name}: a hash has 32 bytes")
    return struct.pack("<BBBHxxxQQ32s", res.kind, res.content,
                       res.writable | res.executable << 1, res.pattern,
                       res.address, res.size, res.hash)


def _entry(res) -> bytes:
    if res is None:
        return bytes(ENTRY_SIZE)
    if isinstance(res, Memory):
        kind, data = KIND_MEMORY, _memory(res)
    elif isinstance(res, Event):
        kind, data = KIND_EVENT, _number(res, 256)
    elif isinstance(res, Vector):
        kind, data = KIND_VECTOR, _number(res, 256)
    else:
        kind, data = res.kind, res.data
    if len(data) > 56:
        raise ValueError(f"{res.name}: more than 56 bytes of data")
    return struct.pack("<I65s3x56s", kind, _name(res.name), data)


def build(subject: str, resources, version: int = 3, tsc_khz: int = 1000) -> bytes:
    """
    Returns the image of `subject` with these resources, in this order. None stands for an
    empty entry. Raises ValueError for an invalid image: an unknown version, too many
    entries, two entries of one kind with the same name, or names, sizes and addresses out
    of range.
    """
    if version not in COUNT_AT:
        raise ValueError(f"version {version} is not known")
    if len(resources) > ENTRIES:
        raise ValueError(f"{len(resources)} resources do not fit")
    seen = set()
    for res in resources:
        key = res and (type(res), res.name)
        if key in seen and key:
            raise ValueError(f"two resources of one kind are named {res.name}")
        seen.add(key)

    head = bytearray(ENTRIES_AT)
    struct.pack_into("<7sBI65s", head, 0, b"muinfo", version, tsc_khz,
                     _name(subject, least=0))
    struct.pack_into("<H", head, COUNT_AT[version], len(resources))
    body = b"".join(_entry(res) for res in resources)
    return (bytes(head) + body).ljust(IMAGE_SIZE, b"\0")


@dataclass(frozen=True)
class Image:
    """The contents of an image."""
    version: int
    tsc_khz: int
    subject: str
    resources: list

    def memory(self, name: str) -> Optional[Memory]:
        """Returns the memory resource of this name, or None."""
        return next((r for r in self.resources
                     if isinstance(r, Memory) and r.name == name), None)


def _read_name(raw: bytes) -> str:
    return raw[1:1 + (raw[0] & 0x3f)].decode()


def _read_entry(raw: bytes):
    kind, name, data = struct.unpack("<I65s3x56s", raw)
    name = _read_name(name)
    if kind == KIND_NONE:
        return None
    if kind == KIND_MEMORY:
        mem, content, flags, pattern, address, size, digest = \
            struct.unpack("<BBBHxxxQQ32s", data)
        return Memory(name, address, size, bool(flags & 1), bool(flags & 2),
                      mem, content, pattern, digest)
    if kind == KIND_EVENT:
        return Event(name, data[0])
    if kind == KIND_VECTOR:
        return Vector(name, data[0])
    return Other(kind, name, data)


def parse(image: bytes) -> Image:
    """Reads an image. Raises ValueError for a wrong size or magic."""
    if len(image) != IMAGE_SIZE:
        raise ValueError(f"an image has {IMAGE_SIZE} bytes, not {len(image)}")
    magic, version, tsc_khz, subject = struct.unpack_from("<7sBI65s", image)
    if magic != b"muinfo\0" or version not in COUNT_AT:
        raise ValueError(f"unknown magic {image[:8].hex()}")
    count, = struct.unpack_from("<H", image, COUNT_AT[version])
    entries = [_read_entry(image[at:at + ENTRY_SIZE]) for at in
               range(ENTRIES_AT, ENTRIES_AT + min(count, ENTRIES) * ENTRY_SIZE, ENTRY_SIZE)]
    return Image(version, tsc_khz, _read_name(subject), entries)


def patched(image: bytes, offset: int, data: bytes) -> bytes:
    """Returns the image with other bytes at an offset."""
    return image[:offset] + data + image[offset + len(data):]


def entry_offset(image: bytes, name: str) -> int:
    """Returns the offset of the first resource of this name."""
    for index, res in enumerate(parse(image).resources):
        if res and res.name == name:
            return ENTRIES_AT + index * ENTRY_SIZE
    raise KeyError(name)


def region_patched(image: bytes, name: str, address: int, size: int) -> bytes:
    """Returns the image with another address and size of a memory resource, unchecked."""
    return patched(image, entry_offset(image, name) + 72 + 8, struct.pack("<QQ", address, size))
