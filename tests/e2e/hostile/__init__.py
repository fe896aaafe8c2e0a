# SPDX-License-Identifier: GPL-2.0
"""
What the tests of hostile writers share: a subject whose peer is the test, in all
modes, polled and by interrupt, and exact accounts of what the driver counts.
"""

import re
import struct
import time
from collections import Counter
from dataclasses import dataclass

from e2e import offload
from rig import (V4, Channel, KsftNamedVariant, System, Writer, defer, ip_element, ksft_eq,
                 ksft_true, load, up)
from rig.client import PATIENCE
from rig.packets import udp4
from rig.sim import Sim

SYSTEM = System("hostile", ("a",), (
    Channel("polled", reads={"a": "polled_in"}),
    Channel("rung", reads={"a": "rung_in"}, vector=0x70),
), rung=True)

MEGABYTE = 1 << 20
MAX = (1 << 64) - 1
INFO = "/sys/kernel/debug/muennet/net0/info"
# What must add up; the others say how, not what.
EXACT = ("rx_packets", "rx_elements", "rx_overruns", "rx_missed", "rx_malformed", "rx_changed",
         "rx_bad_protocol", "rx_bad_length", "rx_bad_header", "rx_no_memory", "rx_incomplete",
         "rx_epochs", "rx_incompatible", "rx_broken")


def frame(packet: bytes, target: bytes = b"\xff" * 6) -> bytes:
    """An element of Ethernet mode with an IP packet, by default to everybody."""
    kind = {4: b"\x08\0", 6: b"\x86\xdd"}[packet[0] >> 4]
    data = target + bytes.fromhex("020000000001") + kind + packet
    return data.ljust(1514, b"\0") + struct.pack("<H", len(data))


@dataclass(frozen=True)
class Mode:
    """A mode, the sizes of its elements, a good packet, and what zeros are counted as."""
    name: str
    flags: str
    protocol: int
    size: int
    smallest: int
    largest: int
    packet: tuple
    zeros: tuple

    @property
    def ring(self) -> int:
        """Elements of the usual size in a channel."""
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
MODES = RAW, IP, OFFLOAD, ETHERNET


def variants(modes=MODES, both=MODES) -> list:
    """For tests that take (mode, by interrupt): all `modes` polled, those of `both` both ways."""
    return [KsftNamedVariant(f"{mode.name}_{'rung' if rung else 'polled'}", mode, rung)
            for mode in modes for rung in ((False, True) if mode in both else (False,))]


def parameters(mode: Mode, rung: bool = False) -> str:
    """The module's, for an interface in this mode."""
    return (f"name=net0 in={'rung' if rung else 'polled'}_in reader_protocol=2 "
            f"flags={mode.flags}")


class Peer:
    """Plays the peer of an interface that is up, and keeps its accounts."""

    def __init__(self, env, mode: Mode = IP, rung: bool = False):
        self.machine, self.mode, self.rung = env.a, mode, rung
        self._machines = env.machines
        channel = env.channel("rung" if rung else "polled")
        self.writer = Writer(channel, mode.protocol, mode.size)
        self.channel = channel
        self.epoch = 1 << 48
        # As of the last look.
        self.polls = 0
        self.account: Counter = Counter()
        # Whether part of a packet may have been read, which the next epoch ends.
        self._pending = False
        channel.epoch = 0
        defer(self.writer.stop)
        if rung:
            Sim(env.a, "routes=1:0")
        load(env.a, parameters(mode, rung))
        up(env.a, quiet=True)
        self.settle(anew=True)

    def ring(self):
        """Raises the interface's vector, if it has one."""
        if self.rung:
            self._machines.ring("a", 0)

    def look(self) -> tuple:
        """What the interface counts, and what the driver thinks of its peer."""
        counted, info = self.machine.counters("net0", INFO)
        return counted, re.search(r"^peer: (.*)$", info.decode(), re.M).group(1)

    def counters(self) -> dict:
        """What the interface counts."""
        return self.machine.counters("net0")[0]

    def wrong(self, now: dict) -> dict:
        """What does not add up."""
        return {name: f"{now[name]:#x}, not {self.account[name]:#x}" for name in EXACT
                if now[name] != self.account[name]}

    def settle(self, anew: bool = False) -> dict:
        """The counters once polls have ceased. They must add up, or the account begins anew."""
        self.ring()
        before, equal = self.counters(), 0
        for _ in range(1000 * PATIENCE):
            time.sleep(0.01 * PATIENCE)
            now = self.counters()
            # Once may be for want of a processor.
            equal = equal + 1 if now["rx_polls"] == before["rx_polls"] else 0
            if equal == 3:
                break
            before = now
        else:
            raise AssertionError("polls do not cease")
        if anew:
            self._pending = len(self.mode.packet) > 1
            self.account = Counter({name: now[name] for name in EXACT})
        ksft_eq(self.wrong(now), {}, "the account adds up")
        self.polls = now["rx_polls"]
        return now

    def expect(self, what: str, state: str, **counted):
        """Waits until the account has changed by just that, and the peer is what it says."""
        for name, value in counted.items():
            self.account[name] = (self.account[name] + value) & MAX
        end = time.monotonic() + 20 * PATIENCE
        while True:
            now, found = self.look()
            wrong = self.wrong(now)
            if self._pending and now["rx_incomplete"] == self.account["rx_incomplete"] + 1:
                self.account["rx_incomplete"] += 1
                self._pending = False
                continue
            if not wrong and found == state:
                self.polls = now["rx_polls"]
                return
            if time.monotonic() > end:
                raise AssertionError(f"{what}: {wrong}, the peer is {found}, not {state}")

    def start(self):
        """An honest epoch, which nobody had before."""
        self.epoch += 1
        self.writer.start(self.epoch)

    def write(self, *elements: bytes):
        """Elements, or a good packet's."""
        self.writer.write(*elements or self.mode.packet)

    def comes_back(self, what: str):
        """
        Whatever was before: of a new honest epoch the first packet is there by the
        second poll. The epoch becomes known when all of it is there, so that it does
        not matter how fast this process is. Where a timer polls, one poll more may
        have seen that there was no epoch before.
        """
        while not self.rung and self.polls != self.look()[0]["rx_polls"]:
            self.settle()
        before = self.polls + (self.channel.epoch != 0 and not self.rung)
        self.writer.start(0)
        self.write()
        self.epoch += 1
        self.channel.epoch = self.epoch
        self.ring()
        self.expect(f"after {what}", "active", rx_epochs=1, rx_packets=1,
                    rx_elements=len(self.mode.packet))
        self._pending = False
        polls = self.polls - before
        ksft_true(polls <= 2, f"after {what}: the first packet came by poll {polls}")

    def wipe(self):
        """Zeros in all elements."""
        self.channel.map[64:] = bytes(len(self.channel.map) - 64)
