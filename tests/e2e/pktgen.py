# SPDX-License-Identifier: GPL-2.0
"""
Shared packets: the kernel's packet generator sends one packet many times, each time with
a reference of its own. Each copy in the channel must be what the generator made, so the
driver must not have written to the packet.

The generator accepts Ethernet devices only. For the other modes it injects packets as
received by a dummy device, from which tc redirects them, still shared.
"""

import re
import socket
import struct

from rig import (OUTWARD, V6, KsftNamedVariant, counters, defer, ksft_eq, ksft_in, ksft_not_in,
                 ksft_variants, load, stats, unload, up, wait_for)
from rig.client import PATIENCE
from rig.elements import check_equal, fill, sent_packets
from rig.packets import checksum

SYSTEM = OUTWARD

LOAD = "name=net0 out=channel_out writer_protocol=2 flags="
WHERE = "/proc/net/pktgen"
SOURCE, TARGET = "192.0.2.1", "192.0.2.2"
TARGET_MAC = "02:00:00:00:00:02"
MARK = 5
COPIES = 16

# Redirects what the dummy device receives to the interface. The same filter on the interface
# itself is needed because a packet of the generator belongs to the interface once sent.
SOURCE_DEVICE = """
ip link add source type dummy
echo 1 >/proc/sys/net/ipv6/conf/source/disable_ipv6
ip link set source up
"""
REDIRECT = """
tc -batch - <<END
qdisc add dev source clsact
filter add dev source ingress matchall action skbedit mark {mark} \
action mirred egress redirect dev {dev}
qdisc add dev {dev} clsact
filter add dev {dev} ingress matchall action mirred egress redirect dev {dev}
END
"""
CHILD = """
tc qdisc del dev source clsact
ip link add link net0 name child0 type muennet
echo 1 >/proc/sys/net/ipv6/conf/child0/disable_ipv6
ip link set child0 up
"""
# Prints each refused command and the error, which dash would not print.
CONFIGURE = """
bash -c 'for it; do echo "$it" >{where} || echo "refused: $it"; done 2>&1' bash {commands}{after}
"""


def configure(machine, device: str, *lines: str, after: str = "") -> str:
    """Writes commands for a thread or a device of the generator. Returns refused commands."""
    commands = " ".join(f"'{line}'" for line in lines)
    return machine.run(CONFIGURE.format(commands=commands, where=f"{WHERE}/{device}",
                                        after=after)).stdout


class Generator:
    """The generator for a device with these settings."""

    def __init__(self, machine, device: str, *lines: str):
        self.machine, self.device = machine, device
        machine.run("modprobe pktgen")
        ksft_eq(configure(machine, "kpktgend_0", f"add_device {device}"), "")
        self.set(f"src_min {SOURCE}", f"src_max {SOURCE}", f"dst {TARGET}",
                 f"dst_mac {TARGET_MAC}", "delay 0", "flag NO_TIMESTAMP", "flag UDPCSUM", *lines)

    def set(self, *lines: str):
        """Changes settings."""
        ksft_eq(configure(self.machine, self.device, *lines), "")

    def send(self, count: int, *lines: str) -> int:
        """Changes settings and sends. Returns the number of packets that the generator reports."""
        # The coarse clock of the debug kernel's machine may not advance meanwhile, and the
        # generator divides by the time that it took.
        slowly = [f"delay {100_000 * (PATIENCE > 1)}"]
        out = configure(self.machine, self.device, f"count {count}", *slowly, *lines,
                        after=f"; echo start >{WHERE}/pgctrl")
        ksft_not_in("refused", out)
        # The write only waits for a thread that has started within an eighth of a second.
        self.machine.wait(f"grep -q '^Result: OK: .* usec' {WHERE}/{self.device}", "packets")
        out = self.machine.read_files(f"{WHERE}/{self.device}")
        found = re.search(r"pkts-sofar: (\d+)  errors: (\d+)", out)
        ksft_eq(found.group(2), "0")
        return int(found.group(1))


