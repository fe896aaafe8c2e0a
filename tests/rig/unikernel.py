# SPDX-License-Identifier: GPL-2.0
"""
A peer like a MirageOS/Solo5 unikernel: Ethernet frames in elements of 1516 bytes,
protocol 0x7ade5c549b08e814, in the mapped memory of two channels. It answers ARP
requests for its address, and pings.
"""

import socket
import struct
import threading
import time

from .channel import ChannelFile, Writer
from .packets import checksum

PROTOCOL = 0x7ade5c549b08e814
ELEMENT = 1516
BROADCAST = b"\xff" * 6
ARP, IPV4 = 0x0806, 0x0800


def element(frame: bytes, size: int = ELEMENT, length: int = -1) -> bytes:
    """Returns the element of a frame: its length, or another one, is in the last two bytes."""
    length = len(frame) if length < 0 else length
    return frame.ljust(size - 2, b"\0") + struct.pack("<H", length)


def frame_of(data: bytes) -> bytes:
    """Returns the frame in an element."""
    return data[:struct.unpack("<H", data[-2:])[0]]


class Solo5Reader:
    """
    A reader like Solo5's. It begins at element 0 of the current epoch, and after an overrun
    it reads nothing until the next epoch (`deaf`).
    """

    def __init__(self, channel: ChannelFile):
        self.channel = channel
        self.epoch = self.count = 0
        self.deaf = False

    def read(self) -> list:
        """Returns all new elements."""
        c = self.channel
        if c.epoch != self.epoch:
            self.epoch, self.count, self.deaf = c.epoch, 0, False
        elements = []
        while self.epoch and not self.deaf and self.count < c.wc:
            data = c.element(self.count)
            self.deaf = c.wsc > self.count + c.elements
            if not self.deaf:
                elements.append(data)
                self.count += 1
        return elements


class Unikernel:
    """A context in which the peer runs, in its own thread."""

    def __init__(self, reads: ChannelFile, writes: ChannelFile, address: str,
                 mac: bytes = b"\x02\0\0\0\0\x07"):
        self.reader = Solo5Reader(reads)
        self.writer = Writer(writes, PROTOCOL, ELEMENT)
        self.address, self.mac = socket.inet_aton(address), mac
        self.frames = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.writer.start(int(time.monotonic_ns()))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self.writer.stop()

    def send(self, *frames: bytes):
        """Sends frames as one batch."""
        self.writer.write(*(element(frame) for frame in frames))

    def _run(self):
        while not self._stop.is_set():
            for data in self.reader.read():
                frame = frame_of(data)
                self.frames.append(frame)
                answer = self.answer(frame)
                if answer:
                    self.send(answer)
            time.sleep(0.0005)  # sleep: the poll interval

    def answer(self, frame: bytes) -> bytes:
        """Returns the peer's answer to a frame, or empty bytes."""
        target, source, kind = struct.unpack_from(">6s6sH", frame)
        body = frame[14:]
        if target not in (self.mac, BROADCAST):
            return b""
        head = source + self.mac + frame[12:14]
        if kind == ARP and body[24:28] == self.address and body[7] == 1:
            return head + body[:6] + b"\0\2" + self.mac + self.address + body[8:18]
        if kind == IPV4 and body[9] == socket.IPPROTO_ICMP and body[16:20] == self.address:
            size = (body[0] & 15) * 4
            length, = struct.unpack_from(">H", body, 2)
            icmp = body[size:length]
            if icmp[:1] != b"\x08":
                return b""
            reply = b"\0\0\0\0" + icmp[4:]
            reply = reply[:2] + struct.pack(">H", checksum(reply)) + reply[4:]
            return head + body[:12] + body[16:20] + body[12:16] + body[20:size] + reply
        return b""
