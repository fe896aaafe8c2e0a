# SPDX-License-Identifier: GPL-2.0
"""Raw mode: packet sockets send and receive whole elements."""

import json

from rig import (PAIR, KsftNamedVariant, Peer, Reader, Script, ksft_eq, ksft_ne, ksft_variants,
                 load, pair, sampled, stats, up, wait_stats)

SYSTEM = PAIR

PARAMETERS = ("name=raw0 in=channel_in out=channel_out reader_protocol=5 writer_protocol=5 "
              "mtu={}")
SIZE = 200

SEND = """
import socket, sys
s = socket.socket(socket.AF_PACKET, getattr(socket, sys.argv[1]))
s.bind(("raw0", 0))
for text in sys.argv[2:]:
    data = bytes.fromhex(text)
    if sys.argv[1] == "SOCK_RAW":
        s.send(data)
    else:
        s.sendto(data, ("raw0", 0x88b5))
"""
RECEIVE = """
import socket, sys
s = socket.socket(socket.AF_PACKET, getattr(socket, sys.argv[1]), socket.htons(3))
s.bind(("raw0", 3))
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)   # SO_RCVBUFFORCE
open("/run/ready", "w").close()
for _ in range(int(sys.argv[2])):
    data, where = s.recvfrom(70000)
    print(where[1], where[2], data.hex(), flush=True)
"""


def set_up(machine):
    """Sets raw0 up, without addresses, and puts the programs in place."""
    machine.put("/run/send.py", SEND.encode())
    machine.put("/run/receive.py", RECEIVE.encode())
    up(machine, "raw0", quiet=True, addresses=False)


def raw_pair(env, mtu: int = SIZE):
    """raw0 in a and in b."""
    pair(env, PARAMETERS.format(mtu), "raw0", set_up=set_up)


def only_a(env):
    """raw0 in a, whose peer is the test."""
    load(env.a, PARAMETERS.format(SIZE))
    set_up(env.a)


def received(machine, count, act, kind="SOCK_RAW") -> list:
    """
    Calls act() while a packet socket receives `count` packets. Returns (protocol, packet
    type, bytes) of each.
    """
    machine.run("rm -f /run/ready")
    with machine.bkg(Script("/run/receive.py", kind, count), exit_wait=True) as got:
        machine.wait("[ -e /run/ready ]", "receiver")
        act()
    return [(int(protocol), int(kind), bytes.fromhex(data)) for protocol, kind, data in
            (line.split() for line in got.stdout.splitlines())]


def send(machine, *packets, kind="SOCK_RAW"):
    """Sends packets from a packet socket."""
    machine.run(Script("/run/send.py", kind, *(data.hex() for data in packets)))


def run(machine, text: str, **options):
    """Runs a Python program."""
    machine.put("/run/once.py", text.encode())
    return machine.run(Script("/run/once.py"), **options)


def test_the_device(env):
    raw_pair(env)
    shown = json.loads(env.a.run("ip -d -j link show raw0").stdout)[0]
    ksft_eq(shown["link_type"], "none")
    ksft_eq(sorted(shown["flags"]), ["LOWER_UP", "MULTICAST", "NOARP", "POINTOPOINT", "UP"])
    ksft_eq((shown["min_mtu"], shown["max_mtu"], shown["mtu"]), (1, 65535, SIZE))
    ksft_eq(env.a.run("cat /sys/class/net/raw0/operstate").stdout, "up\n")
    ksft_eq(env.channel("a_to_b").size, SIZE)


@sampled(2)
@ksft_variants([KsftNamedVariant(f"{out}_to_{into}", out, into)
                for out in ("SOCK_RAW", "SOCK_DGRAM") for into in ("SOCK_RAW", "SOCK_DGRAM")])
def test_packets_become_padded_elements(env, out, into):
    raw_pair(env)
    packets = [b"x", b"hello", bytes(range(200)), b"y" * 199, b"z"]
    got = received(env.b, len(packets), lambda: send(env.a, *packets, kind=out), into)
    ksft_eq(got, [(0, 0, data.ljust(SIZE, b"\0")) for data in packets],
            "protocol 0, for this host, whole elements")


def test_counters(env):
    raw_pair(env)
    before = stats(env.a, "raw0"), stats(env.b, "raw0")
    send(env.a, b"x", b"y" * 100)
    wait_stats(env.b, "raw0", rx_packets=before[1]["rx_packets"] + 2,
               rx_bytes=before[1]["rx_bytes"] + 2 * SIZE)
    after = stats(env.a, "raw0"), stats(env.b, "raw0")
    ksft_eq(after[0]["tx_packets"] - before[0]["tx_packets"], 2)
    ksft_eq(after[0]["tx_bytes"] - before[0]["tx_bytes"], 101)
    ksft_eq(after[1]["rx_packets"] - before[1]["rx_packets"], 2)
    ksft_eq(after[1]["rx_bytes"] - before[1]["rx_bytes"], 2 * SIZE)


def test_nothing_stale_is_sent(env):
    """The ring is full of older packets; the padding of a short one has no bytes of them."""
    only_a(env)
    channel = env.channel("a_to_b")
    count = channel.elements
    script = ("import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); "
              "s.bind(('raw0', 0)); "
              f"[s.send(b'\\xee' * {SIZE}) for _ in range({count + 10})]")
    run(env.a, script)
    reader = Reader(channel)
    send(env.a, b"a", b"b" * (SIZE - 1))
    ksft_eq(reader.read(), [b"a".ljust(SIZE, b"\0"), b"b" * (SIZE - 1) + b"\0"])


@sampled(3)
@ksft_variants([KsftNamedVariant(f"{mtu}", mtu) for mtu in (1, 2, 67, 511, 512, 513, 1500, 65535)])
def test_sizes(env, mtu):
    raw_pair(env, mtu)
    packets = [b"\x11", b"\x22" * mtu, b"\x33"]
    script = ("import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); "
              "s.bind(('raw0', 0)); "
              f"s.send(b'\\x11'); s.send(b'\\x22' * {mtu}); s.send(b'\\x33')")
    got = received(env.b, 3, lambda: run(env.a, script))
    ksft_eq([data for _, _, data in got], [data.ljust(mtu, b"\0") for data in packets])


def test_too_long(env):
    """The stack refuses packets longer than the MTU."""
    raw_pair(env)
    before = stats(env.a, "raw0")
    script = ("import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); "
              f"s.bind(('raw0', 0)); s.send(b'x' * {SIZE + 1})")
    ksft_ne(run(env.a, script, fail=False).ret, 0)
    ksft_eq(stats(env.a, "raw0")["tx_packets"], before["tx_packets"])


def test_the_peer_says_how_long_elements_are(env):
    only_a(env)
    for size in (1, 7, 1500, 65535):
        peer = Peer(env, protocol=5, size=size, dev="raw0")
        peer.start(size + 1)
        data = bytes(n * 7 & 0xff for n in range(size))
        got = received(env.a, 1, lambda p=peer, d=data: p.write(d))
        ksft_eq(got, [(0, 0, data)])


def test_packets_of_the_stack(env):
    """With an address, the stack also sends its own packets, which the receiver gets as bytes."""
    raw_pair(env, 1500)
    env.a.run("ip addr add 192.0.2.1/24 dev raw0")
    got = received(env.b, 1, lambda: env.a.run("ping -c 1 -W 0.1 192.0.2.2", fail=False))
    ksft_eq((got[0][0], got[0][2][0], len(got[0][2])), (0, 0x45, 1500))
