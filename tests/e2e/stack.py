# SPDX-License-Identifier: GPL-2.0
"""
Contracts between the network stack and a driver: GRO and marks, checksums, segments,
queues, netpoll, protocols of packet sockets.
"""

import json
import socket
import struct

from e2e import offload
from rig import (PAIR, README, V4, V6, End, KsftNamedVariant, KsftSkipEx, Peer, Script, counters,
                 defer, ip_element, ksft_eq, ksft_in, ksft_lt, ksft_pr, ksft_variants, load, pair,
                 ping, sampled, stats, up, wait_counters, wait_for, wait_stats)
from rig.packets import checksum, ip4

SYSTEM = PAIR

PORT, FROM = 5001, 5000
PAYLOAD = 1000
MARKS = (1, 1, 2, 2, 0, 0) * 5

# nftables rules that count the packets and bytes with each mark.
FIREWALL = """
add table inet marks
add chain inet marks seen { type filter hook prerouting priority raw; }
""" + "\n".join(
    f"add counter inet marks mark{mark}\nadd rule inet marks seen iifname net0 "
    f"tcp dport {PORT} meta mark {mark} counter name mark{mark}"
    for mark in sorted(set(MARKS))) + "\n"


def segment(number: int) -> bytes:
    """Returns a packet of a TCP stream, with its checksum."""
    head = struct.pack(">HHIIBBHHH", FROM, PORT, 1 + number * PAYLOAD, 1, 0x50, 0x10, 1000, 0, 0)
    pseudo = socket.inet_aton(V4["b"]) + socket.inet_aton(V4["a"]) + \
        struct.pack(">HH", 6, len(head) + PAYLOAD)
    body = bytes([number]) * PAYLOAD
    total = checksum(pseudo + head + body)
    return ip4(V4["b"], V4["a"], 6, head[:16] + struct.pack(">H", total) + head[18:] + body)


MODES = [KsftNamedVariant("ip", README, 2, 1508, ip_element),
         KsftNamedVariant("offload", offload.OFFLOAD, offload.PROTOCOL, offload.SIZE,
                          lambda packet, mark: offload.pieces(packet, mark=mark)[0])]


@ksft_variants(MODES)
def test_marks_are_not_merged(env, parameters, protocol, size, element):
    """GRO merges packets of a stream, but not packets with different marks."""
    peer = Peer(env, protocol=protocol, size=size, parameters=parameters)
    env.a.put("/run/marks", FIREWALL.encode())
    defer(env.a.run, "nft flush ruleset")
    env.a.run("nft -f /run/marks")
    # All packets in one poll.
    peer.start(0)
    peer.write(*(element(segment(number), mark=mark) for number, mark in enumerate(MARKS)))
    peer.channel.epoch = 7
    wait_counters(env.a, rx_packets=len(MARKS))

    def counted() -> dict:
        listed = json.loads(env.a.run("nft -j list counters").stdout)["nftables"]
        return {it["counter"]["name"]: it["counter"] for it in listed if "counter" in it}

    def payload() -> int:
        return sum(it["bytes"] - 40 * it["packets"] for it in counted().values())
    # GRO delivers packets after the driver has counted them.
    wait_for(lambda: payload() == len(MARKS) * PAYLOAD, "the whole payload")
    seen = counted()
    for mark in set(MARKS):
        count, got = MARKS.count(mark), seen[f"mark{mark}"]
        ksft_eq(got["bytes"] - 40 * got["packets"], count * PAYLOAD, f"bytes with mark {mark}")
        ksft_lt(got["packets"], count, "packets with one mark are merged")


# Sends a datagram whose checksum would be zero.
SEND = """
import socket, sys
kind = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(kind, socket.SOCK_DGRAM)
s.bind((sys.argv[1], %d))
s.sendto(bytes.fromhex(sys.argv[3]), (sys.argv[2], %d))
""" % (FROM, PORT)
GET = """
import socket, sys
kind = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(kind, socket.SOCK_DGRAM)
s.bind((sys.argv[1], %d))
print(s.recv(2000).hex())
""" % PORT


