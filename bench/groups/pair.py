# SPDX-License-Identifier: GPL-2.0
"""
Two virtual machines: muennet against virtio-net over QEMU's sockets.

All interfaces are in the same two machines, so that they take turns without a
boot; those whose turn it is not are down. "extension" is muennet with the flag
`offload` (docs/offload.md). These two poll; "events" and "events-extension" have
events and vectors, for which a module plays the separation kernel (tests/sim) over
QEMU's ivshmem-doorbell.
"""

import load
from figures import Measure, Target
from links import Link, Turns
from rig import Channel, End, System, sim
from rig.driver import install
from rig.machine import Machines

# What a user with this much traffic would choose: there is no flow control, so a
# ring should hold what TCP has under way.
RING = 16 << 20
# Ours: flags, and the number of the first event, if any.
OURS = {"muennet": ("net_hdr", None), "extension": ("net_hdr+offload", None),
        "events": ("net_hdr", 1), "events-extension": ("net_hdr+offload", 3)}
VIRTIO = ("stream", "dgram")
NETS = ("muennet", *VIRTIO, *(name for name in OURS if name != "muennet"))


def channels():
    """A channel each way for each of ours."""
    for kind, (_, event) in OURS.items():
        for number, (source, target) in enumerate(("ab", "ba")):
            more = {"event": event + number, "vector": 0x6f + event + number} if event else {}
            yield Channel(f"{kind}_{source}_to_{target}", writes={source: f"{kind}_out"},
                          reads={target: f"{kind}_in"}, size=RING, **more)


SYSTEM = System("bench_pair", ("a", "b"), tuple(channels()))


def parameters() -> str:
    """The module parameters for all of ours."""
    def each(pattern: str) -> str:
        return ",".join(pattern.format(name, flags) for name, (flags, _) in OURS.items())
    # Names of interfaces are short.
    names = ",".join(device(name) for name in OURS)
    return (f"name={names} in={each('{}_in')} out={each('{}_out')} flags={each('{1}')} "
            f"reader_protocol={each('2')} writer_protocol={each('2')}")


def device(net: str) -> str:
    """The interface of a network."""
    return net.replace("extension", "ext")


def devices(name: str, folder) -> list:
    """Two virtio-net devices for a machine."""
    # The one that connects may be there first.
    stream = "server=on" if name == "a" else "server=off,reconnect-ms=100"
    other = "b" if name == "a" else "a"
    mac = f"52:54:00:00:0{'ab'.index(name)}"
    return ["-netdev", f"stream,id=stream,{stream},addr.type=unix,addr.path={folder}/stream",
            "-device", f"virtio-net-pci,netdev=stream,mac={mac}:01",
            "-netdev", f"dgram,id=dgram,local.type=unix,local.path={folder}/dgram.{name},"
                       f"remote.type=unix,remote.path={folder}/dgram.{other}",
            "-device", f"virtio-net-pci,netdev=dgram,mac={mac}:02"]


def set_up(machine, name: str):
    """Loads all drivers; gives the interfaces the names and addresses of their networks."""
    install(machine)
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
    """The address of a machine in a network."""
    return f"10.0.{number}.{'ab'.index(name) + 1}"


def cpu(machines, run) -> dict:
    """Runs; CPU time in the guests and on the host, in ms for a MB of payload."""
    def used() -> tuple:
        return (sum(load.guest_cpu(m) for m in machines), sum(m.cpu_seconds() for m in machines))
    before = used()
    rate, seconds = run()
    megabytes = rate / 8 * seconds
    guests, host = (1000 * (now - then) / megabytes for now, then in zip(used(), before))
    return {"tcp1": rate, "cpu-guests": guests, "cpu-host": host}


def measures(report, machines) -> list:
    """All quantities."""
    two = report.seconds(2)
    both = [*machines.machines.values()]

    def stream(net):
        return cpu(both, lambda: (load.tcp(*net.ends, two), two))
    tcp = {name: Target(">=", 6 if "extension" in name else 3) for name in OURS}
    count = 1000 if report.quick else 2000
    return [
        Measure("tcp1", "Mbit/s", stream, tcp),
        Measure("cpu-guests", "ms/MB", None),
        Measure("cpu-host", "ms/MB", None),
        Measure("udp64", "k/s", lambda n: load.udp(*n.ends, two, 64)),
        Measure("ping-flood", "ms", lambda n: load.flood(*n.ends, count), Target("<=", 1 / 3)),
        Measure("ping-idle", "ms", lambda n: load.idle(*n.ends, 15), Target("<=", 1, "more")),
        Measure("ping-busy", "ms", lambda n: load.busy(*n.ends, two), Target("<=", 1 / 3)),
        Measure("requests", "k/s", lambda n: load.requests(*n.ends, report.seconds(1))),
        Measure("tcp1-back", "Mbit/s", lambda n: load.tcp(*n.ends[::-1], two), tcp),
        Measure("tcp4", "Mbit/s", lambda n: load.tcp(*n.ends, two, 4)),
        Measure("tcp4-back", "Mbit/s", lambda n: load.tcp(*n.ends[::-1], two, 4)),
        Measure("udp1400", "k/s", lambda n: load.udp(*n.ends, two, 1400)),
    ]


def links(machines) -> dict:
    """All networks, by their names."""
    return {name: Link(tuple(End(machines[side], address(number, side)) for side in "ab"),
                       (device(name),) * 2) for number, name in enumerate(NETS)}


def run(report):
    """Boots the machines and measures."""
    with Machines(SYSTEM, devices=devices) as machines:
        report.say(f"  pair: booted in {machines.boot_seconds:.0f} s")
        for name, machine in machines.machines.items():
            set_up(machine, name)
        nets = links(machines)
        report.compare("pair", "tcg", nets, measures(report, machines), Turns(nets),
                       ours=[*OURS])
