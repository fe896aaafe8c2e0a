# SPDX-License-Identifier: GPL-2.0
"""
Two virtual machines: muennet against virtio-net over QEMU's sockets.

The same two machines have all interfaces, so runs alternate between them without a boot. One pair
of interfaces at a time is up. "extension" is muennet with the flag `offload` (docs/muennet.rst).
"muennet" and "extension" poll. "events" and "events-extension" have events and vectors. A module
(tests/sim) simulates the separation kernel for them, over QEMU's ivshmem-doorbell. "pause" and
those that begin with it are muennet with flow control (same file). Their rings have 1 MiB, as
that of "muennet-1m"; all others, "pause-16m" among them, have 16 MiB.
"""

from dataclasses import dataclass

import load
from figures import Measure, Target
from links import Link, LinkActivator
from rig import Channel, End, System, sim
from rig.driver import install
from rig.machine import Machines

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Muennet:
    """
    A configuration of muennet: flags, the number of the first event or None, the size of a ring.
    Without flow control a ring must hold the data that TCP has in flight.
    """
    flags: str
    event: int | None = None
    size: int = 16 * MEGABYTE

    @property
    def pause(self) -> bool:
        """Whether flow control is on."""
        return "pause" in self.flags


MUENNET = {
    "muennet": Muennet("net_hdr"),
    "extension": Muennet("net_hdr+offload"),
    "events": Muennet("net_hdr", 1),
    "events-extension": Muennet("net_hdr+offload", 3),
    "muennet-1m": Muennet("net_hdr", size=MEGABYTE),
    "pause": Muennet("net_hdr+pause", size=MEGABYTE),
    "pause-extension": Muennet("net_hdr+offload+pause", size=MEGABYTE),
    "pause-events": Muennet("net_hdr+pause", 5, MEGABYTE),
    "pause-16m": Muennet("net_hdr+pause"),
}
# With flow control nothing is missed in any round, unless a machine stands still for 100 ms.
NOTHING = {name: Target("<=", 0, "all") for name, it in MUENNET.items() if it.pause}
VIRTIO = ("stream", "dgram")
NETS = ("muennet", *VIRTIO, *(name for name in MUENNET if name != "muennet"))


def channels():
    """Yields two channels, one in each direction, for each configuration of muennet."""
    for kind, it in MUENNET.items():
        for number, (source, target) in enumerate(("ab", "ba")):
            event = it.event and it.event + number
            more = {"event": event, "vector": 0x6f + event} if event else {}
            yield Channel(f"{kind}_{source}_to_{target}", writes={source: f"{kind}_out"},
                          reads={target: f"{kind}_in"}, size=it.size, **more)


SYSTEM = System("bench_pair", ("a", "b"), tuple(channels()))


def parameters() -> str:
    """Returns the module parameters for all interfaces of muennet."""
    def each(pattern: str) -> str:
        return ",".join(pattern.format(name, it.flags) for name, it in MUENNET.items())
    names = ",".join(device(name) for name in MUENNET)
    return (f"name={names} in={each('{}_in')} out={each('{}_out')} flags={each('{1}')} "
            f"reader_protocol={each('2')} writer_protocol={each('2')}")


def device(net: str) -> str:
    """Returns the interface of a network. Its name has at most 15 characters."""
    return net.replace("extension", "ext")


def devices(name: str, folder) -> list:
    """Returns QEMU's arguments for the two virtio-net devices of a machine."""
    # The client may start before the server, so it reconnects.
    stream = "server=on" if name == "a" else "server=off,reconnect-ms=100"
    other = "b" if name == "a" else "a"
    mac = f"52:54:00:00:0{'ab'.index(name)}"
    return ["-netdev", f"stream,id=stream,{stream},addr.type=unix,addr.path={folder}/stream",
            "-device", f"virtio-net-pci,netdev=stream,mac={mac}:01",
            "-netdev", f"dgram,id=dgram,local.type=unix,local.path={folder}/dgram.{name},"
                       f"remote.type=unix,remote.path={folder}/dgram.{other}",
            "-device", f"virtio-net-pci,netdev=dgram,mac={mac}:02"]


