# SPDX-License-Identifier: GPL-2.0
"""
Shared parts of the tests of hostile writers: a subject whose peer is the test, in all
modes, polled and by interrupt, with an exact account of what the driver must count. With
flow control the interface also has an out channel, which the peer reports on.
"""

import re
import struct
from collections import Counter
from dataclasses import dataclass, replace

from e2e import offload
from rig import (V4, Channel, KsftNamedVariant, Peer, System, ip_element, ksft_eq, ksft_true,
                 wait_for)
from rig.packets import udp4
from rig.sim import Sim

SYSTEM = System("hostile", ("a",), (
    Channel("polled", reads={"a": "polled_in"}),
    Channel("interrupt", reads={"a": "interrupt_in"}, vector=0x70),
    Channel("out", writes={"a": "out"}),
), host_interrupts=True)

MEGABYTE = 1 << 20
MAX = (1 << 64) - 1
INFO = "/sys/kernel/debug/muennet/net0/info"
# The counters that must match the account. The others depend on timing.
EXACT = ("rx_packets", "rx_elements", "rx_overruns", "rx_missed", "rx_malformed", "rx_changed",
         "rx_bad_protocol", "rx_bad_length", "rx_bad_header", "rx_no_memory", "rx_incomplete",
         "rx_epochs", "rx_incompatible", "rx_broken")


def frame(packet: bytes, target: bytes = b"\xff" * 6) -> bytes:
    """Returns an element of Ethernet mode with an IP packet, by default a broadcast."""
    kind = {4: b"\x08\0", 6: b"\x86\xdd"}[packet[0] >> 4]
    data = target + bytes.fromhex("020000000001") + kind + packet
    return data.ljust(1514, b"\0") + struct.pack("<H", len(data))


@dataclass(frozen=True)
class Mode:
    """
    A mode: the sizes of its elements, the elements of a good packet, and the counters that an
    element of zeros increments.
    """
    name: str
    flags: str
    protocol: int
    size: int
    smallest: int
    largest: int
    packet: tuple
    zeros: tuple

    @property
    def pause(self) -> bool:
        """Whether flow control is on."""
        return "pause" in self.flags

    @property
    def ring(self) -> int:
        """The number of elements of the default size in a channel."""
        return (MEGABYTE - 64) // self.size


PACKET = udp4(V4["b"], V4["a"], 9, bytes(100))
LARGE = udp4(V4["b"], V4["a"], 9, bytes(4000))
RAW = Mode("raw", "", 2, 1500, 1, 65535, (bytes(1500),), ("rx_packets",))
IP = Mode("ip", "net_hdr", 2, 1508, 76, 65543, (ip_element(PACKET),),
          ("rx_malformed", "rx_bad_protocol"))
OFFLOAD = Mode("offload", "net_hdr+offload", offload.PROTOCOL, offload.SIZE, 96, 65563,
               tuple(offload.pieces(LARGE)), ("rx_malformed", "rx_bad_protocol"))
ETHERNET = Mode("ethernet", "eth_dev", 2, 1516, 84, 65537, (frame(PACKET),),
                ("rx_malformed", "rx_bad_length"))
# Its packet is for another host, so the stack sends no answer, which would make the driver poll.
PAUSE = replace(IP, name="pause", flags="net_hdr+pause",
                packet=(ip_element(udp4(V4["b"], "192.0.2.77", 9, bytes(100))),))
MODES = RAW, IP, OFFLOAD, ETHERNET, PAUSE


def variants(modes=MODES, both=MODES) -> list:
    """
    Returns variants (mode, interrupt) of a test: all `modes` polled, and those of `both` also
    by interrupt.
    """
    return [KsftNamedVariant(f"{mode.name}_{'interrupt' if interrupt else 'polled'}", mode,
                             interrupt)
            for mode in modes for interrupt in ((False, True) if mode in both else (False,))]


def parameters(mode: Mode, interrupt: bool = False) -> str:
    """Returns the module parameters for an interface in this mode."""
    out = "out=out writer_protocol=2 " if mode.pause else ""
    return (f"name=net0 in={'interrupt' if interrupt else 'polled'}_in reader_protocol=2 "
            f"{out}flags={mode.flags}")


