# SPDX-License-Identifier: GPL-2.0
"""
Receives numbered datagrams with a checksum (rig/packets.py) on a UDP port until SIGTERM.
Prints {"received", "bad", "numbers"}; "numbers" are ranges [first, last] of numbers in
the order of arrival.
"""

import json
import signal
import socket
import struct
import sys
import zlib

RUNNING = [True]
SO_RCVBUFFORCE = 33


def stop(*_):
    """Ends the loop."""
    RUNNING[0] = False


def main(port: int):
    """Receives."""
    signal.signal(signal.SIGTERM, stop)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    sock.bind(("", port))
    sock.settimeout(0.2)
    data, bad = [], 0
    while True:
        try:
            data.append(sock.recv(65536))
        except TimeoutError:
            # Ends only when the socket is empty, so that no datagram is lost.
            if not RUNNING[0]:
                break
    ranges = []
    for datagram in data:
        body, check = datagram[:-4], datagram[-4:]
        if len(body) < 8 or struct.pack("<I", zlib.crc32(body)) != check:
            bad += 1
            continue
        number, = struct.unpack_from("<Q", body)
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    json.dump({"received": len(data), "bad": bad, "numbers": ranges}, sys.stdout)


main(int(sys.argv[1]))
