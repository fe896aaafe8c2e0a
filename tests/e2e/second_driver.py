# SPDX-License-Identifier: GPL-2.0
"""
The second driver on the abstractions, dummy_rust, does what the kernel's dummy does. Each
test runs with both drivers, or compares them.
"""

import json

from rig import (LOOP, KsftNamedVariant, Script, batch, defer, interfaces, kmodule, ksft_eq,
                 ksft_ge, ksft_in, ksft_ne, ksft_true, ksft_variants, up, wait_for)

SYSTEM = LOOP

C, RUST = KINDS = "dummy", "dummy_rust"
both = ksft_variants([KsftNamedVariant(kind, kind) for kind in KINDS])

ADDRESS, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
MULTICAST, ZERO = "01:00:00:00:00:01", "00:00:00:00:00:00"


def install(machine, kind: str):
    """Installs the driver for modprobe, and unloads it at the end of the test."""
    if kind == RUST:
        release = machine.run("uname -r").stdout.strip()
        machine.put(f"/usr/lib/modules/{release}/updates/{RUST}.ko",
                    kmodule.built_driver("dummy", RUST))
        machine.run("depmod 2>/dev/null")
    defer(unload, machine, kind)


def unload(machine, kind: str):
    """Unloads the driver if it is loaded, and with it all its devices."""
    machine.run(f"[ ! -e /sys/module/{kind} ] || rmmod {kind}")


def load(machine, kind: str):
    """Loads the driver without devices, until the end of the test."""
    install(machine, kind)
    machine.run(f"modprobe {kind}" + (" numdummies=0" if kind == C else ""))


def add(machine, kind: str, name: str = "d0", options: str = "", ns: str = ""):
    """Adds a device that sends only packets of the test, and sets it up."""
    machine.run(f"ip {f'-n {ns} ' if ns else ''}link add {name} {options} type {kind}")
    up(machine, name, quiet=True, addresses=False, ns=ns)


def refused(machine, command: str, error: str):
    """Checks that a command of ip fails with an error of the kernel."""
    result = machine.run(command, fail=False)
    ksft_ne(result.ret, 0, command)
    ksft_in(error, result.stderr, command)


def link(machine, name: str = "d0", ns: str = "") -> dict:
    """Returns what ip shows of a device."""
    where = f"-n {ns} " if ns else ""
    return json.loads(machine.run(f"ip {where}-d -j link show {name}").stdout)[0]


def sent(machine, ns: str = "") -> tuple:
    """Returns the device's counters of packets and bytes."""
    found = machine.stats("d0", ns)
    return found["tx_packets"], found["tx_bytes"]


def in_both(env, look) -> tuple:
    """
    Returns what a function returns for a device of each kind, as text without the name of the
    driver.
    """
    found = []
    for kind in KINDS:
        load(env.a, kind)
        env.a.run(f"ip link add d0 address {ADDRESS} type {kind}")
        found.append(look().replace(RUST, C))
        unload(env.a, kind)
    return tuple(found)


# Sends as many frames as are asked for, of 60 to 1514 bytes, and prints their bytes.
SENDER = """
import socket, sys
it = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
it.bind((sys.argv[1], 0))
frame = bytes(12) + b"\\x88\\xb5" + bytes(1500)
print(sum(it.send(frame[:60 + 7 * n % 1455]) for n in range(int(sys.argv[2]))))
"""

# Sends a datagram that the device is to segment, and one that reports when it was sent.
OFFLOADS = """
import select, socket, sys
to = sys.argv[1], 9
it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
it.setsockopt(socket.IPPROTO_UDP, 103, 1000)    # UDP_SEGMENT
it.sendto(bytes(10000), to)
it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
it.setsockopt(socket.SOL_SOCKET, 37, 1 << 1 | 1 << 4)    # SO_TIMESTAMPING: software, transmit
poll = select.poll()
poll.register(it, 0)
it.sendto(b"now", to)
# POLLERR: the error queue is not empty.
poll.poll()
_, extra, _, _ = it.recvmsg(2048, 1024, socket.MSG_ERRQUEUE)
print((socket.SOL_SOCKET, 37) in [(level, kind) for level, kind, _ in extra])
"""

