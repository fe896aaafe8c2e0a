# SPDX-License-Identifier: GPL-2.0
"""
IP mode with offloads: a large packet takes several elements, and each has the offloads
that are left to the receiver. Both ends must have the flag.
"""

import struct

from rig import (PAIR, README, V4, V6, End, KsftNamedVariant, Peer, Script, counters, defer,
                 ksft_eq, ksft_gt, ksft_pr, ksft_true, ksft_variants, load, pair, ping, sampled,
                 stats, stream, unanswered, up, wait_counters, wait_stats)
from rig.packets import ip4, udp4

SYSTEM = PAIR

OFFLOAD = README.replace("flags=net_hdr", "flags=net_hdr+offload")
PROTOCOL = 2 ^ int.from_bytes(b"offload", "big")
SIZE = 1528
ROOM = 1500
NONE = bytes(10)


def pieces(packet: bytes, offloads: bytes = NONE, mark: int = 0) -> list:
    """Returns the elements of a packet."""
    return [struct.pack("<IHBBII", mark, len(packet[at:at + ROOM]), 4, 0, len(packet), at) +
            offloads + bytes(2) + packet[at:at + ROOM] for at in range(0, len(packet), ROOM)]


@sampled(2)
@ksft_variants([KsftNamedVariant(f"{name}_{size}", addresses, size)
                for name, addresses in (("ipv4", V4), ("ipv6", V6)) for size in (56, 1473, 8000)])
def test_ping(env, addresses, size):
    pair(env, OFFLOAD)
    ends = End(env.a, addresses["a"]), End(env.b, addresses["b"])
    ksft_eq(ping(*ends, f"-s {size}").received, 3)


@sampled(1)
@ksft_variants([KsftNamedVariant("ipv4", V4), KsftNamedVariant("ipv6", V6)])
def test_tcp_crosses_in_large_packets(env, addresses):
    pair(env, OFFLOAD)
    # Makes the size of a GSO packet independent of the rate.
    least = "/proc/sys/net/ipv4/tcp_min_tso_segs"
    defer(env.a.run, f"echo {env.a.run(f'cat {least}').stdout.strip()} >{least}")
    env.a.run(f"echo 16 >{least}")
    stream(End(env.a, addresses["a"]), End(env.b, addresses["b"]))
    got = counters(env.b)
    mean = got["rx_bytes"] / got["rx_packets"]
    ksft_pr(f"{mean:.0f} bytes a packet, {got['rx_missed']} elements lost")
    ksft_gt(mean, 3000, "mean length of a packet")
    ksft_gt(got["rx_elements"], got["rx_packets"])
    for name in ("rx_malformed", "rx_no_memory"):
        ksft_eq(got[name], 0, name)


@sampled(1)
@ksft_variants([KsftNamedVariant("cut_by_the_driver", README),
                KsftNamedVariant("cut_by_the_receiver", OFFLOAD)])
def test_udp_segments(env, parameters):
    pair(env, parameters)
    # UDP_SEGMENT: the kernel passes several datagrams to the device in one packet.
    env.b.put("/run/get.py", b"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.2", 7))
got = [s.recv(2000) for _ in range(10)]
assert got == [bytes([n]) * 1000 for n in range(10)], [len(x) for x in got]
""")
    env.a.put("/run/put.py", b"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_UDP, 103, 1000)
s.sendto(b"".join(bytes([n]) * 1000 for n in range(10)), ("192.0.2.2", 7))
""")
    with env.b.bkg(Script("/run/get.py"), exit_wait=True, fail=True):
        env.b.wait_listens(7, "udp")
        env.a.run(Script("/run/put.py"))


def test_large_mtus(env):
    ends = pair(env, OFFLOAD + " mtu=65535")
    ksft_eq(ping(*ends, "-M do -s 65507").received, 3)


@sampled(1)
@ksft_variants([KsftNamedVariant("the_peer", OFFLOAD, README),
                KsftNamedVariant("this_end", README, OFFLOAD)])
def test_only_one_end_wants_it(env, ours, theirs):
    load(env.a, ours)
    load(env.b, theirs)
    for machine in (env.a, env.b):
        up(machine, quiet=True)
    for machine in (env.a, env.b):
        machine.wait("grep -q '^peer: incompatible' /sys/kernel/debug/muennet/net0/info")
    sent = stats(env.a)["tx_packets"]
    ksft_true(unanswered(End(env.a, V4["a"]), End(env.b, V4["b"])))
    ksft_eq(stats(env.a)["tx_packets"], sent + 1)
    ksft_eq(stats(env.b)["rx_packets"], 0)


def joined_peer(env) -> Peer:
    """The driver in a, and its peer in an epoch that the driver follows."""
    peer = Peer(env, protocol=PROTOCOL, size=SIZE, parameters=OFFLOAD)
    peer.join(100)
    return peer


def valid(size: int = 4000) -> list:
    """Returns the elements of a valid packet."""
    return pieces(udp4(V4["b"], V4["a"], 9, bytes(size)))


def changed(at: int, value: bytes, element: int = 0, size: int = 4000) -> list:
    """Returns the elements of a valid packet, with other bytes in one of them."""
    elements = valid(size)
    old = elements[element]
    elements[element] = old[:at] + value + old[at + len(value):]
    return elements


TCP = ip4(V4["b"], V4["a"], 6, struct.pack(">HHIIBBHHH", 9, 9, 0, 0, 0x50, 0x10, 0, 0, 0) +
          bytes(4000))


def joined(*order: int) -> list:
    """Returns elements of a valid packet, in this order."""
    elements = valid()
    return [elements[number] for number in order]


