# SPDX-License-Identifier: GPL-2.0
"""
Elements that contradict their packet, and packets that contradict their contents.

The driver takes as many bytes from an element as the outer IP header (or the Ethernet
trailer) states, if the element has them. It does not check inner headers: nested packets,
fragments and jumbograms are for the stack, which has its own counters. In any case the
packets before and after arrive.
"""

import socket
import struct
from collections import Counter

from e2e import hostile
from e2e.hostile import ETHERNET, IP, AccountedPeer, frame
from rig import (V4, V6, KsftNamedVariant, defer, ip_element, ksft_eq, ksft_pr, ksft_variants,
                 wait_for)
from rig.packets import checksum, ip4, udp4

SYSTEM = hostile.SYSTEM

HONEST = ip_element(udp4(V4["b"], V4["a"], 9, bytes(100)))
LENGTH, HEADER, PROTOCOL = "rx_bad_length", "rx_bad_header", "rx_bad_protocol"


def with_length(length: int) -> bytes:
    """Returns an element that is valid except for the total length of its IPv4 packet."""
    return HONEST[:10] + struct.pack(">H", length) + HONEST[12:]


def ipv6_element(length: int) -> bytes:
    """Returns an element with an IPv6 packet of this payload length."""
    return struct.pack("<IHBB", 0, 0, 41, 0) + b"\x60\0\0\0" + struct.pack(">H", length) + bytes(34)


# What is wrong with an element, the element, and its counter; None: it is valid.
ELEMENTS = (
    ("another protocol", HONEST[:6] + b"\x06" + HONEST[7:], PROTOCOL),
    ("version of the packet", HONEST[:8] + b"\x65" + HONEST[9:], HEADER),
    ("version and protocol differ", HONEST[:6] + b"\x29" + HONEST[7:], HEADER),
    ("version 0", HONEST[:8] + b"\x05" + HONEST[9:], HEADER),
    ("header length 0", HONEST[:8] + b"\x40" + HONEST[9:], HEADER),
    ("header length 16", HONEST[:8] + b"\x44" + HONEST[9:], HEADER),
    ("header longer than the packet",
     HONEST[:8] + b"\x4f" + HONEST[9:10] + struct.pack(">H", 59) + HONEST[12:], HEADER),
    *((f"IP total length {length}", with_length(length), LENGTH)
      for length in (0, 1, 4, 19, 1501, 1508, 32768, 65535)),
    ("IP total length 20", with_length(20), None),
    ("length of our own header 0", HONEST[:4] + bytes(2) + HONEST[6:], None),
    ("length of our own header 65535", HONEST[:4] + b"\xff\xff" + HONEST[6:], None),
    ("IPv6 payload beyond the element", ipv6_element(1461), LENGTH),
    ("IPv6 payload 65535", ipv6_element(65535), LENGTH),
    ("zeros", bytes(IP.size), PROTOCOL),
    ("ones", b"\xff" * IP.size, PROTOCOL))


def test_bad_element(env):
    """Invalid elements are counted by kind; the packets before and after arrive."""
    peer = AccountedPeer(env)
    peer.next_epoch()
    peer.expect("an epoch", "active", rx_epochs=1)
    for name, data, counted in ELEMENTS:
        peer.write(HONEST, data.ljust(IP.size, b"\0"), HONEST)
        peer.expect(name, "active", rx_packets=2 + (counted is None), rx_elements=3,
                    **({counted: 1, "rx_malformed": 1} if counted else {}))
    got = peer.machine.counters("net0")[0]
    ksft_eq(got["rx_malformed"], sum(counted is not None for *_, counted in ELEMENTS))
    peer.recovers("bad elements")


def ip6(next_header: int, payload: bytes, stated: int = -1) -> bytes:
    """Returns an IPv6 packet to a; the header may state another length of the payload."""
    stated = len(payload) if stated < 0 else stated
    addresses = b"".join(socket.inet_pton(socket.AF_INET6, V6[side]) for side in "ba")
    return struct.pack(">IHBB", 6 << 28, stated, next_header, 64) + addresses + payload


