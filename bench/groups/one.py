# SPDX-License-Identifier: GPL-2.0
"""
One virtual machine, two namespaces: muennet, polling and with events, against veth.

The separation kernel that raises the interrupts for events is played by a
module (tests/sim): an event is an exception and an interrupt to the same
processor, which costs what it costs under emulation.
"""

import load
from figures import Measure, Target
from links import Link, Turns, down, in_namespaces
from rig import Channel, System
from rig.driver import install
from rig.machine import Machines
from rig.sim import built, routes

# Larger than a test's: what a user with this much traffic would choose.
SYSTEM = System("one", ("a",), (
    Channel("left_to_right", writes={"a": "left_out"}, reads={"a": "right_in"}),
    Channel("right_to_left", writes={"a": "right_out"}, reads={"a": "left_in"}),
    Channel("one_to_two", writes={"a": "one_out"}, reads={"a": "two_in"}, event=1, vector=0x70),
    Channel("two_to_one", writes={"a": "two_out"}, reads={"a": "one_in"}, event=2, vector=0x71),
))
NAMES = "left", "right", "one", "two"


def parameters() -> str:
    """The module parameters for both pairs."""
    def each(pattern: str) -> str:
        return ",".join(pattern.format(name) for name in NAMES)
    return (f"name={each('{}')} in={each('{}_in')} out={each('{}_out')} flags={each('net_hdr')} "
            f"reader_protocol={each('2')} writer_protocol={each('2')}")


def links(machine) -> dict:
    """All pairs of interfaces, down."""
    install(machine)
    machine.put("/run/muensim.ko", built())
    machine.run(f"insmod /run/muensim.ko routes={routes(SYSTEM)}")
    machine.run(f"modprobe muennet {parameters()}")
    machine.run("ip link add v1 type veth peer name v2; ip link add w1 type veth peer name w2")
    found = {"muennet": in_namespaces(machine, 1, "left", "right"),
             "events": in_namespaces(machine, 2, "one", "two"),
             "veth-plain": in_namespaces(machine, 3, "v1", "v2"),
             "veth": in_namespaces(machine, 4, "w1", "w2")}
    for end in found["veth-plain"].ends:
        end.run(f"ethtool -K {end.ns} tso off gso off gro off tx off rx off sg off")
    for link in found.values():
        down(link)
    return found


def measures(report) -> list:
    """All quantities."""
    two = report.seconds(2)

    def quantities(tcp_target, udp_target):
        return [
            Measure("tcp1", "Mbit/s", lambda n: load.tcp(*n.ends, two), tcp_target),
            Measure("udp64", "k/s", lambda n: load.udp(*n.ends, two, 64), udp_target),
            Measure("ping-flood", "ms", lambda n: load.flood(*n.ends, 500)),
        ]
    return quantities(Target(">=", 1), Target(">=", 0.7))


def run(report):
    """Boots the machine and measures."""
    with Machines(SYSTEM) as machines:
        found: dict[str, Link] = links(machines["a"])
        order = {name: found[name] for name in ("muennet", "veth-plain", "veth", "events")}
        report.compare("one", "tcg", order, measures(report), Turns(order))
