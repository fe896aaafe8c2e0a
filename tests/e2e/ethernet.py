# SPDX-License-Identifier: GPL-2.0
"""Ethernet mode between two subjects."""

import json
import os
import re
import struct

from rig import (ANSWER_SECONDS, Channel, End, KsftNamedVariant, Peer, Reader, Script, System,
                 counters, defer, ksft_eq, ksft_ge, ksft_in, ksft_ne, ksft_pr, ksft_true,
                 ksft_variants, load, pair, ping, ping_at_once, sampled, stats, stream, up,
                 wait_answer, wait_counters, wait_for, wait_peer)
from rig.unikernel import element, frame_of

SYSTEM = System("ethernet", ("a", "b"), (
    Channel("a_to_b", writes={"a": "channel_out"}, reads={"b": "channel_in"}),
    Channel("b_to_a", writes={"b": "channel_out"}, reads={"a": "channel_in"})))

PARAMETERS = ("name=eth7 in=channel_in out=channel_out reader_protocol=2 writer_protocol=2 "
              "flags=eth_dev")
# Of an element.
SIZE = 1516


def link(machine, dev: str = "eth7") -> dict:
    """Returns what ip shows of the device."""
    return json.loads(machine.run(f"ip -d -j link show {dev}").stdout)[0]


def mac_of(machine) -> bytes:
    """The MAC address of eth7."""
    return bytes.fromhex(link(machine)["address"].replace(":", ""))


def test_an_ordinary_device(env):
    pair(env, PARAMETERS, "eth7")
    shown = link(env.a)
    ksft_eq(shown["link_type"], "ether")
    ksft_eq(sorted(shown["flags"]), ["BROADCAST", "LOWER_UP", "MULTICAST", "UP"])
    ksft_eq((shown["min_mtu"], shown["max_mtu"], shown["mtu"]), (68, 65521, 1500))
    ksft_eq(env.a.run("cat /sys/class/net/eth7/operstate").stdout, "up\n")
    mac = mac_of(env.a)
    ksft_eq(mac[0] & 3, 2, "a locally administered address of one device")
    ksft_ne(link(env.b)["address"], shown["address"])
    ksft_eq(env.channel("a_to_b").size, 1516)


@sampled(2)
@ksft_variants([KsftNamedVariant(f"{size}", size) for size in (0, 56, 1472, 1473, 8000)])
def test_ping(env, size):
    a, b = pair(env, PARAMETERS, "eth7")
    ksft_eq(ping(a, b, f"-s {size}").received, 3)
    ksft_in("lladdr " + link(env.b)["address"], env.a.run("ip neigh show dev eth7").stdout)


def test_tcp(env):
    a, b = pair(env, PARAMETERS, "eth7")
    for source, target in ((a, b), (b, a)):
        stream(source, target)


def link_local(machine, dev: str = "eth7") -> str:
    """Waits for the link-local IPv6 address, and returns it."""
    def found():
        out = machine.run(f"ip -6 addr show dev {dev} scope link -tentative").stdout
        return re.search(r"inet6 (fe80::\S+)/64", out)
    return wait_for(found, "link-local address").group(1)


def test_ipv6_configures_itself(env):
    pair(env, PARAMETERS, "eth7")
    target = link_local(env.b)
    mac = mac_of(env.b)
    identifier = bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:]
    ksft_eq(target, "fe80::" + ":".join(f"{x:x}" for x in struct.unpack(">4H", identifier)))
    link_local(env.a)
    ksft_eq(ping(End(env.a, ""), End(env.b, f"{target}%eth7")).received, 3)
    # -L suppresses a's own answer.
    out = env.a.run(f"ping -L -c 1 -W {ANSWER_SECONDS} ff02::1%eth7", fail=False).stdout
    ksft_in(f"from {target}%eth7", out)


def test_the_address_of_the_parameter(env):
    pair(env, PARAMETERS + " mac=02:00:00:00:AB:01", "eth7")
    for machine in (env.a, env.b):
        ksft_eq(link(machine)["address"], "02:00:00:00:ab:01")
        # udev keeps an address of type permanent, because it takes it for the hardware's.
        ksft_eq(machine.read_files("/sys/class/net/eth7/addr_assign_type"), "0\n")
        ksft_in("02:00:00:00:ab:01", machine.run("ethtool -P eth7").stdout)
    # Without the parameter the address is random.
    env.a.run("rmmod muennet")
    load(env.a, "name=eth7,eth8 in=channel_in,channel_in out=,channel_out reader_protocol=2,2 "
                "writer_protocol=,2 flags=eth_dev,eth_dev mac=,02:00:00:00:00:02")
    ksft_ne(link(env.a)["address"][:8], "02:00:00")
    ksft_eq(link(env.a, "eth8")["address"], "02:00:00:00:00:02")
    ksft_eq(env.a.read_files("/sys/class/net/eth7/addr_assign_type"), "1\n")


