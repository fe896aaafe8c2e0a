# SPDX-License-Identifier: GPL-2.0
"""
Runs one operation again and again, in a child with its N-th allocation failing,
until one runs through without having met its failure. Prints what came of it:
{"injected": how often one failed, "failed": {errno: how often the operation did}}.

    guest_faults.py OPERATION ARGUMENT FIRST STEP
"""

import ctypes
import errno
import fcntl
import json
import os
import socket
import struct
import sys

SYS_FINIT_MODULE, SYS_DELETE_MODULE = 313, 176
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFMTU = 0x8913, 0x8914, 0x8922
LIMIT = 5000
LIBC = ctypes.CDLL(None, use_errno=True)


def call(number, *arguments) -> int:
    """A system call: 0, or the errno."""
    return ctypes.get_errno() if LIBC.syscall(number, *arguments) < 0 else 0


def interface(request: int, name: str, value: bytes) -> int:
    """A request for an interface: 0, or the errno."""
    try:
        fcntl.ioctl(SOCKET, request, struct.pack("16s24s", name.encode(), value))
    except OSError as error:
        return error.errno
    return 0


def flags(name: str, up: int) -> int:
    """Sets an interface up or down."""
    return interface(SIOCSIFFLAGS, name, struct.pack("H", up))


class Load:
    """Loads the module; the argument is its parameters."""

    def __init__(self, argument: str):
        self.file = os.open("/root/muennet.ko", os.O_RDONLY)
        self.parameters = argument.encode()

    def run(self) -> int:
        return call(SYS_FINIT_MODULE, self.file, self.parameters, 0)

    def undo(self) -> int:
        return call(SYS_DELETE_MODULE, b"muennet", 0)


class Open:
    """Sets an interface up."""

    def __init__(self, argument: str):
        self.name = argument

    def run(self) -> int:
        return flags(self.name, 1)

    def undo(self) -> int:
        return flags(self.name, 0)


class Mtu:
    """Changes an interface's MTU."""

    def __init__(self, argument: str):
        self.name = argument

    def run(self) -> int:
        return interface(SIOCSIFMTU, self.name, struct.pack("i", 1000))

    def undo(self) -> int:
        return interface(SIOCSIFMTU, self.name, struct.pack("i", 1500))


class Send:
    """Sends a datagram."""

    def __init__(self, argument: str):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.target = (argument, 9)

    def run(self) -> int:
        try:
            self.socket.sendto(bytes(1400), self.target)
        except OSError as error:
            return error.errno
        return 0

    def undo(self) -> int:
        return 0


def attempt(operation, number: int) -> tuple:
    """One try in a child: the operation's errno, and whether an allocation failed."""
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        control = os.open("/proc/thread-self/fail-nth", os.O_RDWR)
        wanted = str(number).encode()
        os.write(control, wanted)
        result = operation.run()
        left = int(os.pread(control, 16, 0).strip(b"\0\n "))
        os.pwrite(control, b"0", 0)
        os.write(send, struct.pack("ii", result, left == 0))
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(send)
    with os.fdopen(receive, "rb") as file:
        return struct.unpack("ii", file.read())


def main():
    """Parses the command line and runs."""
    kind, argument, first, step = sys.argv[1:]
    operation = {"load": Load, "open": Open, "mtu": Mtu, "send": Send}[kind](argument)
    injected, failed = 0, {}
    for number in range(int(first), LIMIT, int(step)):
        result, hit = attempt(operation, number)
        if result:
            name = errno.errorcode.get(result, str(result))
            failed[name] = failed.get(name, 0) + 1
        else:
            undone = operation.undo()
            if undone:
                sys.exit(f"undoing number {number}: {os.strerror(undone)}")
        if not hit:
            break
        injected += 1
    json.dump({"injected": injected, "failed": failed, "last": number, "result": result}, sys.stdout)


SOCKET = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
main()
