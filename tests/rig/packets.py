# SPDX-License-Identifier: GPL-2.0
"""Packets that a test writes into a channel, some of them with a checksum."""

import socket
import struct
import zlib


def checksum(data: bytes) -> int:
    """Returns the Internet checksum."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip4(source: str, target: str, protocol: int, payload: bytes, ident: int = 0) -> bytes:
    """An IPv4 packet."""
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, 0, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(target))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def udp4(source: str, target: str, port: int, payload: bytes) -> bytes:
    """A UDP datagram over IPv4, without a UDP checksum."""
    return ip4(source, target, socket.IPPROTO_UDP,
               struct.pack(">HHHH", port, port, 8 + len(payload), 0) + payload)


def numbered(number: int, size: int) -> bytes:
    """Returns `size` bytes: a number, a pattern, and a CRC of both."""
    body = struct.pack("<Q", number) + bytes((number * 7 + i) & 0xff for i in range(size - 12))
    return body + struct.pack("<I", zlib.crc32(body))
