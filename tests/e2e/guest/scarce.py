# SPDX-License-Identifier: GPL-2.0
"""
Makes memory scarce; it runs in a machine.

    fill FILE KB      takes memory until this much is free above the mark where the kernel
                      begins to reclaim, and keeps it in the file
    press FILE        takes more, until the kernel begins to reclaim; gives it back
                      after a while

The second prints what the kernel counted meanwhile; it fails if that is nothing. It
stops where the kernel begins, or would if it got to: what is left below is for those
that cannot wait, like an interface that receives.
"""

import os
import re
import sys
import time

STEP = 64 << 10
# In kB above the mark where it begins to reclaim.
NEAR = 8 << 10
# At most this much.
MOST = 1 << 30


def free() -> int:
    """Free memory in kB."""
    with open("/proc/meminfo", encoding="ascii") as file:
        return int(re.search(r"^MemFree: +(\d+)", file.read(), re.M).group(1))


def low() -> int:
    """The sum of the zones' marks below which the kernel reclaims, in kB."""
    with open("/proc/zoneinfo", encoding="ascii") as file:
        return sum(map(int, re.findall(r"^ +low +(\d+)", file.read(), re.M))) * 4


def events() -> dict:
    """What the kernel counts when it reclaims, if it does."""
    with open("/proc/vmstat", encoding="ascii") as file:
        lines = [line.split() for line in file]
    return {name: int(count) for name, count in lines if re.match(
        "pageoutrun|allocstall|pgscan_(kswapd|direct)$|slabs_scanned", name)}


def fill(file: int, left: int):
    """Takes memory."""
    while (now := free()) > left:
        os.write(file, bytes(min(max(now - left, 64) << 10, 4 << 20)))


def zone() -> tuple:
    """Free memory of the largest zone and its mark, in kB: of the others it is not to be had."""
    with open("/proc/zoneinfo", encoding="ascii") as file:
        found = re.findall(r"pages free +(\d+)$.*?^ +low +(\d+)$.*?^ +managed +(\d+)$", file.read(),
                           re.M | re.S)
    free_pages, mark, _ = max((tuple(map(int, one)) for one in found), key=lambda one: one[2])
    return free_pages * 4, mark * 4


def press(file: int):
    """Takes memory until it is scarce."""
    before, taken, (now, mark) = events(), 0, zone()
    # A little less than the mark has it begin; at four fifths there would be nothing to be had.
    while events() == before and now > mark - mark // 16:
        if taken > MOST:
            sys.exit(f"{taken >> 20} MB, and nothing is reclaimed")
        # Where it gets scarce, in steps so small that what reclaims gets to run before all is gone.
        if now < mark + NEAR:
            taken += os.write(file, bytes(STEP))
            time.sleep(0.005)
        else:
            taken += os.write(file, bytes(16 * STEP))
        now, mark = zone()
    # What reclaims may have to wait for a processor; a page now and then asks for it again.
    for _ in range(200):
        time.sleep(0.05)
        later = events()
        if later != before:
            break
        os.write(file, bytes(4096))
    else:
        sys.exit(f"{now} kB free, mark {mark} kB, and nothing is reclaimed")
    told = {name: later[name] - before[name] for name in later if later[name] != before[name]}
    print(f"{taken >> 10} kB taken, {now} kB free, mark {mark} kB: {told}")


target = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
try:
    if sys.argv[1] == "fill":
        fill(target, low() + int(sys.argv[3]))
    else:
        press(target)
finally:
    if sys.argv[1] == "press":
        os.unlink(sys.argv[2])
