# SPDX-License-Identifier: GPL-2.0
"""
Invalid module parameters and subject information: the errno, one log line, and nothing
left behind; and the limits of what is valid.
"""

import re
import struct

from rig import (Channel, KsftNamedVariant, System, counters, errno_of, interfaces, ksft_eq,
                 ksft_in, ksft_variants, load, sampled, unload, wait_for)
from rig import arch
from rig.sinfo import Memory, Vector, build, parse, patched, region_patched
from rig.system import SINFO_BASE, SINFO_STRIDE

RAM = arch.of_machines().ram
RAM_EDGE = arch.of_machines().ram_edge
NOWHERE = 0xf00000000
MIB = 1 << 20
IN, OUT = "good_in", "good_out"

_CHANNELS = (
    Channel("first", writes={"a": OUT}, reads={"a": "self_in"}),
    Channel("second", reads={"a": IN}),
    Channel("third", writes={"a": "second_out"}),
    Channel("fourth", reads={"a": "second_in"}),
    Channel("small", writes={"a": "small_out"}, size=4096),
    Channel("noticed", reads={"a": "noticed_in"}),
    Channel("notifying", writes={"a": "notifying_out"}, event=12),
)
_AT = System("", ("a",), _CHANNELS)


def _region(address: int, size: int = MIB, name: str = IN):
    return lambda image: region_patched(image, name, address, size)


