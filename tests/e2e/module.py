# SPDX-License-Identifier: GPL-2.0
"""The module: load and unload, parameters, log lines, sysfs, the interface's flags."""

import re

from rig import (PAIR, README, V4, End, defer, interfaces, ksft_eq, ksft_in, ksft_not_in, ksft_true,
                 load, pair, ping, unload, up)

SYSTEM = PAIR

LISTS = "name in out reader_protocol writer_protocol flags mtu pmtu".split()
# Out of tree, and not signed with the kernel's key.
TAINT_O_E = 1 << 12 | 1 << 13


def logged(lines, text) -> bool:
    """Returns whether the log has a line with this text, after the time and a parent device."""
    return any(re.fullmatch(r"\[ *[\d.]+\] (\S+ \S+ )?" + re.escape(text), line)
               for line in lines)


def test_load_and_unload(env):
    before = interfaces(env.a)
    load(env.a)
    ksft_eq(interfaces(env.a), before | {"net0"})
    unload(env.a)
    ksft_eq(interfaces(env.a), before)
    ksft_not_in("muennet", env.a.run("cat /proc/modules").stdout)


def test_without_name(env):
    before = interfaces(env.a)
    load(env.a, "sinfo=1000")
    ksft_eq(interfaces(env.a), before)


def test_messages(env):
    env.a.new_log()
    load(env.a)
    ksft_true(logged(env.a.new_log(), "net0: Interface added"), "interface added")
    using = "net0: Using protocol 2, channel/element size 0x100000/0x5e4 bytes"
    for _ in range(2):
        env.a.run("ip link set net0 up")
        ksft_eq([logged([line], using) for line in env.a.new_log()].count(True), 1, "at each up")
        env.a.run("ip link set net0 down")


def test_version(env):
    """The module and the tool have the same version."""
    load(env.a)
    version = env.a.run("modinfo -F version muennet").stdout.strip()
    ksft_true(re.fullmatch(r"\d+\.\d+\.\d+", version), version)
    ksft_eq(env.a.run("cat /sys/module/muennet/version").stdout.strip(), version)
    ksft_eq(env.a.run("muennet_cfg --version").stdout.strip(), f"muennet_cfg {version}")


def test_modinfo(env):
    text = env.a.run("modinfo muennet").stdout
    kinds = dict(re.findall(r"^parm: +(\w+):.*\((.*?)\)$", text, re.M))
    for name in LISTS:
        ksft_eq(kinds.get(name), "array of charp", name)
    ksft_in("poll", kinds)
    ksft_in("sinfo", kinds)
    ksft_in("\nlicense:        GPL", text)


def test_sysfs(env):
    load(env.a, README + " mtu=1400")
    where = "/sys/module/muennet/parameters"
    shown = env.a.run(f"cd {where} && grep . *").stdout
    values = dict(line.split(":", 1) for line in shown.splitlines())
    wanted = dict(word.split("=") for word in README.split()) | {"mtu": "1400"}
    for name, value in wanted.items():
        ksft_eq(values.get(name), value, name)
    modes = env.a.run(f"cd {where} && stat -c %a *").stdout.split()
    ksft_eq(set(modes), {"444"})
    ksft_true({*LISTS, "poll", "sinfo"} <= set(env.a.run(f"ls {where}").stdout.split()))


def test_flags(env):
    load(env.a)
    up(env.a)
    link, = env.a.ip("link show net0", json=True)
    for flag in ("POINTOPOINT", "NOARP", "MULTICAST", "UP", "LOWER_UP"):
        ksft_in(flag, link["flags"])
    ksft_not_in("BROADCAST", link["flags"])
    ksft_eq(link["mtu"], 1500)
    ksft_not_in("address", link)
    # linkwatch changes the state in a workqueue.
    env.a.wait("grep -qx up /sys/class/net/net0/operstate", "state up")


def test_name_pattern(env):
    load(env.a, README.replace("net0", "muen%d"))
    ksft_in("muen0", interfaces(env.a))


def test_main_interface_cannot_be_deleted(env):
    load(env.a)
    result = env.a.run("ip link del net0", fail=False)
    ksft_in("Operation not supported", result.stderr)
    ksft_in("net0", interfaces(env.a))


def test_survives_its_namespace(env):
    load(env.a)
    env.a.run("ip netns add gone && ip link set net0 netns gone")
    ksft_not_in("net0", interfaces(env.a))
    env.a.run("ip netns del gone")
    env.a.wait("[ -e /sys/class/net/net0 ]", "net0 in the first namespace")


def test_rename_keeps_working(env):
    pair(env)
    env.a.run("ip link set net0 down && ip link set net0 name muen7 && ip link set muen7 up")
    defer(env.a.run, "ip link set muen7 down && ip link set muen7 name net0")
    ksft_eq(ping(End(env.b, V4["b"]), End(env.a, V4["a"]), count=2).received, 2)


def test_taint(env):
    load(env.a)
    ksft_eq(int(env.a.run("cat /proc/sys/kernel/tainted").stdout), TAINT_O_E)
