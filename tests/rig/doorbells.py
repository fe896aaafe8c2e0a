# SPDX-License-Identifier: GPL-2.0
"""
Interrupts between machines: what QEMU's ivshmem-doorbell devices are told at
their start, so that each can raise the vectors of every other (the protocol is
docs/specs/ivshmem-spec.rst of QEMU; a server that hands it out is not needed
once the machines run). tests/sim drives the devices in the machines.
"""

import os
import socket
import struct

VECTORS = 16
VERSION = 0
# The device wants memory to share, too; there is nothing in it.
MEMORY = 4096


class Doorbells:
    """One doorbell for each vector of each machine; machines have numbers from 0 on."""

    def __init__(self, names):
        self._numbers = {name: number for number, name in enumerate(names)}
        flags = os.EFD_NONBLOCK | os.EFD_CLOEXEC
        self._bells = {name: [os.eventfd(0, flags) for _ in range(VECTORS)] for name in names}
        self._memory = os.memfd_create("muennet-doorbells")
        os.ftruncate(self._memory, MEMORY)
        self._ends = {}

    def connect(self, name: str) -> socket.socket:
        """The socket for a machine's device."""
        ours, theirs = socket.socketpair()
        # One that did not boot has had another.
        if name in self._ends:
            self._ends[name].close()
        self._ends[name] = ours

        def say(number: int, *fds):
            socket.send_fds(ours, [struct.pack("<q", number)], fds)
        say(VERSION)
        say(self._numbers[name])
        say(-1, self._memory)
        # Its own bells come last: by them it knows that it knows all others.
        for other in sorted(self._numbers, key=lambda other: other == name):
            for bell in self._bells[other]:
                say(self._numbers[other], bell)
        return theirs

    def ring(self, name: str, index: int):
        """Rings one of a machine's bells. Between two looks of QEMU, once is as good as often."""
        os.eventfd_write(self._bells[name][index], 1)

    def close(self):
        """After the machines have ended."""
        for end in self._ends.values():
            end.close()
        for fd in (self._memory, *sum(self._bells.values(), [])):
            os.close(fd)


def arguments(end: socket.socket) -> list:
    """QEMU's, for a device with this socket."""
    return ["-chardev", f"socket,id=doorbells,fd={end.fileno()}",
            "-device", f"ivshmem-doorbell,chardev=doorbells,vectors={VECTORS}"]
