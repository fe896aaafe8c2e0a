# SPDX-License-Identifier: GPL-2.0
"""
The channel alone, in the kernel: write and read of an element against two copies of its payload.

This measures the same as the group `channel` without batches, in a user-mode Linux at native
speed. It uses the driver's mappings and the kernel's memcpy(). The driver runs the benchmark when
it is initialised (netdev/bench.rs), and logs the results.

User-mode Linux does not detect whether `rep movsb` is fast. Its memcpy() therefore copies eight
bytes at a time and takes twice as long as that of the host. Compare the difference between channel
and reference with that on the host, not the ratio. For this reason there is no target.
"""

import re
import threading

from groups.channel import add, rings
from groups.uml import address, boot, build

TIMEOUT_SECONDS = 600
LINE = re.compile(r"muennet: bench (\d+) (\d+) (\d+) (\d+)$", re.M)


def run(report):
    """Builds the kernel and boots it. It panics after the benchmark, because it has no init."""
    binary = build(report, "channel")
    sizes = rings()
    shared = 2 * max(sizes.values()) >> 20
    sinfo = address(binary, shared=shared)
    bench = ",".join(map(str, (report.rounds, *sizes.values())))
    with boot(binary, f"muennet.bench={bench}", f"muennet.sinfo={sinfo}", shared=shared) as process:
        watchdog = threading.Timer(TIMEOUT_SECONDS, process.kill)
        watchdog.start()
        console = process.stdout.read()
        watchdog.cancel()
    times: dict = {size: {} for size in sizes.values()}
    for line in LINE.finditer(console):
        ring, payload, channel, reference = map(int, line.groups())
        times[ring].setdefault(payload, []).append((channel / 1000, reference / 1000))
    for name, size in sizes.items():
        if {len(both) for both in times[size].values()} != {report.rounds}:
            raise RuntimeError("channel_uml:\n" + "\n".join(console.splitlines()[-40:]))
        add(report, "channel_uml", "uml", name, times[size], {})
        report.log(f"  channel_uml: ring of {size >> 10} KiB ({name})")
