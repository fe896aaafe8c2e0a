# SPDX-License-Identifier: GPL-2.0
"""
Path MTU: b forwards between a client and a server, both in a. A table, which the test
writes, limits the length of packets to the server.
"""

import struct

from rig import (ANSWER_SECONDS, Channel, End, KsftNamedVariant, Reader, System, counters, defer,
                 in_parallel, ksft_eq, ksft_ge, ksft_in, ksft_pr, ksft_true, ksft_variants, stats,
                 stream, unload, wait_answer, wait_counters, wait_stats)
from rig.packets import checksum
from rig.sinfo import entry_offset, patched

ENTRIES = 1024
SYSTEM = System("paths", ("a", "b"), (
    Channel("from_client", writes={"a": "client_out"}, reads={"b": "left_in"}),
    Channel("to_client", writes={"b": "left_out"}, reads={"a": "client_in"}),
    Channel("from_server", writes={"a": "server_out"}, reads={"b": "right_in"}),
    Channel("to_server", writes={"b": "right_out"}, reads={"a": "server_in"}),
    Channel("table", reads={"b": "table"}, size=4 * ENTRIES)),
    # The memory of the table may be of another kind than a channel.
    variants={"plain": lambda image: patched(image, entry_offset(image, "table") + 72, b"\1")
              if b"\5table" in image else image})

A = ("name=client,server in=client_in,server_in out=client_out,server_out "
     "reader_protocol=2,2 writer_protocol=2,2 flags=net_hdr,net_hdr")
B = ("name=left,right in=left_in,right_in out=left_out,right_out "
     "reader_protocol=2,2 writer_protocol=2,2 flags=net_hdr,net_hdr pmtu=table,table")
CLIENT, SERVER = "10.1.0.1", "10.2.0.1"
CLIENT6, SERVER6 = "fd00:1::1", "fd00:2::1"

NETNS_SETUP = """
ip netns add {0}
ip link set {0} netns {0}
ip -n {0} -batch - <<END
link set lo up
addr add 10.{1}.0.1/24 dev {0}
addr add fd00:{1}::1/64 dev {0} nodad
link set {0} up
route add default via 10.{1}.0.2
route add default via fd00:{1}::2
END
"""
FORWARDER = """
set -e
cd /proc/sys/net
echo {without_ipv6} >ipv6/conf/left/disable_ipv6
echo {without_ipv6} >ipv6/conf/right/disable_ipv6
echo 1 >ipv4/ip_forward
echo 1 >ipv6/conf/all/forwarding
echo 0 >ipv4/conf/all/send_redirects
echo 0 >ipv4/conf/left/send_redirects
ip -batch - <<END
addr add 10.1.0.2/24 dev left
addr add 10.2.0.2/24 dev right
{addresses6}
link set left up
link set right up
route add 198.51.100.0/24 dev left
END
nft -f - <<END
table inet marks {{
	chain forward {{
		type filter hook forward priority mangle;
		oifname right meta mark set {mark}
		oifname left iifname left meta mark set 2
	}}
}}
END
"""


ADDRESSES6 = """addr add fd00:1::2/64 dev left nodad
addr add fd00:2::2/64 dev right nodad"""


class Paths:
    """Sets up both machines. Assignments by mark change entries of the table."""

    def __init__(self, env, mark=1, more="", ipv6=True):
        self.env = env
        self.map = env.channel("table").map
        self.map[:] = bytes(len(self.map))
        setups = [NETNS_SETUP.format(*it) for it in (("client", 1), ("server", 2))]
        script = {"a": A + "\n".join(["", *setups]),
                  "b": B + more + FORWARDER.format(
                      mark=mark, without_ipv6=int(not ipv6), addresses6=ADDRESSES6 if ipv6 else "")}
        defer(in_parallel, unload, (env.a, env.b))
        defer(env.b.run, "nft flush ruleset")
        defer(env.a.run, "ip netns del client && ip netns del server")
        in_parallel(lambda machine: machine.run("set -e; modprobe muennet " + script[machine.name]),
                (env.a, env.b))
        self.client = End(env.a, CLIENT, "client")
        self.server = End(env.a, SERVER, "server")
        self.client6 = End(env.a, CLIENT6, "client")
        self.server6 = End(env.a, SERVER6, "server")
        # Both directions work before anything is limited. A receiver does not read what was sent
        # before it joined.
        for end in (self.server, self.server6) if ipv6 else (self.server,):
            wait_answer(self.client, end)

    def __setitem__(self, mark, value):
        struct.pack_into("<I", self.map, 4 * (mark - 1), value)

    def ping(self, target, size, options="-M probe", count=1):
        """Returns the output of ping from the client, whose packets must not be fragmented."""
        return self.client.run(f"ping -c {count} -i 0.1 -W {ANSWER_SECONDS} {options} -s {size} "
                               f"{target}", fail=False).stdout


