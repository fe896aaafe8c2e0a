# SPDX-License-Identifier: GPL-2.0
"""
Puts a machine under memory pressure. It runs in the machine.

    fill FILE KB      fills memory until this much is free above the low watermarks, and keeps
                      the memory in the file
    press FILE        fills more until the kernel reclaims, then frees it

`press` prints the kernel's counters of reclaim. Only these end it: they change when kswapd
has started, or, if kswapd does not get to run, when an allocation of this program has
reclaimed directly. So it takes no more memory than that needs, and the rest is left to
atomic allocations, such as those of an interface that receives.
"""

import os
import re
import sys
import time

PAGE = 4
# In kB: if more than this is available, memory is taken in larger steps.
NEAR = 1 << 10


def free() -> int:
    """Returns free memory in kB."""
    with open("/proc/meminfo", encoding="ascii") as file:
        return int(re.search(r"^MemFree: +(\d+)", file.read(), re.M).group(1))


def zones() -> list:
    """Returns each zone's free memory, low watermark, and lowmem reserve, in kB."""
    with open("/proc/zoneinfo", encoding="ascii") as file:
        found = re.findall(r"pages free +(\d+)$.*?^ +low +(\d+)$.*?^ +protection: \((.*?)\)$",
                           file.read(), re.M | re.S)
    return [(int(pages) * PAGE, int(low) * PAGE, max(map(int, kept.split(", "))) * PAGE)
            for pages, low, kept in found]


def available() -> int:
    """Returns the memory that is available before reclaim, in kB, without per-CPU lists."""
    return sum(max(0, pages - low - kept) for pages, low, kept in zones())


def events() -> dict:
    """Returns the kernel's counters of reclaim."""
    with open("/proc/vmstat", encoding="ascii") as file:
        lines = [line.split() for line in file]
    return {name: int(count) for name, count in lines if re.match(
        "pageoutrun|allocstall|pgscan_(kswapd|direct)$|slabs_scanned", name)}


def fill(file: int, left: int):
    """Fills memory."""
    while (now := free()) > left:
        os.write(file, bytes(min(max(now - left, 64) << 10, 4 << 20)))


def press(file: int):
    """Fills memory until the kernel reclaims."""
    before, taken = events(), 0
    while (now := events()) == before:
        if available() > NEAR:
            taken += os.write(file, bytes(1 << 20))
        else:
            taken += os.write(file, bytes(64 << 10))
            time.sleep(0.02)  # sleep: lets kswapd run, if it was woken
    reclaim = {name: now[name] - before[name] for name in now if now[name] != before[name]}
    print(f"{taken >> 10} kB taken, {free()} kB free: {reclaim}")


target = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
try:
    if sys.argv[1] == "fill":
        fill(target, sum(low for _, low, _ in zones()) + int(sys.argv[3]))
    else:
        press(target)
finally:
    if sys.argv[1] == "press":
        os.unlink(sys.argv[2])
