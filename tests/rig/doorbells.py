# SPDX-License-Identifier: GPL-2.0
"""
Interrupts between machines, by QEMU's ivshmem-doorbell devices. This module sends the
devices at their start what lets each raise the vectors of every other one. The protocol
is docs/specs/ivshmem-spec.rst of QEMU; it needs no server once the machines run.
tests/sim drives the devices in the machines.
"""

import os
import socket
import struct

VECTORS = 16
VERSION = 0
# The device also requires shared memory, which is not used.
MEMORY = 4096


class Doorbells:
    """One doorbell for each vector of each machine. Machines have numbers from 0 on."""

    def __init__(self, names):
        self._numbers = {name: number for number, name in enumerate(names)}
        flags = os.EFD_NONBLOCK | os.EFD_CLOEXEC
        self._bells = {name: [os.eventfd(0, flags) for _ in range(VECTORS)] for name in names}
        self._memory = os.memfd_create("muennet-doorbells")
        os.ftruncate(self._memory, MEMORY)
        self._ends = {}

    def connect(self, name: str) -> socket.socket:
        """Returns the socket for a machine's device."""
        ours, theirs = socket.socketpair()
        # A machine that did not boot has had another socket.
        if name in self._ends:
            self._ends[name].close()
        self._ends[name] = ours

        def send(number: int, *fds):
            socket.send_fds(ours, [struct.pack("<q", number)], fds)
        send(VERSION)
        send(self._numbers[name])
        send(-1, self._memory)
        # The device's own bells come last: they tell it that the list of peers is complete.
        for other in sorted(self._numbers, key=lambda other: other == name):
            for bell in self._bells[other]:
                send(self._numbers[other], bell)
        return theirs

    def ring(self, name: str, index: int):
        """Rings a bell of a machine. Rings before QEMU handles the first one are merged."""
        os.eventfd_write(self._bells[name][index], 1)

    def close(self):
        """Releases the bells, after the machines have ended."""
        for end in self._ends.values():
            end.close()
        for fd in (self._memory, *sum(self._bells.values(), [])):
            os.close(fd)


def arguments(end: socket.socket) -> list:
    """QEMU's arguments for a device with this socket."""
    return ["-chardev", f"socket,id=doorbells,fd={end.fileno()}",
            "-device", f"ivshmem-doorbell,chardev=doorbells,vectors={VECTORS}"]
