# SPDX-License-Identifier: GPL-2.0
"""Packets without an Ethernet protocol, from AF_XDP sockets and packet sockets."""

from pathlib import Path

from e2e import offload
from rig import (PAIR, README, V4, KsftNamedVariant, Script, ksft_eq, ksft_in, ksft_variants, load,
                 stats, up)
from rig.packets import ip4, udp4

SYSTEM = PAIR

HERE = Path(__file__).parent
PACKETS = (udp4(V4["a"], V4["b"], 9, b"one"), ip4(V4["a"], V4["b"], 6, bytes(20)))
NOT_IP = bytes(40)

# Sends a datagram without a protocol from a packet socket.
DATAGRAM = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
s.sendto(bytes.fromhex(sys.argv[2]), (sys.argv[1], 0))
"""
IPV6_PACKET = b"\x60\0\0\0\0\4\x3b\x40" + bytes(15) + b"\1" + bytes(15) + b"\2" + b"data"


@ksft_variants([KsftNamedVariant("ip", README), KsftNamedVariant("offload", offload.OFFLOAD)])
def test_af_xdp(env, parameters):
    """The IP version sets the protocol of a packet. Other packets are dropped and counted."""
    load(env.a, parameters)
    up(env.a, quiet=True)
    env.a.put("/run/af_xdp.py", (HERE / "guest/af_xdp.py").read_bytes())
    before = stats(env.a, "net0")
    good = [*PACKETS, IPV6_PACKET]
    out = env.a.run(Script("/run/af_xdp.py", "net0", *(p.hex() for p in (*good, NOT_IP)))).stdout
    ksft_in("sent", out)
    now = stats(env.a, "net0")
    ksft_eq(now["tx_packets"] - before["tx_packets"], len(good))
    ksft_eq(now["tx_dropped"] - before["tx_dropped"], 1)


def test_packet_socket(env):
    """
    A packet socket can set the protocol. Without one the packet is dropped, so that it
    cannot evade rules that match the protocol.
    """
    load(env.a)
    up(env.a, quiet=True)
    env.a.put("/run/datagram.py", DATAGRAM.encode())
    before = stats(env.a, "net0")
    env.a.run(Script("/run/datagram.py", "net0", PACKETS[0].hex()))
    now = stats(env.a, "net0")
    ksft_eq(now["tx_packets"], before["tx_packets"])
    ksft_eq(now["tx_dropped"], before["tx_dropped"] + 1)
