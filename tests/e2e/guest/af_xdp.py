# SPDX-License-Identifier: GPL-2.0
"""
Sends packets from an AF_XDP socket in copy mode (linux/if_xdp.h), and waits until the
kernel has completed all of them.

    af_xdp.py DEV HEX...      the bytes of each packet
"""

import ctypes
import mmap
import os
import socket
import struct
import sys

AF_XDP, SOL_XDP = 44, 283
MMAP_OFFSETS, TX_RING, UMEM_REG, UMEM_FILL_RING, UMEM_COMPLETION_RING = 1, 3, 4, 5, 6
PGOFF_TX, PGOFF_COMPLETION = 0x80000000, 0x180000000
COPY = 2
CHUNK, COUNT = 2048, 16

libc = ctypes.CDLL(None, use_errno=True)


class Ring:
    """A ring of the socket, mapped."""

    def __init__(self, sock, offsets: tuple, entry: int, place: int):
        producer, consumer, self.entries, _ = offsets
        self.map = mmap.mmap(sock.fileno(), self.entries + COUNT * entry, offset=place)
        self.producer = ctypes.c_uint32.from_buffer(self.map, producer)
        self.consumer = ctypes.c_uint32.from_buffer(self.map, consumer)


def main():
    dev, packets = sys.argv[1], [bytes.fromhex(word) for word in sys.argv[2:]]
    sock = socket.socket(AF_XDP, socket.SOCK_RAW)
    umem = mmap.mmap(-1, CHUNK * COUNT)
    address = ctypes.addressof(ctypes.c_char.from_buffer(umem))
    sock.setsockopt(SOL_XDP, UMEM_REG, struct.pack("QQIIII", address, len(umem), CHUNK, 0, 0, 0))
    for ring in (UMEM_FILL_RING, UMEM_COMPLETION_RING, TX_RING):
        sock.setsockopt(SOL_XDP, ring, COUNT)
    # struct xdp_mmap_offsets: of the receive, transmit, fill and completion ring.
    offsets = struct.unpack("16Q", sock.getsockopt(SOL_XDP, MMAP_OFFSETS, 128))
    transmit = Ring(sock, offsets[4:8], 16, PGOFF_TX)
    completed = Ring(sock, offsets[12:], 8, PGOFF_COMPLETION)
    where = struct.pack("HHIII", AF_XDP, COPY, socket.if_nametoindex(dev), 0, 0)
    if libc.bind(sock.fileno(), where, len(where)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    for number, packet in enumerate(packets):
        umem[number * CHUNK:number * CHUNK + len(packet)] = packet
        struct.pack_into("QII", transmit.map, transmit.entries + number * 16,
                         number * CHUNK, len(packet), 0)
    transmit.producer.value = len(packets)
    while completed.producer.value < len(packets):
        try:
            sock.send(b"", socket.MSG_DONTWAIT)
        except (BlockingIOError, OSError) as error:
            if error.errno not in (11, 16, 105):           # EAGAIN, EBUSY, ENOBUFS
                raise
    # The maps are in use until the process ends.
    print("sent", flush=True)
    os._exit(0)


main()
