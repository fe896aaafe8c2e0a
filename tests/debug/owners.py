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

from rig import defer, ksft_eq, runner, unload

PROGRAM = Path(__file__).parent / "guest/owners.py"
# How long it may take until what waits for RCU and for workqueues is freed.
PATIENCE = 60
KMEMLEAK = "/sys/kernel/debug/kmemleak"


def scan(machine) -> list:
    """What kmemleak finds: its reports. Memory has to be of some age to count as leaked."""
    # The first time, everything has changed since the last.
    machine.run(f"sleep 6; echo scan >{KMEMLEAK}; echo scan >{KMEMLEAK}", timeout=600)
    return machine.run(f"cat {KMEMLEAK}", timeout=300).stdout.split("unreferenced object ")[1:]


def living(machine, module: str = "muennet") -> list:
    """The objects: [cache, how many, the calls]."""
    machine.put("/run/owners.py", PROGRAM.read_bytes())
    return json.loads(machine.run(f"python3 -B /run/owners.py {module}", timeout=120).stdout)


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
        if not caches or time.monotonic() > end:
            return [f"{count} of {cache}: {' < '.join(calls)}" for cache, count, calls in now
                    if cache in caches]
        time.sleep(1)


def nothing_left(machine):
    """
    Checks, after all that is deferred later, that no more objects of the driver live
    than now.
    """
    before = totals(living(machine))
    defer(lambda: ksft_eq(more(machine, before), []))


class Leftovers(runner.Watch):
    """Whether anything is left of the driver after each file, and kmemleak finds leaks."""

    def __init__(self):
        self.before = {}

    def booted(self, machines):
        self.before = {name: totals(living(machine))
                       for name, machine in machines.machines.items()}

    @staticmethod
    def _honest(machines):
        """Machines in which nobody has leaked on purpose (provoked.py)."""
        return [(name, machine) for name, machine in machines.machines.items()
                if machine.run("test -e /run/provoke.ko", fail=False).ret]

    def file_done(self, machines) -> list:
        found = []
        for name, machine in self._honest(machines):
            unload(machine)
            found += more(machine, self.before[name])
        return found

    def group_done(self, machines) -> list:
        return [report for _, machine in self._honest(machines) for report in scan(machine)]
