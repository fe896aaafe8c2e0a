# SPDX-License-Identifier: GPL-2.0
"""
hold_cpu.py FOLDER PROCESSOR ADDRESS COUNT

Sends COUNT datagrams, all but the first one while another processor takes no interrupts.
While it holds that processor, it does nothing that would wait for it.
"""

import os
import socket
import sys

folder, processor, address, count = sys.argv[1:]
numbers = range(int(count) - 1)
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
hold, release = (os.open(f"{folder}/{name}", os.O_WRONLY) for name in ("hold", "release"))
# The first datagram sets up what the others need.
sock.sendto(b"", (address, 9))
os.write(hold, processor.encode())
for number in numbers:
    sock.sendto(b"", (address, 9))
os.write(release, b"1")
