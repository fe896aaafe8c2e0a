# SPDX-License-Identifier: GPL-2.0
"""
What a writer has left in its channel, each byte by value: the host fills the
region before an epoch begins, and afterwards every byte that is neither header,
nor packet, nor what the mode's format wants must still be the filling.
"""

import struct
from typing import NamedTuple

from .channel import HEADER, TRANSPORT, ip_element
from .ksft import ksft_eq, ksft_ge, ksft_true
from .packets import checksum

FILLING = b"\xee"
OFFLOAD_HEADER = 28
# What the protocol number of the mode with offloads differs by.
OFFLOAD = int.from_bytes(b"offload", "big")


class Held(NamedTuple):
    """A packet in the ring; in raw mode: the bytes of the whole element."""
    packet: bytes
    mark: int = 0
    offloads: bytes = b""


def fill(channel):
    """Fills a channel's region. Nobody may have an epoch in it."""
    channel.map[:] = FILLING * channel.bytes


def same(found: bytes, wanted: bytes, what: str):
    """Checks that bytes are the same, and shows where they are not."""
    if found == wanted:
        ksft_true(True)
        return
    at = next((n for n, pair in enumerate(zip(found, wanted)) if pair[0] != pair[1]),
              min(len(found), len(wanted)))
    ksft_eq((len(found), found[at:at + 16].hex()), (len(wanted), wanted[at:at + 16].hex()),
            f"{what}, from byte {at} on")


def stated(packet: bytes) -> int:
    """The length that an IP packet states."""
    if packet[0] >> 4 == 4:
        return struct.unpack_from(">H", packet, 2)[0]
    return 40 + struct.unpack_from(">H", packet, 4)[0]


def _ip(element: bytes) -> Held:
    mark, length = struct.unpack_from("<IH", element)
    packet = element[8:8 + length]
    ksft_eq(stated(packet), length, "length in the header of the element")
    same(element, ip_element(packet, mark).ljust(len(element), FILLING), "element")
    return Held(packet, mark)


def _ethernet(element: bytes) -> Held:
    length, = struct.unpack("<H", element[-2:])
    same(element[length:-2], FILLING * (len(element) - 2 - length), "behind the frame")
    return Held(element[:length])


def _large(elements: list) -> list:
    """The packets that consecutive elements hold, piece by piece."""
    found: list = []
    while elements:
        mark, total = struct.unpack_from("<I4xI", elements[0])
        offloads = elements[0][16:26]
        room = len(elements[0]) - OFFLOAD_HEADER
        pieces, elements = elements[:-(-total // room)], elements[-(-total // room):]
        packet = b"".join(piece[OFFLOAD_HEADER:] for piece in pieces)[:total]
        # What a large packet's own header states fits 16 bits.
        ksft_eq(stated(packet), len(packet), "length of the packet")
        start = ip_element(packet, mark)
        for at, piece in zip(range(0, total, room), pieces):
            part = packet[at:at + room]
            head = (start[:4] + struct.pack("<H", len(part)) + start[6:8] +
                    struct.pack("<II", total, at) + offloads + b"\0\0")
            same(piece, (head + part).ljust(len(piece), FILLING), "piece")
        found.append(Held(packet, mark, offloads))
    return found


def held(channel, flags: str, protocol: int) -> list:
    """
    What an epoch has put into a channel that was filled before, in the mode of
    these flags. All has been published, and the ring has not wrapped around.
    """
    header = channel.header()
    ksft_true(header.pop("epoch"))
    if flags == "net_hdr+offload":
        protocol ^= OFFLOAD
    count, size, elements = header["wc"], header["size"], header["elements"]
    ksft_eq(header, {"transport": TRANSPORT, "protocol": protocol, "size": size, "reserved": 0,
                     "elements": (channel.bytes - HEADER) // size, "wsc": count, "wc": count})
    ksft_ge(elements, count, "the ring has not wrapped around")
    content = channel.content()
    end = HEADER + count * size
    same(content[end:], FILLING * (channel.bytes - end), "behind what was written")
    found = [content[at:at + size] for at in range(HEADER, end, size)]
    if flags == "net_hdr+offload":
        return _large(found)
    take = {"net_hdr": _ip, "eth_dev": _ethernet, "": Held}[flags]
    return [take(element) for element in found]


def ip_packet(flags: str, packet: bytes) -> bytes:
    """The IP packet in what an element of the mode of these flags held."""
    if flags == "eth_dev":
        return packet[14:]
    if flags:
        return packet
    length = stated(packet)
    same(packet[length:], bytes(len(packet) - length), "padding")
    return packet[:length]


def payload(packets: list) -> bytes:
    """What was sent in these IPv4 packets of UDP and fragments of some, in their order."""
    found = []
    for packet in packets:
        ksft_eq(packet[0], 0x45)
        ksft_eq(checksum(packet[:20]), 0, "checksum of the header")
        first = not struct.unpack_from(">H", packet, 6)[0] & 0x1fff
        found.append(packet[28 if first else 20:])
    return b"".join(found)
