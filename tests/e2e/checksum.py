# SPDX-License-Identifier: GPL-2.0
"""
Checksums of received packets. The driver checks those of TCP and UDP. The stack checks
all others, and counts the wrong ones.
"""

import socket
import struct

from e2e import hostile, rogue_packets
from e2e.hostile import ETHERNET, IP, OFFLOAD, RAW, AccountedPeer, frame
from rig import (V4, V6, KsftNamedVariant, Script, defer, ip_element, ksft_eq, ksft_in, ksft_true,
                 ksft_variants, sampled, wait_for)
from rig.packets import checksum, ip4

SYSTEM = hostile.SYSTEM

PORT = 9
BODY = b"odd length, and a byte of 0xff: \xff"


def addresses(version: int) -> bytes:
    """Returns the source and target addresses of packets from the peer to the subject."""
    if version == 4:
        return socket.inet_aton(V4["b"]) + socket.inet_aton(V4["a"])
    return b"".join(socket.inet_pton(socket.AF_INET6, V6[side]) for side in "ba")


def transport(version: int, protocol: int, body: bytes = BODY, wrong: int = 0) -> bytes:
    """Returns a TCP segment, UDP datagram or echo request. `wrong` is XORed to its checksum."""
    head, at = {
        6: (struct.pack(">HHIIBBHHH", PORT, PORT, 1, 0, 5 << 4, 2, 1000, 0, 0), 16),
        17: (struct.pack(">HHHH", PORT, PORT, 8 + len(body), 0), 6),
        58: (struct.pack(">BBHHH", 128, 0, 0, 1, 1), 2),
    }[protocol]
    length = len(head + body)
    pseudo = addresses(version) + struct.pack(">II", length, protocol)
    if version == 4:
        pseudo = addresses(version) + struct.pack(">HH", protocol, length)
    total = checksum(pseudo + head + body) or 0xffff
    return head[:at] + struct.pack(">H", total ^ wrong) + head[at + 2:] + body


def packet(version: int, protocol: int, payload: bytes) -> bytes:
    """Returns an IP packet from the peer."""
    return (ip4(V4["b"], V4["a"], protocol, payload) if version == 4
            else rogue_packets.ip6(protocol, payload))


def whole(version: int, protocol: int, **how) -> bytes:
    """Returns a packet with a checksum."""
    return packet(version, protocol, transport(version, protocol, **how))


def with_option() -> bytes:
    """Returns a TCP packet with four bytes of IPv4 options that have no effect."""
    data = bytearray(ip4(V4["b"], V4["a"], 6, bytes(4) + transport(4, 6)))
    data[0], data[20:24], data[10:12] = 0x46, b"\1\1\1\0", bytes(2)
    data[10:12] = struct.pack(">H", checksum(bytes(data[:24])))
    return bytes(data)


NO_SUM = packet(4, 17, transport(4, 17)[:6] + bytes(2) + BODY)
SHORT = packet(4, 17, struct.pack(">HHHH", PORT, PORT, 8 + len(BODY) - 1, 1) + BODY)

# A name, a packet, and whether the driver must mark its checksum as correct.
PACKETS = (
    ("TCP over IPv4", whole(4, 6), True), ("UDP over IPv4", whole(4, 17), True),
    ("TCP over IPv6", whole(6, 6), True), ("UDP over IPv6", whole(6, 17), True),
    ("no body", whole(4, 6, body=b""), True), ("an even body", whole(6, 17, body=b"even"), True),
    ("IPv4 options", with_option(), True),
    ("wrong, TCP over IPv4", whole(4, 6, wrong=1), False),
    ("wrong, UDP over IPv4", whole(4, 17, wrong=0x100), False),
    ("wrong, TCP over IPv6", whole(6, 6, wrong=0x8000), False),
    ("wrong, UDP over IPv6", whole(6, 17, wrong=2), False),
    ("UDP without a checksum", NO_SUM, False), ("UDP shorter than its packet", SHORT, False),
    ("a fragment", rogue_packets.fragment(transport(4, 17), 0, True, 9), False),
    ("ICMPv6", whole(6, 58), False),
    ("an option before UDP", packet(6, 0, bytes((17, 0, 1, 4, 0, 0, 0, 0)) + transport(6, 17)),
     False),
    ("a short TCP header", packet(4, 6, bytes(19)), False),
    ("a short UDP header", packet(6, 17, bytes(7)), False),
)

