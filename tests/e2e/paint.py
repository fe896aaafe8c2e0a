# SPDX-License-Identifier: GPL-2.0
"""
No byte of kernel memory leaves with a packet: memory is painted, allocations
are not cleared, packets of many lengths are sent in all modes, and the paint is
looked for in the channel.
"""

from rig import (Channel, KsftNamedVariant, System, ksft_eq, ksft_ge, ksft_in, ksft_variants, load,
                 stats)

SYSTEM = System("paint", ("a",), (Channel("out", writes={"a": "channel_out"}, reads={}),),
                options="init_on_alloc=0 init_on_free=0")

PAINT = b"*paint: "
SENT = b"*sent!: "

# Fills most of the free memory with paint, pages and small pieces, and gives it back.
BRUSH = f"""
import mmap, os
free = next(int(line.split()[1]) for line in open("/proc/meminfo") if "MemFree" in line)
pages = mmap.mmap(-1, max(free - 60000, 20000) * 1024)
coat = {PAINT!r} * (1 << 18)
for at in range(0, len(pages) - len(coat), len(coat)):
    pages[at:at + len(coat)] = coat
pages.close()
for size in (64, 256, 512, 1024, 2048, 4096, 8192):
    pipes = [os.pipe() for _ in range(200)]
    for _, end in pipes:
        os.write(end, {PAINT!r} * (size // 8))
    for pipe in pipes:
        os.close(pipe[0]), os.close(pipe[1])
"""

# Sends datagrams of many lengths, some of them in fragments and some left to be segmented.
SENDER = f"""
import socket
it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for size in list(range(64)) + list(range(64, 1472, 37)) + [1472, 1473, 3000, 8000]:
    it.sendto(({SENT!r} * 1001)[:size], ("192.0.2.2", 9))
it.setsockopt(socket.IPPROTO_UDP, 103, 999)
for size in (998, 999, 1000, 5555):
    it.sendto(({SENT!r} * 1001)[:size], ("192.0.2.2", 9))
"""
RAW = f"""
import socket
it = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
it.bind(("net0", 0))
for size in range(1, 1501, 7):
    it.send(({SENT!r} * 200)[:size])
"""


@ksft_variants([KsftNamedVariant("ip", "net_hdr", 50), KsftNamedVariant("raw", "", 200),
                KsftNamedVariant("ip_with_offloads", "net_hdr+offload", 50),
                KsftNamedVariant("ethernet", "eth_dev", 50)])
def test_no_paint_leaves(env, flags, least):
    ksft_in("init_on_alloc=0", env.a.run("cat /proc/cmdline").stdout)
    channel = env.channel("out")
    # What earlier tests sent is not looked at.
    channel.map[:] = bytes(channel.bytes)
    load(env.a, f"name=net0 out=channel_out writer_protocol=2 flags={flags}")
    env.a.put("/run/brush.py", BRUSH.encode())
    env.a.put("/run/send.py", (SENDER if flags else RAW).encode())
    env.a.run("ip addr add 192.0.2.1/24 dev net0 && ip link set net0 up")
    if flags == "eth_dev":
        env.a.run("ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev net0")
    env.a.run("python3 /run/brush.py && python3 /run/send.py")
    ksft_ge(stats(env.a)["tx_packets"], least)
    content = channel.content()
    # What was sent is found, so the paint would be, also in parts.
    ksft_in(SENT, content)
    for start in range(len(PAINT) - 5):
        ksft_eq(content.count(PAINT[start:start + 6]), 0)
