# SPDX-License-Identifier: GPL-2.0
"""
Random messages that are nearly right, to the netlink family and to rtnetlink;
it runs in a machine. Arguments: seed, number of messages. Prints what came
back: {"answers": {errno or "done": count}}.
"""

import collections
import errno
import json
import random
import socket
import struct
import sys

from client import ACK, DUMP, REQUEST, SPEC, Client, attribute

RTM_NEWLINK, RTM_DELLINK, CREATE, EXCL = 16, 17, 0x400, 0x200
NAMES = (b"net0", b"net0", b"child0", b"child1", b"fuzz0", b"fuzz1", b"fuzz2", b"lo", b"", b"a/b",
         b"%d", b"fuzz%d", b"fuzz%s", b".", b"..", b"x" * 15, b"x" * 16, b"x" * 300, b"\xff\xfe",
         b"a b", b"a:b", b"\0")
NUMBERS = (0, 1, 2, 3, 24, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff)


class Fuzzer:
    """Makes messages and counts answers."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.client = Client()
        self.route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        for sock in (self.route, self.client.socket):
            sock.settimeout(20)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.sequence = 1000
        self.answers = collections.Counter()

    def often(self) -> bool:
        """True nine times out of ten."""
        return self.random.random() < 0.9

    def payload(self, kind: str) -> bytes:
        """A value of this kind, or something else."""
        draw = self.random
        if not self.often():
            return draw.randbytes(draw.randrange(40))
        if kind == "string":
            return draw.choice(NAMES) + (b"\0" if self.often() else b"")
        if kind == "nest":
            return self.attributes(draw.choice(list(SPEC["sets"])), 1)
        if kind == "flag":
            return b""
        return struct.pack("=I", draw.choice(NUMBERS))

    def attributes(self, which: str = "muennet", depth: int = 0) -> bytes:
        """Some attributes of a set; few of them nest."""
        draw, table, out = self.random, list(SPEC["sets"][which].values()), b""
        for _ in range(draw.randrange(6)):
            info = draw.choice(table)
            if info["type"] == "nest" and depth:
                continue
            number = info["value"] if self.often() else draw.randrange(1 << 16)
            data = attribute(number, self.payload(info["type"]))
            if not self.often():
                # A length that lies.
                data = struct.pack("=H", draw.randrange(1 << 16)) + data[2:]
            out += data
        return out if self.often() else out + draw.randbytes(draw.randrange(8))

    def likely(self) -> bytes:
        """The attributes of a request that may well succeed."""
        ids, draw = {name: info["value"] for name, info in SPEC["sets"]["muennet"].items()}, \
            self.random
        child = draw.choice((b"fuzz0", b"fuzz1", b"fuzz2"))
        parts = [attribute(ids["parent-ifname"], b"net0\0"), attribute(ids["ifname"], child + b"\0"),
                 attribute(ids["from-ifname"], draw.choice((b"fuzz0\0", b"fuzz1\0"))),
                 attribute(ids["mark"], struct.pack("=I", draw.randrange(1, 6)))]
        return b"".join(part for part in parts if draw.random() < 0.7)

    def generic(self):
        """A message to the family."""
        draw = self.random
        known = list(SPEC["commands"].values())
        command = draw.choice(known) if self.often() else draw.randrange(256)
        flags = ACK | (DUMP if draw.random() < 0.2 else 0)
        flags = flags if self.often() else draw.randrange(1 << 12) | ACK
        body = struct.pack("=BBH", command, 1 if self.often() else draw.randrange(256), 0)
        body += self.likely() if draw.random() < 0.5 else self.attributes()
        if not self.often():
            body = body[:draw.randrange(len(body) + 1)]
        self.exchange(self.client.socket, self.client.family, flags, body)

    def links(self):
        """A message to rtnetlink about a link of the kind."""
        draw = self.random
        index = int(open("/sys/class/net/net0/ifindex", encoding="ascii").read())
        if draw.random() < 0.7:
            info = attribute(1, b"muennet\0" if self.often() else draw.choice(NAMES))
            if draw.random() < 0.3:
                info += attribute(2, draw.randbytes(draw.randrange(30)))
            body = struct.pack("=BxHiII", 0, 0, 0, draw.choice((0, 1, 0xffffffff)), 0)
            if self.often():
                lower = index if self.often() else draw.choice(NUMBERS)
                body += attribute(5, struct.pack("=I", lower))
            if self.often():
                body += attribute(3, draw.choice(NAMES) + b"\0")
            if draw.random() < 0.3:
                body += attribute(4, struct.pack("=I", draw.choice((0, 68, 1500, 65535, 1 << 31))))
            body += attribute(18 | (1 << 15), info)
            self.exchange(self.route, RTM_NEWLINK, ACK | CREATE | EXCL, body)
        else:
            name = draw.choice((b"net0", b"fuzz0", b"fuzz1", b"fuzz2", b"nobody"))
            body = struct.pack("=BxHiII", 0, 0, 0, 0, 0) + attribute(3, name + b"\0")
            self.exchange(self.route, RTM_DELLINK, ACK, body)

    def exchange(self, sock: socket.socket, kind: int, flags: int, body: bytes):
        """Sends a message and waits for its end."""
        self.sequence += 1
        sock.send(struct.pack("=IHHII", len(body) + 16, kind, flags | REQUEST, self.sequence, 0)
                  + body)
        while True:
            data = sock.recv(1 << 18)
            while len(data) >= 16:
                length, got, _, sequence, _ = struct.unpack_from("=IHHII", data)
                if got in (2, 3) and sequence == self.sequence:
                    code, = struct.unpack_from("=i", data, 16)
                    self.answers[errno.errorcode.get(-code, str(code)) if code else "done"] += 1
                    return
                data = data[(length + 3) & ~3:]


fuzzer = Fuzzer(int(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    if fuzzer.random.random() < 0.8:
        fuzzer.generic()
    else:
        fuzzer.links()
print(json.dumps({"answers": fuzzer.answers}))