class AccountedPeer(Peer):
    """
    The peer of an interface that is up, with an account of what the interface must count.
    """

    def __init__(self, env, mode: Mode = IP, interrupt: bool = False):
        if interrupt:
            Sim(env.a, "routes=1:0")
        super().__init__(env, "interrupt" if interrupt else "polled", mode.protocol, mode.size,
                         parameters=parameters(mode, interrupt))
        self.mode, self.interrupt = mode, interrupt
        # The out channel of the interface, which this peer reports on.
        self.out = env.channel("out") if mode.pause else None
        self._machines = env.machines
        self.epoch = 1 << 48
        # The number of polls at the last check.
        self.polls = 0
        self.account: Counter = Counter()
        # Whether part of a packet may have been read, which the next epoch makes incomplete.
        self._pending = False
        self.settle(reset=True)

    def ring(self):
        """Raises the interface's vector if it has one."""
        if self.interrupt:
            self._machines.raise_vector("a", 0)

    def state(self) -> tuple:
        """Returns the interface's counters, and the state of its peer."""
        counted, info = self.machine.counters("net0", path=INFO)
        return counted, re.search(r"^peer: (.*)$", info.decode(), re.M).group(1)

    def counters(self) -> dict:
        """Returns the interface's counters."""
        return self.machine.counters("net0")[0]

    def mismatches(self, now: dict) -> dict:
        """Returns the counters that differ from the account."""
        return {name: f"{now[name]:#x}, not {self.account[name]:#x}" for name in EXACT
                if now[name] != self.account[name]}

    def counters_at_rest(self) -> dict:
        """
        Returns the counters once no poll is due. QEMU delivers all vectors before the machine
        gets a request; run_pending() lets each processor handle its interrupts and softirqs.
        """
        def ceased():
            self.machine.run_pending()
            before, now = self.polls, self.counters()
            self.polls = now["rx_polls"]
            return now if self.polls == before else None
        return wait_for(ceased, "end of polls", pause=0)

    def rounds(self, least: int, wanted: dict):
        """
        Yields the numbers of rounds of an attack: at least `least`, and more until each counter
        has the wanted value. What the reader sees depends on when it polls.
        """
        for number in range(100 * least):
            now = self.counters() if number >= least else {}
            if now and all(now[name] >= count for name, count in wanted.items()):
                return
            yield number
        raise AssertionError(f"no {wanted} in {100 * least} rounds: {now}")

    def settle(self, reset: bool = False) -> dict:
        """
        Returns the counters once no poll is due. They must match the account; with `reset` the
        account is set to them.
        """
        self.ring()
        now = self.counters_at_rest()
        if reset:
            self._pending = len(self.mode.packet) > 1
            self.account = Counter({name: now[name] for name in EXACT})
        ksft_eq(self.mismatches(now), {}, "counters match the account")
        return now

    def expect(self, what: str, state: str, **counted):
        """Adds to the account, and waits until the counters match it and the peer has the state."""
        for name, value in counted.items():
            self.account[name] = (self.account[name] + value) & MAX
        last = {}

        def as_wanted() -> bool:
            now, found = self.state()
            if self._pending and now["rx_incomplete"] == self.account["rx_incomplete"] + 1:
                self.account["rx_incomplete"] += 1
                self._pending = False
            last.update(mismatches=self.mismatches(now), found=found)
            self.polls = now["rx_polls"]
            return not last["mismatches"] and found == state
        wait_for(as_wanted, lambda: f"account of {what}: {last['mismatches']}, the peer is "
                                    f"{last['found']}, not {state}", pause=0)

    def next_epoch(self):
        """Begins an honest epoch, with a number that was not used before."""
        self.epoch += 1
        self.start(self.epoch)

    def write(self, *payloads: bytes):
        """Writes these elements, by default those of a good packet."""
        super().write(*payloads or self.mode.packet)

    def recovers(self, what: str):
        """
        Checks the recovery after an attack: once no poll is due, the first poll that finds a new
        honest epoch delivers its packet. The epoch becomes visible when all of it is written, so
        the speed of this process does not matter.

        With an interrupt, each vector causes one poll. The timer causes one when the old epoch
        ends, if there is one, and one when the new one begins. It may check once more while such
        a poll runs, which then runs again.
        """
        before = self.counters_at_rest()["rx_polls"]
        most = 1 if self.interrupt else 4 if self.channel.epoch else 2
        self.start(0)
        self.write()
        self.epoch += 1
        self.channel.epoch = self.epoch
        self.ring()
        self.expect(f"after {what}", "active", rx_epochs=1, rx_packets=1,
                    rx_elements=len(self.mode.packet))
        self._pending = False
        polls = self.polls - before
        ksft_true(polls <= most, f"after {what}: {polls} polls for the first packet, not {most}")

    def wipe(self):
        """Clears all elements."""
        self.channel.map[64:] = bytes(len(self.channel.map) - 64)
