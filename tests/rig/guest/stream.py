# SPDX-License-Identifier: GPL-2.0
"""
One TCP connection. The receiver checks every byte.

    stream.py serve ADDRESS PORT        prints {"received", "intact"}
    stream.py send ADDRESS PORT BYTES   prints {"sent"}; 0 bytes: until SIGTERM

The sender ends when the receiver has read everything.
"""

import json
import random
import signal
import socket
import sys

# A pattern whose period is not a power of two.
PATTERN = random.Random(1).randbytes(65521)
TWICE = PATTERN * 2
RUNNING = [True]


def stop(*_):
    """Ends an endless stream."""
    RUNNING[0] = False


def serve(address: str, port: int) -> dict:
    """Receives until the connection ends."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection, _ = socket.create_server((address, port), family=family).accept()
    received, intact = 0, True
    while data := connection.recv(len(PATTERN)):
        at = received % len(PATTERN)
        intact &= data == TWICE[at:at + len(data)]
        received += len(data)
    return {"received": received, "intact": intact}


def send(address: str, port: int, count: int) -> dict:
    """Sends, and waits until the receiver has read everything."""
    signal.signal(signal.SIGTERM, stop)
    connection = socket.create_connection((address, port))
    sent = 0
    while sent < count or not count and RUNNING[0]:
        data = PATTERN[:count - sent] if count else PATTERN
        connection.sendall(data)
        sent += len(data)
    connection.shutdown(socket.SHUT_WR)
    # The receiver sends nothing and closes the connection.
    connection.recv(1)
    return {"sent": sent}


if sys.argv[1] == "serve":
    print(json.dumps(serve(sys.argv[2], int(sys.argv[3]))))
else:
    print(json.dumps(send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
