# SPDX-License-Identifier: GPL-2.0
"""
The channel alone, in the kernel: an element's write and read against two copies of its payload.

As the group `channel` does element by element, but a user-mode Linux at native speed does it,
with the driver's own mappings and the kernel's memcpy(): the driver measures itself when it comes
up (netdev/bench.rs) and logs what it found. User-mode Linux does not ask the processor whether
`rep movsb` is fast, so that memcpy() moves eight bytes at a time, and takes twice as long as the
host's: what the channel adds is to be compared with that on the host as a difference, not as a
ratio; there is no target.
"""

import re
import threading

from groups.channel import add, rings
from groups.uml import address, boot, build

# In seconds.
PATIENCE = 600
LINE = re.compile(r"muennet: bench (\d+) (\d+) (\d+) (\d+)$", re.M)


def run(report):
    """Builds the kernel and boots it; it ends for want of a first process."""
    binary = build(report, "channel")
    sizes = rings()
    shared = 2 * max(sizes.values()) >> 20
    sinfo = address(binary, shared=shared)
    words = ",".join(map(str, (report.rounds, *sizes.values())))
    with boot(binary, f"muennet.bench={words}", f"muennet.sinfo={sinfo}", shared=shared) as process:
        hangs = threading.Timer(PATIENCE, process.kill)
        hangs.start()
        said = process.stdout.read()
        hangs.cancel()
    found: dict = {size: {} for size in sizes.values()}
    for line in LINE.finditer(said):
        ring, payload, ours, theirs = map(int, line.groups())
        found[ring].setdefault(payload, []).append((ours / 1000, theirs / 1000))
    for name, size in sizes.items():
        if {len(both) for both in found[size].values()} != {report.rounds}:
            raise RuntimeError("channel_uml:\n" + "\n".join(said.splitlines()[-40:]))
        add(report, "channel_uml", "uml", name, found[size], {})
        report.say(f"  channel_uml: ring of {size >> 10} KiB ({name})")