# Sends frames while there is a device with this name, and ends with the file /run/over.
FLOOD = """
import os, socket, sys
it = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
frame = bytes(12) + b"\\x88\\xb5" + bytes(100)
count = 0
while not os.path.exists("/run/over"):
    for _ in range(100):
        try:
            it.sendto(frame, (sys.argv[1], 0))
            count += 1
        except OSError:
            pass
print(count)
"""


class Flood:
    """Floods d0, whether it exists or not, in a `with` block."""

    def __init__(self, machine):
        self.machine = machine
        machine.put("/run/flood.py", FLOOD.encode())
        machine.run("rm -f /run/over")
        self.program = machine.bkg(Script("/run/flood.py", "d0"), exit_wait=True)

    def __enter__(self):
        self.program.__enter__()
        return self

    def __exit__(self, *error):
        self.machine.run("touch /run/over")
        self.program.__exit__(*error)

    def count(self) -> int:
        """Returns how many packets were sent, after the end."""
        return int(self.program.stdout)

    def wait(self):
        """Waits until d0 has sent packets."""
        wait_for(lambda: self.machine.stats("d0")["tx_packets"] > 100, "traffic")


@both
def test_add_and_delete(env, kind):
    load(env.a, kind)
    env.a.run(f"ip link add d0 type {kind}; ip link add d1 type {kind}; ip link add type {kind}")
    ksft_true({"d0", "d1", f"{kind}0"} <= interfaces(env.a))
    shown = link(env.a)
    ksft_eq(shown["linkinfo"]["info_kind"], kind)
    ksft_eq(shown["flags"], ["BROADCAST", "NOARP"])
    ksft_eq([shown[key] for key in ("mtu", "min_mtu", "max_mtu")], [1500, 0, 0])
    refused(env.a, f"ip link add d0 type {kind}", "File exists")
    env.a.run("ip link del d0")
    ksft_true("d0" not in interfaces(env.a))
    ksft_true("d1" in interfaces(env.a))


@both
def test_loads_itself(env, kind):
    install(env.a, kind)
    env.a.run(f"ip link add d0 type {kind}")
    ksft_in(kind, env.a.run("lsmod").stdout.split())


def test_same_attributes(env):
    """All attributes of a device, also those that the request has set."""
    def look() -> str:
        env.a.run("ip link set d0 up")
        shown = link(env.a)
        del shown["ifindex"]
        return json.dumps(shown, indent=1)

    c, rust = in_both(env, look)
    ksft_eq(rust, c)
    asked = "mtu 9000 txqueuelen 7 numtxqueues 4 gso_max_size 30000"
    for kind in KINDS:
        load(env.a, kind)
        env.a.run(f"ip link add d0 address {ADDRESS} {asked} type {kind}")
        shown = link(env.a)
        ksft_eq([shown[key] for key in ("address", "mtu", "txqlen", "num_tx_queues",
                                        "gso_max_size")], [ADDRESS, 9000, 7, 4, 30000])
        unload(env.a, kind)


def test_same_ethtool(env):
    """What ethtool shows, also of operations that the drivers do not have."""
    options = "-i", "-T", "-k", "", "-S", "-a", "-c", "-g", "-l", "-P", "--show-priv-flags"

    def look() -> str:
        return env.a.run("; ".join(f"ethtool {option} d0 2>&1; echo {option}: $?"
                                   for option in options)).stdout

    c, rust = in_both(env, look)
    ksft_eq(rust.splitlines(), c.splitlines())
    for option in ("-i", "-T", "-k"):
        ksft_in(f"\n{option}: 0\n", c)


def test_same_on_top(env):
    """The features of a VLAN device on top."""
    def look() -> str:
        env.a.run("ip link add link d0 name d0.5 type vlan id 5")
        return env.a.run("ethtool -k d0.5").stdout

    c, rust = in_both(env, look)
    ksft_eq(rust.splitlines(), c.splitlines())


