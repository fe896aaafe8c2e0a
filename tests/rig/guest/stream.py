# SPDX-License-Identifier: GPL-2.0
"""
One TCP connection, of which the receiver checks every byte.

    stream.py serve ADDRESS PORT        prints {"received", "intact"}
    stream.py send ADDRESS PORT BYTES   prints {"sent"}; 0 bytes: until SIGTERM

The sender ends when the receiver has read all that was sent.
"""

import json
import random
import signal
import socket
import sys

# A row of bytes that repeats at no power of two.
ROW = random.Random(1).randbytes(65521)
TWICE = ROW * 2
RUNNING = [True]


def stop(*_):
    """Ends an endless stream."""
    RUNNING[0] = False


def serve(address: str, port: int) -> dict:
    """Receives all of one connection."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection, _ = socket.create_server((address, port), family=family).accept()
    received, intact = 0, True
    while data := connection.recv(len(ROW)):
        at = received % len(ROW)
        intact &= data == TWICE[at:at + len(data)]
        received += len(data)
    return {"received": received, "intact": intact}


def send(address: str, port: int, count: int) -> dict:
    """Sends, and waits until all of it is read."""
    signal.signal(signal.SIGTERM, stop)
    connection = socket.create_connection((address, port))
    sent = 0
    while sent < count or not count and RUNNING[0]:
        data = ROW[:count - sent] if count else ROW
        connection.sendall(data)
        sent += len(data)
    connection.shutdown(socket.SHUT_WR)
    # The receiver says nothing and closes its end.
    connection.recv(1)
    return {"sent": sent}


if sys.argv[1] == "serve":
    print(json.dumps(serve(sys.argv[2], int(sys.argv[3]))))
else:
    print(json.dumps(send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
