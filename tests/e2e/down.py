# SPDX-License-Identifier: GPL-2.0
"""Down and unload stop everything: the channels are not touched any more."""

import time

from rig import (PAIR, README, V4, End, KsftNamedVariant, Writer, counters, defer, ip_element,
                 ksft_busy_wait, ksft_eq, ksft_true, ksft_variants, load, pair, ping, stats, unload,
                 up, wait_stats)
from rig.packets import udp4

SYSTEM = PAIR

STOPS = [KsftNamedVariant("down", lambda machine: machine.run("ip link set net0 down")),
         KsftNamedVariant("unload", unload)]


def peer(env, epoch: int) -> Writer:
    """A writer that plays b towards a."""
    writer = Writer(env.channel("b_to_a"), 2, 1508)
    writer.start(epoch)
    defer(writer.stop)
    return writer


def element(number: int) -> bytes:
    """A packet to a."""
    return ip_element(udp4(V4["b"], V4["a"], 9, number.to_bytes(8, "little")))


@ksft_variants(STOPS)
def test_channel_is_left_alone(env, stop):
    pair(env)
    channel = env.channel("a_to_b")
    with env.a.bkg(f"ping -q -i 0.002 {V4['b']}"), env.b.bkg(f"ping -q -i 0.002 {V4['a']}"):
        ksft_busy_wait(lambda: channel.wc > 10, deadline=30, comment="there is traffic")
        stop(env.a)
        ksft_eq(channel.epoch, 0)
        ksft_eq(channel.wc, channel.wsc)
        before = channel.content()
        time.sleep(0.5)
        ksft_true(channel.content() == before, "nothing in the region changed")


@ksft_variants(STOPS)
def test_in_channel_is_not_written(env, stop):
    load(env.a)
    up(env.a)
    writer = peer(env, 77)
    writer.write(*(element(n) for n in range(10)))
    before = writer.channel.content()
    stop(env.a)
    ksft_true(writer.channel.content() == before, "a reader leaves no trace")


def test_statistics_stand_still(env):
    load(env.a)
    up(env.a, quiet=True)
    writer = peer(env, 78)
    writer.write(*(element(n) for n in range(10)))
    wait_stats(env.a, rx_packets=10)
    env.a.run("ip link set net0 down")
    before = stats(env.a)
    for n in range(2000):
        writer.write(element(n))
    time.sleep(0.3)
    ksft_eq(stats(env.a), before)

    # Up again: what was written in between is neither delivered nor lost.
    env.a.run("ip link set net0 up")
    time.sleep(1)
    writer.write(*(element(n) for n in range(5)))
    wait_stats(env.a, rx_packets=15)
    after = stats(env.a)
    ksft_eq(after["rx_missed_errors"], 0)
    ksft_eq(after["rx_errors"], 0)


def test_unload_under_traffic(env):
    pair(env)
    for _ in range(60 if env.long else 15):
        with env.b.bkg(f"ping -q -f {V4['a']}"), env.a.bkg(f"ping -q -f {V4['b']}"):
            ksft_busy_wait(lambda: all(stats(env.a)[way + "_packets"] > 3 for way in ("rx", "tx")),
                           sleep=0.01, deadline=30, comment="there is traffic")
            unload(env.a)
        load(env.a, README)
        up(env.a)
        # What came before the first look is not its.
        ksft_busy_wait(lambda: counters(env.a)["rx_epochs"] == 1, sleep=0.01, deadline=30)
        ksft_eq(ping(End(env.a, V4["a"]), End(env.b, V4["b"])).received, 3)
