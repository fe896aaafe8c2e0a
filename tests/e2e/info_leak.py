# SPDX-License-Identifier: GPL-2.0
"""
No byte of uninitialized kernel memory is sent. The test fills memory with a pattern,
frees it, and sends packets of many lengths in all modes; the kernel does not clear memory
on allocation. The channel must contain what was sent and nothing else. A test module
(tests/uninit) shows that memory for packets does contain the pattern.
"""

from rig import (OUTWARD, KsftNamedVariant, KsftSkipEx, defer, kmodule, ksft_eq, ksft_ge, ksft_in,
                 ksft_pr, ksft_variants, load, up)
from rig.elements import check_equal, fill, ip_packet, payload, sent_packets

SYSTEM = OUTWARD

PATTERN = b"*stale: "
SENT = b"*sent!: "
# The least share of packets with the pattern in their memory.
LEAST = 0.1

# Writes the pattern to memory and frees it: large blocks; pages of the kernel's own kind,
# which are not those of processes; and buffers of several sizes in the caches for packets,
# here of local sockets.
FILL_MEMORY = f"""
import mmap, os, socket
block = {PATTERN!r} * (1 << 18)
pages = mmap.mmap(-1, 32 * len(block))
for at in range(0, len(pages), len(block)):
    pages[at:at + len(block)] = block
pages.close()
pipes = [os.pipe() for _ in range(100)]
for _, end in pipes:
    os.write(end, block[:65536])
for pipe in pipes:
    os.close(pipe[0]), os.close(pipe[1])
for size in (64, 128, 256, 512, 1024, 1500, 2000, 3000, 4000, 8000):
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(30)]
    for a, b in pairs:
        a.setsockopt(socket.SOL_SOCKET, 32, 1 << 20)     # SO_SNDBUFFORCE
        for _ in range(8):
            a.send({PATTERN!r} * (size // 8))
    for pair in pairs:
        pair[0].close(), pair[1].close()
"""

SIZES = [*range(64), *range(64, 1472, 37), 1472, 1473, 3000, 8000]
SEGMENTED = [998, 999, 1000, 5555]
WHOLE = SENT * 1001
# Sends datagrams of many lengths, some in fragments and some to be segmented.
SENDER = f"""
import socket
it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for size in {SIZES}:
    it.sendto(({SENT!r} * 1001)[:size], ("192.0.2.2", 9))
it.setsockopt(socket.IPPROTO_UDP, 103, 999)
for size in {SEGMENTED}:
    it.sendto(({SENT!r} * 1001)[:size], ("192.0.2.2", 9))
"""
RAW_SIZES = range(1, 1501, 7)
RAW = f"""
import socket
it = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
it.bind(("net0", 0))
for size in {RAW_SIZES}:
    it.send(({SENT!r} * 200)[:size])
"""


def check_pattern(shown: str):
    """Checks that memory of all kinds for packets contains the pattern."""
    for line in shown.splitlines():
        linear, paged, order, packets, found = map(int, line.split())
        ksft_pr(f"{linear} + {paged} bytes, order {order}: pattern in {found} of {packets}")
        ksft_ge(found, packets * LEAST, line)
    ksft_eq(len(shown.splitlines()), 6)


@ksft_variants([KsftNamedVariant("ip", "net_hdr"), KsftNamedVariant("raw", ""),
                KsftNamedVariant("ip_with_offloads", "net_hdr+offload"),
                KsftNamedVariant("ethernet", "eth_dev")])
def test_no_pattern_is_sent(env, flags):
    if env.a.run("ls /sys/kernel/debug/kmemleak", fail=False).ret == 0:
        raise KsftSkipEx("this kernel quarantines freed memory, and fills it on allocation")
    ksft_in("init_on_alloc=0", env.a.run("cat /proc/cmdline").stdout)
    channel = env.channel("out")
    fill(channel)
    load(env.a, f"name=net0 out=channel_out writer_protocol=2 flags={flags}")
    env.a.put("/run/muenuninit.ko", kmodule.built("uninit", "muenuninit"))
    env.a.put("/run/fill_memory.py", FILL_MEMORY.encode())
    env.a.put("/run/send.py", (SENDER if flags else RAW).encode())
    defer(env.a.run, "rmmod muenuninit")
    env.a.run("insmod /run/muenuninit.ko")
    up(env.a, quiet=True)
    if flags == "eth_dev":
        env.a.run("ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev net0")
    # On one processor, because each has its own caches of free memory.
    shown = env.a.run("taskset 1 sh -c 'python3 /run/fill_memory.py && "
                      "cat /sys/kernel/debug/muenuninit/found && python3 /run/send.py'").stdout
    check_pattern(shown)
    found = [it.packet for it in sent_packets(channel, flags, 2)]
    if flags:
        check_equal(payload([ip_packet(flags, packet) for packet in found]),
                    b"".join(WHOLE[:size] for size in SIZES + SEGMENTED), "datagrams")
    else:
        padded = (WHOLE[:size].ljust(1500, b"\0") for size in RAW_SIZES)
        check_equal(b"".join(found), b"".join(padded), "packets")
    # Header fields that were not checked by value do not contain it either.
    content = channel.content()
    for start in range(len(PATTERN) - 3):
        ksft_eq(content.count(PATTERN[start:start + 4]), 0)
