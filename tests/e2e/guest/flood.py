# SPDX-License-Identifier: GPL-2.0
"""flood.py ADDRESS BYTES [SEGMENT]: sends datagrams for ever; SEGMENT is the GSO size."""

import socket
import sys

UDP_SEGMENT = 103

address, size, *segment = sys.argv[1:]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
if segment:
    sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, int(segment[0]))
while True:
    try:
        sock.sendto(bytes(int(size)), (address, 9))
    except OSError:
        # There is no route while the interface is down.
        pass
