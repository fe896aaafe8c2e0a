# SPDX-License-Identifier: GPL-2.0
"""
Packet sockets with a ring in memory shared with the kernel (TPACKET_V3): the program
rig/guest/packet_mmap.py receives and sends with them.
"""

import struct
from contextlib import contextmanager

from rig import PAIR, V4, Script, ksft_eq, pair, up
from rig.packets import udp4

SYSTEM = PAIR

RAW = "name=raw0 in=channel_in out=channel_out reader_protocol=5 writer_protocol=5"
RING = "/rig/packet_mmap.py"
# Sends numbered datagrams to an address without a host.
SEND = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
first, count = map(int, sys.argv[1:])
for number in range(first, first + count):
    s.sendto(number.to_bytes(4, "big").ljust(1400, b"."), ("192.0.2.77", 9))
"""


@contextmanager
def receiving(machine, dev: str, count: int, shown: int = 2000):
    """A context with a receiver; afterwards a list of (protocol, type, length, first bytes)."""
    got: list = []
    machine.run("rm -f /run/ready")
    command = Script(RING, "receive", dev, count, shown)
    with machine.bkg(command, exit_wait=True, fail=True):
        machine.wait("[ -e /run/ready ]", "receiver")
        yield got
    for line in machine.read_files("/run/received").splitlines():
        protocol, kind, length, data = line.split()
        got.append((int(protocol, 16), int(kind), int(length), bytes.fromhex(data)))


def send(machine, dev: str, protocol: int, *packets: bytes):
    """Sends packets from a ring."""
    machine.run(Script(RING, "send", dev, hex(protocol), *(data.hex() for data in packets)))


def test_raw_mode(env):
    pair(env, RAW, "raw0", set_up=lambda machine: up(machine, "raw0", quiet=True, addresses=False))
    sent = [b"\x01", bytes(range(256)) * 5, b"\xee" * 1499, b"\xff" * 1500, b"\x02\x03"]
    for source, target in ((env.a, env.b), (env.b, env.a)):
        with receiving(target, "raw0", len(sent)) as got:
            send(source, "raw0", 0x88b5, *sent)
        ksft_eq(got, [(0, 0, 1500, data.ljust(1500, b"\0")) for data in sent])


def test_ip_mode(env):
    pair(env, quiet=True)
    # To an address without a host, so that there is no answer.
    v4 = [udp4(V4["a"], "192.0.2.77", 9, bytes([size & 255]) * size) for size in (0, 1, 700, 1472)]
    v6 = [struct.pack(">IHBB", 6 << 28, size, 59, 64) + bytes(15) + b"\1" + bytes(15) + b"\2" +
          b"\x77" * size for size in (0, 1, 1460)]
    with receiving(env.b, "net0", len(v4) + len(v6)) as got:
        send(env.a, "net0", 0x0800, *v4)
        send(env.a, "net0", 0x86dd, *v6)
    ksft_eq(got, [(0x0800, 0, len(data), data) for data in v4] +
            [(0x86dd, 0, len(data), data) for data in v6])


def test_all_blocks_of_the_ring(env):
    """Receives more packets than the ring holds, so that each of its blocks is reused."""
    pair(env, quiet=True)
    # A burst leaves some blocks free, even if each packet takes a block of its own.
    burst, bursts = 60, 12
    env.a.put("/run/send.py", SEND.encode())
    with receiving(env.b, "net0", bursts * burst, 32) as got:
        for number in range(bursts):
            env.a.run(Script("/run/send.py", number * burst, burst))
            env.b.wait(f"[ $(wc -l </run/received) -ge {(number + 1) * burst} ]", "packets")
    numbers = [struct.unpack_from(">I", data, 28)[0] for _, _, _, data in got]
    ksft_eq(numbers, list(range(bursts * burst)), "all of them, in their order")
    ksft_eq({(protocol, kind, length) for protocol, kind, length, _ in got}, {(0x0800, 0, 1428)})
