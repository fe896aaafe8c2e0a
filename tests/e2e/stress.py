# SPDX-License-Identifier: GPL-2.0
"""Random changes under traffic: load, unload, up, down, MTU, namespace, CPU hotplug, memory."""

import collections
import json
import random
import time
from pathlib import Path

from rig import (PAIR, README, V4, KsftNamedVariant, Peer, Script, defer, in_parallel, ip_element,
                 ksft_eq, ksft_gt, ksft_pr, ksft_variants, load, pair, ping, sampled, stats, until,
                 up, wait_for)
from rig.client import PATIENCE
from rig.packets import udp4

SYSTEM = PAIR

GUEST = Path(__file__).parent / "guest"
ELEMENT = ip_element(udp4(V4["b"], V4["a"], 9, bytes(1000)))

# Loads the driver, waits for a packet, and unloads it while more arrive.
LOADS = f"""
set -e
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
i=0
while [ $i -lt $1 ]; do
    modprobe muennet {README}
    ip link set net0 up
    {until('[ $(cat /sys/class/net/net0/statistics/rx_packets) -gt 0 ]')}
    rmmod muennet
    i=$((i + 1))
done
echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6
echo done $i
"""

# The random changes of an interface; {address} is its address.
ONLINE = "/sys/devices/system/cpu/cpu1/online"
NETEM, NO_QDISC, SCARCE = "netem", "no qdisc", "scarce memory"
ACTIONS = {
    "down": "ip link set net0 down",
    "up": "ip link set net0 up",
    "up again": "ip link set net0 up",
    "mtu 1400": "ip link set net0 mtu 1400",
    "mtu 1500": "ip link set net0 mtu 1500",
    "mtu 9000": "ip link set net0 mtu 9000",
    "mtu 68": "ip link set net0 mtu 68",
    "offloads off": "ethtool -K net0 gso off gro off",
    "offloads on": "ethtool -K net0 gso on gro on",
    NETEM: "tc qdisc replace dev net0 root netem delay 3ms loss 5% reorder 10% duplicate 3%",
    "pfifo": "tc qdisc replace dev net0 root pfifo limit 10",
    NO_QDISC: "tc qdisc del dev net0 root",
    "cpu1 offline": f"echo 0 >{ONLINE} && grep -qx 0 /sys/devices/system/cpu/online",
    "cpu1 online": f"echo 1 >{ONLINE} && grep -qx 0-1 /sys/devices/system/cpu/online",
    "namespace":
        "ip netns add stress && ip link set net0 netns stress && ip netns del stress && "
        f"{until('[ -e /sys/class/net/net0 ]')} && "
        "ip addr replace {address}/24 dev net0 && ip link set net0 up",
    SCARCE: "python3 -I -S /run/memory_pressure.py press /run/full/more && "
            "echo 3 >/proc/sys/vm/drop_caches",
}
# Free memory in kB above the low watermark, small enough to be used up quickly.
LEFT = 64 << 10

MODES = [KsftNamedVariant("ip", README, 32, 600),
         KsftNamedVariant("ethernet", README.replace("net_hdr", "eth_dev"), 16, 300)]


def test_loads_and_unloads(env):
    """The peer writes all the time, also while no driver is loaded."""
    loads = 1000 if env.long else 20
    peer = Peer(env)
    env.a.put("/run/loads", LOADS.encode())
    with env.a.bkg(f"sh /run/loads {loads}", fail=True) as running:
        epoch = 0
        while running.proc.poll() is None:
            epoch += 1
            peer.start(epoch)
            for _ in range(20):
                peer.write(*[ELEMENT] * 8)
                time.sleep(0.002)  # sleep: the rate of its packets
    ksft_eq(running.stdout.split(), ["done", str(loads)])


def plan(rng, steps: int, kinds: list) -> list:
    """
    Returns a random list of actions and machines: each action, in both machines if `steps`
    allows it, in random order. The last actions leave each machine with a qdisc to delete.
    """
    each = [(name, rng.choice("ab")) for name in kinds]
    if steps >= 2 * len(each):
        each += [(name, "ab".replace(side, "")) for name, side in each]
    each += [(rng.choice(kinds), rng.choice("ab")) for _ in range(steps - len(each))]
    rng.shuffle(each)
    return each + [(name, side) for side in "ab" for name in (NETEM, NO_QDISC)]


