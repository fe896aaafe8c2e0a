# SPDX-License-Identifier: GPL-2.0
"""
Ping-pong of UDP datagrams, one at a time: nothing but the other end's answer
makes this end go on, so that a wake-up that is lost is seen.

    pingpong.py serve PORT            answers until SIGTERM
    pingpong.py ADDRESS PORT COUNT    prints {"answered", "slowest_ms"}; ends at
                                      the first one that is not answered
"""

import json
import socket
import sys
import time

# Seconds until an answer is lost: no machine is so busy that one takes longer.
ANSWER = 100


def serve(port: int):
    """Sends everything back."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", port))
    while True:
        data, sender = sock.recvfrom(2048)
        sock.sendto(data, sender)


def play(address: str, port: int, count: int):
    """Plays."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((address, port))
    sock.settimeout(ANSWER)
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
