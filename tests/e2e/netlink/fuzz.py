# SPDX-License-Identifier: GPL-2.0
"""
Sends random messages that are almost valid to the netlink family and to rtnetlink. It
runs in a machine. Arguments: seed, number of messages, and "all" to also change the
interfaces that other tests need, for users that have no right to do so. Prints the number
of answers: {"answers": {errno or "done": count}}.
"""

import collections
import errno
import json
import os
import random
import socket
import struct
import sys

from client import ACK, DUMP, NESTED, REQUEST, SPEC, Client, attribute

RTM_NEWLINK, RTM_DELLINK, RTM_SETLINK, CREATE, EXCL = 16, 17, 19, 0x400, 0x200
ADDRESS, IFNAME, MTU, LINK, TXQLEN, LINKINFO, NET_NS_PID, IFALIAS, GROUP, NET_NS_FD, \
    NUM_TX_QUEUES, NUM_RX_QUEUES, LINK_NETNSID, TARGET_NETNSID = \
    1, 3, 4, 5, 13, 18, 19, 20, 27, 28, 31, 32, 37, 46
MTUS = (0, 67, 68, 1400, 1500, 65535, 1 << 31)
# A namespace for children to move to, if it exists.
OTHER_NETNS = "/run/netns/fuzz"
NAMES = (b"net0", b"net0", b"child0", b"child1", b"fuzz0", b"fuzz1", b"fuzz2", b"lo", b"", b"a/b",
         b"%d", b"fuzz%d", b"fuzz%s", b".", b"..", b"x" * 15, b"x" * 16, b"x" * 300, b"\xff\xfe",
         b"a b", b"a:b", b"\0")
NUMBERS = (0, 1, 2, 3, 24, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff)


# The operations that add, change or delete a main interface.
MAIN = [SPEC["commands"][name] for name in ("dev-add", "dev-set", "dev-del")]


