# SPDX-License-Identifier: GPL-2.0
"""
One virtual machine: the cost of idle interfaces, of marks of children, and of idling.

This group has no other driver as reference. It compares the driver with many and with few idle
interfaces, streams or marks.
"""

import time

import load
from e2e import netlink
from figures import Measure, Target
from links import LinkActivator, netns_link
from rig import Channel, System, sim
from rig.driver import install
from rig.machine import Machines

COUNT = 32
MARKS = 10000
IDLE_SECONDS = 4


def channel(number: int) -> Channel:
    """Returns channel n, which interface n writes and interface n ^ 1 reads."""
    # The first two pairs carry the traffic. The last pair has events.
    event = number if number >= COUNT - 2 else None
    return Channel(f"c{number}", writes={"a": f"out{number}"}, reads={"a": f"in{number ^ 1}"},
                   size=1 << 20 if number < 4 else 64 << 10, event=event,
                   vector=None if event is None else 0x70 + number % 2)


SYSTEM = System("scaling", ("a",), tuple(channel(n) for n in range(COUNT)))


def parameters() -> str:
    """Returns the module parameters for all interfaces."""
    def each(pattern: str) -> str:
        return ",".join(pattern.format(n) for n in range(COUNT))
    return (f"name={each('muen{}')} in={each('in{}')} out={each('out{}')} flags={each('net_hdr')} "
            f"reader_protocol={each('2')} writer_protocol={each('2')}")


class IdleInterfaces:
    """Sets all interfaces without traffic up or down."""

    def __init__(self, machine):
        self.machine, self.count = machine, 0

    def __call__(self, count: int):
        if count != self.count:
            state = "up" if count else "down"
            self.machine.run("\n".join(f"ip link set muen{n} {state}" for n in range(2, COUNT)))
            self.count = count


def add_marks(machine, link):
    """Adds a child of the receiver with many marks. No packet has any of them."""
    receiver, device = link.ends[1], link.devices[1]
    requests = [{"do": "child-add", "attrs": {"parent-ifname": device, "ifname": "child"}}]
    requests += [{"do": "mark-add", "attrs": {"ifname": "child", "mark": 1000 + n}}
              for n in range(MARKS)]
    for first in range(0, len(requests), 500):
        answers = netlink.ask(machine, *requests[first:first + 500],
                              prefix=f"ip netns exec {receiver.ns}")
        if {answer["errno"] for answer in answers} != {""}:
            raise RuntimeError(f"marks: {answers[-1]}")


def idle(machine, devices, seconds: float) -> dict:
    """Returns the additional CPU time, in percent of one CPU, if these interfaces are up."""
    used = {}
    for state in ("down", "up"):
        machine.run("; ".join(f"ip link set {dev} {state}" for dev in devices))
        # sleep: the period of the poll timer grows for 4 s
        time.sleep(5)
        begin, before = time.monotonic(), (machine.cpu_seconds(), load.guest_cpu(machine))
        time.sleep(seconds)  # sleep: the measured time
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
        link = netns_link(a, 0, "muen0", "muen1")

        # All other interfaces are down.
        pairs = {"polling": ("muen4", "muen5"), "events": (f"muen{COUNT - 2}", f"muen{COUNT - 1}")}
        seconds = report.seconds(IDLE_SECONDS)
        report.compare("idle", "tcg", pairs, [
            Measure("cpu-host", "%", lambda d: idle(a, d, seconds), Target("<=", 1, "value")),
            Measure("cpu-guest", "%", None, Target("<=", 1, "value"))], with_reference=False)

        LinkActivator({"0": link})(link)
        idle_interfaces = IdleInterfaces(a)
        two = report.seconds(2)
        tcp = [Measure("tcp1", "Mbit/s", lambda _: load.tcp(*link.ends, two), Target(">=", 0.97))]
        report.compare("interfaces", "tcg", {"32": COUNT - 2, "2": 0}, tcp, idle_interfaces)
        idle_interfaces(0)
        report.compare("streams", "tcg", {"4": 4, "1": 1, "2": 2}, [
            Measure("tcp", "Mbit/s", lambda n: load.tcp(*link.ends, two, n))])

        marked = netns_link(a, 1, "muen2", "muen3")
        add_marks(a, marked)
        links = {"10000": marked, "0": link}
        report.compare("marks", "tcg", links, [
            Measure("tcp1", "Mbit/s", lambda it: load.tcp(*it.ends, two), Target(">=", 0.97))],
            LinkActivator(links))
