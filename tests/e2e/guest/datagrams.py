# SPDX-License-Identifier: GPL-2.0
"""
Exchanges datagrams with the same program in another machine, until SIGTERM. Arguments:
the other machine's address, a seed, datagrams per second.

The datagrams have all sizes, also larger than an MTU. They have a checksum of their own
instead of UDP's, so that nothing on the path discards a corrupted datagram. Prints
{"sent", "received", "bad", "failed": datagrams that could not be sent}.
"""

import json
import os
import random
import signal
import socket
import sys
import time
import zlib

PORT, SO_NO_CHECK = 4100, 11
RUNNING = [True]


def stop(*_):
    """Ends the loop."""
    RUNNING[0] = False


def good(data: bytes) -> bool:
    """Returns whether the checksum of a datagram is correct."""
    return len(data) >= 4 and zlib.crc32(data[:-4]).to_bytes(4, "little") == data[-4:]


def main(address: str, seed: str, rate: str):
    """Sends and receives."""
    signal.signal(signal.SIGTERM, stop)
    rng, noise = random.Random(int(seed)), os.urandom(1 << 14)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
    sock.bind(("", PORT))
    sock.setblocking(False)
    counts = dict.fromkeys(("sent", "received", "bad", "failed"), 0)
    while RUNNING[0]:
        at, size = rng.randrange(1 << 13), rng.choice((0, 1, 24, 500, 1400, 1468, 4000, 8000))
        data = noise[at:at + size]
        try:
            sock.sendto(data + zlib.crc32(data).to_bytes(4, "little"), (address, PORT))
            counts["sent"] += 1
        except OSError:
            # There is no address, no link, or no memory at the moment.
            counts["failed"] += 1
        try:
            while True:
                counts["received"] += 1
                counts["bad"] += not good(sock.recv(1 << 16))
        except OSError:
            counts["received"] -= 1
        time.sleep(1 / int(rate))  # sleep: the rate of the datagrams
    print(json.dumps(counts))


main(*sys.argv[1:])
