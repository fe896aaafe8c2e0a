# SPDX-License-Identifier: GPL-2.0
"""After `ip link set down` or an unload, the driver does not access the channels."""

import time
from pathlib import Path

from rig import (PAIR, README, V4, KsftNamedVariant, Peer, Script, counters, ip_element,
                 ksft_eq, ksft_true, ksft_variants, load, pair, ping, sampled, stats, unload, up,
                 wait_counters, wait_for, wait_stats)
from rig.packets import udp4

SYSTEM = PAIR

STOPS = [KsftNamedVariant("down", lambda machine: machine.run("ip link set net0 down")),
         KsftNamedVariant("unload", unload)]


def element(number: int) -> bytes:
    """Returns the element of a numbered packet to a."""
    return ip_element(udp4(V4["b"], V4["a"], 9, number.to_bytes(8, "little")))


@sampled(1)
@ksft_variants(STOPS)
def test_channel_is_left_alone(env, stop):
    pair(env)
    channel, other = env.channel("a_to_b"), env.channel("b_to_a")
    with env.a.bkg(f"ping -q -i 0.002 {V4['b']}"), env.b.bkg(f"ping -q -i 0.002 {V4['a']}"):
        wait_for(lambda: channel.wc > 10, "traffic")
        stop(env.a)
        ksft_eq(channel.epoch, 0)
        ksft_eq(channel.wc, channel.wsc)
        before, count = channel.content(), other.wc
        # The peer continues: a driver that still reads would answer this much.
        wait_for(lambda: other.wc > count + 100, "traffic of the peer")
        ksft_true(channel.content() == before, "nothing in the region changed")


@sampled(1)
@ksft_variants(STOPS)
def test_in_channel_is_not_written(env, stop):
    load(env.a)
    up(env.a)
    peer = Peer(env)
    peer.start(77)
    peer.write(*(element(n) for n in range(10)))
    before = peer.channel.content()
    stop(env.a)
    ksft_true(peer.channel.content() == before, "the region is unchanged")


def test_statistics_stand_still(env):
    peer = Peer(env, parameters=README)
    peer.start(78)
    peer.write(*(element(n) for n in range(10)))
    wait_stats(env.a, rx_packets=10)
    env.a.run("ip link set net0 down")
    before = stats(env.a)
    for n in range(2000):
        peer.write(element(n))
    time.sleep(0.3)  # sleep: there must be no poll in this time
    ksft_eq(stats(env.a), before)

    # After "up": elements from the time between are neither delivered nor counted as lost.
    epochs = counters(env.a)["rx_epochs"]
    env.a.run("ip link set net0 up")
    wait_counters(env.a, rx_epochs=epochs + 1)
    peer.write(*(element(n) for n in range(5)))
    wait_stats(env.a, rx_packets=15)
    after = stats(env.a)
    ksft_eq(after["rx_missed_errors"], 0)
    ksft_eq(after["rx_errors"], 0)


def test_unload_under_traffic(env):
    ends = pair(env)
    for _ in range(60 if env.long else 5):
        with env.b.bkg(f"ping -q -f {V4['a']}"), env.a.bkg(f"ping -q -f {V4['b']}"):
            wait_for(lambda: all(stats(env.a)[way + "_packets"] > 3 for way in ("rx", "tx")),
                     "traffic")
            unload(env.a)
        load(env.a, README)
        up(env.a)
        # The driver joins: it does not read what was written before its first poll.
        wait_counters(env.a, rx_epochs=1)
        ksft_eq(ping(*ends).received, 3)


def flood(machine, address: str, size: int, segment: int):
    """Runs a program that sends without end, with software segmentation if `segment` is set."""
    machine.put("/run/flood.py", (Path(__file__).parent / "guest/flood.py").read_bytes())
    return machine.bkg(Script("/run/flood.py", address, size, *([segment] if segment else [])),
                       fail=False)


def sends(machine, dev: str):
    """Waits until an interface sends more."""
    before = stats(machine, dev)["tx_packets"]
    wait_for(lambda: stats(machine, dev)["tx_packets"] > before, f"packets of {dev}")


@ksft_variants([KsftNamedVariant("small", 20, 0), KsftNamedVariant("in_segments", 60_000, 1000)])
def test_while_sending(env, size, segment):
    """
    ndo_start_xmit never returns NETDEV_TX_BUSY, for which there is no queue: the kernel
    would warn.
    """
    ends = pair(env, quiet=True)
    env.a.run("ethtool -K net0 tx-udp-segmentation off")
    env.a.new_log()
    with flood(env.a, V4["b"], size, segment):
        for _ in range(200 if env.long else 20):
            sends(env.a, "net0")
            env.a.run("ip link set net0 down; ip link set net0 up")
    ksft_eq([line for line in env.a.new_log() if line.level <= 4], [])
    ksft_eq(ping(*ends).received, 3)


def test_child_while_sending(env):
    """A list of packets that was begun (xmit_more) is always published."""
    pair(env, quiet=True)
    channel = env.channel("a_to_b")
    env.a.run("ip link add link net0 name child0 type muennet && "
              "echo 1 >/proc/sys/net/ipv6/conf/child0/disable_ipv6; "
              "ip addr add 203.0.113.1/24 dev child0 && ip link set child0 up && "
              "ethtool -K child0 tx-udp-segmentation off")
    for _ in range(100 if env.long else 20):
        with flood(env.a, "203.0.113.2", 30_000, 1000):
            sends(env.a, "child0")
            env.a.run("ip link set child0 down")
        # Nothing else would publish the packets of an unfinished list.
        wait_for(lambda: channel.wsc == channel.wc, "published packets")
        env.a.run("ip link set child0 up")
