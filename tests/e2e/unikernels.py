# SPDX-License-Identifier: GPL-2.0
"""Ethernet mode with a unikernel, which the test plays and restarts."""

from rig import (V4, Channel, End, Script, System, counters, ksft_eq, ksft_in, ksft_ne, ksft_true,
                 load, pair, ping, ping_at_once, stream, wait_answer, wait_counters, wait_peer)
from rig.unikernel import PROTOCOL, Unikernel

SYSTEM = System("unikernels", ("a", "b"), (
    Channel("a_to_b", writes={"a": "channel_out"}, reads={"b": "channel_in"}),
    Channel("b_to_a", writes={"b": "channel_out"}, reads={"a": "channel_in"}),
    Channel("to_unikernel", writes={"a": "service|in"}),
    Channel("from_unikernel", reads={"a": "service|out"})))

WITH_UNIKERNEL = (f"name=uk0 in=service|out out=service|in reader_protocol={PROTOCOL:#x} "
                  f"writer_protocol={PROTOCOL:#x} flags=eth_dev")
# The parameters contain a '|', which must be quoted for the shell.
QUOTED = f"'{WITH_UNIKERNEL}'".replace(" ", "' '")
LINUX = ("name=net0 in=channel_in out=channel_out reader_protocol=2 writer_protocol=2 "
         "flags=eth_dev")
FLAG = "restart-with-peer"


def unikernel(env):
    """Loads the module for a unikernel. Returns the peer, not started, and both ends."""
    load(env.a, QUOTED)
    env.a.run("ip addr add 203.0.113.1/24 dev uk0 && ip link set uk0 up")
    peer = Unikernel(env.channel("to_unikernel"), env.channel("from_unikernel"), "203.0.113.7")
    return peer, (End(env.a, "203.0.113.1"), End(peer, "203.0.113.7"))


def next_unikernel(env) -> Unikernel:
    """Returns the unikernel after a restart, with a different MAC address."""
    return Unikernel(env.channel("to_unikernel"), env.channel("from_unikernel"), "203.0.113.7",
                     b"\x02\0\0\0\0\x08")


# Sends more frames than a ring has elements, with an unknown protocol.
MANY = """
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("uk0", 0x88b5))
for _ in range(1000):
    s.send(b"\\xff" * 12 + b"\\x88\\xb5" + bytes(46))
"""


def wrap_ring(env):
    """Wraps the ring around, and deletes the peer's MAC address."""
    env.a.put("/run/many.py", MANY.encode())
    env.a.run(Script("/run/many.py"))
    env.a.run("ip neigh flush dev uk0")


def test_works(env):
    peer, ends = unikernel(env)
    with peer:
        wait_peer(env.a, "uk0")
        channel = env.channel("to_unikernel")
        ksft_eq((channel.protocol, channel.size), (PROTOCOL, 1516))
        for size in (0, 56, 1472):
            ksft_eq(ping(*ends, f"-s {size}").received, 3)
        ksft_in("lladdr 02:00:00:00:00:07", env.a.run("ip neigh show dev uk0").stdout)
        ksft_true(all(14 <= len(frame) <= 1514 for frame in peer.frames))


def test_restarts(env):
    """Before the ring has wrapped around, the restarted unikernel reads it from the start."""
    first, ends = unikernel(env)
    for peer in (first, next_unikernel(env)):
        with peer:
            wait_peer(env.a, "uk0")
            env.a.run("ip neigh flush dev uk0")
            ksft_eq(ping(*ends).received, 3)


def test_deaf(env):
    """
    After the ring has wrapped around, the restarted unikernel reads nothing until the
    interface goes down and up.
    """
    first, ends = unikernel(env)
    with first:
        wait_peer(env.a, "uk0")
        ksft_eq(ping(*ends).received, 3)
    wrap_ring(env)
    with next_unikernel(env) as peer:
        wait_counters(env.a, "uk0", peer_active=1)
        ksft_eq(ping_at_once(*ends, "-c 3 -i 0.05 -W 1").received, 0)
        ksft_true(peer.reader.deaf)
        env.a.run("ip link set uk0 down && ip link set uk0 up")
        wait_answer(*ends)
        ksft_eq(ping(*ends).received, 3)


def test_out_channel_begins_anew(env):
    """With the flag, the out channel begins an epoch each time the unikernel does."""
    first, ends = unikernel(env)
    env.a.run(f"ethtool --set-priv-flags uk0 {FLAG} on")
    with first:
        wait_peer(env.a, "uk0")
        ksft_eq(ping(*ends).received, 3)
    for _ in range(3):
        wrap_ring(env)
        before = counters(env.a, "uk0")["tx_epochs"]
        with next_unikernel(env) as peer:
            wait_counters(env.a, "uk0", peer_active=1)
            wait_answer(*ends)
            ksft_eq(ping(*ends).received, 3)
            ksft_eq(counters(env.a, "uk0")["tx_epochs"], before + 1)
            ksft_true(not peer.reader.deaf)


def test_nothing_begins_anew_unused(env):
    """With the flag, an empty out channel keeps its epoch."""
    load(env.a, QUOTED)
    env.a.run("echo 1 >/proc/sys/net/ipv6/conf/uk0/disable_ipv6; ip link set uk0 up; "
              f"ethtool --set-priv-flags uk0 {FLAG} on")
    epoch = env.channel("to_unikernel").epoch
    with next_unikernel(env):
        wait_counters(env.a, "uk0", peer_active=1)
        ksft_eq(counters(env.a, "uk0")["tx_epochs"], 1)
    ksft_eq(env.channel("to_unikernel").epoch, epoch)


def epochs(env) -> list:
    """Returns the number of epochs that each end has begun."""
    return [counters(machine)["tx_epochs"] for machine in (env.a, env.b)]


def test_two_ends_come_to_rest(env):
    """If both ends have the flag, one answers the new epoch of the other, but not an answer."""
    ends = pair(env, LINUX, set_up=lambda machine: machine.run(
        f"ip addr add {V4[machine.name]}/24 dev net0 && "
        f"ethtool --set-priv-flags net0 {FLAG} on && ip link set net0 up"))
    channels = env.channel("a_to_b"), env.channel("b_to_a")
    wait_answer(*ends)
    for turn in (0, 1, 0):
        stream(*ends)
        before, old = epochs(env), [channel.epoch for channel in channels]
        (env.a, env.b)[turn].run("ip link set net0 down && ip link set net0 up")
        wait_answer(*ends)
        stream(*ends)
        stream(*reversed(ends))
        ksft_eq(epochs(env), [count + 1 for count in before])
        for channel, epoch in zip(channels, old):
            ksft_ne(channel.epoch, epoch)
        ksft_eq([channel.epoch >> 32 == 0x616e7377 for channel in channels],
                [turn == 1, turn == 0], "the end that has answered")


def test_flag(env):
    """The flag requires Ethernet mode and channels in both directions."""
    for parameters, ret in ((LINUX, 0), (LINUX.replace("eth_dev", "net_hdr"), 1),
                            (LINUX.replace("out=channel_out", "out="), 1),
                            (LINUX.replace("in=channel_in", "in="), 1)):
        load(env.a, parameters)
        done = env.a.run(f"ethtool --set-priv-flags net0 {FLAG} on", fail=False)
        ksft_eq(done.ret != 0, ret == 1, parameters)
        shown = env.a.run("ethtool --show-priv-flags net0").stdout
        ksft_in(f"{FLAG:20}: {'off' if ret else 'on'}".replace(" ", ""), shown.replace(" ", ""))
        env.a.run("rmmod muennet")