def summing_to_zero(kind, addresses: dict, size: int) -> bytes:
    """Returns the payload of a datagram from a to b whose checksum is zero."""
    length = 8 + size
    pseudo = b"".join(socket.inet_pton(kind, addresses[name]) for name in "ab") + \
        struct.pack(">II", length, 17) + struct.pack(">HHHH", FROM, PORT, length, 0)
    body = bytes(n & 0xff for n in range(size - 2))
    return body + struct.pack(">H", checksum(pseudo + body))


@sampled(2)
@ksft_variants([KsftNamedVariant(f"{name}_{how}", README.replace("net_hdr", flags), kind, addresses)
                for how, flags in (("ip", "net_hdr"), ("ethernet", "eth_dev"))
                for name, kind, addresses in (("ipv4", socket.AF_INET, V4),
                                              ("ipv6", socket.AF_INET6, V6))])
def test_a_checksum_of_zero(env, parameters, kind, addresses):
    """A checksum of zero is sent as 0xffff, because zero means "no checksum"."""
    pair(env, parameters)
    payload = summing_to_zero(kind, addresses, 100)
    env.a.put("/run/send.py", SEND.encode())
    env.b.put("/run/get.py", GET.encode())
    ksft_eq(ping(End(env.b, addresses["b"]), End(env.a, addresses["a"]), count=1).received, 1)
    with env.b.bkg(Script("/run/get.py", addresses["b"]), exit_wait=True, fail=True) as got:
        env.b.wait_listens(PORT, "udp")
        env.a.run(Script("/run/send.py", addresses["a"], addresses["b"], payload.hex()))
    ksft_eq(got.stdout, payload.hex() + "\n")
    channel = env.channel("a_to_b")
    ports = struct.pack(">HH", FROM, PORT)
    sent = [it for it in map(channel.element, range(channel.wc)) if ports in it]
    ksft_eq([it[it.index(ports) + 6:][:2] for it in sent], [b"\xff\xff"])


FINAL = "198.51.100.22"
SERVE = f"""
import socket
s = socket.create_server(("{FINAL}", {PORT}))
c, _ = s.accept()
print(sum(iter(lambda: len(c.recv(1 << 16)), 0)))
"""
CONNECT = f"""
import socket
s = socket.socket()
# No operation, a loose source route of one hop.
s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS,
             bytes((1, 131, 7, 4)) + socket.inet_aton("{V4['b']}"))
s.connect(("{FINAL}", {PORT}))
s.sendall(bytes(1 << 20))
"""


@sampled(1)
@ksft_variants([KsftNamedVariant("ip", README), KsftNamedVariant("offload", offload.OFFLOAD),
                KsftNamedVariant("ethernet", README.replace("net_hdr", "eth_dev"))])
def test_segments_with_a_source_route(env, parameters):
    """The checksum covers the final target, while the header has the address of the next hop."""
    pair(env, parameters)
    env.b.run(f"ip addr add {FINAL}/32 dev lo; cd /proc/sys/net/ipv4/conf; "
              "for dev in all net0; do echo 1 >$dev/accept_source_route; done")
    defer(env.b.run, f"ip addr del {FINAL}/32 dev lo; "
                     "echo 0 >/proc/sys/net/ipv4/conf/all/accept_source_route")
    env.a.run(f"ip route add {FINAL} via {V4['b']}")

    def checksum_errors() -> int:
        words, values = (line.split() for line in env.b.run("grep ^Tcp: /proc/net/snmp")
                         .stdout.splitlines())
        return int(dict(zip(words, values))["InCsumErrors"])
    before = checksum_errors()
    env.b.put("/run/serve.py", SERVE.encode())
    env.a.put("/run/connect.py", CONNECT.encode())
    with env.b.bkg(Script("/run/serve.py"), exit_wait=True, fail=True) as served:
        env.b.wait_listens(PORT)
        env.a.run(Script("/run/connect.py"))
    ksft_eq(served.stdout, f"{1 << 20}\n")
    ksft_eq(checksum_errors(), before)


# Redirects IPv4 to a device that drops it.
REDIRECT_IPV4 = """
tc -batch - <<END
qdisc add dev net0 clsact
filter add dev net0 egress protocol ip matchall action mirred egress redirect dev sink
END
"""
SOCKET = """
import socket, sys
kind = {"raw": socket.SOCK_RAW, "datagram": socket.SOCK_DGRAM}[sys.argv[1]]
s = socket.socket(socket.AF_PACKET, kind)
s.sendto(bytes.fromhex(sys.argv[3]), ("net0", socket.ntohs(int(sys.argv[2], 0))))
"""