def expected_packet(packet: bytes, number: int, size: int) -> bytes:
    """Returns the IP packet that the generator makes, with the identification of `packet`."""
    if packet[0] >> 4 == 4:
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, size, *struct.unpack_from(">H", packet, 4), 0,
                           32, 17, 0, socket.inet_aton(SOURCE), socket.inet_aton(TARGET))
        head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
        addresses = head[12:]
    else:
        addresses = b"".join(socket.inet_pton(socket.AF_INET6, V6[side]) for side in "ba")
        head = struct.pack(">IHBB", 0x60000000, size - 40, 17, 32) + addresses
    length = size - len(head)
    data = struct.pack(">IIII", 0xbe9be955, number, 0, 0).ljust(length - 8, b"\0")
    pseudo = addresses + struct.pack(">HH", 17, length)
    start = struct.pack(">HHH", 9, 9, length)
    check = checksum(pseudo + start + b"\0\0" + data) or 0xffff
    return head + start + struct.pack(">H", check) + data


def finished(packet: bytes, offloads: bytes) -> bytes:
    """Returns a packet with the checksum that was left to the receiver."""
    flags, _, _, _, start, offset = struct.unpack("<BBHHHH", offloads or bytes(10))
    if not flags & 1:
        return packet
    value = struct.pack(">H", checksum(packet[start:]))
    return packet[:start + offset] + value + packet[start + offset + 2:]


class Ring:
    """The packets in the channel."""

    def __init__(self, env, flags: str):
        self.channel, self.flags = env.channel("out"), flags
        self.seen = 0
        fill(self.channel)

    def new(self) -> list:
        """Returns the packets since the last call, and checks all other bytes of the channel."""
        found = sent_packets(self.channel, self.flags, 2)
        seen, self.seen = self.seen, len(found)
        return found[seen:]

    def check(self, sent: int, size: int, copies: int, mark: int = 0):
        """Checks that there are `sent` new IP packets of a size, in groups of `copies` copies."""
        found = self.new()
        ksft_eq(len(found), sent)
        skip = 14 if self.flags == "eth_dev" else 0
        for at in range(0, sent, copies):
            group = found[at:at + copies]
            ksft_eq((len({*group}), group[0].mark), (1, mark))
            packet = finished(group[0].packet[skip:], group[0].offloads)
            wanted = expected_packet(packet, 1 + at, size)
            check_equal(packet, wanted if self.flags else wanted.ljust(1500, b"\0"), "packet")


def check_log(machine):
    """Checks that only the generator has logged anything about the interfaces."""
    lines = [line for line in machine.new_log() if re.search("muennet|net0|child0", line)]
    ksft_eq([line for line in lines if "pktgen: " not in line], [])