# Prints whether the checksum of each packet was verified: TP_STATUS_CSUM_VALID.
LISTEN = """
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
s.setsockopt(263, 8, 1)                                    # SOL_PACKET, PACKET_AUXDATA
s.bind((sys.argv[1], 3))
open("/run/ready", "w").close()
for _ in range(int(sys.argv[2])):
    while True:
        data, parts, _, where = s.recvmsg(2000, 100)
        if where[2] != 4:                                  # PACKET_OUTGOING
            break
    print(struct.unpack_from("I", parts[0][2])[0] >> 7 & 1, flush=True)
"""


def csum_valid(peer: AccountedPeer, elements, dev: str = "net0") -> list:
    """Returns for each of these elements whether the driver verified the packet's checksum."""
    machine = peer.machine
    machine.put("/run/listen.py", LISTEN.encode())
    # GRO also verifies checksums.
    machine.run("rm -f /run/ready; for dev in /sys/class/net/*; do "
                "ethtool -K ${dev##*/} gro off; done")
    with machine.bkg(Script("/run/listen.py", dev, len(elements)), exit_wait=True) as seen:
        machine.wait("[ -e /run/ready ]", "listener")
        for element in elements:
            peer.write(element)
    return [line == "1" for line in seen.stdout.split()]


def in_mode(peer: AccountedPeer, data: bytes) -> bytes:
    """Returns the element of a packet; in Ethernet mode, an unpadded frame to the subject."""
    if peer.mode is not ETHERNET:
        return ip_element(data)
    address = peer.machine.read_files("/sys/class/net/net0/address").strip()
    return frame(data, bytes.fromhex(address.replace(":", "")))


@sampled(1)
@ksft_variants([KsftNamedVariant("ip", IP), KsftNamedVariant("ethernet", ETHERNET)])
def test_verdicts(env, mode):
    peer = AccountedPeer(env, mode)
    peer.next_epoch()
    found = csum_valid(peer, [in_mode(peer, data) for _, data, _ in PACKETS])
    ksft_eq(dict(zip((name for name, *_ in PACKETS), found)),
            {name: right for name, _, right in PACKETS})
    env.a.run("ethtool -K net0 rx off")
    ksft_eq(csum_valid(peer, [in_mode(peer, whole(4, 6))]), [False])
    env.a.run("ethtool -K net0 rx on")
    ksft_eq(csum_valid(peer, [in_mode(peer, whole(4, 6))]), [True])


def tagged(data: bytes, more: int = 0) -> bytes:
    """Returns the element of a frame with one VLAN tag, and `more` further ones."""
    element = frame(data)
    length, = struct.unpack("<H", element[-2:])
    tags = b"\x81\0\0\5" + b"\x81\0\0\6" * more
    cut = element[:12] + tags + element[12:length]
    return cut.ljust(1514, b"\0") + struct.pack("<H", len(cut))


def test_frames(env):
    """The driver skips one VLAN tag, and does not take padding for a part of the packet."""
    peer = AccountedPeer(env, ETHERNET)
    peer.next_epoch()
    short = whole(4, 17, body=b"x")
    padded = frame(short)[:60].ljust(1514, b"\0") + struct.pack("<H", 60)
    env.a.run("ip link add link net0 name tagged type vlan id 5; ip link set tagged up")
    rows = ((tagged(whole(4, 6)), True), (tagged(whole(6, 17)), True),
            (tagged(whole(4, 6, wrong=1)), False), (tagged(whole(4, 6), 1), False))
    ksft_eq(csum_valid(peer, [element for element, _ in rows], "tagged"),
            [right for _, right in rows])
    ksft_eq(csum_valid(peer, [padded, frame(short)]), [False, True])