def test_the_address_can_be_set(env):
    a, b = pair(env, PARAMETERS, "eth7")
    mac = "02:12:34:56:78:9a"
    env.a.run(f"ip link set eth7 address {mac}")
    ksft_eq(link(env.a)["address"], mac)
    env.b.run("ip neigh flush dev eth7")
    ksft_eq(ping(b, a).received, 3)
    ksft_in(f"lladdr {mac}", env.b.run("ip neigh show dev eth7").stdout)
    for bad in ("01:00:5e:00:00:01", "00:00:00:00:00:00"):
        ksft_ne(env.a.run(f"ip link set eth7 address {bad}", fail=False).ret, 0)
    ksft_eq(link(env.a)["address"], mac)


LISTEN = """
import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
s.bind(("eth7", 0x0800))
member = struct.pack("iHH8s", socket.if_nametoindex("eth7"), 1, 0, b"")   # PACKET_MR_PROMISC
s.setsockopt(263, 1, member)                               # SOL_PACKET, PACKET_ADD_MEMBERSHIP
open("/run/ready", "w").close()
for _ in range(2):
    frame, where = s.recvfrom(2000)
    print(where[2], frame[:6].hex())
"""


def test_frames_for_others(env):
    """A promiscuous listener receives them as PACKET_OTHERHOST; the stack drops them."""
    a, b = pair(env, PARAMETERS, "eth7")
    env.a.run(f"ip neigh replace {b.address} lladdr 02:00:00:00:00:99 dev eth7")
    env.b.put("/run/listen.py", LISTEN.encode())
    env.b.run("rm -f /run/ready")
    with env.b.bkg(Script("/run/listen.py"), exit_wait=True) as seen:
        env.b.wait("[ -e /run/ready ]", "listener")
        ksft_eq(link(env.b)["promiscuity"], 1)
        ksft_eq(ping_at_once(a, b, "-c 2 -i 0.01 -W 1").received, 0)
    ksft_eq(seen.stdout, "3 020000000099\n" * 2, "PACKET_OTHERHOST")
    ksft_eq(link(env.b)["promiscuity"], 0)


def test_multicast_groups(env):
    pair(env, PARAMETERS, "eth7")
    env.b.run("ip maddr add 01:00:5e:01:02:03 dev eth7")
    ksft_in("01:00:5e:01:02:03", env.b.run("ip maddr show dev eth7").stdout)
    env.b.run("ip maddr del 01:00:5e:01:02:03 dev eth7")
    ksft_eq(env.b.run("ip link set eth7 allmulticast on && ip link set eth7 promisc on && "
                      "ip link set eth7 promisc off && ip link set eth7 allmulticast off").ret, 0)


BRIDGE = """
ip link add br0 type bridge && ip link set eth7 master br0 && ip link set eth7 up &&
ip link add inner type veth peer name port && ip link set port master br0 &&
ip link set port up && ip link set br0 up &&
ip netns add guest && ip link set inner netns guest &&
ip -n guest addr add 192.0.2.{0}/24 dev inner && ip -n guest link set inner up
"""


def test_in_a_bridge(env):
    ends = []
    for machine, host in ((env.a, 11), (env.b, 12)):
        load(machine, PARAMETERS)
        defer(machine.run, "ip link del br0; ip netns del guest", fail=False)
        machine.run(BRIDGE.format(host))
        ends.append(End(machine, f"192.0.2.{host}", "guest"))
    ksft_eq(link(env.a)["promiscuity"], 1)
    # b does not read what a sent before b joined.
    wait_answer(*ends)
    ksft_eq(ping(*ends).received, 3)
    stream(*ends)


def vlan(env, *kinds):
    """Adds VLANs, each on the one before, with default MTUs. Returns the ends of the last."""
    ends = []
    for machine in (env.a, env.b):
        for below, kind in enumerate(kinds):
            machine.run(f"ip link add link {'tagged' if below else 'eth7'} "
                        f"name {'twice' if below else 'tagged'} type vlan proto {kind} id 5 && "
                        f"ip link set {'twice' if below else 'tagged'} up")
        address = f"198.51.100.{1 + (machine is env.b)}"
        last = "twice" if len(kinds) > 1 else "tagged"
        ksft_eq(link(machine, last)["mtu"], 1500)
        machine.run(f"ip addr add {address}/24 dev {last}")
        ends.append(End(machine, address))
    return ends


