# SPDX-License-Identifier: GPL-2.0
"""Down and unload stop everything: the channels are not touched any more."""

import time

from rig import (PAIR, README, V4, End, KsftNamedVariant, Writer, counters, defer, ip_element,
                 ksft_eq, ksft_true, ksft_variants, load, pair, ping, stats, unload, up,
                 wait_counters, wait_for, wait_stats)
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
    channel, other = env.channel("a_to_b"), env.channel("b_to_a")
    with env.a.bkg(f"ping -q -i 0.002 {V4['b']}"), env.b.bkg(f"ping -q -i 0.002 {V4['a']}"):
        wait_for(lambda: channel.wc > 10, "traffic")
        stop(env.a)
        ksft_eq(channel.epoch, 0)
        ksft_eq(channel.wc, channel.wsc)
        before, count = channel.content(), other.wc
        # The peer goes on: so much of it would have been answered.
        wait_for(lambda: other.wc > count + 100, "traffic of the peer")
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
    time.sleep(0.3)  # sleep: for polls, of which there must be none
    ksft_eq(stats(env.a), before)

    # Up again: what was written in between is neither delivered nor lost.
    epochs = counters(env.a)["rx_epochs"]
    env.a.run("ip link set net0 up")
    wait_counters(env.a, rx_epochs=epochs + 1)
    writer.write(*(element(n) for n in range(5)))
    wait_stats(env.a, rx_packets=15)
    after = stats(env.a)
    ksft_eq(after["rx_missed_errors"], 0)
    ksft_eq(after["rx_errors"], 0)


def test_unload_under_traffic(env):
    pair(env)
    for _ in range(60 if env.long else 5):
        with env.b.bkg(f"ping -q -f {V4['a']}"), env.a.bkg(f"ping -q -f {V4['b']}"):
            wait_for(lambda: all(stats(env.a)[way + "_packets"] > 3 for way in ("rx", "tx")),
                     "traffic")
            unload(env.a)
        load(env.a, README)
        up(env.a)
        # What came before the first look is not its.
        wait_counters(env.a, rx_epochs=1)
        ksft_eq(ping(End(env.a, V4["a"]), End(env.b, V4["b"])).received, 3)
