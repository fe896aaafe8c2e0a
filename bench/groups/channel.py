# SPDX-License-Identifier: GPL-2.0
"""
The channel alone, on the host: write and read of an element against two copies of its payload.

A program (channel/) contains the driver's sources. One thread writes, publishes and reads the
elements one by one, or in batches of 16 ("batch"). The reference copies the payload with memcpy()
to the next position of a ring of the same size and back. Both rings together fit the L2 cache, the
L3 cache, or neither of them.
"""

import os
import subprocess
from pathlib import Path

from figures import Figure, Target

HERE = Path(__file__).resolve().parents[1]
TARGETS = {1500: Target("<=", 1.25), 64: Target("<=", 40, "difference")}
# Upper limit for the part of a shared L3 cache that one processor is assumed to use.
L3_SHARE = 32 << 20


def cache(level: int, default: int) -> int:
    """Returns the bytes of a cache of the host, or the default if they are unknown."""
    done = subprocess.run(["getconf", f"LEVEL{level}_CACHE_SIZE"], capture_output=True, text=True,
                          check=False)
    size = done.stdout.strip()
    return int(size) if size.isdigit() and int(size) else default


def rings() -> dict:
    """Returns the names and sizes of the rings."""
    second, third = cache(2, 1 << 20), min(cache(3, 16 << 20), L3_SHARE)
    # A ring must hold at least one of the largest elements.
    return {"L2": max(second // 4, 128 << 10), "L3": min(2 * second, third // 4),
            "memory": 4 * third}


def add(report, group: str, accelerator: str, ring: str, times: dict, targets: dict):
    """Adds the times of a ring: payload -> (channel, reference) of each round, in ns."""
    for payload, both in times.items():
        channel, reference = zip(*both)
        name = f"{group}.{payload}-{ring}"
        copies = Figure(f"{name}.copies", "ns", accelerator, [*reference])
        report.figures += [Figure(f"{name}.muennet", "ns", accelerator, [*channel], copies,
                                  targets.get(payload)), copies]


def build() -> Path:
    """Compiles the program from the current sources and returns its path."""
    subprocess.run(["bash", "-c", '. "$MUENNET_SRC/tests/host/copy.sh"; cargo_projects'],
                   check=True, stdout=subprocess.DEVNULL)
    copy = Path(os.environ["MUENNET_CACHE"]) / "host" / "bench/channel"
    subprocess.run(["cargo", "build", "--quiet", "--release", "--locked", "--manifest-path",
                    copy / "Cargo.toml"], check=True)
    return Path(os.environ["CARGO_TARGET_DIR"]) / "release/muennet-bench-channel"


def run(report):
    """Runs the program for each ring."""
    program = build()
    for name, size in rings().items():
        out = subprocess.run([program, str(report.rounds), str(size)], check=True,
                             capture_output=True, text=True).stdout
        times: dict = {}
        for line in out.splitlines():
            _, batch, payload, channel, reference = line.split()
            ring = name if batch == "1" else name + "-batch"
            times.setdefault(ring, {}).setdefault(int(payload), []).append(
                (float(channel), float(reference)))
        for ring, values in times.items():
            add(report, "channel", "host", ring, values, TARGETS)
        report.log(f"  channel: ring of {size >> 10} KiB ({name})")
