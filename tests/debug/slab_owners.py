# SPDX-License-Identifier: GPL-2.0
"""
Whose the objects of the slab allocator are, by the calls that allocated each: what
is left of a module that is gone was leaked, if only once. (kmemleak looks for
references to an object, and finds stale ones.)
"""

import json
import time
from collections import Counter
from pathlib import Path

from rig import Script, defer, ksft_eq, runner, unload

PROGRAM = Path(__file__).parent / "guest/slab_owners.py"
# Seconds until what waits for RCU and for workqueues is freed.
PATIENCE = 300
# Seconds, as old as memory has to be for kmemleak to call it leaked (MSECS_MIN_AGE) and more.
AGE = 6
KMEMLEAK = "/sys/kernel/debug/kmemleak"
# What lived in a machine when a test had ended: that is what lives when the next one begins.
_LAST: dict = {}


def scan(machine) -> list:
    """What kmemleak finds: its reports."""
    # What has changed since the scan before is not reported, so that there are two. A scan
    # takes seconds itself, in which memory comes to the age from which on it is.
    machine.run("read begin rest </proc/uptime; "
                f"echo scan >{KMEMLEAK}; read now rest </proc/uptime; "
                f"left=$((${{begin%.*}} + {AGE} - ${{now%.*}})); "
                # sleep: younger memory is not reported
                "[ $left -le 0 ] || sleep $left; "
                f"echo scan >{KMEMLEAK}")
    return machine.run(f"cat {KMEMLEAK}").stdout.split("unreferenced object ")[1:]


def living(machine, module: str = "muennet") -> list:
    """The objects: [cache, how many, the calls]."""
    machine.put("/run/slab_owners.py", PROGRAM.read_bytes())
    return json.loads(machine.run(Script("/run/slab_owners.py", module)).stdout)


def totals(objects) -> Counter:
    """How many there are in each cache."""
    found = Counter()
    for cache, count, _ in objects:
        found[cache] += count
    return found


def more(machine, before: Counter) -> list:
    """
    A line for each kind of object of which there are more than before, once all has been
    freed that waits for RCU and for workqueues.
    """
    end = time.monotonic() + PATIENCE
    while True:
        now = living(machine)
        caches = totals(now) - before
        if not caches:
            _LAST[machine.name] = totals(now)
        if not caches or time.monotonic() > end:
            return [f"{count} of {cache}: {' < '.join(calls)}" for cache, count, calls in now
                    if cache in caches]
        time.sleep(0.2)  # sleep: between two looks


def nothing_left(machine):
    """
    Checks, after all that is deferred later, that no more objects of the driver live
    than now.
    """
    before = _LAST.pop(machine.name, None)
    if before is None:
        before = totals(living(machine))
    defer(lambda: ksft_eq(more(machine, before), []))


class Leftovers(runner.Watch):
    """Whether anything is left of the driver after each file, and kmemleak finds leaks."""

    def __init__(self):
        self.before = {}

    def booted(self, machines):
        self.before = {name: totals(living(machine))
                       for name, machine in machines.machines.items()}
        _LAST.clear()
        _LAST.update(self.before)

    @staticmethod
    def _honest(machines):
        """Machines in which nobody has leaked on purpose (reports.py)."""
        return [(name, machine) for name, machine in machines.machines.items()
                if machine.run("test -e /run/provoke.ko", fail=False).ret]

    def file_done(self, machines) -> list:
        _LAST.clear()
        found = []
        for name, machine in self._honest(machines):
            unload(machine)
            found += more(machine, self.before[name])
        return found

    def group_done(self, machines) -> list:
        return [report for _, machine in self._honest(machines) for report in scan(machine)]