def prepare(machine):
    """Copies the programs, and restores the CPU at the end of the test."""
    for name in ("memory_pressure", "datagrams"):
        machine.put(f"/run/{name}.py", (GUEST / f"{name}.py").read_bytes())
    defer(machine.run, f"echo 1 >{ONLINE}")


def fill_memory(machine):
    """Fills the memory of a machine, except LEFT."""
    machine.run("mkdir -p /run/full && mount -t tmpfs -o size=100% full /run/full")
    defer(machine.run, "umount /run/full")
    machine.run(Script("/run/memory_pressure.py", "fill", "/run/full/most", LEFT))


def traffic(machine, address: str, seed: int):
    """
    Returns a context with pings and datagrams with checksums to an address. A machine with
    one slow processor can handle the rate, also if each packet takes a hundred fragments. The
    output is that of guest/datagrams.py. Only the amount of traffic depends on the rate.
    """
    return machine.bkg(f"ping -q -i {0.004 * PATIENCE} {address} >/dev/null & "
                       f"ping -q -i {0.02 * PATIENCE} -s 5000 {address} >/dev/null & "
                       f"exec python3 -I -S /run/datagrams.py {address} {seed} {100 // PATIENCE}")


def received(machine) -> int:
    """Returns the number of datagrams that sockets of a machine have received."""
    lines = machine.get("/proc/net/snmp").decode().splitlines()
    names, values = [line.split()[1:] for line in lines if line.startswith("Udp:")]
    return int(dict(zip(names, values))["InDatagrams"])


@sampled(1)
@ksft_variants(MODES)
def test_changes_at_random(env, parameters, short, long):
    machines = {"a": env.a, "b": env.b}
    in_parallel(prepare, machines.values())
    # Memory pressure in one variant only, because the OOM killer may kill any process. In the
    # debug kernel, which tracks all memory and quarantines freed memory, it does so.
    scarce = parameters == README and \
        env.a.run("ls /sys/kernel/debug/kmemleak", fail=False).ret
    kinds = [name for name in ACTIONS if name != SCARCE or scarce]
    if SCARCE in kinds:
        in_parallel(fill_memory, machines.values())
    ends = pair(env, parameters)
    seed = env.seed(7)
    steps = plan(random.Random(seed), long if env.long else short, kinds)
    ksft_pr(f"{len(steps)} steps")
    worked, failed = collections.Counter(), collections.Counter()
    before = {name: received(machine) for name, machine in machines.items()}
    traffics = {name: traffic(machines[name], V4[other], seed) for name, other in ("ab", "ba")}
    with traffics["a"], traffics["b"]:
        for number, (name, side) in enumerate(steps, 1):
            result = machines[side].run(ACTIONS[name].format(address=V4[side]), fail=False)
            (failed if result.ret else worked)[name] += 1
            if name == SCARCE or (result.ret and name != NO_QDISC):
                ksft_pr(f"{name} in {side}: {result.stdout}{result.stderr}".strip())
            if number % 100 == 0:
                ksft_pr(f"{number} steps")
        for machine in machines.values():
            machine.run(f"echo 1 >{ONLINE}; ip link set net0 mtu 1500")
            up(machine)
        wait_for(lambda: all(received(machine) > before[name] + len(steps)
                             for name, machine in machines.items()), "datagrams in both")
    # A missing qdisc cannot be deleted. All other actions work at any time.
    ksft_eq(failed - collections.Counter({NO_QDISC: failed[NO_QDISC]}), collections.Counter())
    ksft_eq(set(kinds) - set(worked), set(), "each action has worked")
    for side, sender in traffics.items():
        counts = json.loads(sender.stdout)
        ksft_pr(f"{side}: {counts}")
        ksft_eq(counts["bad"], 0, "no datagram was corrupted")
        ksft_gt(counts["received"], len(steps))
    ksft_eq(ping(*ends, count=10).received, 10)
    ksft_eq(stats(env.a)["rx_frame_errors"] + stats(env.b)["rx_frame_errors"], 0)


def test_nothing_is_left(env):
    """After the changes, a load works like the first one."""
    load(env.a)
    up(env.a, quiet=True)
    ksft_eq(stats(env.a)["rx_packets"], 0)
