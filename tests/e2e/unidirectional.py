# SPDX-License-Identifier: GPL-2.0
"""Interfaces with one channel, several interfaces, empty list entries, name patterns."""

from rig import (Channel, Peer, Reader, System, interfaces, ip_element, ksft_eq, ksft_in,
                 ksft_true, load, messages, stats, unload, wait_counters, wait_stats)
from rig.packets import udp4

SYSTEM = System("unidirectional", ("a",), (
    Channel("in0", reads={"a": "in0"}),
    Channel("in1", reads={"a": "in1"}),
    Channel("out0", writes={"a": "out0"}),
    Channel("out1", writes={"a": "out1"})))

SEND = ("python3 -c \"import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
        "s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'{0}'); "
        "[s.sendto(b'x' * 100, ('{1}', 9)) for _ in range({2})]\"")


def up(machine, dev: str, address: str):
    """Sets an interface up without IPv6, so that only the test's own packets are sent."""
    machine.run(f"echo 1 >/proc/sys/net/ipv6/conf/{dev}/disable_ipv6; "
                f"ip addr add {address}/24 dev {dev} && ip link set {dev} up")


def started_peer(env, protocol: int = 2) -> Peer:
    """The writer of in0, in an epoch."""
    peer = Peer(env, "in0", protocol)
    peer.start(9)
    return peer


def one_way(env, parameters: str, protocol: int, size: int):
    """Loads the module for an interface with one channel, and sets it up."""
    env.a.new_log()
    load(env.a, f"name=net0 flags=net_hdr {parameters}")
    up(env.a, "net0", "192.0.2.1")
    ksft_in(f"net0: Using protocol {protocol}, channel/element size 0x100000/{size:#x} bytes",
            "\n".join(messages(env.a.new_log())))
    ksft_eq(env.a.run("cat /sys/class/net/net0/operstate").stdout, "up\n")


def test_only_in(env):
    one_way(env, "in=in0 reader_protocol=2", 2, 1508)
    peer = started_peer(env)
    wait_counters(env.a, rx_epochs=1)
    peer.write(*(ip_element(udp4("192.0.2.2", "192.0.2.1", 9, bytes(8))) for _ in range(5)))
    wait_stats(env.a, rx_packets=5)
    env.a.run(SEND.format("net0", "192.0.2.2", 3))
    now = stats(env.a)
    ksft_eq((now["rx_packets"], now["rx_bytes"]), (5, 5 * 36))
    # ICMP errors for the closed port are also dropped, because there is no out channel.
    ksft_eq(now["tx_packets"], 0)
    ksft_true(now["tx_dropped"] >= 3)
    ksft_in("reader is enabled", env.a.run("cat /sys/kernel/debug/muennet/net0/info").stdout)
    ksft_in("writer is disabled", env.a.run("cat /sys/kernel/debug/muennet/net0/info").stdout)


def test_only_out(env):
    one_way(env, "out=out0 writer_protocol=0xBEEF mtu=1000", 48879, 1008)
    channel = env.channel("out0")
    ksft_eq((channel.protocol, channel.size), (0xbeef, 1008))
    reader = Reader(channel)
    env.a.run(SEND.format("net0", "192.0.2.2", 7))
    wait_stats(env.a, tx_packets=7)
    ksft_eq(len(reader.read()), 7)
    now = stats(env.a)
    ksft_eq((now["tx_packets"], now["tx_bytes"], now["tx_dropped"]), (7, 7 * 136, 0))
    ksft_eq(now["rx_packets"], 0)
    ksft_in("reader is disabled", env.a.run("cat /sys/kernel/debug/muennet/net0/info").stdout)
    ksft_in("writer is enabled", env.a.run("cat /sys/kernel/debug/muennet/net0/info").stdout)
    env.a.run("ip link set net0 down")
    ksft_eq(channel.epoch, 0)


def test_several_with_empty_entries(env):
    """Interfaces that only read or only write, in three modes, by lists with empty entries."""
    load(env.a, "name=first,second,third,fourth in=in0,,in1, out=,out0,,out1 "
                "reader_protocol=1,,3 writer_protocol=,2,,4 flags=net_hdr,,eth_dev,net_hdr "
                "mtu=,100,,1280")
    ksft_true({"first", "second", "third", "fourth"} <= interfaces(env.a))
    for number, (name, mtu) in enumerate((("first", 1500), ("second", 100), ("third", 1500),
                                          ("fourth", 1280)), 1):
        ksft_eq(int(env.a.run(f"cat /sys/class/net/{name}/mtu").stdout), mtu)
        env.a.run(f"echo 1 >/proc/sys/net/ipv6/conf/{name}/disable_ipv6; "
                  f"ip addr add 10.{number}.0.1/24 dev {name}; ip link set {name} up", fail=False)
    ksft_eq([(c.protocol, c.size) for c in map(env.channel, ("out0", "out1"))],
            [(2, 100), (4, 1288)])
    reader = Reader(env.channel("out1"))
    env.a.run(SEND.format("fourth", "10.4.0.2", 2))
    peer = started_peer(env, protocol=1)
    wait_counters(env.a, "first", rx_epochs=1)
    peer.write(ip_element(udp4("10.1.0.2", "10.1.0.1", 9, bytes(8))))
    wait_stats(env.a, "first", rx_packets=1)
    wait_stats(env.a, "fourth", tx_packets=2)
    ksft_eq(len(reader.read()), 2)
    ksft_eq(stats(env.a, "third")["rx_packets"], 0)


def test_numbered_names(env):
    before = interfaces(env.a)
    load(env.a, "name=muen%d,muen%d,x%dy in=in0,in1, out=,,out0 reader_protocol=2,2 "
                "writer_protocol=,,2 flags=net_hdr,net_hdr,net_hdr")
    ksft_eq(interfaces(env.a) - before, {"muen0", "muen1", "x0y"})
    unload(env.a)
    ksft_eq(interfaces(env.a), before)


def test_two_readers_of_one_channel(env):
    load(env.a, "name=left,right in=in0,in0 reader_protocol=2,2 flags=net_hdr,net_hdr")
    up(env.a, "left", "10.1.0.1")
    up(env.a, "right", "10.2.0.1")
    peer = started_peer(env)
    for name in ("left", "right"):
        wait_counters(env.a, name, rx_epochs=1)
    peer.write(*(ip_element(udp4("10.9.0.2", "10.9.0.1", 9, bytes(8))) for _ in range(6)))
    for name in ("left", "right"):
        wait_stats(env.a, name, rx_packets=6)
