# SPDX-License-Identifier: GPL-2.0
"""
Ping-pong of UDP datagrams, one at a time. An end sends only after the answer of the other
one, so a lost wake-up stops the exchange.

    pingpong.py serve PORT            answers until SIGTERM
    pingpong.py ADDRESS PORT COUNT    prints {"answered", "slowest_ms"}; ends at
                                      the first lost answer
"""

import json
import socket
import sys
import time

# Seconds until an answer counts as lost. On the busiest machine none takes longer.
ANSWER_SECONDS = 100


def serve(port: int):
    """Sends each datagram back."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", port))
    while True:
        data, sender = sock.recvfrom(2048)
        sock.sendto(data, sender)


def play(address: str, port: int, count: int):
    """Sends datagrams and waits for each answer."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((address, port))
    sock.settimeout(ANSWER_SECONDS)
    answered, slowest = 0, 0.0
    for number in range(count):
        begin = time.monotonic()
        sock.send(number.to_bytes(8, "little"))
        try:
            if sock.recv(2048) != number.to_bytes(8, "little"):
                break
        except TimeoutError:
            break
        answered += 1
        slowest = max(slowest, time.monotonic() - begin)
    json.dump({"answered": answered, "slowest_ms": slowest * 1000}, sys.stdout)


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    play(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