SYSTEM = System(
    "param_errors", ("a",), _CHANNELS, processors=1,
    extras={"a": (
        Vector("noticed_in", 0x4d),
        Memory("ram_in", RAM, MIB),
        Memory("ram_out", RAM, MIB, writable=True),
        Memory("sinfo_in", _AT.sinfo_address(), MIB),
        Memory("plain", NOWHERE, MIB, kind=1),
        Memory("plain_out", NOWHERE + MIB, MIB, writable=True, kind=1),
    )},
    variants={
        "magic": lambda image: patched(image, 0, b"muinfO"),
        "version 2": lambda image: patched(image, 7, b"\2"),
        "version 6": lambda image: patched(image, 7, b"\6"),
        "half overlap": _region(_AT.address("first") + MIB // 2, name="second_out"),
        "in overlaps": _region(_AT.address("third") + MIB - 4096),
        "two writers": _region(_AT.address("first"), name="second_out"),
        "two readers": _region(_AT.address("second"), name="second_in"),
        "empty": _region(_AT.address("second"), 0),
        "unaligned": _region(_AT.address("second") + 8, MIB),
        "odd size": _region(_AT.address("second"), MIB - 8),
        "wraps": _region((1 << 64) - 4096, 2 * 4096),
        "ends at 2^64": _region((1 << 64) - MIB, MIB),
        "beyond the processor": _region(1 << 60, MIB),
        "gigantic": _region(_AT.address("second"), 1 << 62),
        "RAM and a hole": _region(RAM_EDGE - 0x10000, 0x20000),
        "version 4": lambda image: build("a", parse(image).resources, version=4),
        "version 5": lambda image: build("a", parse(image).resources, version=5),
        "count 65535": lambda image: patched(image, 77, struct.pack("<H", 65535)),
    })

GOOD = {"name": "net0", "in": IN, "out": OUT, "reader_protocol": "2", "writer_protocol": "2",
        "flags": "net_hdr"}


def at(variant: str) -> str:
    """Returns the value of sinfo= for a variant."""
    return f"{SYSTEM.sinfo_address(variant):#x}"


def row(errno, *mentions, **changes):
    """
    Returns a row: the valid parameters with changes ("in" is written in_), the errno or
    several allowed ones, and what the log line has to mention.
    """
    parameters = {**GOOD, **{key.rstrip("_"): value for key, value in changes.items()}}
    text = " ".join(f"{key}={value}" for key, value in parameters.items() if value is not None)
    title = "_".join(f"{key.rstrip('_')}={value}" for key, value in changes.items()) or "good"
    errnos = (errno,) if isinstance(errno, str) else errno
    return KsftNamedVariant(title.replace(" ", "_"), text, errnos, mentions)


ROWS = [
    # Syntax.
    row("EINVAL", "abcdefghijklmnop", name="abcdefghijklmnop"),
    row("EINVAL", "a/b", name="a/b"),
    row("EINVAL", "entry 1 of name: name 'default' is reserved by the kernel", name="default"),
    row("EINVAL", "all", name="all"),
    row("EINVAL", "net0", "x15", mtu="x15"),
    row("EINVAL", "net0", "-1", mtu="-1"),
    row("EINVAL", "net0", "67", mtu="67"),
    row("EINVAL", "net0", "65536", mtu="65536"),
    row("EINVAL", "net0", "99999999999999999999", mtu="99999999999999999999"),
    row("EINVAL", "net0", "nethdr", flags="nethdr"),
    row("EINVAL", "net0", "net_hdr+eth_dev", flags="net_hdr+eth_dev"),
    row("EINVAL", "net0", "eth_dev+offload", flags="eth_dev+offload"),
    row("EINVAL", "net0", "'offload'", flags="offload"),
    row("EINVAL", "net0", "second_in", flags="net_hdr+offload", pmtu="second_in"),
    row("EINVAL", "1400", mtu="1500,1400"),
    row("EINVAL", "more_in", in_=f"{IN},more_in"),
    row("EINVAL", "net0", "reader_protocol", reader_protocol=None),
    row("EINVAL", "net0", "writer_protocol", writer_protocol=None),
    row("EINVAL", "net0", "reader_protocol", "0", reader_protocol="0"),
    row("EINVAL", "net0", "writer_protocol", "0x0", writer_protocol="0x0"),
    row("EINVAL", "net0", "12g", reader_protocol="12g"),
    row("EINVAL", "net0", "10000000000000000", writer_protocol="10000000000000000"),
    row("EINVAL", "net0", in_=None, out=None),
    row("EINVAL", "poll", "often", poll="often"),
    row("EINVAL", "poll", "1000001", poll="1000001"),
    row("EINVAL", "sinfo", "here", sinfo="here"),
    row("EINVAL", "net0", "9000", out="small_out", mtu="9000"),
    # The subject information.
    # On arm64, reading where no memory is is a fatal error.
    *([] if arch.of_machines().has_aborts else
      [row("ENODEV", "0x1300000000", sinfo="0x1300000000")]),
    row("ENODEV", at("magic"), sinfo=at("magic")),
    row("ENODEV", at("version 2"), "2006f666e69756d", sinfo=at("version 2")),
    row("ENODEV", at("version 6"), "6006f666e69756d", sinfo=at("version 6")),
    row("EPERM", f"{RAM:#x}", sinfo=f"{RAM:#x}"),
    row("EPERM", f"{RAM_EDGE - 0x4000:#x}", "System RAM", sinfo=f"{RAM_EDGE - 0x4000:#x}"),
    row("EINVAL", "0xe00000008", "multiple", sinfo="0xe00000008"),
    row("EINVAL", "0xe00000fff", "multiple", sinfo="0xe00000fff"),
    row("EINVAL", "'0xffffffffffffffff'", sinfo="0xffffffffffffffff"),
    row("EINVAL", "'0xfffffffffffff000'", sinfo="0xfffffffffffff000"),
    row("EFAULT", "0xffffffffffff8000", "cannot be mapped", sinfo="0xffffffffffff8000"),
    row("EFAULT", "0x1000000000000000", "cannot be mapped", sinfo="0x1000000000000000"),
    row("EFAULT", "net0", IN, sinfo=at("empty")),
    row("EFAULT", "net0", IN, sinfo=at("unaligned")),
    row("EFAULT", "net0", IN, sinfo=at("odd size")),
    row("EFAULT", "net0", IN, sinfo=at("wraps")),
    row("EFAULT", "net0", IN, sinfo=at("ends at 2^64")),
    row("EFAULT", "net0", IN, sinfo=at("beyond the processor")),
    # (It overlaps everything behind it.)
    row("EPERM", "net0", IN, sinfo=at("gigantic")),
    row("EPERM", "net0", IN, sinfo=at("RAM and a hole")),
    # Channels in the subject information.
    row("ENXIO", "net0", "nowhere", in_="nowhere"),
    row("ENXIO", "net0", "nowhere", out="nowhere"),
    row("EPERM", "net0", "plain", in_="plain"),
    row("EPERM", "net0", "plain_out", out="plain_out"),
    row("EPERM", "net0", "second_out", in_="second_out"),
    row("EPERM", "net0", "second_in", out="second_in"),
    row("EPERM", "net0", "ram_in", in_="ram_in"),
    row("EPERM", "net0", "ram_out", out="ram_out"),
    row("EPERM", "net0", "sinfo_in", in_="sinfo_in"),
    row("EPERM", "net0", "second_out", out="second_out", sinfo=at("half overlap")),
    row("EPERM", "net0", IN, sinfo=at("in overlaps")),
    row("EPERM", "net0", "second_out", out="second_out", sinfo=at("two writers")),
    row("EPERM", "net0", IN, sinfo=at("two readers")),
    # Names.
    # (The driver returns EEXIST. The kernel replaces it by EBUSY, because EEXIST means that the
    # module is already loaded.)
    row("EBUSY", "lo", name="lo"),
    row("EBUSY", "net0", name="net0,net0", in_=f"{IN},second_in", out=f"{OUT},second_out",
        reader_protocol="2,2", writer_protocol="2,2", flags="net_hdr,net_hdr"),
    # The table of path MTUs.
    row("ENXIO", "net0", "nowhere", pmtu="nowhere"),
    row("EPERM", "net0", "second_out", pmtu="second_out"),
    row("EPERM", "net0", IN, in_="second_in", pmtu=IN, sinfo=at("in overlaps")),
    row("EPERM", "net0", "ram_in", pmtu="ram_in"),
    row("EPERM", "net0", "sinfo_in", pmtu="sinfo_in"),
    row("EINVAL", "net0", "second_in", flags="eth_dev", pmtu="second_in"),
    row("EINVAL", "net0", "second_in", flags=None, pmtu="second_in"),
    row("EINVAL", "net0", "02:00:00:00:00:01", mac="02:00:00:00:00:01"),
    row("EINVAL", "net0", "01:00:5e:00:00:01", flags="eth_dev", mac="01:00:5e:00:00:01"),
    row("EINVAL", "mac", "more", flags="eth_dev", mac="02:00:00:00:00:01,more"),
    row("EINVAL", "pmtu", "more", pmtu="second_in,more"),
    # A vector whose interrupt does not exist on this machine.
    row("EINVAL", "net0: ", "interrupt", "'noticed_in': ", in_="noticed_in"),
    # The ranges of the other modes.
    row("EINVAL", "net0", "x15", flags="eth_dev", mtu="x15"),
    row("EINVAL", "net0", "67", flags="eth_dev", mtu="67"),
    row("EINVAL", "net0", "65522", flags="eth_dev", mtu="65522"),
    row("EINVAL", "net0", "65514", flags="eth_dev+vlan", mtu="65514"),
    row("EINVAL", "net0", "net_hdr+vlan", flags="net_hdr+vlan"),
    row("EINVAL", "net0", "0", flags=None, mtu="0"),
    row("EINVAL", "net0", "65536", flags=None, mtu="65536"),
    # The second interface fails: the first is removed again.
    row("ENXIO", "net1", "nowhere", name="net0,net1", in_=f"{IN},nowhere", out=OUT,
        reader_protocol="2,2", flags="net_hdr,net_hdr"),
    row("EPERM", "net1", "second_in", name="net0,net1", in_=IN, out=f"{OUT},second_in",
        writer_protocol="2,2", flags="net_hdr,net_hdr"),
    row("EINVAL", "net1", OUT, name="net0,net1", in_=IN, out=f"{OUT},{OUT}",
        writer_protocol="2,2", flags="net_hdr,net_hdr"),
]


def traces(machine) -> str:
    """Returns everything that a module can leave behind."""
    mappings = machine.read_files("/proc/vmallocinfo").splitlines(keepends=True)
    found = machine.read_files("/proc/iomem", "/sys/class/net", "/sys/kernel/debug", "/sys/module")
    # memremap() calls __ioremap_prot() on arm64.
    functions = "muennet", "memremap", "ioremap"
    return found + "".join(line for line in mappings if any(name in line for name in functions))


@sampled(28)
@ksft_variants(ROWS)
def test_refused(env, parameters, errnos, mentions):
    before = traces(env.a)
    env.a.new_log()
    result = load(env.a, parameters, fail=False)
    lines = [line for line in env.a.new_log() if line.level <= 3]
    ksft_in(errno_of(result), errnos)
    ksft_eq(len(lines), 1, f"one line of the log: {lines}")
    for mention in ("muennet", *mentions):
        ksft_in(mention, "".join(lines))
    ksft_eq(traces(env.a), before, "nothing is left behind")


ACCEPTED = [
    row("", "good"),
    row("", in_="self_in"),
    row("", in_=None, reader_protocol=None),
    row("", out=None, writer_protocol=None),
    row("", in_="", reader_protocol=""),
    row("", mtu="68"),
    row("", mtu="65535"),
    row("", poll="1"),
    row("", poll="1000000"),
    row("", reader_protocol="0xFFFFFFFFFFFFFFFF", writer_protocol="ffffffffffffffff"),
    row("", name="abcdefghijklmno"),
    row("", sinfo="E00000000"),
    row("", sinfo=at("count 65535")),
    row("", sinfo=at("version 4")),
    row("", sinfo=at("version 5")),
    row("", pmtu="second_in"),
    row("", flags="eth_dev"),
    row("", flags="eth_dev", mtu="68"),
    row("", flags="eth_dev", mtu="65521"),
    row("", flags="eth_dev+vlan", mtu="65513"),
    row("", flags=None),
    row("", flags=None, mtu="1"),
    row("", flags=None, mtu="65535"),
    row("", name="net0,net1", in_=f"{IN},second_in", out=f"{OUT},second_out",
        reader_protocol="2,3", writer_protocol="2,3", flags="net_hdr,net_hdr"),
    # Empty names are skipped with the entries that belong to them, and so are empty entries at
    # the end.
    row("", name="net0,", flags="net_hdr,"),
    row("", mtu="1400,,"),
    row("", name=",net0,,net1,", in_=f"nowhere,{IN},nowhere,second_in", out=f",{OUT},,second_out,,",
        reader_protocol=",2,,3", writer_protocol=",2,none,3,", flags=",net_hdr,?,net_hdr"),
    row("", name=",", flags="?"),
]


@sampled(10)
@ksft_variants(ACCEPTED)
def test_accepted(env, parameters, _errnos, _mentions):
    before = interfaces(env.a)
    traces_before = traces(env.a)
    env.a.new_log()
    load(env.a, parameters)
    names = [*filter(None, parameters.split()[0].partition("=")[2].split(","))]
    ksft_eq(interfaces(env.a), before | set(names))
    for name in names:
        env.a.run(f"ip link set {name} up")
    ksft_eq([line for line in env.a.new_log() if line.level <= 3], [])
    unload(env.a)
    ksft_eq(traces(env.a), traces_before, "nothing is left behind")


def with_region(env, address: int, size: int) -> str:
    """
    Writes an image with this region for the in channel behind the variants. Returns the
    parameters that use it.
    """
    image = region_patched(SYSTEM.image("a"), IN, address, size)
    offset = SYSTEM.sinfo_address([*SYSTEM.variants][-1]) + SINFO_STRIDE - SINFO_BASE
    env.sinfo("a")[offset:offset + len(image)] = image
    parameters = {**GOOD, "sinfo": f"{SINFO_BASE + offset:#x}"}
    del parameters["out"], parameters["writer_protocol"]
    return " ".join(f"{key}={value}" for key, value in parameters.items())


def resources(machine, what: str) -> list:
    """Returns the ranges of a resource in /proc/iomem: (start, end), end exclusive."""
    lines = re.findall(rf"^ *(\w+)-(\w+) : {what}$", machine.run("cat /proc/iomem").stdout, re.M)
    return [(int(first, 16), int(last, 16) + 1) for first, last in lines]


def test_listed(env):
    """/proc/iomem has a mapped channel once, also if it has two readers."""
    load(env.a, f"name=net0,net1 in={IN},{IN} out={OUT} reader_protocol=2,2 writer_protocol=2 "
                "flags=net_hdr,net_hdr")
    ranges = [(SYSTEM.address(name), SYSTEM.address(name) + MIB) for name in ("first", "second")]
    ksft_eq(sorted(resources(env.a, "muennet")), sorted(ranges))


def test_where_memory_ends(env):
    before = traces(env.a)
    _, end = resources(env.a, "System RAM")[-1]
    for parameters in (f"sinfo={end - 4096:#x}", f"sinfo={end - 0x8000:#x}",
                       (end - 0x10000, 0x20000), (end - 4096, 4096)):
        if isinstance(parameters, tuple):
            parameters = with_region(env, *parameters)
        else:
            parameters = " ".join([parameters, *(f"{key}={value}" for key, value in GOOD.items())])
        env.a.new_log()
        ksft_eq(errno_of(load(env.a, parameters, fail=False)), "EPERM", parameters)
        lines = [line for line in env.a.new_log() if line.level <= 3]
        ksft_eq(len(lines), 1, f"one line of the log: {lines}")
        ksft_in("System RAM", lines[0])
    ksft_eq(traces(env.a), before, "nothing is left behind")


def test_registers_of_a_device(env):
    """
    The separation kernel may assign any memory that is not this kernel's RAM, so the driver
    maps the registers of a device as an in channel. It reads no valid peer from them.
    """
    before = traces(env.a)
    start = resources(env.a, "virtio-pci-modern")[0][0] & -4096
    env.a.new_log()
    load(env.a, with_region(env, start, 4096))
    ksft_in(f"phys=0x{start:016x}", env.a.run("grep -E '(mem|io)remap' /proc/vmallocinfo").stdout)
    env.a.run("ip link set net0 up")
    wait_for(lambda: counters(env.a)["rx_polls"], "poll of the registers")
    ksft_eq(env.a.run("cat /sys/class/net/net0/statistics/rx_packets").stdout, "0\n")
    lines = [line for line in env.a.new_log() if line.level <= 4]
    ksft_eq(lines, [line for line in lines if "Incompatible peer" in line])
    unload(env.a)
    ksft_eq(traces(env.a), before, "nothing is left behind")
