# SPDX-License-Identifier: GPL-2.0
"""
Checks each byte that a writer left in its channel. The host fills the region before an
epoch begins. Afterwards each byte that belongs neither to the header, nor to a packet,
nor to the mode's format must still have the value of the filling.
"""

import struct
from typing import NamedTuple

from .channel import HEADER, TRANSPORT, ip_element
from .ksft import ksft_eq, ksft_ge, ksft_true
from .packets import checksum

FILLING = b"\xee"
OFFLOAD_HEADER = 28
# With offloads, the protocol number on the channel is XORed with this.
OFFLOAD = int.from_bytes(b"offload", "big")


class SentPacket(NamedTuple):
    """A packet in the ring; in raw mode, all bytes of an element."""
    packet: bytes
    mark: int = 0
    offloads: bytes = b""


def fill(channel):
    """Fills a channel's region, in which there must be no epoch."""
    channel.map[:] = FILLING * channel.bytes


def check_equal(found: bytes, wanted: bytes, what: str):
    """Checks that bytes are equal, and shows the first difference."""
    if found == wanted:
        ksft_true(True)
        return
    at = next((n for n, pair in enumerate(zip(found, wanted)) if pair[0] != pair[1]),
              min(len(found), len(wanted)))
    ksft_eq((len(found), found[at:at + 16].hex()), (len(wanted), wanted[at:at + 16].hex()),
            f"{what}, from byte {at} on")


def ip_length(packet: bytes) -> int:
    """Returns the length that an IP packet states in its header."""
    if packet[0] >> 4 == 4:
        return struct.unpack_from(">H", packet, 2)[0]
    return 40 + struct.unpack_from(">H", packet, 4)[0]


def _ip(element: bytes) -> SentPacket:
    mark, length = struct.unpack_from("<IH", element)
    packet = element[8:8 + length]
    ksft_eq(ip_length(packet), length, "length in the header of the element")
    check_equal(element, ip_element(packet, mark).ljust(len(element), FILLING), "element")
    return SentPacket(packet, mark)


def _ethernet(element: bytes) -> SentPacket:
    length, = struct.unpack("<H", element[-2:])
    check_equal(element[length:-2], FILLING * (len(element) - 2 - length), "behind the frame")
    return SentPacket(element[:length])


def _large(elements: list) -> list:
    """Returns the packets in consecutive elements of the mode with offloads."""
    found: list = []
    while elements:
        mark, total = struct.unpack_from("<I4xI", elements[0])
        offloads = elements[0][16:26]
        room = len(elements[0]) - OFFLOAD_HEADER
        pieces, elements = elements[:-(-total // room)], elements[-(-total // room):]
        packet = b"".join(piece[OFFLOAD_HEADER:] for piece in pieces)[:total]
        # The length of a large packet fits 16 bits, so its header states it.
        ksft_eq(ip_length(packet), len(packet), "length of the packet")
        start = ip_element(packet, mark)
        for at, piece in zip(range(0, total, room), pieces):
            part = packet[at:at + room]
            head = (start[:4] + struct.pack("<H", len(part)) + start[6:8] +
                    struct.pack("<II", total, at) + offloads + b"\0\0")
            check_equal(piece, (head + part).ljust(len(piece), FILLING), "piece")
        found.append(SentPacket(packet, mark, offloads))
    return found


def sent_packets(channel, flags: str, protocol: int) -> list:
    """
    Returns the packets of an epoch in a channel that was filled before, for the mode of
    these flags. All must be published, and the ring must not have wrapped around.
    """
    header = channel.header()
    ksft_true(header.pop("epoch"))
    if flags == "net_hdr+offload":
        protocol ^= OFFLOAD
    count, size, elements = header["wc"], header["size"], header["elements"]
    ksft_eq(header, {"transport": TRANSPORT, "protocol": protocol, "size": size, "report": 0,
                     "elements": (channel.bytes - HEADER) // size, "wsc": count, "wc": count})
    ksft_ge(elements, count, "the ring has not wrapped around")
    content = channel.content()
    end = HEADER + count * size
    check_equal(content[end:], FILLING * (channel.bytes - end), "behind what was written")
    found = [content[at:at + size] for at in range(HEADER, end, size)]
    if flags == "net_hdr+offload":
        return _large(found)
    take = {"net_hdr": _ip, "eth_dev": _ethernet, "": SentPacket}[flags]
    return [take(element) for element in found]


def ip_packet(flags: str, packet: bytes) -> bytes:
    """Returns the IP packet in a packet of the mode of these flags."""
    if flags == "eth_dev":
        return packet[14:]
    if flags:
        return packet
    length = ip_length(packet)
    check_equal(packet[length:], bytes(len(packet) - length), "padding")
    return packet[:length]


def payload(packets: list) -> bytes:
    """Returns the payload of UDP/IPv4 packets, some of them fragments, in their order."""
    found = []
    for packet in packets:
        ksft_eq(packet[0], 0x45)
        ksft_eq(checksum(packet[:20]), 0, "checksum of the header")
        first = not struct.unpack_from(">H", packet, 6)[0] & 0x1fff
        found.append(packet[28 if first else 20:])
    return b"".join(found)
