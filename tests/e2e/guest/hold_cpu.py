# SPDX-License-Identifier: GPL-2.0
"""
hold_cpu.py FOLDER PROCESSOR ADDRESS COUNT: sends that many datagrams, the second and all later
ones while another processor takes no interrupts. Between taking it and releasing it nothing
happens that would wait for that processor.
"""

import os
import socket
import sys

folder, processor, address, count = sys.argv[1:]
numbers = range(int(count) - 1)
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
hold, release = (os.open(f"{folder}/{name}", os.O_WRONLY) for name in ("hold", "release"))
# What the first one needs is there for the others.
sock.sendto(b"", (address, 9))
os.write(hold, processor.encode())
for number in numbers:
    sock.sendto(b"", (address, 9))
os.write(release, b"1")
