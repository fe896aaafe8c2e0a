# SPDX-License-Identifier: GPL-2.0
"""Loads, unloads, ups, downs, MTUs, namespaces and CPUs, all under traffic."""

import random
import time

from rig import (PAIR, README, V4, End, Writer, defer, ip_element, ksft_eq, ksft_ge, ksft_pr,
                 load, pair, ping, stats, up)
from rig.packets import udp4

SYSTEM = PAIR

SEED = 7
ELEMENT = ip_element(udp4(V4["b"], V4["a"], 9, bytes(1000)))

# Loads the driver, sees packets arrive, and unloads it while more come.
LOADS = f"""
set -e
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
i=0
while [ $i -lt $1 ]; do
    modprobe muennet {README}
    ip link set net0 up
    n=0
    until [ $(cat /sys/class/net/net0/statistics/rx_packets) -gt 0 ]; do
        n=$((n + 1)); [ $n -lt 1000 ]; sleep 0.01
    done
    rmmod muennet
    i=$((i + 1))
done
echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6
echo done $i
"""

# What is done to an interface at random; {address} is its address.
ACTIONS = (
    "ip link set net0 down",
    "ip link set net0 up",
    "ip link set net0 up",
    "ip link set net0 mtu 1400",
    "ip link set net0 mtu 1500",
    "ip link set net0 mtu 9000",
    "ip link set net0 mtu 68",
    "ethtool -K net0 tso off rx off",
    "ethtool -K net0 tso on rx on",
    "tc qdisc replace dev net0 root netem delay 3ms loss 5% reorder 10% duplicate 3%",
    "tc qdisc replace dev net0 root pfifo limit 10",
    "tc qdisc del dev net0 root",
    "echo 0 >/sys/devices/system/cpu/cpu1/online",
    "echo 1 >/sys/devices/system/cpu/cpu1/online",
    "ip netns add stress; ip link set net0 netns stress; ip netns del stress; "
    "n=0; until [ -e /sys/class/net/net0 ]; do n=$((n + 1)); [ $n -lt 500 ]; sleep 0.01; done; "
    "ip addr replace {address}/24 dev net0; ip link set net0 up",
    # Memory gets scarce for a while.
    "dd if=/dev/zero of=/run/big bs=1M count=300 2>/dev/null; rm -f /run/big; "
    "echo 3 >/proc/sys/vm/drop_caches")


def test_loads_and_unloads(env):
    """The peer writes all the time, also while there is no driver to read."""
    loads = 1000 if env.long else 50
    writer = Writer(env.channel("b_to_a"), 2, 1508)
    defer(writer.stop)
    env.a.put("/run/loads", LOADS.encode())
    with env.a.bkg(f"sh /run/loads {loads}", fail=True) as running:
        epoch = 0
        while running.proc.poll() is None:
            epoch += 1
            writer.start(epoch)
            for _ in range(20):
                writer.write(*[ELEMENT] * 8)
                time.sleep(0.002)
    ksft_eq(running.stdout.split(), ["done", str(loads)])


def test_changes_at_random(env):
    pair(env)
    rng = random.Random(SEED)
    steps = 600 if env.long else 60
    ksft_pr(f"seed {SEED}, {steps} steps")
    for machine in (env.a, env.b):
        defer(machine.run, "echo 1 >/sys/devices/system/cpu/cpu1/online || true")
    floods = [machine.bkg(f"ping -q -f {V4[other]} & ping -q -i 0.005 -s 5000 {V4[other]} & "
                          "echo $(jobs -p) >/run/pings; wait", fail=False)
              for machine, other in ((env.a, "b"), (env.b, "a"))]
    failed = 0
    with floods[0], floods[1]:
        for _ in range(steps):
            machine = rng.choice((env.a, env.b))
            action = rng.choice(ACTIONS).format(address=V4[machine.name])
            # Some do not apply, like the deletion of what is not there.
            failed += machine.run(action, fail=False).ret != 0
        for machine in (env.a, env.b):
            machine.run("kill $(cat /run/pings)", fail=False)
    ksft_ge(steps // 2, failed, "most of the steps did something")
    for machine in (env.a, env.b):
        machine.run("echo 1 >/sys/devices/system/cpu/cpu1/online; "
                    "tc qdisc del dev net0 root", fail=False)
        machine.run("ip link set net0 mtu 1500")
        up(machine)
    ksft_eq(ping(End(env.a, V4["a"]), End(env.b, V4["b"]), "-c 10 -i 0.05").received, 10)
    ksft_eq(stats(env.a)["rx_frame_errors"] + stats(env.b)["rx_frame_errors"], 0)


def test_nothing_is_left(env):
    """After all that, a load is like the first one."""
    load(env.a)
    up(env.a, quiet=True)
    ksft_eq(stats(env.a)["rx_packets"], 0)