KINDS = [KsftNamedVariant(f"{kind}", kind) for kind in ("802.1Q", "802.1ad")]


@ksft_variants(KINDS)
def test_vlan(env, kind):
    """A full frame with a tag does not fit an element. The log says once what to do."""
    pair(env, PARAMETERS, "eth7")
    ends = vlan(env, kind)
    for machine in (env.a, env.b):
        machine.new_log()
    ksft_eq(ping(*ends, "-M do -s 1468").received, 3)
    ksft_eq(env.a.new_log(), [])
    before = stats(env.a, "eth7")["tx_dropped"]
    ksft_eq(ping_at_once(*ends, "-c 3 -i 0.05 -W 1 -M do -s 1472").received, 0)
    ksft_eq(stats(env.a, "eth7")["tx_dropped"], before + 3)
    lines = env.a.new_log()
    ksft_eq(len(lines), 1, lines)
    ksft_in("eth7: A tagged frame does not fit an element and is dropped: "
            "load with flags=eth_dev+vlan, or lower the MTU of the VLAN by 4", lines[0])
    ksft_eq(env.channel("a_to_b").size, 1516, "the size that all peers support")
    for machine in (env.a, env.b):
        machine.run("ip link set tagged mtu 1496")
    ksft_eq(ping(*ends, "-M do -s 1468").received, 3)
    stream(*ends)
    ksft_eq(env.a.new_log(), [])


@sampled(1)
@ksft_variants([*KINDS, KsftNamedVariant("802.1Q_in_802.1ad", "802.1ad", "802.1Q")])
def test_room_for_tags(env, *kinds):
    """With the flag vlan, the VLAN and the device carry packets of the default MTU."""
    a, b = pair(env, PARAMETERS + "+vlan", "eth7")
    ksft_eq(link(env.a)["max_mtu"], 65513)
    for channel in ("a_to_b", "b_to_a"):
        ksft_eq(env.channel(channel).size, 1524)
    ends = vlan(env, *kinds)
    for one, other in ((a, b), ends):
        ksft_eq(ping(one, other, "-M do -s 1472").received, 3)
        stream(one, other)
        stream(other, one)
    ksft_eq(stats(env.a, "eth7")["tx_dropped"], 0)


def test_room_for_tags_at_one_end(env):
    """Only one end has the flag; the other end reads elements of any size."""
    for machine, more in ((env.a, "+vlan"), (env.b, "")):
        load(machine, PARAMETERS + more)
        machine.run("ip link set eth7 up")
    for machine in (env.a, env.b):
        wait_peer(machine, "eth7")
    ends = vlan(env, "802.1Q")
    env.b.run("ip link set tagged mtu 1496")
    ksft_eq((env.channel("a_to_b").size, env.channel("b_to_a").size), (1524, 1516))
    # The other end must fragment its answers.
    ksft_eq(ping(*ends, "-M do -s 1472").received, 3)
    ksft_eq(stats(env.b, "eth7")["rx_errors"], 0)


def test_macvlan(env):
    """A macvlan is a second MAC address on the device."""
    _, b = pair(env, PARAMETERS, "eth7")
    env.a.run("ip netns add guest")
    defer(env.a.run, "ip netns del guest")
    env.a.run("ip link add second link eth7 type macvlan mode bridge && "
              "ip link set second netns guest && ip -n guest addr add 192.0.2.7/24 dev second && "
              "ip -n guest link set second up")
    ksft_eq(ping(End(env.a, "192.0.2.7", "guest"), b).received, 3)


def ethernet_peer(env, size: int = SIZE, parameters: str | None = PARAMETERS) -> Peer:
    """The peer of eth7 in a."""
    return Peer(env, size=size, dev="eth7", parameters=parameters)


def frame_to(machine, size: int) -> bytes:
    """A frame of this size to a machine, of a protocol that no program receives."""
    return (mac_of(machine) + b"\x02\0\0\0\0\x09\x88\xb5").ljust(size, b"\0")


def counted(machine, elements: int) -> tuple:
    """Packets, bytes, frame errors and errors once the driver has read that many elements."""
    wait_counters(machine, "eth7", rx_elements=elements)
    now = stats(machine, "eth7")
    return now["rx_packets"], now["rx_bytes"], now["rx_frame_errors"], now["rx_errors"]


