# SPDX-License-Identifier: GPL-2.0
"""
One virtual machine, two namespaces: muennet against veth.

"muennet" polls, "events" has events and vectors, "extension" has the flag `offload`
(docs/muennet.rst), and "mtu9000" and "mtu65535" have large MTUs. "pause" and "pause-extension" have
flow control and rings of 1 MiB, all others have rings of 16 MiB. The reference is
veth without offloads, "veth-plain".

A module (tests/sim) simulates the separation kernel. An event is an exception and an interrupt of
the same processor, at their cost under emulation.
"""

import load
from figures import Measure, Target
from links import Link, LinkActivator, down, netns_link
from rig import Channel, System, sim
from rig.driver import install
from rig.machine import Machines

MEGABYTE = 1 << 20
# The configurations of muennet: both interfaces, flags, MTU and events.
MUENNET = {
    "muennet": ("polling0", "polling1", "net_hdr", 1500, ()),
    "events": ("events0", "events1", "net_hdr", 1500, (1, 2)),
    "extension": ("offload0", "offload1", "net_hdr+offload", 1500, ()),
    "mtu9000": ("mtu9k0", "mtu9k1", "net_hdr", 9000, ()),
    "mtu65535": ("mtu64k0", "mtu64k1", "net_hdr", 65535, ()),
    "pause": ("pause0", "pause1", "net_hdr+pause", 1500, ()),
    "pause-extension": ("pauseoff0", "pauseoff1", "net_hdr+offload+pause", 1500, ()),
}


def channels():
    """Yields two channels, one in each direction, for each configuration of muennet."""
    for one, two, flags, _, events in MUENNET.values():
        # Without flow control a ring must hold the data that TCP has in flight.
        size = MEGABYTE if "pause" in flags else 16 * MEGABYTE
        for number, (source, target) in enumerate(((one, two), (two, one))):
            more = {"event": events[number], "vector": 0x6f + events[number]} if events else {}
            yield Channel(f"{source}_to_{target}", writes={"a": f"{source}_out"},
                          reads={"a": f"{target}_in"}, size=size, **more)


SYSTEM = System("one", ("a",), tuple(channels()))


def parameters() -> str:
    """Returns the module parameters for all interfaces."""
    ends = [(name, flags, mtu) for one, two, flags, mtu, _ in MUENNET.values()
            for name in (one, two)]

    def each(pattern: str) -> str:
        return ",".join(pattern.format(name, flags, mtu) for name, flags, mtu in ends)
    return (f"name={each('{}')} in={each('{}_in')} out={each('{}_out')} flags={each('{1}')} "
            f"mtu={each('{2}')} reader_protocol={each('2')} writer_protocol={each('2')}")


def links(machine) -> dict:
    """Loads the drivers. Returns all pairs of interfaces, which are down."""
    install(machine)
    sim.insert(machine)
    # As on a Debian system: its systemd sets this.
    machine.run("modprobe sch_fq_codel && sysctl -qw net.core.default_qdisc=fq_codel")
    machine.run(f"modprobe muennet {parameters()}")
    machine.run("ip link add v1 type veth peer name v2; ip link add w1 type veth peer name w2")
    pairs = {name: netns_link(machine, number, one, two)
             for number, (name, (one, two, *_)) in enumerate(MUENNET.items(), 1)}
    pairs["veth-plain"] = netns_link(machine, 18, "v1", "v2")
    pairs["veth"] = netns_link(machine, 19, "w1", "w2")
    for end in pairs["veth-plain"].ends:
        end.run(f"ethtool -K {end.ns} tso off gso off gro off tx off rx off sg off")
    for link in pairs.values():
        down(link)
    return pairs


def measures(report) -> list:
    """Returns all quantities."""
    two = report.seconds(2)

    def quantities(tcp_target, udp_target):
        return [
            Measure("tcp1", "Mbit/s", lambda n: load.tcp(*n.ends, two), tcp_target),
            Measure("udp64", "k/s", lambda n: load.udp(*n.ends, two, 64), udp_target),
            Measure("ping-flood", "ms", lambda n: load.ping_flood(*n.ends, 500)),
        ]
    plain, offloads = Target(">=", 1), Target(">=", 0.7, against="veth")
    tcp = {"muennet": plain, "pause": plain, "extension": offloads, "pause-extension": offloads}
    return quantities(tcp, Target(">=", 0.7))


def run(report):
    """Boots the machine and measures."""
    with Machines(SYSTEM) as machines:
        pairs: dict[str, Link] = links(machines["a"])
        names = ["muennet", "veth-plain", "veth"]
        order = {name: pairs[name] for name in names + [n for n in MUENNET if n not in names]}
        report.compare("one", "tcg", order, measures(report), LinkActivator(order),
                       compared=[*MUENNET])
