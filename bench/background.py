# SPDX-License-Identifier: GPL-2.0
"""The processor time that processes other than the benchmark use meanwhile."""

import os
import time
from pathlib import Path


def _all_busy() -> float:
    """Returns the seconds that all processors have been busy."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    values = list(map(int, fields))
    return (sum(values[:8]) - values[3] - values[4]) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    """
    Returns the seconds of processor time of all processes of this PID namespace, with their
    children that have been waited for.
    """
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


class BackgroundLoad:
    """Measures the load of processes outside this PID namespace."""

    def __init__(self):
        self._last = time.monotonic(), _all_busy(), _own()

    def percent(self) -> float:
        """Returns the load since the last call, in percent of all processors."""
        now = time.monotonic(), _all_busy(), _own()
        passed, busy, own = (new - old for new, old in zip(now, self._last))
        self._last = now
        return max(0.0, 100 * (busy - own) / (passed * (os.cpu_count() or 1)))
