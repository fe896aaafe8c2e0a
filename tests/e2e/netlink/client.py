# SPDX-License-Identifier: GPL-2.0
"""
A generic netlink client for the family, by the specification: it runs in a
machine. Standard input: one JSON object a line, {"do": COMMAND, "attrs": {..}},
{"dump": ..} or {"raw": COMMAND, "hex": attributes}; "between" lists what another socket asks for
(objects) or shells do (strings) when the first datagram has come. Answers likewise:
{"errno": NAME or "", "text": extack, "attr": the attribute to blame, "missing":
the one that is not there, "replies": [..]}, and "interrupted": true if it is not in one piece.
`monitor FILE` writes notifications into a file instead, until it is killed.
"""

import errno
import json
import os
import socket
import struct
import subprocess
import sys

SPEC = json.load(open(os.path.dirname(os.path.abspath(__file__)) + "/spec.json", encoding="ascii"))
NAMES = {number: name for name, number in SPEC["commands"].items()}
SOL_NETLINK, ADD_MEMBERSHIP, CAP_ACK, EXT_ACK, STRICT = 270, 1, 10, 11, 12
ACK, DUMP, REQUEST, DUMP_INTR = 4, 0x300, 1, 0x10
# Names are bytes of any kind.
ANY = "surrogateescape"


def attribute(number: int, payload: bytes) -> bytes:
    """One attribute, padded."""
    data = struct.pack("=HH", len(payload) + 4, number) + payload
    return data + bytes(-len(data) % 4)


def attributes(data: bytes) -> list:
    """Pairs of number and payload."""
    found = []
    while len(data) >= 4:
        length, number = struct.unpack_from("=HH", data)
        found.append((number & 0x3fff, data[4:length]))
        data = data[(length + 3) & ~3:]
    return found


def encode(attrs: dict) -> bytes:
    """Attributes of a request by their names."""
    out = b""
    for name, value in attrs.items():
        info = SPEC["sets"]["muennet"][name]
        if info["type"] == "string":
            payload = value.encode(errors=ANY) + b"\0"
        else:
            payload = struct.pack("=i" if info["type"] == "s32" else "=I", value)
        out += attribute(info["value"], payload)
    return out


def decode(data: bytes, which: str = "muennet") -> dict:
    """Attributes of a message by their names."""
    table = {info["value"]: (name, info) for name, info in SPEC["sets"][which].items()}
    out = {}
    for number, payload in attributes(data):
        name, info = table[number]
        if info["type"] == "nest":
            out[name] = decode(payload, info["nest"])
        elif info["type"] == "string":
            out[name] = payload.rstrip(b"\0").decode(errors=ANY)
        elif info["type"] == "flag":
            out[name] = True
        else:
            out[name] = int.from_bytes(payload, sys.byteorder, signed=info["type"] == "s32")
    return out


class Client:
    """A socket."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.socket.bind((0, 0))
        for option in (CAP_ACK, EXT_ACK, STRICT):
            self.socket.setsockopt(SOL_NETLINK, option, 1)
        self.sequence = 0
        self.family, self.groups = self.resolve()

    def send(self, kind: int, flags: int, command: int, data: bytes):
        """Sends a request."""
        self.sequence += 1
        body = struct.pack("=BBH", command, 1, 0) + data
        self.socket.send(struct.pack("=IHHII", len(body) + 16, kind, flags | REQUEST,
                                     self.sequence, 0) + body)

    def messages(self):
        """The messages of one datagram: type, flags, body."""
        # A datagram of a dump is at most as large as this buffer: a long dump has several.
        data = self.socket.recv(8192)
        while len(data) >= 16:
            length, kind, flags, _, _ = struct.unpack_from("=IHHII", data)
            yield kind, flags, data[16:length]
            data = data[(length + 3) & ~3:]

    def ask(self, kind: int, flags: int, command: int, data: bytes, read, between=()) -> dict:
        """Sends a request and takes its answers."""
        self.send(kind, flags, command, data)
        answer = {"errno": "", "text": "", "attr": "", "missing": "", "replies": []}
        while True:
            for got, got_flags, body in self.messages():
                if got_flags & DUMP_INTR:
                    answer["interrupted"] = True
                if got not in (2, 3):
                    answer["replies"].append(read(body))
                    continue
                code, = struct.unpack_from("=i", body)
                if code:
                    answer["errno"] = errno.errorcode[-code]
                if got_flags & 0x200:
                    # The header of the request follows where there is an error.
                    self.extack(answer, body[4 + 16 if got == 2 else 4:], data)
                return answer
            for step in between:
                if isinstance(step, str):
                    subprocess.run(step, shell=True, check=True)
                else:
                    Client().run(step)
            between = ()

    @staticmethod
    def extack(answer: dict, tlvs: bytes, request: bytes):
        """What the kernel says besides."""
        by = {info["value"]: name for name, info in SPEC["sets"]["muennet"].items()}
        for number, payload in attributes(tlvs):
            if number == 1:
                answer["text"] = payload.rstrip(b"\0").decode()
            elif number == 2:
                offset = struct.unpack("=I", payload)[0] - 20
                answer["attr"] = by.get(struct.unpack_from("=HH", request, offset)[1], "?")
            elif number == 5:
                answer["missing"] = by.get(struct.unpack("=I", payload)[0], "?")

    def resolve(self):
        """The family's number and groups."""
        answer = self.ask(16, ACK, 3, attribute(2, b"muennet\0"), lambda body: dict(
            attributes(body[4:])))
        if answer["errno"]:
            print(json.dumps(answer))
            sys.exit(3)
        found = answer["replies"][0]
        groups = [dict(attributes(group)) for _, group in attributes(found.get(7, b""))]
        return struct.unpack("=H", found[1])[0], [struct.unpack("=I", g[2])[0] for g in groups]

    def run(self, request: dict) -> dict:
        """Does one request."""
        flags = DUMP if "dump" in request else ACK
        name = request.get("do") or request.get("dump") or request["raw"]
        data = bytes.fromhex(request["hex"]) if "hex" in request else encode(
            request.get("attrs", {}))
        return self.ask(self.family, flags, SPEC["commands"][name], data,
                        lambda body: decode(body[4:]), request.get("between", ()))

    def monitor(self, path: str):
        """Writes notifications down, for ever."""
        file = open(path, "w", encoding="ascii")
        def tell(**what):
            print(json.dumps(what), file=file, flush=True)
        for group in self.groups:
            self.socket.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group)
        tell(listening=True)
        while True:
            try:
                for _, _, body in self.messages():
                    tell(name=NAMES[body[0]], **decode(body[4:]))
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                tell(lost=True)


def main():
    """Answers what is asked."""
    client = Client()
    if sys.argv[1:2] == ["monitor"]:
        client.monitor(sys.argv[2])
        return
    for line in sys.stdin:
        print(json.dumps(client.run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
