# SPDX-License-Identifier: GPL-2.0
"""
Operations on the driver that can be repeated. Runs in a machine.

run() of an operation returns the name of an errno, or "" after success; undo() then
reverts it. Operations are made from arguments of the command line.
"""

import ctypes
import errno
import fcntl
import json
import os
import re
import socket
import struct
import subprocess
import sys
import time

SYS_FINIT_MODULE, SYS_DELETE_MODULE = 313, 176
SIOCGIFINDEX, SIOCSIFFLAGS, SIOCSIFMTU = 0x8933, 0x8914, 0x8922
SO_MARK, IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PROBE, DO_NOT = 36, 10, 23, 3, 0
ETH_P_ALL, UDP_SEGMENT = 3, 103
# Seconds until a packet counts as lost.
LOST = 600
LIBC = ctypes.CDLL(None, use_errno=True)
REQUESTS = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def name_of(number: int) -> str:
    """Returns the name of an errno, or "" for 0."""
    return errno.errorcode.get(number, str(number)) if number else ""


def attempt(function, *arguments) -> str:
    """Calls a function. Returns the name of the errno of its OSError, or ""."""
    try:
        function(*arguments)
    except OSError as error:
        return name_of(error.errno) or type(error).__name__
    return ""


def call(number, *arguments) -> str:
    """Makes a system call. Returns the name of its errno, or ""."""
    return name_of(ctypes.get_errno()) if LIBC.syscall(number, *arguments) < 0 else ""


def interface(request: int, name: str, kind: str, value: int) -> str:
    """Makes an ioctl for an interface. Returns the name of its errno, or ""."""
    return attempt(fcntl.ioctl, REQUESTS,
                   request, struct.pack("16s24s", name.encode(), struct.pack(kind, value)))


class Operation:
    """The defaults of an operation."""

    def prepare(self):
        """Called before each run, without a fault."""

    def undo(self):
        """Called after success, without a fault."""


class Load(Operation):
    """Loads the module. Argument: its parameters."""

    def __init__(self, *parameters: str):
        self.file = os.open("/run/muennet.ko", os.O_RDONLY)
        self.parameters = " ".join(parameters).encode()

    def run(self) -> str:
        return call(SYS_FINIT_MODULE, self.file, self.parameters, 0)

    def undo(self):
        failed = call(SYS_DELETE_MODULE, b"muennet", 0)
        if failed:
            sys.exit(f"unloading: {failed}")


class Open(Operation):
    """Sets an interface up."""

    def __init__(self, name: str):
        self.name = name

    def run(self) -> str:
        return interface(SIOCSIFFLAGS, self.name, "H", 1)

    def undo(self):
        interface(SIOCSIFFLAGS, self.name, "H", 0)


class Mtu(Operation):
    """Changes an interface's MTU."""

    def __init__(self, name: str):
        self.name = name

    def run(self) -> str:
        return interface(SIOCSIFMTU, self.name, "i", 1300)

    def undo(self):
        interface(SIOCSIFMTU, self.name, "i", 1500)


class Command(Operation):
    """Executes a command. Arguments: the command, those for undo() and for prepare()."""

    def __init__(self, run: str, undo: str = "true", prepare: str = "true"):
        self.command, self.back, self.before = run, undo, prepare

    def run(self) -> str:
        # Replaces this process, because the fault is set for its task.
        os.dup2(os.open("/run/stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
        words = self.command.split()
        os.execvp(words[0], words)

    def ended(self, status: int) -> str:
        """Returns the errno that the command printed, or "" after success."""
        if status == 0:
            return ""
        with open("/run/stderr", encoding="utf-8") as file:
            output = file.read()
        sock = [name for number, name in errno.errorcode.items() if os.strerror(number) in output]
        return sock[0] if sock else f"{status}: {output}"

    def undo(self):
        subprocess.run(self.back, shell=True, check=True)

    def prepare(self):
        subprocess.run(self.before, shell=True, check=True)


class Netlink(Operation):
    """Makes netlink requests. Argument: {"prepare": [..], "run": {..}, "undo": [..]}."""

    def __init__(self, argument: str):
        sys.path.append("/run/netlink")
        from client import Client
        self.client = Client()
        self.requests = json.loads(argument)

    def run(self) -> str:
        answers = []
        failed = attempt(lambda: answers.append(self.client.run(self.requests["run"])))
        return failed or answers[0]["errno"]

    def prepare(self):
        for request in self.requests.get("prepare", ()):
            self.client.run(request)

    def undo(self):
        for request in self.requests.get("undo", ()):
            failed = self.client.run(request)["errno"]
            if failed:
                sys.exit(f"{request}: {failed}")


def datagram(address: str, mark: int = 0, probe: int = 0):
    """Returns a UDP socket with a mark; without `probe` its packets may be fragmented."""
    six = ":" in address
    sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_MARK, int(mark))
    if int(probe) and six:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PROBE)
    elif not six:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PROBE if int(probe) else DO_NOT)
    return sock