def set_up(machine, name: str):
    """Loads all drivers. Sets the names and addresses of the interfaces."""
    install(machine)
    # As on a Debian system: its systemd sets this.
    machine.run("modprobe sch_fq_codel && sysctl -qw net.core.default_qdisc=fq_codel")
    machine.run("for m in failover net_failover virtio_net; do modprobe $m; done")
    sim.insert(machine)
    machine.run(f"modprobe muennet {parameters()}")
    machine.run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1",
                fail=False)
    for number, net in enumerate(NETS):
        if net in VIRTIO:
            mac = 1 + VIRTIO.index(net)
            found = machine.run(f"grep -l ':0{mac}$' /sys/class/net/*/address").stdout
            machine.run(f"ip link set {found.split('/')[4]} name {net}")
        machine.run(f"ip addr add {address(number, name)}/24 dev {device(net)}")


def address(number: int, name: str) -> str:
    """Returns the address of a machine in a network."""
    return f"10.0.{number}.{'ab'.index(name) + 1}"


def rate(name: str, get, target) -> list:
    """
    Returns the measures of TCP streams: their rate, the segments that were sent again, and the
    elements that both ends missed. With flow control none must be missed. A segment is also sent
    again if its acknowledgment is late. `get(net)` runs the streams, and returns their result and
    further values.
    """
    def values(net) -> dict:
        before = load.missed(net)
        stream, more = get(net)
        return {name: stream.rate, f"{name}-retransmits": stream.retransmits,
                f"{name}-missed": load.missed(net) - before} | more
    return [Measure(name, "Mbit/s", values, target), Measure(f"{name}-retransmits", "", None),
            Measure(f"{name}-missed", "", None, NOTHING)]


def measures(report, machines) -> list:
    """Returns all quantities."""
    two = report.seconds(2)
    both = [*machines.machines.values()]

    def tcp(streams: int, back: bool = False):
        return lambda net: (load.tcp_streams(*net.ends[::-1 if back else 1], two, streams), {})

    def cpu(net) -> tuple:
        """Runs a stream. Returns it, and the CPU time of guests and host in ms/MB of payload."""
        def used() -> tuple:
            return (sum(load.guest_cpu(m) for m in both), sum(m.cpu_seconds() for m in both))
        before = used()
        stream = load.tcp_streams(*net.ends, two)
        megabytes = stream.rate / 8 * two
        guests, host = (1000 * (now - then) / megabytes for now, then in zip(used(), before))
        return stream, {"cpu-guests": guests, "cpu-host": host}

    def udp(size: int):
        def values(net) -> dict:
            before = load.missed(net)
            return {f"udp{size}": load.udp(*net.ends, two, size),
                    f"udp{size}-missed": load.missed(net) - before}
        return [Measure(f"udp{size}", "k/s", values),
                Measure(f"udp{size}-missed", "", None, NOTHING)]
    fast = {name: Target(">=", 6 if "extension" in name else 3)
            for name in MUENNET if name != "muennet-1m"}
    third = {name: Target("<=", 1 / 3) for name in MUENNET if name in ("muennet", "pause")}
    # The waiting time must not grow with the ring.
    busy = third | {"pause-16m": Target("<=", 1.5, against="pause")}
    wake_up = Target("<=", 1, "difference")
    count = 1000 if report.quick else 2000
    return [
        *rate("tcp1", cpu, fast),
        Measure("cpu-guests", "ms/MB", None),
        Measure("cpu-host", "ms/MB", None),
        *udp(64),
        Measure("ping-flood", "ms", lambda n: load.ping_flood(*n.ends, count), third),
        Measure("ping-idle", "ms", lambda n: load.ping_idle(*n.ends, 15), wake_up),
        Measure("ping-busy", "ms", lambda n: load.ping_busy(*n.ends, two), busy),
        Measure("requests", "k/s", lambda n: load.tcp_rr(*n.ends, report.seconds(1))),
        *rate("tcp1-back", tcp(1, back=True), fast),
        *rate("tcp4", tcp(4), None),
        *rate("tcp4-back", tcp(4, back=True), None),
        *udp(1400),
    ]


def links(machines) -> dict:
    """Returns all networks by name."""
    return {name: Link(tuple(End(machines[side], address(number, side)) for side in "ab"),
                       (device(name),) * 2) for number, name in enumerate(NETS)}


def run(report):
    """Boots the machines and measures."""
    with Machines(SYSTEM, devices=devices) as machines:
        report.log(f"  pair: booted in {machines.boot_seconds:.0f} s")
        for name, machine in machines.machines.items():
            set_up(machine, name)
        nets = links(machines)
        report.compare("pair", "tcg", nets, measures(report, machines),
                       LinkActivator(nets), compared=[*MUENNET])