def packets(env, channel="to_server") -> list:
    """Returns the IP packets that are in a channel's ring now."""
    memory = env.channel(channel)
    reader = Reader(memory)
    reader.count = max(0, reader.count - memory.elements)
    return [ip_packet(element) for element in reader.read()]


def ip_packet(element: bytes) -> bytes:
    """Returns the IP packet in an element."""
    length, = struct.unpack_from("<H", element, 4)
    return element[8:8 + length]


FAMILIES = [KsftNamedVariant("ipv4", "server"), KsftNamedVariant("ipv6", "server6")]


@ksft_variants(FAMILIES)
def test_tcp_adapts(env, target):
    paths = Paths(env)
    paths[1] = 1300
    stream(paths.client, getattr(paths, target))
    lengths = [len(packet) for packet in packets(env)]
    ksft_eq(max(lengths), 1300, "the longest packet has the path MTU")


def test_tcp_of_the_forwarder_itself(env):
    paths = Paths(env)
    paths[1] = 1300
    env.b.run("nft 'add chain inet marks output { type route hook output priority mangle; }' && "
              "nft 'add rule inet marks output oifname right meta mark set 1'")
    for target in (paths.server, paths.server6):
        stream(End(env.b, "10.2.0.2"), target)
        ksft_eq(max(len(packet) for packet in packets(env)), 1300)


def test_icmp_to_the_forwarder_itself(env):
    paths = Paths(env)
    paths[3] = 1300
    for target, says in ((SERVER, "Frag needed and DF set (mtu = 1300)"),
                         (SERVER6, "Packet too big: mtu=1300")):
        out = env.b.run(f"ping -c 1 -W {ANSWER_SECONDS} -m 3 -M do -s 1400 {target}",
                        fail=False).stdout
        ksft_in(says, out)


# (entry, size of an IPv4 packet, MTU in the message or none, size of an IPv6 packet, ...)
LIMITS = (
    (0, 1500, None, 1500, None),
    (1, 69, 68, 1281, 1280),
    (67, 69, 68, 1281, 1280),
    (68, 68, None, 1280, None),
    (69, 69, None, 1280, None),
    (600, 601, 600, 1281, 1280),
    (600, 600, None, 1280, None),
    (1279, 1280, 1279, 1281, 1280),
    (1281, 1282, 1281, 1282, 1281),
    (1499, 1500, 1499, 1500, 1499),
    (1500, 1500, None, 1500, None),
    (1 << 31, 1500, None, 1500, None),
    ((1 << 32) - 1, 1500, None, 1500, None))


def test_messages(env):
    paths = Paths(env)
    for row in LIMITS:
        entry, size, mtu, size6, mtu6 = row
        paths[1] = entry
        for target, overhead, length, message_mtu, says in (
                (SERVER, 28, size, mtu, "Frag needed and DF set (mtu = {})"),
                (SERVER6, 48, size6, mtu6, "Packet too big: mtu={}")):
            before = stats(env.b, "right")
            out = paths.ping(target, length - overhead)
            expected = "1 received" if message_mtu is None else says.format(message_mtu)
            ksft_in(expected, out, f"row {row}")
            wait_stats(env.b, "right",
                       tx_dropped=before["tx_dropped"] + int(message_mtu is not None))


def test_messages_in_tcpdump(env):
    """The messages that the client receives, as tcpdump decodes them."""
    paths = Paths(env)
    paths[1] = 1300
    dump = paths.client.inside("tcpdump -Z root -vnli client -c 2 "
                               "'icmp[0] == 3 or icmp6[0] == 2' 2>/run/tcpdump")
    env.a.run("rm -f /run/tcpdump")
    with env.a.bkg(dump, exit_wait=True) as seen:
        env.a.wait("grep -qs 'listening on client' /run/tcpdump", "tcpdump")
        paths.ping(SERVER, 1472)
        paths.ping(SERVER6, 1452)
    for line in seen.stdout.splitlines():
        ksft_pr(line)
    ksft_in(f"10.1.0.2 > {CLIENT}: ICMP {SERVER} unreachable - need to frag (mtu 1300)",
            seen.stdout)
    ksft_in(f"fd00:1::2 > {CLIENT6}: [icmp6 sum ok] ICMP6, packet too big, mtu 1300", seen.stdout)


@ksft_variants([KsftNamedVariant(f"{mark:#x}", mark) for mark in (0, ENTRIES + 1, (1 << 32) - 1)])
def test_marks_without_an_entry(env, mark):
    paths = Paths(env, mark)
    paths.map[:] = struct.pack("<I", 600) * ENTRIES
    for target, size in ((SERVER, 1472), (SERVER6, 1452)):
        ksft_in("1 received", paths.ping(target, size))


def test_the_last_mark_with_an_entry(env):
    paths = Paths(env, ENTRIES)
    paths.map[:] = struct.pack("<I", 600) * ENTRIES
    paths[ENTRIES] = 1400
    ksft_in("(mtu = 1400)", paths.ping(SERVER, 1472))
    ksft_in("1 received", paths.ping(SERVER, 1372))