def test_lengths_in_elements(env):
    peer = ethernet_peer(env)
    peer.join(5)
    frame = frame_to(env.a, 1516)
    packets = total = bad = 0
    for number, (length, good) in enumerate((
            (0, 0), (1, 0), (13, 0), (14, 1), (15, 1), (60, 1), (1513, 1), (1514, 1), (1515, 0),
            (1516, 0), (1518, 0), (0x7fff, 0), (0xffff, 0)), 1):
        peer.write(element(frame[:1514], length=length))
        packets, total, bad = packets + good, total + good * length, bad + 1 - good
        ksft_eq(counted(env.a, number), (packets, total, bad, bad), f"length {length}")


def test_the_last_bytes_are_those_of_the_element(env):
    """A peer with another MTU has elements of another size; the length is at their end."""
    load(env.a, PARAMETERS)
    up(env.a, "eth7", quiet=True)
    frame = frame_to(env.a, 60)
    for number, size in enumerate((84, 1000, 1516, 9016, 65537), 1):
        peer = ethernet_peer(env, size, parameters=None)
        peer.join(50 + number)
        peer.write(element(frame, size))
        ksft_eq(counted(env.a, number)[0], number, f"elements of {size} bytes")
        peer.stop()


def test_a_length_that_changes(env):
    """If the peer changes a length while it is read, the driver uses one of its values."""
    peer = ethernet_peer(env)
    frame = element(frame_to(env.a, 14) + os.urandom(1500))
    rounds, epoch = 0, 100
    while True:
        rounds += 1
        for _ in range(10):
            epoch += 1
            peer.start(epoch)
            for _ in range(200):
                peer.write(frame)
                at = 64 + (peer.count - 1) % peer.elements * SIZE
                for length in (14, 0, 65535, 1514, 1515):
                    peer.channel.map[at + 1514:at + SIZE] = struct.pack("<H", length)
        # Once the driver follows the next epoch, it reads nothing more of the ones before.
        epoch += 1
        peer.join(epoch)
        elements = counters(env.a, "eth7")["rx_elements"]
        packets, total, bad, _ = counted(env.a, elements)
        # Two of the lengths are valid; the bytes must be a sum of frames of these lengths.
        long, rest = divmod(total - 14 * packets, 1500)
        ksft_eq(rest, 0, "bytes of frames of other lengths")
        # Ends when the driver has seen both, and an invalid one.
        if rounds >= (100 if env.long else 5) and all((packets - long, long, bad)):
            break
    ksft_pr(f"{packets} frames, {long} of them with 1514 bytes, {bad} elements with none")
    peer.write(*[frame] * 10)
    ksft_eq(counted(env.a, elements + 10)[:2], (packets + 10, total + 10 * 1514))


def test_what_is_sent(env):
    load(env.a, PARAMETERS)
    up(env.a, "eth7", quiet=True)
    reader = Reader(env.channel("a_to_b"))
    before = stats(env.a, "eth7")
    script = ("import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); "
              "s.bind(('eth7', 0x88b5)); "
              "[s.send(b'\\xff' * 12 + b'\\x88\\xb5' + b'x' * n) for n in (0, 1, 46, 1500)]")
    env.a.run(f'python3 -c "{script}"')
    frames = [frame_of(data) for data in reader.read()]
    frames = [frame for frame in frames if frame[12:14] == b"\x88\xb5"]
    ksft_eq([len(frame) for frame in frames], [14, 15, 60, 1514])
    ksft_true(all(frame[14:] == b"x" * (len(frame) - 14) for frame in frames))
    after = stats(env.a, "eth7")
    ksft_eq(after["tx_packets"], before["tx_packets"] + 4)
    ksft_eq(after["tx_bytes"], before["tx_bytes"] + 14 + 15 + 60 + 1514)


def test_the_largest_mtu(env):
    a, b = pair(env, PARAMETERS + " mtu=65521", "eth7")
    ksft_eq(env.channel("a_to_b").size, 65537)
    before = counters(env.b, "eth7")["rx_copied_bytes"]
    ksft_eq(ping(a, b, "-M do -s 65493").received, 3)
    ksft_ge(counters(env.b, "eth7")["rx_copied_bytes"], before + 3 * 65535)


def test_mtu_change(env):
    a, b = pair(env, PARAMETERS, "eth7")
    for machine in (env.a, env.b):
        machine.run("ip link set eth7 mtu 4000")
    ksft_eq(env.channel("a_to_b").size, 4016)
    ksft_eq(ping(a, b, "-M do -s 3972").received, 3)
    for bad in (67, 65522):
        ksft_ne(env.a.run(f"ip link set eth7 mtu {bad}", fail=False).ret, 0)