def test_ethernet(env):
    """Generated packets go directly to the driver, with xmit_more."""
    ring = Ring(env, "eth_dev")
    load(env.a, LOAD + "eth_dev")
    up(env.a, quiet=True)
    env.a.new_log()
    generator = Generator(env.a, "net0")
    for size, fragments, repeat, burst in ((60, 1, 5, 8), (61, 0, 0, 20), (1514, 0, 3, 1),
                                           (1514, 4, 2, 10)):
        before = counters(env.a)
        sent = generator.send(120, f"pkt_size {size}", f"frags {fragments}",
                              f"clone_skb {repeat}", f"burst {burst}")
        ksft_eq(sent, 120)
        ring.check(sent, size - 14, max(repeat, 1) * burst)
        after = counters(env.a)
        ksft_eq(after["tx_packets"] - before["tx_packets"], sent)
        ksft_eq(after["tx_batches"] - before["tx_batches"], sent // burst)
    before = stats(env.a)
    sent = generator.send(120, "pkt_size 1515")
    ksft_eq((sent, len(ring.new())), (120, 0), "one byte too long")
    after = stats(env.a)
    ksft_eq(after["tx_dropped"] - before["tx_dropped"], sent)
    ksft_eq(after["tx_packets"], before["tx_packets"])
    generator.set("flag IPV6", f"src6 {V6['b']}", f"dst6 {V6['a']}")
    ring.check(generator.send(120, "pkt_size 100", "burst 10", "clone_skb 2"), 86, 20)
    # An unload while the generator sends.
    count = ring.channel.wc
    generator.set("count 0")
    with env.a.bkg(f"echo start >{WHERE}/pgctrl", exit_wait=True):
        wait_for(lambda: ring.channel.wc > count + 1000, "generated packets")
        unload(env.a)
    ksft_eq(ring.channel.epoch, 0)
    check_log(env.a)


def redirect(machine, dev: str):
    """Redirects the generator's packets to a device that the generator does not accept."""
    machine.run(REDIRECT.format(mark=MARK, dev=dev))
    ksft_in("refused", configure(machine, "kpktgend_0", f"add_device {dev}"))
    ksft_in(f'not an ethernet or loopback device: "{dev}"', "\n".join(machine.new_log()))


def redirected(env, flags: str, more: str = "") -> Generator:
    """Sets up the generator and a redirection to net0."""
    load(env.a, LOAD + flags + more)
    up(env.a, quiet=True)
    defer(env.a.run, "ip link del source")
    env.a.run(SOURCE_DEVICE)
    generator = Generator(env.a, "source", "xmit_mode netif_receive", f"burst {COPIES}")
    ksft_in("Operation not supported", configure(env.a, "source", "clone_skb 5"))
    redirect(env.a, "net0")
    return generator


@ksft_variants([KsftNamedVariant("ip", "net_hdr"), KsftNamedVariant("raw", ""),
                KsftNamedVariant("ip_with_offloads", "net_hdr+offload")])
def test_redirected(env, flags):
    ring = Ring(env, flags)
    generator = redirected(env, flags)
    mark = MARK if flags else 0
    with_child = flags == "net_hdr" or flags and env.long
    for dev in ("net0", "child0") if with_child else ("net0",):
        if dev == "child0":
            env.a.run(CHILD)
            redirect(env.a, dev)
        for size, fragments in ((60, 0), (1514, 3)):
            sent = generator.send(4 * COPIES, f"pkt_size {size}", f"frags {fragments}")
            ksft_eq(sent, 4 * COPIES)
            ring.check(sent, size - 14, COPIES, mark)
        before = stats(env.a, dev)["tx_dropped"]
        sent = generator.send(4 * COPIES, "pkt_size 1515", "frags 0")
        ksft_eq(sent, 4 * COPIES)
        if "offload" in flags:
            ring.check(sent, 1501, COPIES, mark)
        else:
            ksft_eq(len(ring.new()), 0, "one byte too long")
            ksft_eq(stats(env.a, dev)["tx_dropped"], before + sent)
    env.a.run("rmmod muennet")
    ksft_eq(ring.channel.epoch, 0)
    check_log(env.a)


def whole(pieces: list) -> bytes:
    """Reassembles the packet of these fragments."""
    packet = b"".join(piece.packet[20 if number else 0:] for number, piece in enumerate(pieces))
    head = bytearray(packet[:20])
    struct.pack_into(">H", head, 2, len(packet))
    head[6:8] = head[10:12] = b"\0\0"
    struct.pack_into(">H", head, 10, checksum(bytes(head)))
    return bytes(head) + packet[20:]


def test_longer_than_the_path(env):
    """
    A shared packet that is too long for the path is fragmented, with the checksum computed in
    a clone, or causes an ICMPv6 message that contains it.
    """
    ring = Ring(env, "net_hdr")
    table = env.channel("table").map
    table[:] = bytes(len(table))
    generator = redirected(env, "net_hdr", " pmtu=table")
    struct.pack_into("<I", table, 4 * (MARK - 1), 576)
    ksft_eq(generator.send(4 * COPIES, "pkt_size 1414"), 4 * COPIES)
    found = ring.new()
    ksft_eq(len(found), 4 * COPIES * 3)
    for number in range(4 * COPIES):
        packet = whole(found[3 * number:3 * number + 3])
        check_equal(packet, expected_packet(packet, 1 + number // COPIES * COPIES, 1400), "packet")

    # The peer is the sender, so the message is sent by the same channel.
    env.a.run("echo 0 >/proc/sys/net/ipv6/conf/net0/disable_ipv6; "
              f"ip addr add {V6['a']}/64 dev net0 nodad")
    struct.pack_into("<I", table, 4 * (MARK - 1), 1280)
    before = counters(env.a)
    ring.new()
    generator.set("flag IPV6", f"src6 {V6['b']}", f"dst6 {V6['a']}")
    ksft_eq(generator.send(4 * COPIES, "pkt_size 1414"), 4 * COPIES)
    after = counters(env.a)
    ksft_eq(after["tx_too_big"] - before["tx_too_big"], 4 * COPIES)
    found = [it.packet for it in ring.new() if it.packet[40:42] == b"\2\0"]
    ksft_eq(len(found), 4 * COPIES, "packet too big")
    for number, packet in enumerate(found):
        ksft_eq(struct.unpack_from(">I", packet, 44)[0], 1280)
        wanted = expected_packet(packet[48:], 1 + number // COPIES * COPIES, 1400)
        # The start of the packet, whose checksum was still to be computed.
        about = packet[48:]
        check_equal(about[:46] + wanted[46:48] + about[48:], wanted[:len(about)],
                    "the packet in the message")
