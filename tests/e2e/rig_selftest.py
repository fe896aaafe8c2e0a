# SPDX-License-Identifier: GPL-2.0
"""The rig itself: images of the subject information, channels, and the check of logs."""

import os
import struct

from rig import (Channel, ChannelFile, KsftNamedVariant, Reader, System, Writer, ksft_eq,
                 ksft_raises, ksft_true, ksft_variants, paths, sinfo)
from rig.klog import Line, bad_lines

SYSTEM = None

DATA = paths.TOP / "tests/data/sinfo"
PAGE = 4096


@ksft_variants(["subject_info.bin", "null_info.bin"])
def test_images_equal_muens(_env, name):
    image = (DATA / name).read_bytes()
    read = sinfo.parse(image)
    built = sinfo.build(read.subject, read.resources, read.version, read.tsc_khz)
    ksft_true(built == image, "byte by byte")


def test_parse_muens_image(_env):
    read = sinfo.parse((DATA / "subject_info.bin").read_bytes())
    ksft_eq(read.resources, [None] * 10 + [sinfo.Event("Evt1", 12), sinfo.Vector("Vec1", 13)])


@ksft_variants([3, 4, 5])
def test_layout(_env, version):
    region = sinfo.Memory("chan", 0xe10000000, 2 * PAGE, writable=True)
    image = sinfo.build("me", [region], version, tsc_khz=0x01020304)
    ksft_eq(len(image), 32720)
    ksft_eq(image[:12], b"muinfo\0" + bytes([version]) + b"\4\3\2\1")
    ksft_eq(image[12:16], b"\2me\0")
    ksft_eq(image[77:80], b"\1\0\0" if version < 5 else b"\0\1\0")
    entry = image[80:208]
    ksft_eq(entry[:9], struct.pack("<IB", 1, 4) + b"chan")
    ksft_eq(entry[72:80], bytes([5, 0, 1, 0, 0, 0, 0, 0]))
    ksft_eq(struct.unpack_from("<QQ", entry, 80), (0xe10000000, 2 * PAGE))
    ksft_eq(sinfo.parse(image).resources, [region])


REFUSED = [
    ("version_2", lambda: sinfo.build("s", [], 2)),
    ("long_name", lambda: sinfo.build("s", [sinfo.Event("x" * 64, 1)])),
    ("nameless", lambda: sinfo.build("s", [sinfo.Event("", 1)])),
    ("twice", lambda: sinfo.build("s", [sinfo.Event("x", 1), sinfo.Event("x", 2)])),
    ("event_256", lambda: sinfo.build("s", [sinfo.Event("x", 256)])),
    ("too_many", lambda: sinfo.build("s", [sinfo.Event(f"x{n}", 1) for n in range(256)])),
    ("empty_region", lambda: sinfo.build("s", [sinfo.Memory("x", PAGE, 0)])),
    ("unaligned", lambda: sinfo.build("s", [sinfo.Memory("x", 8, PAGE)])),
    ("wraps", lambda: sinfo.build("s", [sinfo.Memory("x", (1 << 64) - PAGE, 2 * PAGE)])),
    ("two_writers", lambda: System("s", ("a", "b"), (
        Channel("c", writes={"a": "out", "b": "out"}),))),
    ("nobody", lambda: System("s", ("a",), (Channel("c", reads={"b": "in"}),))),
    ("two_channels", lambda: System("s", ("a",), (Channel("c"), Channel("c")))),
]


@ksft_variants([KsftNamedVariant(*row) for row in REFUSED])
def test_refused(_env, make):
    with ksft_raises(ValueError):
        make()


def test_channels_do_not_overlap(_env):
    channels = (Channel("x", writes={"a": "x_out"}, size=PAGE), Channel("h", reads={"a": "h_in"}),
                Channel("y", writes={"a": "y_out"}, reads={"a": "y_in"}, size=3 * PAGE))
    system = System("s", ("a",), channels)
    ksft_eq(system.address("y"), system.address("x") + PAGE)
    read = sinfo.parse(system.image("a"))
    ksft_eq([(r.name, r.address, r.size, r.writable) for r in read.resources],
            [("x_out", system.address("x"), PAGE, True),
             ("h_in", system.address("h"), 1 << 20, False),
             ("y_out", system.address("y"), 3 * PAGE, True),
             ("y_in", system.address("y"), 3 * PAGE, False)])


# The example of the protocol's specification.
EXAMPLE = bytes.fromhex(
    "6D9B9A B7B6127348 0100000000000000 EFBEEFBEEFBE0000 0200000000000000 0800000000000000"
    "0000000000000000 0A00000000000000 0900000000000000 0909 0A02 0303 0404 0505 0606 0707 0808")


