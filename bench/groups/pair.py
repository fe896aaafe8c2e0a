# SPDX-License-Identifier: GPL-2.0
"""
Two virtual machines: muennet against virtio-net over QEMU's sockets.

The same two machines have all interfaces, so runs alternate between them without a boot. One pair
of interfaces at a time is up. "extension" is muennet with the flag `offload` (docs/offload.md).
"muennet" and "extension" poll. "events" and "events-extension" have events and vectors. A module
(tests/sim) simulates the separation kernel for them, over QEMU's ivshmem-doorbell.
"""

import load
from figures import Measure, Target
from links import Link, LinkActivator
from rig import Channel, End, System, sim
from rig.driver import install
from rig.machine import Machines

# The driver has no flow control, so a ring must hold the data that TCP has in flight.
RING = 16 << 20
# The configurations of muennet: flags, and the number of the first event or None.
MUENNET = {"muennet": ("net_hdr", None), "extension": ("net_hdr+offload", None),
           "events": ("net_hdr", 1), "events-extension": ("net_hdr+offload", 3)}
VIRTIO = ("stream", "dgram")
NETS = ("muennet", *VIRTIO, *(name for name in MUENNET if name != "muennet"))


def channels():
    """Yields two channels, one in each direction, for each configuration of muennet."""
    for kind, (_, event) in MUENNET.items():
        for number, (source, target) in enumerate(("ab", "ba")):
            more = {"event": event + number, "vector": 0x6f + event + number} if event else {}
            yield Channel(f"{kind}_{source}_to_{target}", writes={source: f"{kind}_out"},
                          reads={target: f"{kind}_in"}, size=RING, **more)


SYSTEM = System("bench_pair", ("a", "b"), tuple(channels()))


def parameters() -> str:
    """Returns the module parameters for all interfaces of muennet."""
    def each(pattern: str) -> str:
        return ",".join(pattern.format(name, flags) for name, (flags, _) in MUENNET.items())
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


def cpu(machines, run) -> dict:
    """Runs a stream. Returns its rate, and the CPU time of guests and host in ms/MB of payload."""
    def used() -> tuple:
        return (sum(load.guest_cpu(m) for m in machines), sum(m.cpu_seconds() for m in machines))
    before = used()
    rate, seconds = run()
    megabytes = rate / 8 * seconds
    guests, host = (1000 * (now - then) / megabytes for now, then in zip(used(), before))
    return {"tcp1": rate, "cpu-guests": guests, "cpu-host": host}


def measures(report, machines) -> list:
    """Returns all quantities."""
    two = report.seconds(2)
    both = [*machines.machines.values()]

    def stream(net):
        return cpu(both, lambda: (load.tcp(*net.ends, two), two))
    tcp = {name: Target(">=", 6 if "extension" in name else 3) for name in MUENNET}
    wake_up = Target("<=", 1, "difference")
    count = 1000 if report.quick else 2000
    return [
        Measure("tcp1", "Mbit/s", stream, tcp),
        Measure("cpu-guests", "ms/MB", None),
        Measure("cpu-host", "ms/MB", None),
        Measure("udp64", "k/s", lambda n: load.udp(*n.ends, two, 64)),
        Measure("ping-flood", "ms", lambda n: load.ping_flood(*n.ends, count), Target("<=", 1 / 3)),
        Measure("ping-idle", "ms", lambda n: load.ping_idle(*n.ends, 15), wake_up),
        Measure("ping-busy", "ms", lambda n: load.ping_busy(*n.ends, two), Target("<=", 1 / 3)),
        Measure("requests", "k/s", lambda n: load.tcp_rr(*n.ends, report.seconds(1))),
        Measure("tcp1-back", "Mbit/s", lambda n: load.tcp(*n.ends[::-1], two), tcp),
        Measure("tcp4", "Mbit/s", lambda n: load.tcp(*n.ends, two, 4)),
        Measure("tcp4-back", "Mbit/s", lambda n: load.tcp(*n.ends[::-1], two, 4)),
        Measure("udp1400", "k/s", lambda n: load.udp(*n.ends, two, 1400)),
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
