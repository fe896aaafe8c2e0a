# SPDX-License-Identifier: GPL-2.0
"""
The channel alone, on the host: an element's write and read against two copies of its payload.

The driver's own sources are in a program of the host (channel/): one thread
writes, publishes and reads one element after another, or sixteen at a time
("batch"), against memcpy() of the payload to the next place of an equal ring and
back. Both rings fit the second level cache, the third, or neither does.
"""

import os
import subprocess
from pathlib import Path

from figures import Figure, Target

HERE = Path(__file__).resolve().parents[1]
TARGETS = {1500: Target("<=", 1.25), 64: Target("<=", 40, "more")}
# What one processor has of the third level cache, whatever its package has in all.
SHARE = 32 << 20


def cache(level: int, otherwise: int) -> int:
    """Bytes of a cache of the host, as its processor says."""
    done = subprocess.run(["getconf", f"LEVEL{level}_CACHE_SIZE"], capture_output=True, text=True,
                          check=False)
    found = done.stdout.strip()
    return int(found) if found.isdigit() and int(found) else otherwise


def rings() -> dict:
    """Name -> size of a ring."""
    second, third = cache(2, 1 << 20), min(cache(3, 16 << 20), SHARE)
    # The largest element has to fit.
    return {"L2": max(second // 4, 128 << 10), "L3": min(2 * second, third // 4),
            "memory": 4 * third}


def add(report, group: str, accelerator: str, ring: str, found: dict, targets: dict):
    """Adds what was found in a ring: payload -> (ours, theirs) of each round, in ns."""
    for payload, both in found.items():
        ours, theirs = zip(*both)
        where = f"{group}.{payload}-{ring}"
        copies = Figure(f"{where}.copies", "ns", accelerator, [*theirs])
        report.figures += [Figure(f"{where}.muennet", "ns", accelerator, [*ours], copies,
                                  targets.get(payload)), copies]


def build() -> Path:
    """The program, compiled from the sources as they are."""
    subprocess.run(["bash", "-c", '. "$MUENNET_SRC/tests/host/copy.sh"; cargo_projects'],
                   check=True, stdout=subprocess.DEVNULL)
    copy = Path(os.environ["MUENNET_CACHE"]) / "host" / "bench/channel"
    subprocess.run(["cargo", "build", "--quiet", "--release", "--locked", "--manifest-path",
                    copy / "Cargo.toml"], check=True)
    return Path(os.environ["CARGO_TARGET_DIR"]) / "release/muennet-bench-channel"


def run(report):
    """Runs the program, a ring at a time."""
    program = build()
    for name, size in rings().items():
        out = subprocess.run([program, str(report.rounds), str(size)], check=True,
                             capture_output=True, text=True).stdout
        found: dict = {}
        for line in out.splitlines():
            _, batch, payload, ours, theirs = line.split()
            ring = name if batch == "1" else name + "-batch"
            found.setdefault(ring, {}).setdefault(int(payload), []).append(
                (float(ours), float(theirs)))
        for ring, values in found.items():
            add(report, "channel", "host", ring, values, TARGETS)
        report.say(f"  channel: ring of {size >> 10} KiB ({name})")
