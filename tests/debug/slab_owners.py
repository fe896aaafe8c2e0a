# SPDX-License-Identifier: GPL-2.0
"""
Finds leaked objects of the slab allocator by the stack traces of their allocations: after
the unload of a module all its objects must be gone, even single ones. (kmemleak looks for
references to an object, and finds stale ones.)
"""

import json
import time
from collections import Counter
from pathlib import Path

from rig import Script, defer, ksft_eq, runner, unload

PROGRAM = Path(__file__).parent / "guest/slab_owners.py"
# Seconds until everything is freed that waits for RCU and workqueues.
PATIENCE = 300
# Seconds, more than the age from which kmemleak reports memory (MSECS_MIN_AGE).
AGE = 6
KMEMLEAK = "/sys/kernel/debug/kmemleak"
# The live objects of a machine at the end of a test, which are those at the next one's start.
_LAST: dict = {}


def scan(machine) -> list:
    """Returns kmemleak's reports."""
    # kmemleak does not report objects that have changed since the last scan, so this makes
    # two. A scan takes seconds, in which objects reach the minimum age.
    machine.run("read begin rest </proc/uptime; "
                f"echo scan >{KMEMLEAK}; read now rest </proc/uptime; "
                f"left=$((${{begin%.*}} + {AGE} - ${{now%.*}})); "
                # sleep: the minimum age of reported memory
                "[ $left -le 0 ] || sleep $left; "
                f"echo scan >{KMEMLEAK}")
    return machine.run(f"cat {KMEMLEAK}").stdout.split("unreferenced object ")[1:]


def living(machine, module: str = "muennet") -> list:
    """Returns the live objects of a module: [cache, number, calls]."""
    machine.put("/run/slab_owners.py", PROGRAM.read_bytes())
    return json.loads(machine.run(Script("/run/slab_owners.py", module)).stdout)


def totals(objects) -> Counter:
    """Returns the number of objects in each cache."""
    found = Counter()
    for cache, count, _ in objects:
        found[cache] += count
    return found


def new_objects(machine, before: Counter) -> list:
    """
    Waits until everything is freed that waits for RCU and workqueues. Returns a line for each
    kind of object of which there are more than before.
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
        time.sleep(0.2)  # sleep: the interval of the checks


def check_leaks(machine):
    """
    Checks at the end of the test, after everything that is deferred later, that the driver
    has no more live objects than now.
    """
    before = _LAST.pop(machine.name, None)
    if before is None:
        before = totals(living(machine))
    defer(lambda: ksft_eq(new_objects(machine, before), []))


class Leftovers(runner.Watch):
    """Checks for live objects of the driver after each file, and for kmemleak's reports."""

    def __init__(self):
        self.before = {}

    def booted(self, machines):
        self.before = {name: totals(living(machine))
                       for name, machine in machines.machines.items()}
        _LAST.clear()
        _LAST.update(self.before)

    @staticmethod
    def _without_provoked_leaks(machines):
        """Returns machines in which no test has provoked a leak (reports.py)."""
        return [(name, machine) for name, machine in machines.machines.items()
                if machine.run("test -e /run/provoke.ko", fail=False).ret]

    def file_done(self, machines) -> list:
        _LAST.clear()
        found = []
        for name, machine in self._without_provoked_leaks(machines):
            unload(machine)
            found += new_objects(machine, self.before[name])
        return found

    def group_done(self, machines) -> list:
        return [report for _, machine in self._without_provoked_leaks(machines)
                for report in scan(machine)]
