# SPDX-License-Identifier: GPL-2.0
"""Packets that nobody has given a protocol: those of AF_XDP sockets and of packet sockets."""

from pathlib import Path

from e2e import offload
from rig import (PAIR, README, V4, KsftNamedVariant, Script, ksft_eq, ksft_in, ksft_variants, load,
                 stats, up)
from rig.packets import ip4, udp4

SYSTEM = PAIR

HERE = Path(__file__).parent
PACKETS = (udp4(V4["a"], V4["b"], 9, b"one"), ip4(V4["a"], V4["b"], 6, bytes(20)))
NO_IP = bytes(40)

# Sends a datagram without a protocol by a packet socket.
DATAGRAM = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
s.sendto(bytes.fromhex(sys.argv[2]), (sys.argv[1], 0))
"""
IP6 = b"\x60\0\0\0\0\4\x3b\x40" + bytes(15) + b"\1" + bytes(15) + b"\2" + b"data"


@ksft_variants([KsftNamedVariant("ip", README), KsftNamedVariant("offload", offload.OFFLOAD)])
def test_af_xdp(env, parameters):
    """They are what their version says; what has none is dropped and counted."""
    load(env.a, parameters)
    up(env.a, quiet=True)
    env.a.put("/run/af_xdp.py", (HERE / "guest/af_xdp.py").read_bytes())
    before = stats(env.a, "net0")
    good = [*PACKETS, IP6]
    out = env.a.run(Script("/run/af_xdp.py", "net0", *(p.hex() for p in (*good, NO_IP)))).stdout
    ksft_in("sent", out)
    now = stats(env.a, "net0")
    ksft_eq(now["tx_packets"] - before["tx_packets"], len(good))
    ksft_eq(now["tx_dropped"] - before["tx_dropped"], 1)


def test_packet_socket(env):
    """It can say what it sends: without that, rules that look at the protocol are not passed."""
    load(env.a)
    up(env.a, quiet=True)
    env.a.put("/run/datagram.py", DATAGRAM.encode())
    before = stats(env.a, "net0")
    env.a.run(Script("/run/datagram.py", "net0", PACKETS[0].hex()))
    now = stats(env.a, "net0")
    ksft_eq(now["tx_packets"], before["tx_packets"])
    ksft_eq(now["tx_dropped"], before["tx_dropped"] + 1)