def tap(name: str):
    """Returns a packet socket on an interface, which shares the packets that it sends."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((name, ETH_P_ALL))
    return sock


class Send(Operation):
    """
    Sends a datagram while a packet socket shares it. Arguments: interface, address, size,
    mark, probe, GSO size (0: none).
    """

    def __init__(self, name: str, address: str, size: str = "1000", mark: str = "0",
                 probe: str = "0", segment: str = "0"):
        self.watch = tap(name)
        self.socket = datagram(address, mark, probe)
        self.socket.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, int(segment))
        self.target, self.data = (address, 9), bytes(int(size))

    def run(self) -> str:
        return attempt(self.socket.sendto, self.data, self.target)


class SendPacket(Operation):
    """Sends from a packet socket. Arguments: interface, bytes in hexadecimal."""

    def __init__(self, name: str, data: str):
        self.socket = tap(name)
        self.data = bytes.fromhex(data)

    def run(self) -> str:
        return attempt(self.socket.send, self.data)


class Receive(Operation):
    """
    Receives a packet in a kernel thread (threaded NAPI), for which the fault is set.
    Arguments: the receiver's interface and address, the sender's namespace, size, mark and
    GSO size as for Send, and the interface that receives the packet.
    """

    def __init__(self, name: str, address: str, namespace: str, size: str = "1000",
                 mark: str = "0", segment: str = "0", counted: str = ""):
        with open(f"/sys/class/net/{name}/threaded", "w", encoding="ascii") as file:
            file.write("1")
        self.counters = f"/sys/class/net/{counted or name}/statistics"
        self.control = f"/proc/{self.thread(name)}/fail-nth"
        self.watch = tap(name)
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        with open(f"/run/netns/{namespace}", "rb") as there:
            os.setns(there.fileno(), os.CLONE_NEWNET)
            self.socket = datagram(address, mark)
            os.setns(home, os.CLONE_NEWNET)
        self.socket.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, int(segment))
        self.target, self.data = (address, 9), bytes(int(size))

    @staticmethod
    def thread(name: str) -> str:
        """Returns the process id of the interface's thread."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with open(f"/proc/{pid}/comm", encoding="ascii", errors="replace") as file:
                if re.fullmatch(rf"napi/{name}-\d+", file.read().strip()):
                    return pid
        raise FileNotFoundError(f"no thread of {name}")

    def count(self, name: str) -> int:
        """Returns a counter."""
        with open(f"{self.counters}/{name}", encoding="ascii") as file:
            return int(file.read())

    def run(self) -> str:
        before = self.count("rx_packets"), self.count("rx_dropped")
        self.socket.sendto(self.data, self.target)
        end = time.monotonic() + LOST
        while time.monotonic() < end:
            received = self.count("rx_packets") - before[0]
            dropped = self.count("rx_dropped") - before[1]
            if received + dropped:
                return "ENOMEM" if dropped else ""
            time.sleep(0.01)  # sleep: the interval of the checks
        return "lost"


KINDS = {"load": Load, "open": Open, "mtu": Mtu, "command": Command, "netlink": Netlink,
         "send": Send, "send-packet": SendPacket, "receive": Receive}
