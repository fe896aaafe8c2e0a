# SPDX-License-Identifier: GPL-2.0
"""
Makes memory scarce; it runs in a machine.

    fill FILE KB      takes memory until this much is free above the mark where the kernel
                      begins to reclaim, and keeps it in the file
    press FILE        takes more, until the kernel reclaims; gives it back then

The second prints what the kernel counted meanwhile. It goes by these counters alone: they
move when the kernel's own process has begun, or, if that one does not get to run, when an
allocation of this program has had to reclaim by itself. So nothing more is taken than that
takes, and what is left is for those that cannot wait, like an interface that receives.
"""

import os
import re
import sys
import time

PAGE = 4
# In kB: where more than this much is to be had yet, more is taken at a time.
NEAR = 1 << 10


def free() -> int:
    """Free memory in kB."""
    with open("/proc/meminfo", encoding="ascii") as file:
        return int(re.search(r"^MemFree: +(\d+)", file.read(), re.M).group(1))


def zones() -> list:
    """Each zone's free memory, mark, and what it keeps from programs, in kB."""
    with open("/proc/zoneinfo", encoding="ascii") as file:
        found = re.findall(r"pages free +(\d+)$.*?^ +low +(\d+)$.*?^ +protection: \((.*?)\)$",
                           file.read(), re.M | re.S)
    return [(int(pages) * PAGE, int(low) * PAGE, max(map(int, kept.split(", "))) * PAGE)
            for pages, low, kept in found]


def room() -> int:
    """What can be taken before the kernel reclaims, in kB, but for what processors keep."""
    return sum(max(0, pages - low - kept) for pages, low, kept in zones())


def events() -> dict:
    """What the kernel counts when it reclaims."""
    with open("/proc/vmstat", encoding="ascii") as file:
        lines = [line.split() for line in file]
    return {name: int(count) for name, count in lines if re.match(
        "pageoutrun|allocstall|pgscan_(kswapd|direct)$|slabs_scanned", name)}


def fill(file: int, left: int):
    """Takes memory."""
    while (now := free()) > left:
        os.write(file, bytes(min(max(now - left, 64) << 10, 4 << 20)))


def press(file: int):
    """Takes memory until it is scarce."""
    before, taken = events(), 0
    while (now := events()) == before:
        if room() > NEAR:
            taken += os.write(file, bytes(1 << 20))
        else:
            taken += os.write(file, bytes(64 << 10))
            time.sleep(0.02)  # sleep: gives the processor to what reclaims, if it has been asked
    told = {name: now[name] - before[name] for name in now if now[name] != before[name]}
    print(f"{taken >> 10} kB taken, {free()} kB free: {told}")


target = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
try:
    if sys.argv[1] == "fill":
        fill(target, sum(low for _, low, _ in zones()) + int(sys.argv[3]))
    else:
        press(target)
finally:
    if sys.argv[1] == "press":
        os.unlink(sys.argv[2])
