# SPDX-License-Identifier: GPL-2.0
"""
One of several processes that continuously add, change and delete children and marks. It
runs in a machine. Arguments: its number, and the number of rounds.

Its children are s<number>a and s<number>b. The upper bits of its marks are its number. It
also tries to add the mark that all processes share.
"""

import fcntl
import socket
import struct
import subprocess
import sys
import time

from client import Client

SHIFT = 12
SHARED = 5 << SHIFT
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


class Stress:
    """The process."""

    def __init__(self, number: int):
        self.number, self.client = number, Client()
        self.names = [f"s{number}a", f"s{number}b"]
        self.marks = [(number << SHIFT) + k for k in range(1, 6)]
        # Whether the second child of the round before was left in a namespace.
        self.ending = False
        self.control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def do(self, command: str, *errors: str, **attrs):
        """A command that must succeed, or end in one of `errors`."""
        attrs = {name.replace("_", "-"): value for name, value in attrs.items()}
        answer = self.client.run({"do": command, "attrs": attrs})
        if answer["errno"] not in errors + ("",):
            raise SystemExit(f"{command} {attrs}: {answer}")

    def add(self, name: str, mark: int):
        """
        Adds a mark, as soon as a child of the round before no longer owns it. `ip netns del`
        does not wait for the end of the namespace and of the child in it.
        """
        request = {"do": "mark-add", "attrs": {"ifname": name, "mark": mark}}
        while (answer := self.client.run(request))["errno"]:
            if not self.ending or f"owned by {self.names[1]}" not in answer["text"]:
                raise SystemExit(f"mark-add {name} {mark}: {answer}")
            time.sleep(0.01)  # sleep: the time between two looks

    def round(self, with_namespace: bool):
        """Adds two children, gives them marks, and deletes them."""
        first, second = self.names
        for name in self.names:
            self.do("child-add", parent_ifname="net0", ifname=name)
            fcntl.ioctl(self.control, SIOCSIFFLAGS, struct.pack("16sh14x", name.encode(), IFF_UP))
        for mark in self.marks:
            self.add(first, mark)
        self.do("mark-add", "EBUSY", ifname=second, mark=SHARED)
        for mark in self.marks[:3]:
            self.do("mark-move", from_ifname=first, ifname=second, mark=mark)
        self.do("mark-del", ifname=first, mark=self.marks[4])
        self.do("mark-del", ifname=second, mark=self.marks[0])
        if with_namespace:
            netns = f"stress{self.number}"
            subprocess.run(f"ip netns add {netns} && ip link set {second} netns {netns} && "
                           f"ip netns del {netns}", shell=True, check=True)
        else:
            self.do("child-del", ifname=second)
        self.ending = with_namespace
        self.do("child-del", ifname=first)


stress = Stress(int(sys.argv[1]))
for count in range(int(sys.argv[2])):
    stress.round(count % 10 == stress.number)