def test_memory_of_another_kind(env):
    paths = Paths(env, more=f" sinfo={SYSTEM.sinfo_address('plain'):#x}")
    paths[1] = 700
    ksft_in("(mtu = 700)", paths.ping(SERVER, 1000))


def test_message_leaves_by_the_device_it_is_about(env):
    # b routes 198.51.100.0/24 back to the device by which the packet came.
    paths = Paths(env)
    paths[2] = 600
    before = stats(env.b, "left")
    out = paths.ping("198.51.100.1", 1000, count=5)
    ksft_eq(out.count("Frag needed and DF set (mtu = 600)"), 5, out)
    wait_stats(env.b, "left", tx_dropped=before["tx_dropped"] + 5)
    ksft_ge(stats(env.b, "left")["tx_packets"], before["tx_packets"] + 5, "the messages")


def reassembled(pieces) -> bytes:
    """Reassembles a packet, checks its fragments, and returns its payload."""
    pieces = sorted(pieces, key=lambda p: struct.unpack_from(">H", p, 6)[0] & 0x1fff)
    payload = b""
    for piece in pieces:
        header = (piece[0] & 15) * 4
        length, ident, field = struct.unpack_from(">HHH", piece, 2)
        ksft_eq(length, len(piece))
        ksft_eq(checksum(piece[:header]), 0, "checksum of the header")
        ksft_eq((field & 0x1fff) * 8, len(payload), "no gap")
        ksft_eq(bool(field & 0x2000), piece is not pieces[-1], "more fragments")
        ksft_eq(ident, struct.unpack_from(">H", pieces[0], 4)[0])
        payload += piece[header:]
    return payload


def test_fragments(env):
    # Without IPv6 only the test's own packets are sent.
    paths = Paths(env, ipv6=False)
    channel = env.channel("to_server")
    for entry, pieces in ((1, 31), (68, 31), (575, 3), (576, 3), (1000, 2), (1499, 2), (1500, 1)):
        paths[1] = entry
        reader = Reader(channel)
        before = stats(env.b, "right")
        out = paths.ping(SERVER, 1472, "-M dont -p 0123456789abcdef")
        ksft_in("1 received", out)
        found = [ip_packet(element) for element in reader.read()]
        # An answer may arrive before its request is counted.
        wait_stats(env.b, "right", tx_packets=before["tx_packets"] + len(found),
                   tx_bytes=before["tx_bytes"] + sum(8 + len(p) for p in found),
                   tx_dropped=before["tx_dropped"])
        ksft_eq(len(found), pieces, f"entry {entry}")
        ksft_true(max(len(packet) for packet in found) <= max(entry, 68))
        payload = reassembled(found)
        ksft_eq(len(payload), 1480)
        ksft_eq(checksum(payload), 0, "checksum of the echo request")


UDP = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 10, 0)         # IP_MTU_DISCOVER: never "don't fragment"
for number in range(int(sys.argv[2])):
    s.sendto(bytes([number & 255]) * int(sys.argv[3]), (sys.argv[1], 9))
    # One datagram after each answer, because the ring has 695 elements.
    s.recv(1)
"""
SERVE = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 9))
good = 0
for number in range(int(sys.argv[1])):
    data, sender = s.recvfrom(65536)
    good += data == bytes([number & 255]) * int(sys.argv[2])
    s.sendto(b"", sender)
print(good)
"""


def udp(paths, source, count, size) -> int:
    """
    Sends datagrams that may be fragmented, with checksums left to the device. Returns the
    number that arrive intact.
    """
    for machine in (source.machine, paths.server.machine):
        machine.put("/run/udp.py", UDP.encode())
        machine.put("/run/serve.py", SERVE.encode())
    serve = paths.server.script("/run/serve.py", count, size)
    with paths.server.machine.bkg(serve, exit_wait=True) as served:
        paths.server.wait_listens(9, "udp")
        source.machine.run(source.script("/run/udp.py", SERVER, count, size))
    return int(served.stdout)


def test_udp_in_fragments(env):
    paths = Paths(env)
    paths[1] = 500
    ksft_eq(udp(paths, paths.client, 40, 1400), 40)
    # Fragments of fragments.
    ksft_eq(udp(paths, paths.client, 40, 8000), 40)


def test_udp_in_fragments_from_the_forwarder(env):
    # The checksum is not yet computed when the packet is fragmented.
    paths = Paths(env)
    paths[1] = 500
    env.b.run("nft 'add chain inet marks output { type route hook output priority mangle; }' && "
              "nft 'add rule inet marks output oifname right meta mark set 1'")
    ksft_eq(udp(paths, End(env.b, "10.2.0.2"), 40, 1400), 40)


def test_counters(env):
    paths = Paths(env)
    paths[1] = 600
    before = counters(env.b, "right")
    paths.ping(SERVER, 1000, "-M dont", count=3)
    paths.ping(SERVER6, 1400)
    wait_counters(env.b, "right", tx_too_big=before["tx_too_big"] + 1,
                  tx_fragmented=before["tx_fragmented"] + 3)