def test_many_queues(env):
    """A child with several queues starts all of them each time it goes up."""
    load(env.a)
    up(env.a, quiet=True)
    env.a.run("ip link add link net0 name child0 numtxqueues 4 type muennet; "
              "echo 1 >/proc/sys/net/ipv6/conf/child0/disable_ipv6; "
              "ip addr add 198.51.100.1/24 dev child0; "
              "for n in 1 2; do ip link set child0 up; ip link set child0 down; done; "
              "ip link set child0 up")
    before = stats(env.a, "child0")["tx_packets"]
    env.a.run("python3 -c 'import socket\n"
              "for n in range(64):\n"
              "    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
              "    s.sendto(b\"x\", (\"198.51.100.2\", 1000 + n))'")
    ksft_eq(stats(env.a, "child0")["tx_packets"] - before, 64)


def test_netconsole_is_refused(env):
    """netpoll, which would transmit with interrupts off, is not supported."""
    if env.a.run("modinfo netconsole", fail=False).ret:
        raise KsftSkipEx("this kernel has no netconsole")
    pair(env, README.replace("net_hdr", "eth_dev"))
    defer(env.a.run, "rmmod netconsole", fail=False)
    # netconsole may stay loaded, for another device.
    env.a.run(f"modprobe netconsole netconsole=@{V4['a']}/net0,@{V4['b']}/", fail=False)
    ksft_in("net0 doesn't support polling", "\n".join(env.a.new_log()))


def test_children_count_what_they_get(env):
    """A child does not count a large packet with invalid offloads."""
    peer = Peer(env, protocol=offload.PROTOCOL, size=offload.SIZE, parameters=offload.OFFLOAD)
    env.a.run("ip link add link net0 name child0 type muennet; "
              "echo 1 >/proc/sys/net/ipv6/conf/child0/disable_ipv6; ip link set child0 up; "
              "muennet_cfg add_mark child0 5")
    peer.start(0)
    invalid = struct.pack("<BBHHHH", 1, 0, 0, 0, 9999, 6)
    peer.write(*(offload.pieces(segment(number), offloads, 5)[0]
                 for number, offloads in enumerate((offload.NONE, invalid, offload.NONE, invalid))))
    peer.channel.epoch = 9
    wait_counters(env.a, rx_elements=4)
    wait_stats(env.a, "child0", rx_packets=2)
    got, own = stats(env.a, "child0"), counters(env.a)
    ksft_pr(f"{own['rx_malformed']} of 4 are refused")
    ksft_eq((got["rx_packets"], got["rx_bytes"], own["rx_malformed"], own["rx_packets"]),
            (2, 2 * (40 + PAYLOAD), 2, 0))


@sampled(1)
@ksft_variants([KsftNamedVariant("ip", README), KsftNamedVariant("offload", offload.OFFLOAD)])
def test_the_protocol_of_a_packet_socket(env, parameters):
    """A packet socket that does not set the protocol cannot evade rules that match it."""
    load(env.a, parameters)
    up(env.a, quiet=True)
    env.a.run("ip link add sink type dummy && ip link set sink up")
    defer(env.a.run, "ip link del sink")
    env.a.put("/run/send.py", SOCKET.encode())
    packet = segment(1).hex()
    # With a rule nothing is sent; without it, packets of IPv4 or without a protocol.
    for rule, kinds in ((True, {}), (False, {"raw 0": 1, "raw 0x300": 1, "raw 0x8": 1})):
        env.a.run(REDIRECT_IPV4 if rule else "tc qdisc del dev net0 clsact")
        for kind in ("raw 0", "raw 0x300", "raw 0x8", "datagram 0", "raw 0xdd86"):
            before = counters(env.a)["tx_packets"]
            env.a.run(Script("/run/send.py", *kind.split(), packet), fail=False)
            ksft_eq(counters(env.a)["tx_packets"] - before, kinds.get(kind, 0), f"{kind}, {rule}")