class Fuzzer:
    """Makes messages and counts answers."""

    def __init__(self, seed: int, everything: bool):
        self.random, self.everything = random.Random(seed), everything
        place = OTHER_NETNS if os.access(OTHER_NETNS, os.R_OK) else "/proc/self/ns/net"
        self.netns = os.open(place, os.O_RDONLY)
        self.client = Client()
        self.route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        for sock in (self.route, self.client.socket):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.sequence = 1000
        self.answers = collections.Counter()

    def usually(self) -> bool:
        """Returns true in nine of ten cases."""
        return self.random.random() < 0.9

    def payload(self, kind: str) -> bytes:
        """Returns a value of this type, or something else."""
        draw = self.random
        if not self.usually():
            return draw.randbytes(draw.randrange(40))
        if kind == "string":
            return draw.choice(NAMES) + (b"\0" if self.usually() else b"")
        if kind == "nest":
            return self.attributes(draw.choice(list(SPEC["sets"])), 1)
        if kind == "flag":
            return b""
        if kind == "binary":
            return draw.randbytes(6)
        return struct.pack("=I", draw.choice(NUMBERS))

    def attributes(self, which: str = "muennet", depth: int = 0) -> bytes:
        """Returns random attributes of a set, nested once at most."""
        draw, table, out = self.random, list(SPEC["sets"][which].values()), b""
        for _ in range(draw.randrange(6)):
            info = draw.choice(table)
            if info["type"] == "nest" and depth:
                continue
            number = info["value"] if self.usually() else draw.randrange(1 << 16)
            if info["type"] == "nest" and self.usually():
                number |= NESTED
            data = attribute(number, self.payload(info["type"]))
            if not self.usually():
                # A wrong length.
                data = struct.pack("=H", draw.randrange(1 << 16)) + data[2:]
            out += data
        return out if self.usually() else out + draw.randbytes(draw.randrange(8))

    def likely(self, command: int) -> bytes:
        """Returns the attributes of a request that is likely to succeed."""
        ids, draw = {name: info["value"] for name, info in SPEC["sets"]["muennet"].items()}, \
            self.random
        if command in MAIN:
            name = draw.choice((b"fuzz3\0", b"fuzz4\0"))
            parts = [attribute(ids["poll"], struct.pack("=I", draw.choice((49, 50, 4000))))]
            bits = draw.randrange(16)
            parts += [attribute(ids["settings"], struct.pack("=I", bits))]
            if command == SPEC["commands"]["dev-add"]:
                parts += [attribute(ids["mode"], struct.pack("=I", draw.randrange(5)))]
            else:
                parts += [attribute(ids["settings-mask"], struct.pack("=I", bits))]
            out = attribute(ids["ifname"], name)
            if command == SPEC["commands"]["dev-add"] and self.usually():
                out += attribute(ids["in-channel"] | NESTED, self.channel())
            if command == SPEC["commands"]["dev-del"]:
                return out
            return out + b"".join(part for part in parts if draw.random() < 0.5)
        child = draw.choice((b"fuzz0", b"fuzz1", b"fuzz2"))
        parts = [attribute(ids["parent-ifname"], b"net0\0"),
                 attribute(ids["ifname"], child + b"\0"),
                 attribute(ids["from-ifname"], draw.choice((b"fuzz0\0", b"fuzz1\0"))),
                 attribute(ids["mark"], struct.pack("=I", draw.randrange(1, 6)))]
        return b"".join(part for part in parts if draw.random() < 0.7)

    def channel(self) -> bytes:
        """Returns the attributes of a channel that a new interface can read."""
        ids = {name: info["value"] for name, info in SPEC["sets"]["channel"].items()}
        return attribute(ids["name"], self.random.choice((b"left_in\0", b"right_in\0"))) + \
            attribute(ids["configured-protocol"], struct.pack("=I", 2))

    def generic(self):
        """Sends a message to the family."""
        draw = self.random
        known = list(SPEC["commands"].values())
        command = draw.choice(known) if self.usually() else draw.randrange(256)
        flags = ACK | (DUMP if draw.random() < 0.2 else 0)
        flags = flags if self.usually() else draw.randrange(1 << 12) | ACK
        body = struct.pack("=BBH", command, 1 if self.usually() else draw.randrange(256), 0)
        body += self.likely(command) if draw.random() < 0.5 else self.attributes()
        if not self.everything and command in MAIN:
            # Other tests need these two.
            body = body.replace(b"net0", b"fuz0").replace(b"net1", b"fuz1")
        if not self.usually():
            body = body[:draw.randrange(len(body) + 1)]
        self.exchange(self.client.socket, self.client.family, flags, body)

    def kind(self) -> bytes:
        """Returns a link kind, and sometimes random data for this kind."""
        info = attribute(1, b"muennet\0" if self.usually() else self.random.choice(NAMES))
        if self.random.random() < 0.3:
            info += attribute(2, self.random.randbytes(self.random.randrange(30)))
        return attribute(LINKINFO | (1 << 15), info)

    def namespaces(self) -> bytes:
        """Returns attributes that name a namespace, in few cases."""
        draw, out = self.random, b""
        for number, values in ((NET_NS_FD, (self.netns, self.netns, 0, -1)),
                               (NET_NS_PID, (1, os.getpid(), 0, 1 << 30)),
                               (LINK_NETNSID, (0, 1, -1, 77)), (TARGET_NETNSID, (0, 1, -1, 77))):
            if draw.random() < 0.08:
                out += attribute(number, struct.pack("=i", draw.choice(values)))
        return out

    def add(self):
        """Asks rtnetlink to create a link of the kind, or to change an existing one."""
        draw = self.random
        index = int(open("/sys/class/net/net0/ifindex", encoding="ascii").read())
        body = struct.pack("=BxHiII", 0, 0, 0, draw.choice((0, 1)), draw.choice((0, 1)))
        if self.usually():
            lower = index if self.usually() else draw.choice(NUMBERS)
            body += attribute(LINK, struct.pack("=I", lower))
        if self.usually():
            body += attribute(IFNAME, draw.choice(NAMES) + b"\0")
        if draw.random() < 0.3:
            body += attribute(MTU, struct.pack("=I", draw.choice(MTUS)))
        for number in (NUM_TX_QUEUES, NUM_RX_QUEUES):
            if draw.random() < 0.1:
                body += attribute(number, struct.pack("=I", draw.choice((1, 4, *NUMBERS))))
        flags = CREATE | EXCL if draw.random() < 0.7 else draw.choice((0, CREATE, EXCL))
        self.exchange(self.route, RTM_NEWLINK, ACK | flags, body + self.kind() + self.namespaces())

    def change(self):
        """Asks rtnetlink to change a link."""
        draw = self.random
        name = draw.choice((b"fuzz0", b"fuzz1", b"fuzz2", b"child0", b"net0", b"net1", b"lo"))
        free = self.everything or name.startswith(b"fuzz")
        index = 0
        if draw.random() < 0.5:
            try:
                index = socket.if_nametoindex(name.decode())
            except OSError:
                # No interface has one of these indices; a small one may be that of net1.
                index = draw.choice((1 << 29, 1 << 30))
        flags = draw.getrandbits(16) if free else draw.choice((0, 1))
        mask = draw.choice((0, 1, 0xffffffff)) if free else 1
        body = struct.pack("=BxHiII", 0, 0, index, flags, mask)
        if not index:
            body += attribute(IFNAME, name + b"\0")
        elif free and draw.random() < 0.3:
            body += attribute(IFNAME, draw.choice(NAMES) + b"\0")
        for number, payload in ((MTU, struct.pack("=I", draw.choice(MTUS))),
                                (IFALIAS, draw.choice(NAMES)),
                                (TXQLEN, struct.pack("=I", draw.choice((0, 10, 1000)))),
                                (ADDRESS, draw.randbytes(draw.randrange(10)) if free else b""),
                                (GROUP, struct.pack("=I", draw.choice(NUMBERS) if free else 0))):
            if draw.random() < 0.2:
                body += attribute(number, payload)
        if draw.random() < 0.3:
            body += self.kind()
        kind, flags = draw.choice(((RTM_SETLINK, 0), (RTM_NEWLINK, 0), (RTM_NEWLINK, CREATE)))
        self.exchange(self.route, kind, ACK | flags, body + (self.namespaces() if free else b""))

    def remove(self):
        """Asks rtnetlink to delete a link."""
        name = self.random.choice((b"net0", b"fuzz0", b"fuzz1", b"fuzz2", b"child0", b"nobody"))
        body = struct.pack("=BxHiII", 0, 0, 0, 0, 0) + attribute(IFNAME, name + b"\0")
        self.exchange(self.route, RTM_DELLINK, ACK, body)

    def exchange(self, sock: socket.socket, kind: int, flags: int, body: bytes):
        """Sends a message and waits for the end of the answer."""
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


fuzzer = Fuzzer(int(sys.argv[1]), sys.argv[3:] == ["all"])
for _ in range(int(sys.argv[2])):
    fuzzer.random.choices((fuzzer.generic, fuzzer.add, fuzzer.change, fuzzer.remove),
                          (70, 12, 12, 6))[0]()
print(json.dumps({"answers": fuzzer.answers}))
