# SPDX-License-Identifier: GPL-2.0
"""
A generic netlink client for the family, by the specification. It runs in a machine.

Standard input has one JSON object per line: {"do": COMMAND, "attrs": {..}}, {"dump": ..}
or {"raw": COMMAND, "hex": attributes}. "between" lists requests (objects) that another
socket makes, or commands (strings) that a shell runs, after the first datagram of the
answer. Standard output has one answer per line: {"errno": NAME or "", "text": the extack
message, "attr": the bad attribute, "missing": the missing one, "replies": [..]}, and
"interrupted": true for an inconsistent dump.

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
ACK, DUMP, REQUEST, DUMP_INTR, NESTED = 4, 0x300, 1, 0x10, 0x8000
# Names may contain any bytes.
ANY = "surrogateescape"


def attribute(number: int, payload: bytes) -> bytes:
    """Returns an attribute with padding."""
    data = struct.pack("=HH", len(payload) + 4, number) + payload
    return data + bytes(-len(data) % 4)


def attributes(data: bytes) -> list:
    """Returns the number and the payload of each attribute."""
    found = []
    while len(data) >= 4:
        length, number = struct.unpack_from("=HH", data)
        found.append((number & 0x3fff, data[4:length]))
        data = data[(length + 3) & ~3:]
    return found


def encode(attrs: dict, which: str = "muennet") -> bytes:
    """Encodes the attributes of a request, given by name. Binary ones are hexadecimal."""
    out = b""
    for name, value in attrs.items():
        info = SPEC["sets"][which][name]
        number = info["value"]
        if info["type"] == "nest":
            number, payload = number | NESTED, encode(value, info["nest"])
        elif info["type"] == "string":
            payload = value.encode(errors=ANY) + b"\0"
        elif info["type"] == "binary":
            payload = bytes.fromhex(value)
        elif info["type"] == "flag":
            payload = b""
        else:
            payload = struct.pack("=i" if info["type"] == "s32" else "=I", value)
        out += attribute(number, payload)
    return out


def decode(data: bytes, which: str = "muennet") -> dict:
    """Decodes the attributes of a message, by name."""
    table = {info["value"]: (name, info) for name, info in SPEC["sets"][which].items()}
    out = {}
    for number, payload in attributes(data):
        name, info = table[number]
        if name == "user":
            # The only one of which there may be several.
            out.setdefault(name, []).append(decode(payload, info["nest"]))
        elif info["type"] == "nest":
            out[name] = decode(payload, info["nest"])
        elif info["type"] == "string":
            out[name] = payload.rstrip(b"\0").decode(errors=ANY)
        elif info["type"] == "flag":
            out[name] = True
        elif info["type"] == "binary":
            out[name] = payload.hex()
        else:
            out[name] = int.from_bytes(payload, sys.byteorder, signed=info["type"] == "s32")
    return out


class Client:
    """A netlink socket and the numbers of the family."""

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
        """Yields the messages of one datagram: type, flags, body."""
        # The kernel makes no datagram of a dump larger than this: a long dump has several.
        data = self.socket.recv(8192)
        while len(data) >= 16:
            length, kind, flags, _, _ = struct.unpack_from("=IHHII", data)
            yield kind, flags, data[16:length]
            data = data[(length + 3) & ~3:]

    def ask(self, kind: int, flags: int, command: int, data: bytes, read, between=()) -> dict:
        """Sends a request, and returns its answer."""
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
                    # An error message repeats the header of the request.
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
        """Adds the attributes of the extended ack to an answer."""
        by = {info["value"]: name for name, info in SPEC["sets"]["muennet"].items()}
        for number, payload in attributes(tlvs):
            if number == 1:
                answer["text"] = payload.rstrip(b"\0").decode()
            elif number == 2:
                offset = struct.unpack("=I", payload)[0] - 20
                answer["attr"] = by.get(struct.unpack_from("=HH", request, offset)[1] & 0x3fff, "?")
            elif number == 5:
                answer["missing"] = by.get(struct.unpack("=I", payload)[0], "?")

    def resolve(self):
        """Returns the numbers of the family and of its groups."""
        answer = self.ask(16, ACK, 3, attribute(2, b"muennet\0"), lambda body: dict(
            attributes(body[4:])))
        if answer["errno"]:
            print(json.dumps(answer))
            sys.exit(3)
        found = answer["replies"][0]
        groups = [dict(attributes(group)) for _, group in attributes(found.get(7, b""))]
        return struct.unpack("=H", found[1])[0], [struct.unpack("=I", g[2])[0] for g in groups]

    def run(self, request: dict) -> dict:
        """Makes one request."""
        flags = DUMP if "dump" in request else ACK
        name = request.get("do") or request.get("dump") or request["raw"]
        data = bytes.fromhex(request["hex"]) if "hex" in request else encode(
            request.get("attrs", {}))
        return self.ask(self.family, flags, SPEC["commands"][name], data,
                        lambda body: decode(body[4:]), request.get("between", ()))

    def monitor(self, path: str):
        """Writes notifications into a file. Never returns."""
        file = open(path, "w", encoding="ascii")
        def write(**what):
            print(json.dumps(what), file=file, flush=True)
        for group in self.groups:
            self.socket.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group)
        write(listening=True)
        while True:
            try:
                for _, _, body in self.messages():
                    write(name=NAMES[body[0]], **decode(body[4:]))
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                write(lost=True)


def main():
    """Makes the requests of standard input."""
    client = Client()
    if sys.argv[1:2] == ["monitor"]:
        client.monitor(sys.argv[2])
        return
    for line in sys.stdin:
        print(json.dumps(client.run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