@both
def test_counters(env, kind):
    load(env.a, kind)
    env.a.put("/run/sender.py", SENDER.encode())
    add(env.a, kind)
    packets = total = 0
    for cpu, count in ((0, 1), (0, 300), (1, 1000), (0, 5)):
        program = f"taskset {1 << cpu:x} python3 /run/sender.py d0 {count}"
        total += int(env.a.run(program).stdout)
        packets += count
        ksft_eq(sent(env.a), (packets, total))
    found = env.a.stats("d0")
    ksft_eq({key for key, value in found.items() if value}, {"tx_packets", "tx_bytes"})
    env.a.run("ip link set d0 down")
    ksft_eq(sent(env.a), (packets, total), "while it is down")


@both
def test_offloads(env, kind):
    """The device takes a large packet as one, and reports when it has sent one."""
    load(env.a, kind)
    env.a.put("/run/offloads.py", OFFLOADS.encode())
    add(env.a, kind)
    env.a.run("ip addr add 192.0.2.1/24 dev d0")
    ksft_eq(env.a.run(Script("/run/offloads.py", "192.0.2.2")).stdout, "True\n")
    ksft_eq(sent(env.a), (2, 14 + 28 + 10000 + 14 + 28 + 3))


@both
def test_address(env, kind):
    load(env.a, kind)
    env.a.run(f"ip link add d0 type {kind}; ip link add d1 type {kind}")
    random = [link(env.a, name)["address"] for name in ("d0", "d1")]
    ksft_ne(*random)
    for address in random:
        ksft_eq(int(address[:2], 16) & 3, 2, "local and of one device")
    ksft_eq(env.a.read_files("/sys/class/net/d0/addr_assign_type"), "1\n", "random")
    for state in ("down", "up"):
        env.a.run(f"ip link set d0 {state}")
        for address in (ADDRESS, OTHER):
            env.a.run(f"ip link set d0 address {address}")
            ksft_eq(link(env.a)["address"], address)
        for address in (MULTICAST, ZERO):
            refused(env.a, f"ip link set d0 address {address}", "Cannot assign requested address")
        ksft_eq(link(env.a)["address"], OTHER)
        ksft_eq(env.a.read_files("/sys/class/net/d0/addr_assign_type"), "3\n", "set")


@both
def test_address_of_a_new_device(env, kind):
    load(env.a, kind)
    for address, error in ((MULTICAST, "Cannot assign requested address"),
                           (ZERO, "Cannot assign requested address"),
                           ("02:00:00:00:00", "Invalid argument"),
                           ("02:00:00:00:00:00:01", "Invalid argument")):
        refused(env.a, f"ip link add d0 address {address} type {kind}", error)
    ksft_true("d0" not in interfaces(env.a))
    env.a.run(f"ip link add d0 address {ADDRESS} type {kind}")
    ksft_eq(link(env.a)["address"], ADDRESS)
    ksft_eq(env.a.read_files("/sys/class/net/d0/addr_assign_type"), "3\n", "set")


@both
def test_carrier(env, kind):
    load(env.a, kind)
    add(env.a, kind)

    def state() -> tuple:
        return tuple(env.a.read_files(f"/sys/class/net/d0/{name}").strip()
                     for name in ("carrier", "operstate", "carrier_changes"))

    ksft_eq(state(), ("1", "unknown", "0"))
    for changes, carrier, operstate in ((1, "off", "down"), (2, "on", "up"), (3, "off", "down")):
        env.a.run(f"ip link set d0 carrier {carrier}")
        wanted = str(int(carrier == "on")), operstate, str(changes)
        wait_for(lambda wanted=wanted: state() == wanted, f"{wanted}")
    # It stays off until the user turns it on.
    env.a.run("ip link set d0 down; ip link set d0 up")
    ksft_in("NO-CARRIER", link(env.a)["flags"])
    env.a.run("ip link set d0 down; ip link set d0 carrier on; ip link set d0 up")
    wait_for(lambda: state() == ("1", "up", "4"), "carrier")


