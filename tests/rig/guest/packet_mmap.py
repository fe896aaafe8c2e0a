# SPDX-License-Identifier: GPL-2.0
"""
A packet socket with a ring in memory shared with the kernel (TPACKET_V3), for sending or
receiving.

    packet_mmap.py receive INTERFACE COUNT BYTES  writes a line into the file /run/received for
                                                  each packet from another host: protocol,
                                                  type, length and the first BYTES bytes
    packet_mmap.py send INTERFACE PROTOCOL HEX... sends these packets by one system call

It creates the file /run/ready when it is ready to receive.
"""

import mmap
import select
import socket
import struct
import sys

SOL_PACKET, RX_RING, STATISTICS, VERSION, TX_RING = 263, 5, 6, 10, 13
ALL, OUTGOING = 3, 4
# A block holds ten large packets, or fewer if its timeout expires before.
BLOCK, BLOCKS, FRAME = 1 << 14, 64, 1 << 11
# struct tpacket3_hdr. A packet to be sent begins behind it.
HEADER = struct.Struct("=6IHH")
BEHIND_HEADER = 48
TO_USER = SEND_REQUEST = 1


def ring(interface: str, protocol: int, which: int):
    """Returns a socket on the interface, and its ring."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.setsockopt(SOL_PACKET, VERSION, 2)
    frames = BLOCK * BLOCKS // FRAME
    # The kernel hands over a block that is not full after 20 ms.
    timeout = 20 if which == RX_RING else 0
    sock.setsockopt(SOL_PACKET, which,
                    struct.pack("7I", BLOCK, BLOCKS, FRAME, frames, timeout, 0, 0))
    memory = mmap.mmap(sock.fileno(), BLOCK * BLOCKS, mmap.MAP_SHARED)
    sock.bind((interface, protocol))
    return sock, memory


def packets(block):
    """Yields the packets of a block: (protocol, type, length, captured bytes)."""
    count, at = struct.unpack_from("=II", block, 12)
    for _ in range(count):
        next_offset, _, _, captured, length, _, mac, _ = HEADER.unpack_from(block, at)
        protocol, = struct.unpack_from(">H", block, at + BEHIND_HEADER + 2)
        kind = block[at + BEHIND_HEADER + 10]
        yield protocol, kind, length, block[at + mac:at + mac + captured]
        at += next_offset


def receive(interface: str, count: int, shown: int):
    """Writes a line for each packet, until there are enough."""
    sock, memory = ring(interface, ALL, RX_RING)
    written = open("/run/received", "w", encoding="ascii")
    with open("/run/ready", "w", encoding="ascii"):
        pass
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    number = 0
    while count > 0:
        status, = struct.unpack_from("=I", memory, number * BLOCK + 8)
        if not status & TO_USER:
            poll.poll()
            continue
        block = memory[number * BLOCK:(number + 1) * BLOCK]
        for protocol, kind, length, data in packets(block):
            if kind != OUTGOING:
                print(f"{protocol:#06x} {kind} {length} {data[:shown].hex()}",
                      file=written, flush=True)
                count -= 1
        struct.pack_into("=I", memory, number * BLOCK + 8, 0)
        number = (number + 1) % BLOCKS
    _, dropped, _ = struct.unpack("3I", sock.getsockopt(SOL_PACKET, STATISTICS, 12))
    if dropped:
        sys.exit(f"{dropped} dropped")


def send(interface: str, protocol: int, *sent: bytes):
    """Sends packets from the ring."""
    sock, memory = ring(interface, protocol, TX_RING)
    for number, data in enumerate(sent):
        at = number * FRAME
        memory[at + BEHIND_HEADER:at + BEHIND_HEADER + len(data)] = data
        HEADER.pack_into(memory, at, 0, 0, 0, len(data), len(data), SEND_REQUEST, 0, 0)
    sock.send(b"")
    left = [struct.unpack_from("=I", memory, number * FRAME + 20)[0]
            for number in range(len(sent))]
    if any(left):
        sys.exit(f"not sent: {left}")


if sys.argv[1] == "receive":
    receive(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
else:
    send(sys.argv[2], int(sys.argv[3], 0), *map(bytes.fromhex, sys.argv[4:]))
