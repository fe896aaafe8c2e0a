# SPDX-License-Identifier: GPL-2.0
"""A machine without subject information, which is no Muen subject."""

from rig import (README, KsftNamedVariant, System, errno_of, interfaces, ksft_eq, ksft_in,
                 ksft_variants, load, unload)

SYSTEM = System("no_sinfo", ("a",), has_sinfo=False)


@ksft_variants([KsftNamedVariant("default", ""),
                KsftNamedVariant("eth_dev", "flags=eth_dev")])
def test_one_line_and_no_fault(env, more):
    before = interfaces(env.a), env.a.run("cat /proc/iomem; ls /sys/kernel/debug").stdout
    env.a.new_log()
    result = load(env.a, f"{README} {more}", fail=False)
    # All lines except the kernel's own about the taint.
    lines = [line for line in env.a.new_log() if "taint" not in line]
    ksft_eq(errno_of(result), "ENODEV")
    ksft_eq(len(lines), 1, f"one line of the log: {lines}")
    for mention in ("muennet", "0xe00000000", "not a Muen subject"):
        ksft_in(mention, lines[0])
    ksft_eq((interfaces(env.a), env.a.run("cat /proc/iomem; ls /sys/kernel/debug").stdout), before)


def test_without_name_it_loads(env):
    env.a.new_log()
    load(env.a, "")
    ksft_in("muennet", env.a.run("cat /proc/modules").stdout)
    ksft_eq([line for line in env.a.new_log() if line.level <= 4 and "taint" not in line], [])
    unload(env.a)