def offloaded(packet: bytes, *offloads: int) -> list:
    """Returns the elements of a packet with these offloads."""
    return pieces(packet, struct.pack("<BBHHHH", *offloads))


# Elements, and the counters that they increment: for each dropped packet, and for each piece
# that continues no packet.
REJECTED = [KsftNamedVariant(name, elements, counted) for name, elements, counted in (
    ("unknown_protocol", changed(6, b"\6", size=100), {"rx_bad_protocol": 1}),
    ("length_zero", changed(4, b"\0\0", size=100), {"rx_bad_length": 1}),
    ("length_of_too_much", changed(4, b"\xff\xff", size=100), {"rx_bad_length": 1}),
    ("total_zero", changed(8, bytes(4), size=100), {"rx_bad_length": 1}),
    ("total_of_all_ones", changed(8, b"\xff" * 4, size=100), {"rx_bad_length": 1}),
    ("place_beyond_the_total", changed(12, b"\xff" * 4, size=100), {"rx_bad_length": 1}),
    ("total_that_ip_does_not_state", changed(28 + 2, b"\0\x40", size=100), {"rx_bad_length": 1}),
    ("version", changed(28, b"\x65", size=100), {"rx_bad_header": 1}),
    ("a_gap", joined(0, 2), {"rx_incomplete": 2}),
    ("the_start_is_missing", joined(1), {"rx_incomplete": 1}),
    ("the_start_twice", joined(0, 0, 1), {"rx_incomplete": 2}),
    ("a_piece_twice", joined(0, 1, 1, 2), {"rx_incomplete": 3}),
    ("out_of_order", joined(1, 0, 2), {"rx_incomplete": 3}),
    ("no_end", joined(0, 1), {"rx_incomplete": 1}),
    ("pieces_that_overlap", changed(12, struct.pack("<I", ROOM - 8), 1)[:2], {"rx_incomplete": 2}),
    ("another_mark", changed(0, b"\7", 1)[:2], {"rx_incomplete": 2}),
    ("another_total", changed(8, b"\xa1\x0f", 1)[:2], {"rx_incomplete": 2}),
    ("checksum_outside", offloaded(udp4(V4["b"], V4["a"], 9, bytes(99)), 1, 0, 0, 0, 9999, 6),
     {"rx_bad_header": 1}),
    ("unknown_segmentation", offloaded(TCP, 1, 9, 40, 1000, 20, 16), {"rx_bad_header": 1}),
    ("segments_of_nothing", offloaded(TCP, 1, 1, 40, 0, 20, 16), {"rx_bad_header": 1}),
    ("segments_of_another_version", offloaded(TCP, 1, 4, 40, 1000, 20, 16), {"rx_bad_header": 1}),
    ("segments_of_another_protocol", offloaded(TCP, 1, 5, 40, 1000, 20, 16),
     {"rx_bad_header": 1}))]
REASONS = ("rx_bad_protocol", "rx_bad_length", "rx_bad_header", "rx_changed", "rx_incomplete",
           "rx_no_memory", "rx_overruns")


@sampled(8)
@ksft_variants(REJECTED)
def test_rejected(env, elements, counted):
    peer = joined_peer(env)
    before = counters(peer.machine)
    written = (*valid(), *elements, *valid(100), *valid())
    peer.write(*written)
    wait_counters(peer.machine, rx_elements=before["rx_elements"] + len(written))
    # The valid packets before and after arrive.
    wait_stats(peer.machine, rx_packets=3, rx_over_errors=0)
    now = counters(peer.machine)
    ksft_eq({name: now[name] - before[name] for name in REASONS if now[name] != before[name]},
            counted)
    ksft_eq(stats(peer.machine)["rx_frame_errors"], now["rx_malformed"])


def test_a_packet_that_waits_for_its_end(env):
    peer = joined_peer(env)
    first, second, third = valid()
    for element, packets in ((first, 0), (second, 0), (third, 1)):
        before = counters(peer.machine)["rx_elements"]
        peer.write(element)
        wait_counters(peer.machine, rx_elements=before + 1)
        wait_stats(peer.machine, rx_packets=packets)


def incomplete(machine, count: int):
    """Waits until the driver has dropped this number of incomplete packets and pieces."""
    wait_counters(machine, rx_incomplete=count)


def test_an_epoch_ends_within_a_packet(env):
    peer = joined_peer(env)
    before = counters(peer.machine)["rx_elements"]
    peer.write(*valid()[:2])
    wait_counters(peer.machine, rx_elements=before + 2)
    wait_stats(peer.machine, rx_packets=0)
    peer.start(101)
    # The driver drops the packet when the epoch ends.
    incomplete(peer.machine, 1)
    peer.write(*valid()[2:], *valid())
    wait_stats(peer.machine, rx_packets=1, rx_errors=0)
    incomplete(peer.machine, 2)


def test_the_interface_is_down_within_a_packet(env):
    peer = joined_peer(env)
    first, second, third = valid()
    before = counters(env.a)
    peer.write(first, second)
    wait_counters(env.a, rx_elements=before["rx_elements"] + 2)
    env.a.run("ip link set net0 down; ip link set net0 up")
    wait_counters(env.a, rx_epochs=before["rx_epochs"] + 1)
    # The next piece in the same epoch. The driver has dropped the pieces before.
    peer.write(third)
    incomplete(env.a, 1)
    ksft_eq(stats(env.a)["rx_packets"], 0)
    peer.write(*valid())
    wait_stats(env.a, rx_packets=1, rx_errors=0)
    incomplete(env.a, 1)