def test_child(env):
    """The flag of a child decides for its packets, if that of the parent is on."""
    peer = AccountedPeer(env)
    peer.next_epoch()
    env.a.run("ip link add link net0 name child0 type muennet && ip link set child0 up && "
              "muennet_cfg add_mark child0 7")
    element = ip_element(whole(4, 6), 7)
    ksft_eq(csum_valid(peer, [element], "child0"), [True])
    env.a.run("ethtool -K child0 rx off")
    ksft_eq(csum_valid(peer, [element], "child0"), [False])
    ksft_eq(csum_valid(peer, [ip_element(whole(4, 6))]), [True])
    env.a.run("ethtool -K child0 rx on; ethtool -K net0 rx off")
    ksft_eq(csum_valid(peer, [element], "child0"), [False], "off with the parent's flag")


@sampled(2)
@ksft_variants([KsftNamedVariant(mode.name, mode, has) for mode, has in
                ((RAW, False), (OFFLOAD, False), (IP, True), (ETHERNET, True))])
def test_feature(env, mode, has):
    """Only the modes that check checksums have the feature."""
    AccountedPeer(env, mode)
    shown = env.a.run("ethtool -k net0").stdout
    ksft_in(f"rx-checksumming: {'on' if has else 'off [fixed]'}", shown)


def counted(machine, names) -> dict:
    """Returns counters of the stack, by their names in /proc/net/snmp and snmp6."""
    found = {}
    for line in machine.run("cat /proc/net/snmp6").stdout.splitlines():
        name, value = line.split()
        found[name] = int(value)
    lines = machine.run("cat /proc/net/snmp").stdout.splitlines()
    for heads, values in zip(lines[::2], lines[1::2]):
        prefix = heads.split(":")[0]
        found.update({f"{prefix}.{name}": int(value)
                      for name, value in zip(heads.split()[1:], values.split()[1:])})
    return {name: found[name] for name in names}


# A packet, and the counter of the stack that it increments.
COUNTED = (
    (whole(4, 17), "Udp.NoPorts"), (whole(6, 17), "Udp6NoPorts"), (NO_SUM, "Udp.NoPorts"),
    (whole(4, 6, wrong=1), "Tcp.InCsumErrors"), (whole(6, 6, wrong=1), "Tcp.InCsumErrors"),
    (whole(4, 17, wrong=1), "Udp.InCsumErrors"), (whole(6, 17, wrong=1), "Udp6InCsumErrors"),
    (whole(6, 58), "Icmp6InEchos"), (whole(6, 58, wrong=1), "Icmp6InCsumErrors"),
)
# Rules that change packets before the stack checks their checksums.
REWRITE = """
nft -f - <<END
table inet rewrite {
    chain early {
        type filter hook prerouting priority -300;
        meta nfproto ipv6 ip6 hoplimit set 9
        meta nfproto ipv6 ip6 dscp set ef
        meta nfproto ipv4 ip ttl set 9
    }
}
END
"""


@sampled(2)
@ksft_variants([KsftNamedVariant(f"{mode.name}{'_rewritten' if rewrite else ''}", mode, rewrite)
                for mode in (IP, ETHERNET) for rewrite in (False, True)])
def test_counted(env, mode, rewrite):
    """
    The stack counts wrong checksums. Correct ones stay correct if nftables rewrites a hop
    limit.
    """
    peer = AccountedPeer(env, mode)
    if rewrite:
        defer(env.a.run, "nft delete table inet rewrite")
        env.a.run(REWRITE)
    env.a.run("echo 0 >/proc/sys/net/ipv6/conf/net0/disable_ipv6; "
              f"ip addr add {V6['a']}/64 dev net0 nodad")
    peer.next_epoch()
    for data, name in COUNTED:
        before = counted(env.a, [name])[name]
        peer.write(in_mode(peer, data))
        wait_for(lambda: counted(env.a, [name])[name] != before,  # noqa: B023
                 f"{name} of {data.hex()}")
        ksft_eq(counted(env.a, [name])[name], before + 1)
    if rewrite:
        shown = env.a.run("nft list table inet rewrite").stdout
        ksft_true("hoplimit set 9" in shown)
