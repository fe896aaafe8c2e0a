# SPDX-License-Identifier: GPL-2.0
"""
One virtual machine: what idle interfaces, marks of children and idling cost.

There is no contender: a measurement with more and one without take turns.
"""

import time

import load
from e2e import netlink
from figures import Measure, Target
from links import Turns, in_namespaces
from rig import Channel, System, sim
from rig.driver import install
from rig.machine import Machines

COUNT = 32
MARKS = 10000
IDLE_SECONDS = 4


def channel(number: int) -> Channel:
    """Interface n writes channel n, and reads that of interface n ^ 1."""
    # The first two pairs carry the traffic; the last one has events.
    event = number if number >= COUNT - 2 else None
    return Channel(f"c{number}", writes={"a": f"out{number}"}, reads={"a": f"in{number ^ 1}"},
                   size=1 << 20 if number < 4 else 64 << 10, event=event,
                   vector=None if event is None else 0x70 + number % 2)


SYSTEM = System("scaling", ("a",), tuple(channel(n) for n in range(COUNT)))


def parameters() -> str:
    """The module parameters for all interfaces."""
    def each(pattern: str) -> str:
        return ",".join(pattern.format(n) for n in range(COUNT))
    return (f"name={each('muen{}')} in={each('in{}')} out={each('out{}')} flags={each('net_hdr')} "
            f"reader_protocol={each('2')} writer_protocol={each('2')}")


class Idlers:
    """Sets up so many more interfaces than those with the traffic."""

    def __init__(self, machine):
        self.machine, self.now = machine, 0

    def __call__(self, count: int):
        if count != self.now:
            state = "up" if count else "down"
            self.machine.run("\n".join(f"ip link set muen{n} {state}" for n in range(2, COUNT)))
            self.now = count


def give_marks(machine, link):
    """A child of the receiver gets many marks, none of which is that of a packet."""
    receiver, device = link.ends[1], link.devices[1]
    asked = [{"do": "child-add", "attrs": {"parent-ifname": device, "ifname": "child"}}]
    asked += [{"do": "mark-add", "attrs": {"ifname": "child", "mark": 1000 + n}}
              for n in range(MARKS)]
    for first in range(0, len(asked), 500):
        answers = netlink.ask(machine, *asked[first:first + 500],
                              prefix=f"ip netns exec {receiver.ns}")
        if {answer["errno"] for answer in answers} != {""}:
            raise RuntimeError(f"marks: {answers[-1]}")


def idle(machine, devices, seconds: float) -> dict:
    """CPU in percent of one that is used more with these interfaces up than down."""
    used = {}
    for state in ("down", "up"):
        machine.run("; ".join(f"ip link set {dev} {state}" for dev in devices))
        time.sleep(0.5)  # sleep: what the change itself costs is not measured
        begin, before = time.monotonic(), (machine.cpu_seconds(), load.guest_cpu(machine))
        time.sleep(seconds)  # sleep: the time that is measured
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
        sim.insert(a)
        a.run(f"modprobe muennet {parameters()}")
        a.run("echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6")
        link = in_namespaces(a, 0, "muen0", "muen1")

        # Nothing but these is up.
        pairs = {"polling": ("muen4", "muen5"), "events": (f"muen{COUNT - 2}", f"muen{COUNT - 1}")}
        seconds = report.seconds(IDLE_SECONDS)
        report.compare("idle", "tcg", pairs, [
            Measure("cpu-host", "%", lambda d: idle(a, d, seconds), Target("<=", 1, "value")),
            Measure("cpu-guest", "%", None, Target("<=", 1, "value"))], against=False)

        Turns({"0": link})(link)
        idlers = Idlers(a)
        two = report.seconds(2)
        tcp = [Measure("tcp1", "Mbit/s", lambda _: load.tcp(*link.ends, two), Target(">=", 0.97))]
        report.compare("interfaces", "tcg", {"32": COUNT - 2, "2": 0}, tcp, idlers)
        idlers(0)
        report.compare("streams", "tcg", {"4": 4, "1": 1, "2": 2}, [
            Measure("tcp", "Mbit/s", lambda n: load.tcp(*link.ends, two, n))])

        marked = in_namespaces(a, 1, "muen2", "muen3")
        give_marks(a, marked)
        links = {"10000": marked, "0": link}
        report.compare("marks", "tcg", links, [
            Measure("tcp1", "Mbit/s", lambda it: load.tcp(*it.ends, two), Target(">=", 0.97))],
            Turns(links))
