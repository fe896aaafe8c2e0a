# SPDX-License-Identifier: GPL-2.0
"""
The memory of a channel, mapped by the host: header words and elements. A test can be
the channel's writer or reader, and can break its protocol.
"""

import mmap
import struct

TRANSPORT = 0x487312b6b79a9b6d
HEADER = 64
WORDS = ("transport", "epoch", "protocol", "size", "elements", "report", "wsc", "wc")


class ChannelFile:
    """
    A mapped channel. Its header words are attributes: `c.epoch`, `c.wc = 5`. Each is read
    and written by one 64-bit access.
    """

    def __init__(self, fd: int, offset: int, size: int):
        # __setattr__ is for header words only.
        self.__dict__["map"] = mmap.mmap(fd, size, offset=offset)
        self.__dict__["bytes"] = size
        self.__dict__["_words"] = memoryview(self.map)[:HEADER].cast("Q")

    def __getattr__(self, name: str) -> int:
        if name not in WORDS:
            raise AttributeError(name)
        return self._words[WORDS.index(name)]

    def __setattr__(self, name: str, value: int):
        self._words[WORDS.index(name)] = value

    def header(self) -> dict:
        """All header words."""
        return {name: getattr(self, name) for name in WORDS}

    def content(self) -> bytes:
        """All bytes of the region."""
        return bytes(self.map)

    def slot(self, number: int) -> int:
        """The offset in the region of element `number`."""
        return HEADER + number % self.elements * self.size

    def element(self, number: int) -> bytes:
        """The bytes of element `number` as they are now."""
        at = self.slot(number)
        return self.map[at:at + self.size]


class Writer:
    """A writer that follows the protocol of the channel."""

    def __init__(self, channel: ChannelFile, protocol: int, size: int):
        self.channel, self.protocol, self.size = channel, protocol, size
        self.elements = (channel.bytes - HEADER) // size
        self.count = 0

    def start(self, epoch: int):
        """Begins an epoch."""
        c = self.channel
        c.epoch = 0
        c.transport, c.protocol, c.size, c.elements = \
            TRANSPORT, self.protocol, self.size, self.elements
        c.report = c.wsc = c.wc = self.count = 0
        c.epoch = epoch

    def stop(self):
        """Ends the epoch."""
        self.channel.epoch = 0

    def write(self, *payloads: bytes):
        """Writes elements as one batch. The rest of a longer element keeps its old bytes."""
        c = self.channel
        c.wsc = self.count + len(payloads)
        for payload in payloads:
            at = HEADER + self.count % self.elements * self.size
            c.map[at:at + len(payload)] = payload
            self.count += 1
        c.wc = self.count


class Reader:
    """A reader of a channel that counts the elements it lost."""

    def __init__(self, channel: ChannelFile):
        self.channel = channel
        self.epoch = channel.epoch
        self.count = channel.wc
        self.lost = 0

    def read(self) -> list:
        """Returns all new elements that are not overwritten."""
        c = self.channel
        if c.epoch != self.epoch:
            self.epoch, self.count = c.epoch, 0
        if not self.epoch:
            return []
        elements = []
        while self.count < c.wc:
            data = c.element(self.count)
            oldest = c.wsc - c.elements
            if oldest > self.count:
                self.lost += oldest - self.count
                self.count = oldest
                continue
            elements.append(data)
            self.count += 1
        return elements


def ip_element(packet: bytes, mark: int = 0) -> bytes:
    """An IPv4 or IPv6 packet with the 8-byte header of IP mode in front."""
    version = packet[0] >> 4
    if version == 4:
        protocol, qos = 4, packet[1] >> 2
    else:
        protocol, qos = 41, (struct.unpack_from(">H", packet)[0] >> 4 & 0xff) >> 2
    return struct.pack("<IHBB", mark, len(packet), protocol, qos) + packet
