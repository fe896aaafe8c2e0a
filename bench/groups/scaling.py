# SPDX-License-Identifier: GPL-2.0
"""
One virtual machine: what idle interfaces, marks of children and idling cost.

There is no contender: a measurement with more and one without take turns.
"""

import time

import load
from e2e import netlink
from figures import Measure, Target
from links import in_namespaces
from rig import Channel, System
from rig.driver import install
from rig.machine import Machines
from rig.sim import built, routes

COUNT = 32
MARKS = 10000
IDLE_SECONDS = 4


def channel(number: int) -> Channel:
    """Interface n writes channel n, and reads that of interface n ^ 1."""
    # The first pair carries the traffic; the last one has events.
    event = number if number >= COUNT - 2 else None
    return Channel(f"c{number}", writes={"a": f"out{number}"}, reads={"a": f"in{number ^ 1}"},
                   size=1 << 20 if number < 2 else 64 << 10, event=event,
                   vector=None if event is None else 0x70 + number % 2)


SYSTEM = System("scaling", ("a",), tuple(channel(n) for n in range(COUNT)))


def parameters() -> str:
    """The module parameters for all interfaces."""
    def each(pattern: str) -> str:
        return ",".join(pattern.format(n) for n in range(COUNT))
    return (f"name={each('muen{}')} in={each('in{}')} out={each('out{}')} flags={each('net_hdr')} "
            f"reader_protocol={each('2')} writer_protocol={each('2')}")


class Setting:
    """How much there is beside the link that is measured."""

    def __init__(self, machine, ends):
        self.machine, self.ends = machine, ends
        self.others = self.marks = 0

    def interfaces(self, count: int):
        """So many more interfaces are up, and idle."""
        if count != self.others:
            state = "up" if count else "down"
            self.machine.run("\n".join(f"ip link set muen{n} {state}" for n in range(2, COUNT)))
            self.others = count

    def owned(self, count: int):
        """The receiver's child owns so many marks, none of which is that of a packet."""
        if count == self.marks:
            return
        inside = f"ip netns exec {self.ends[1].ns}"
        command = "add-mark" if count else "del-mark"
        asked = [{"do": command, "attrs": {"ifname": "child", "mark": 1000 + n}}
                 for n in range(max(count, self.marks))]
        answers = netlink.ask(self.machine, *asked, prefix=inside)
        if {answer["errno"] for answer in answers} != {""}:
            raise RuntimeError(f"{command}: {answers[-1]}")
        self.marks = count


def idle(machine, devices, seconds: float) -> dict:
    """CPU in percent of one that is used more with these interfaces up than down."""
    used = {}
    for state in ("down", "up"):
        machine.run("; ".join(f"ip link set {dev} {state}" for dev in devices))
        time.sleep(0.5)
        begin, before = time.monotonic(), (machine.cpu_seconds(), load.guest_cpu(machine))
        time.sleep(seconds)
        after = machine.cpu_seconds(), load.guest_cpu(machine)
        passed = time.monotonic() - begin
        used[state] = [100 * (now - then) / passed for now, then in zip(after, before)]
    machine.run("; ".join(f"ip link set {dev} down" for dev in devices))
    host, guest = (up - down for up, down in zip(used["up"], used["down"]))
    return {"cpu-host": host, "cpu-guest": guest}


def run(report):
    """Boots the machine and measures."""
    with Machines(SYSTEM) as machines:
        a = machines["a"]
        install(a)
        netlink.install(a)
        a.put("/run/muensim.ko", built())
        a.run(f"insmod /run/muensim.ko routes={routes(SYSTEM)}")
        a.run(f"modprobe muennet {parameters()}")
        a.run("echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6")
        link = in_namespaces(a, 0, "muen0", "muen1")
        answers = netlink.ask(a, {"do": "add-child", "attrs": {
            "parent-ifname": "muen1", "ifname": "child"}}, prefix="ip netns exec muen1")
        if answers[0]["errno"]:
            raise RuntimeError(f"child: {answers[0]}")
        setting = Setting(a, link.ends)

        # Nothing but these is up.
        pairs = {"polling": ("muen2", "muen3"), "events": (f"muen{COUNT - 2}", f"muen{COUNT - 1}")}
        seconds = report.seconds(IDLE_SECONDS)
        report.compare("idle", "tcg", pairs, [
            Measure("cpu-host", "%", lambda d: idle(a, d, seconds), Target("<=", 1, "value")),
            Measure("cpu-guest", "%", None, Target("<=", 1, "value"))], against=False)

        for end, device in zip(link.ends, link.devices):
            end.run(f"ip link set {device} up")
        two = report.seconds(2)
        tcp = [Measure("tcp1", "Mbit/s", lambda _: load.tcp(*link.ends, two), Target(">=", 0.97))]
        report.compare("interfaces", "tcg", {"32": COUNT - 2, "2": 0}, tcp, setting.interfaces)
        setting.interfaces(0)
        report.compare("marks", "tcg", {"10000": MARKS, "0": 0}, tcp, setting.owned)
        report.compare("streams", "tcg", {"4": 4, "1": 1, "2": 2}, [
            Measure("tcp", "Mbit/s", lambda n: load.tcp(*link.ends, two, n))])