@both
def test_mtu(env, kind):
    load(env.a, kind)
    add(env.a, kind)
    # The MTU limits what can be sent.
    env.a.run("ip link set d0 mtu 5000; ip addr add 192.0.2.1/24 dev d0")
    for size, total in ((4972, 5014), (4973, 5014)):
        env.a.run(f"ping -q -c 1 -W 0.01 -M do -s {size} 192.0.2.2", fail=False)
        ksft_eq(env.a.stats("d0")["tx_bytes"], total)
    # Last, because IPv6 begins again on a device whose MTU was below its minimum.
    for mtu in (0, 68, 1280, 9000, 65536, 10**6, (1 << 31) - 1):
        env.a.run(f"ip link set d0 mtu {mtu}")
        ksft_eq(link(env.a)["mtu"], mtu)


@both
def test_namespaces(env, kind):
    load(env.a, kind)
    env.a.put("/run/sender.py", SENDER.encode())
    env.a.run("ip netns add one; ip netns add two")
    defer(env.a.run, "ip netns del one 2>/dev/null; ip netns del two 2>/dev/null; true")
    add(env.a, kind)
    total = int(env.a.run(Script("/run/sender.py", "d0", 10)).stdout)
    env.a.run("ip link set d0 netns one")
    ksft_eq(sent(env.a, "one"), (10, total), "it keeps its counters")
    up(env.a, "d0", quiet=True, addresses=False, ns="one")
    total += int(env.a.run(Script("/run/sender.py", "d0", 10, ns="one")).stdout)
    ksft_eq(sent(env.a, "one"), (20, total))
    env.a.run("ip -n one link set d0 netns two")
    ksft_eq(sent(env.a, "two"), (20, total))
    add(env.a, kind, ns="one")
    refused = env.a.run(f"ip link add d0 netns two type {kind}", fail=False)
    ksft_in("File exists", refused.stderr)
    # A namespace takes its devices with it. The end of the module waits for the end of both.
    env.a.run("ip netns del one; ip netns del two")
    unload(env.a, kind)
    ksft_true("d0" not in interfaces(env.a))


@both
def test_delete_under_traffic(env, kind):
    load(env.a, kind)
    with Flood(env.a) as flood:
        for _ in range(100 if env.long else 5):
            add(env.a, kind)
            flood.wait()
            env.a.run("ip link del d0")


@both
def test_changes_under_traffic(env, kind):
    """The counters are exact whatever the user changes meanwhile."""
    load(env.a, kind)
    add(env.a, kind)
    with Flood(env.a) as flood:
        flood.wait()
        for n in range(100 if env.long else 5):
            env.a.run(batch([f"link set d0 address 02:00:00:00:01:{n:02x}",
                             f"link set d0 mtu {1500 + n}", "link show d0"]))
            env.a.run("ethtool -i d0; ethtool -K d0 tso off; ethtool -K d0 tso on")
    ksft_eq(sent(env.a), (flood.count(), 114 * flood.count()))


@both
def test_unload_under_traffic(env, kind):
    load(env.a, kind)
    with Flood(env.a) as flood:
        for _ in range(20 if env.long else 2):
            env.a.run(f"ip netns add one; ip link add d1 type {kind}; ip link set d1 netns one")
            add(env.a, kind)
            flood.wait()
            unload(env.a, kind)
            ksft_true("d0" not in interfaces(env.a))
            ksft_true("d1" not in env.a.run("ip -n one link").stdout)
            env.a.run("ip netns del one; modprobe " +
                      (f"{kind} numdummies=0" if kind == C else kind))


@both
def test_many(env, kind):
    load(env.a, kind)
    count = 200 if env.long else 50
    for _ in range(10 if env.long else 3):
        env.a.run(batch([f"link add m{n} type {kind}" for n in range(count)]))
        ksft_eq(sum(name.startswith("m") for name in interfaces(env.a)), count)
        env.a.run(batch([f"link del m{n}" for n in range(count)]))
        ksft_eq(sum(name.startswith("m") for name in interfaces(env.a)), 0)
    env.a.run(batch([f"link add m{n} type {kind}" for n in range(count)]))
    unload(env.a, kind)
    ksft_eq(sum(name.startswith("m") for name in interfaces(env.a)), 0)