def udp6(size: int = 32) -> bytes:
    """Returns a valid UDP datagram, without its IPv6 header."""
    head = struct.pack(">HHH", 9, 9, 8 + size)
    addresses = ip6(0, b"")[8:40]
    pseudo = addresses + struct.pack(">II", 8 + size, 17)
    return head + struct.pack(">H", checksum(pseudo + head + bytes(2) + bytes(size))) + bytes(size)


def fragment(payload: bytes, at: int, more: bool, ident: int) -> bytes:
    """Returns a fragment of an IPv4 datagram."""
    packet = bytearray(ip4(V4["b"], V4["a"], 17, payload, ident))
    packet[6:8] = struct.pack(">H", more << 13 | at // 8)
    packet[10:12] = bytes(2)
    packet[10:12] = struct.pack(">H", checksum(bytes(packet[:20])))
    return bytes(packet)


def fragments(ident: int, *parts) -> list:
    """Returns fragments (from, to, more) of a datagram of 808 bytes to a closed port."""
    whole = struct.pack(">HHHH", 9, 9, 808, 0) + bytes(800)
    return [fragment(whole[begin:end], begin, more, ident) for begin, end, more in parts]


def option(kind: int, data: bytes) -> bytes:
    """Returns an IPv6 extension header of 8 bytes, before UDP, with one option of 4 bytes."""
    return struct.pack(">BBBB", 17, 0, kind, len(data)) + data


INNER = udp4(V4["b"], V4["a"], 9, bytes(50))
JUMBO = option(0xc2, struct.pack(">I", 70000))
# Packets, and the counters of the stack, which has no tunnel configured.
PACKETS = (
    ("IPv4 in IPv4", [ip4(V4["b"], V4["a"], 4, INNER)], {"Ip.InUnknownProtos": 1}),
    ("IPv4 in IPv4, 60 deep", [ip4(V4["b"], V4["a"], 4, b"".join(
        ip4(V4["b"], V4["a"], 4, bytes(20 * n))[:20] for n in range(59, 0, -1)) + bytes(20))],
     {"Ip.InUnknownProtos": 1}),
    ("IPv4 in IPv4 that states more than there is",
     [ip4(V4["b"], V4["a"], 4, INNER[:2] + b"\xff\xff" + INNER[4:])], {"Ip.InUnknownProtos": 1}),
    ("IPv6 in IPv4", [ip4(V4["b"], V4["a"], 41, ip6(17, udp6()))], {"Ip.InUnknownProtos": 1}),
    ("a datagram in fragments", fragments(1, (0, 400, True), (400, 808, False)),
     {"Ip.ReasmReqds": 2, "Ip.ReasmOKs": 1, "Udp.NoPorts": 1}),
    ("the last fragment first", fragments(2, (400, 808, False), (0, 400, True)),
     {"Ip.ReasmReqds": 2, "Ip.ReasmOKs": 1, "Udp.NoPorts": 1}),
    ("fragments that overlap", fragments(3, (0, 408, True), (400, 808, False)),
     {"Ip.ReasmReqds": 2, "Ip.ReasmFails": 1, "IpExt.ReasmOverlaps": 1}),
    ("fragments that never end, or beyond 65535",
     [fragment(bytes(400), 8000, True, 100 + n) for n in range(100)] +
     [fragment(bytes(800), 65528, False, 4)],
     {"Ip.ReasmReqds": 101, "Ip.ReasmFails": 101, "Ip.ReasmTimeout": 101}),
    ("IPv6 options before UDP", [ip6(0, option(1, bytes(4)) + udp6())], {"Udp6.NoPorts": 1}),
    ("IPv6 options for the target before UDP", [ip6(60, option(1, bytes(4)) + udp6())],
     {"Udp6.NoPorts": 1}),
    ("an unknown option that forbids", [ip6(60, option(0x9e, bytes(4)) + udp6())],
     {"Ip6.InHdrErrors": 1}),
    ("a source route", [ip6(43, struct.pack(">BBBBI", 17, 2, 0, 1, 0) + bytes(16) + udp6())],
     {"Ip6.InHdrErrors": 1}),
    ("an extension header longer than the packet", [ip6(0, b"\x11\xff" + bytes(6) + udp6())],
     {"Ip6.InHdrErrors": 1}),
    ("IPv6 in IPv6", [ip6(41, ip6(17, udp6()))], {"Ip6.InUnknownProtos": 1}),
    ("IPv6 payload 0", [ip6(59, b"")], {}),
    ("IPv6 payload 0 that is not so", [ip6(17, udp6(), 0)], {"Udp6.InErrors": 1}),
    ("IPv6 jumbo payload, less than it states", [ip6(0, JUMBO + udp6(), 0)],
     {"Ip6.InHdrErrors": 1}),
    ("IPv6 jumbo option and a payload", [ip6(0, JUMBO + udp6())], {"Ip6.InHdrErrors": 1}))


def stack(machine) -> dict:
    """Returns the counters of the stack, named Ip.InReceives, Ip6.InReceives and so on."""
    found = {}
    for path in ("snmp", "netstat"):
        lines = machine.get(f"/proc/net/{path}").decode().splitlines()
        for names, values in zip(lines[::2], lines[1::2]):
            kind, *rest = names.replace(":", ".").split()
            found.update(zip((kind + name for name in rest), map(int, values.split()[1:])))
    for line in machine.get("/proc/net/snmp6").decode().splitlines():
        name, value = line.split()
        kind = name[:name.index("6") + 1]
        found[f"{kind}.{name[len(kind):]}"] = int(value)
    return found


def stated(packet: bytes) -> int:
    """The length that a packet's own header states."""
    if packet[0] >> 4 == 4:
        return struct.unpack_from(">H", packet, 2)[0]
    return 40 + struct.unpack_from(">H", packet, 4)[0]


@ksft_variants([KsftNamedVariant(mode.name, mode) for mode in (IP, ETHERNET)])
def test_packets_within_packets(env, mode):
    peer = AccountedPeer(env, mode)
    lifetime = "echo {} >/proc/sys/net/ipv4/ipfrag_time"
    defer(env.a.run, lifetime.format(30))
    env.a.run("echo 0 >/proc/sys/net/ipv6/conf/net0/disable_ipv6; "
              f"ip addr add {V6['a']}/64 dev net0 nodad")
    mac = bytes.fromhex(env.a.get("/sys/class/net/net0/address").decode().strip().replace(":", ""))

    def element(packet: bytes) -> bytes:
        return ip_element(packet) if mode is IP else frame(packet, mac)
    peer.next_epoch()
    peer.expect("an epoch", "active", rx_epochs=1)
    # Only these counters are checked.
    watched = {"Udp.NoPorts", *(counter for *_, expected in PACKETS for counter in expected)}
    total = Counter({name: value for name, value in stack(env.a).items() if name in watched})
    octets = peer.counters()["rx_bytes"]
    for name, packets, expected in PACKETS:
        total.update(expected)
        total["Udp.NoPorts"] += 2
        packets = [INNER, *packets, INNER]
        # Incomplete fragments must time out soon; others must not time out.
        env.a.run(lifetime.format(1 if "Ip.ReasmTimeout" in expected else 3000))
        peer.write(*map(element, packets))
        peer.expect(name, "active", rx_packets=len(packets), rx_elements=len(packets))
        # The driver must take exactly as many bytes as are stated.
        octets += sum(map(stated if mode is IP else lambda packet: 14 + len(packet), packets))
        wait_for(lambda: peer.counters()["rx_bytes"] == octets,
                 lambda: f"{octets} bytes of {name}: {peer.counters()['rx_bytes']}")

        def counted() -> dict:
            now = stack(env.a)
            return {counter: now[counter] for counter in watched}
        wait_for(lambda: counted() == total, lambda: f"{dict(total)} of {name}: {counted()}")
    ksft_pr(f"{len(PACKETS)} kinds, " + ", ".join(f"{it} {total[it]}" for it in sorted(watched)))
    peer.recovers("packets")
