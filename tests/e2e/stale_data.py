# SPDX-License-Identifier: GPL-2.0
"""
No stale data is sent beside packets. The host fills the ring, and the test sends packets
of many lengths and forms. Each byte that belongs to no packet must still have the value
of the filling, or be zero where the mode's format requires it.
"""

import json
import random
import struct

from rig import OUTWARD, KsftNamedVariant, Script, ksft_eq, ksft_in, ksft_variants, load, up
from rig.elements import check_equal, fill, ip_packet, payload, sent_packets
from rig.packets import ip4

SYSTEM = OUTWARD

PROTOCOL = 2
MTU = 9000
# Lengths that are too short for an element's header, a protocol header, or a cache line;
# one more and one less than a page, and than an element.
LENGTHS = (1, 2, 7, 8, 14, 15, 16, 20, 21, 27, 28, 29, 40, 41, 48, 49, 59, 60, 61, 63, 64, 65,
           511, 512, 513, 1499, 1500, 4095, 4096, 4097, 8193, MTU - 15, MTU - 1, MTU)
DATAGRAMS = (0, 1, 2, 17, 18, 19, 20, 1400, MTU - 29, MTU - 28, MTU - 27, 20000)
SEGMENTS = (998, 999, 1000, 1001, 1999, 2000, 20000, 60001)

# Sends packets unchanged, linear and in pages; then datagrams, written at once, in pieces
# that the kernel keeps in pages, and to be segmented.
SENDER = """
import json, socket, struct
plan = json.load(open("/run/plan"))
for pages in (False, True):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("net0", 0))
    if pages:
        s.setsockopt(263, 15, 1)                 # SOL_PACKET, PACKET_VNET_HDR
    for ethertype, packet in plan["packets"]:
        s.bind(("net0", ethertype))
        packet = bytes.fromhex(packet)
        head = struct.pack("<BBHHHH", 0, 0, min(40, len(packet)), 0, 0, 0) if pages else b""
        s.send(head + packet)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 10, 0)           # IP_MTU_DISCOVER: never "don't fragment"
s.setsockopt(socket.SOL_SOCKET, 36, plan["mark"])
s.setsockopt(socket.SOL_SOCKET, 32, 1 << 22)     # SO_SNDBUFFORCE
s.connect(("192.0.2.2", 9))
data = bytes.fromhex(plan["data"])
for size in plan["datagrams"]:
    s.send(data[:size])
for size in plan["datagrams"]:
    for at in range(0, size, 700):
        s.send(data[at:min(at + 700, size)], socket.MSG_MORE if at + 700 < size else 0)
s.setsockopt(socket.IPPROTO_UDP, 103, 1000)      # UDP_SEGMENT
for size in plan["segments"]:
    s.send(data[:size])
"""


def datagrams(data: bytes) -> bytes:
    """Returns the payload of all UDP datagrams of SENDER."""
    return b"".join(data[:size] for size in
                    [*DATAGRAMS, *(size for size in DATAGRAMS if size), *SEGMENTS])


def exact(flags: str, rng: random.Random) -> list:
    """Returns packets of the mode, with random bytes and their Ethernet protocols."""
    if flags == "eth_dev":
        # To an unknown address, with an unknown protocol.
        head = b"\x02\0\0\0\0\2\x02\0\0\0\0\1\x88\xb5"
        return [(0x88b5, head + rng.randbytes(size - 14)) for size in (*LENGTHS, MTU + 14)
                if size >= 14]
    if not flags:
        return [(0x88b5, rng.randbytes(size)) for size in LENGTHS]
    four = [(0x0800, ip4("192.0.2.1", "192.0.2.2", 253, rng.randbytes(size - 20)))
            for size in LENGTHS if size >= 20]
    six = [(0x86dd, struct.pack(">IHBB", 0x6ab00000, size - 40, 59, 64) + rng.randbytes(size - 8))
           for size in LENGTHS if size >= 40]
    return four + six


@ksft_variants([KsftNamedVariant("raw", "", 0), KsftNamedVariant("ip", "net_hdr", 0),
                KsftNamedVariant("ip_in_fragments", "net_hdr", 1),
                KsftNamedVariant("ip_with_offloads", "net_hdr+offload", 0),
                KsftNamedVariant("ethernet", "eth_dev", 0)])
def test_nothing_but_packets(env, flags, mark):
    rng = random.Random(5)
    # Its bytes are neither those of the filling nor zeros.
    data = bytes(rng.randrange(1, 0xee) for _ in range(max(DATAGRAMS + SEGMENTS)))
    packets = exact(flags, rng)
    channel = env.channel("out")
    fill(channel)
    table = env.channel("table").map
    table[:] = bytes(len(table))
    table[:4] = struct.pack("<I", 577)
    load(env.a, f"name=net0 out=channel_out writer_protocol={PROTOCOL} mtu={MTU} flags={flags}" +
         (" pmtu=table" if mark else ""))
    up(env.a, quiet=True)
    if flags == "eth_dev":
        env.a.run("ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev net0")
    env.a.put("/run/plan", json.dumps({
        "packets": [(kind, packet.hex()) for kind, packet in packets], "mark": mark,
        "data": data.hex(), "datagrams": DATAGRAMS, "segments": SEGMENTS}).encode())
    env.a.put("/run/send.py", SENDER.encode())
    env.a.run(Script("/run/send.py"))

    found = sent_packets(channel, flags, PROTOCOL)
    sent = [packet if flags else packet.ljust(MTU, b"\0") for _, packet in packets * 2]
    for got, wanted in zip(found, sent):
        check_equal(got.packet, wanted, "packet")
    rest = found[len(sent):]
    found_data = payload([ip_packet(flags, got.packet) for got in rest])
    check_equal(found_data, datagrams(data), "datagrams")
    ksft_eq({got.mark for got in found[:len(sent)]}, {0})
    ksft_eq({got.mark for got in rest}, {mark})
    if flags == "net_hdr+offload":
        ksft_eq({got.offloads for got in found[:len(sent)]}, {bytes(10)})
        for got in rest:
            csum, gso, header, size, start, offset = struct.unpack("<BBHHHH", got.offloads)
            ksft_in((csum, gso, size, start, offset),
                    {(0, 0, 0, 0, 0), (1, 0, 0, 20, 6), (1, 5, 1000, 20, 6)})
            ksft_eq(bool(header), bool(gso))
        ksft_in(5, {got.offloads[1] for got in rest}, "segments are left to the receiver")