def _region(size: int) -> ChannelFile:
    """Returns a region in memory of this process."""
    file = os.memfd_create("region")
    os.truncate(file, size)
    return ChannelFile(file, 0, size)


def test_specified_example(_env):
    channel = _region(len(EXAMPLE))
    channel.map[:] = EXAMPLE
    ksft_eq(channel.header(), {"transport": 0x487312b6b79a9b6d, "epoch": 1,
                               "protocol": 0xbeefbeefbeef, "size": 2, "elements": 8,
                               "report": 0, "wsc": 10, "wc": 9})
    reader = Reader(channel)
    reader.count = 0
    ksft_eq(reader.read(), [bytes([n, n]) for n in range(3, 10)])
    ksft_eq(reader.lost, 2, "elements 0 and 1")


def test_writer_and_reader(_env):
    channel = _region(PAGE)
    writer, reader = Writer(channel, 7, 100), Reader(channel)
    writer.start(5)
    writer.write(b"a" * 100, b"b" * 100)
    ksft_eq(reader.read(), [b"a" * 100, b"b" * 100])
    writer.write(*(bytes([n]) * 100 for n in range(50)))
    ksft_eq([data[0] for data in reader.read()], list(range(10, 50)))
    ksft_eq(reader.lost, 10)
    writer.stop()
    ksft_eq(reader.read(), [])


BAD = """WARNING: CPU: 0 PID: 1 at net/core/dev.c:1
BUG: kernel NULL pointer dereference, address: 0000000000000000
Oops: general protection fault, probably for non-canonical address
BUG: KASAN: slab-out-of-bounds in muennet_read
kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
WARNING: possible circular locking dependency detected
WARNING: suspicious RCU usage
rcu: INFO: rcu_preempt self-detected stall on CPU
watchdog: BUG: soft lockup - CPU#0 stuck for 22s!
unregister_netdevice: waiting for net0 to become free. Usage count = 2
refcount_t: underflow; use-after-free.
rust_kernel: panicked at channel/reader.rs:1:1:
NOHZ tick-stop error: local softirq work is pending, handler #08!!!
NOHZ tick-stop error: local softirq work is pending, handler #02!!!
other: loading out-of-tree module taints kernel.
CPU: 0 UID: 0 PID: 1 Comm: x Tainted: G        W  OE""".splitlines()

GOOD = """muennet: loading out-of-tree module taints kernel.
muennet: module verification failed: signature and/or required key missing - tainting kernel
net0: Interface added
net0: Using protocol 2, channel/element size 0x100000/0x5e4 bytes
clocksource: Watchdog remote CPU 1 read timed out
NOHZ tick-stop error: local softirq work is pending, handler #08!!!
smpboot: CPU 1 is now offline
NOHZ tick-stop error: local softirq work is pending, handler #08!!!
psci: CPU1 killed (polled 0 ms)
ACPI: bus type PCI registered""".splitlines()


def test_bad_lines(_env):
    lines = [f"[    1.000000] {text}" for text in GOOD + BAD]
    ksft_eq(bad_lines(lines), [*range(len(GOOD), len(lines))])


# One log: whether a line is bad, its level (2 critical, 3 error, 4 warning, 5 notice), text.
LEVELS = [
    (False, 5, "Linux version 7.3.4+deb13-amd64 (builder@localhost) (gcc)"),
    (False, 4, "tsc: PIT calibration deviates from HPET: 2393782 5981245"),
    (False, 3, "..MP-BIOS bug: 8254 timer not connected to IO-APIC"),
    (True, 4, "WARNING: CPU: 0 PID: 0 at kernel/time/timer.c:1 x"),
    (True, 2, "critical while it boots"),
    (False, 6, "Run /init as init process"),
    (True, 4, "tsc: PIT calibration deviates from HPET: 2393782 5981245"),
    (False, 5, "net0: nothing that anybody would worry about"),
    (False, 4, "net0: Incompatible peer: an element size of 7 bytes"),
    (False, 4, "net_ratelimit: 12 callbacks suppressed"),
    (False, 3, "debugfs: out of free dentries, can not create directory 'net0'"),
    (False, 4, ""),
    (False, 4, "muennet: loading out-of-tree module taints kernel."),
    (True, 2, "Virtual device net0 asks to queue packet!"),
    (True, 2, "net0: Incompatible peer: but critical"),
    (True, 3, "net0: failed to do something"),
    (True, 4, "net0: caused a warning"),
    (True, 4, "said by somebody: net0: Incompatible peer: behind another beginning"),
]


def test_levels(_env):
    lines = []
    for _, level, text in LEVELS:
        line = Line(f"[    1.000000] {text}")
        line.level = level
        lines.append(line)
    ksft_eq(bad_lines(lines), [n for n, (bad, *_) in enumerate(LEVELS) if bad])
