# SPDX-License-Identifier: GPL-2.0
"""
One virtual machine, two namespaces: muennet against veth: polling, with events,
with the flag `offload` (docs/offload.md), and with large MTUs.

The separation kernel that raises the interrupts for events is played by a
module (tests/sim): an event is an exception and an interrupt to the same
processor, which costs what it costs under emulation.
"""

import load
from figures import Measure, Target
from links import Link, Turns, down, in_namespaces
from rig import Channel, System, sim
from rig.driver import install
from rig.machine import Machines

# What a user with this much traffic would choose: there is no flow control, so a
# ring should hold what TCP has under way.
RING = 16 << 20
# The two ends of each of our contenders, their flags, MTU and events.
OURS = {
    "muennet": ("left", "right", "net_hdr", 1500, ()),
    "events": ("one", "two", "net_hdr", 1500, (1, 2)),
    "extension": ("big", "bag", "net_hdr+offload", 1500, ()),
    "mtu9000": ("j1", "j2", "net_hdr", 9000, ()),
    "mtu65535": ("k1", "k2", "net_hdr", 65535, ()),
}


def channels():
    """A channel each way for each of them."""
    for one, two, _, _, events in OURS.values():
        for number, (source, target) in enumerate(((one, two), (two, one))):
            more = {"event": events[number], "vector": 0x6f + events[number]} if events else {}
            yield Channel(f"{source}_to_{target}", writes={"a": f"{source}_out"},
                          reads={"a": f"{target}_in"}, size=RING, **more)


SYSTEM = System("one", ("a",), tuple(channels()))


def parameters() -> str:
    """The module parameters for all pairs."""
    ends = [(name, flags, mtu) for one, two, flags, mtu, _ in OURS.values() for name in (one, two)]

    def each(pattern: str) -> str:
        return ",".join(pattern.format(name, flags, mtu) for name, flags, mtu in ends)
    return (f"name={each('{}')} in={each('{}_in')} out={each('{}_out')} flags={each('{1}')} "
            f"mtu={each('{2}')} reader_protocol={each('2')} writer_protocol={each('2')}")


def links(machine) -> dict:
    """All pairs of interfaces, down."""
    install(machine)
    sim.insert(machine)
    machine.run(f"modprobe muennet {parameters()}")
    machine.run("ip link add v1 type veth peer name v2; ip link add w1 type veth peer name w2")
    found = {name: in_namespaces(machine, number, one, two)
             for number, (name, (one, two, *_)) in enumerate(OURS.items(), 1)}
    found["veth-plain"] = in_namespaces(machine, 8, "v1", "v2")
    found["veth"] = in_namespaces(machine, 9, "w1", "w2")
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
    tcp = {"muennet": Target(">=", 1), "extension": Target(">=", 0.7, against="veth")}
    return quantities(tcp, Target(">=", 0.7))


def run(report):
    """Boots the machine and measures."""
    with Machines(SYSTEM) as machines:
        found: dict[str, Link] = links(machines["a"])
        names = ["muennet", "veth-plain", "veth"]
        order = {name: found[name] for name in names + [n for n in OURS if n not in names]}
        report.compare("one", "tcg", order, measures(report), Turns(order), ours=[*OURS])
