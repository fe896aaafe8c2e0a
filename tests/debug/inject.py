# SPDX-License-Identifier: GPL-2.0
"""
Injects faults one after the other (guest/faults.py), and checks their outcome.
"""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rig import DEADLINE, Script, ksft_eq, ksft_gt, ksft_pr, ksft_true

import fault_log
import slab_owners

DEBUG = "/sys/kernel/debug"
# The address range of modules: only allocations with a module among the callers fail.
MODULES = (0xffffffffa0000000, 0xffffffffff000000)
ANY = (0, (1 << 64) - 1)
HERE = Path(__file__).parent
# The errors that operations may return. For each: functions of which one must be in the stack
# trace of the fault; empty: any. The kernel ignores that it could not store a device's name
# for sysfs, and fails later because there is none. memremap() does not say why it failed.
NO_MEMORY = {"ENOMEM": set(), "ENOBUFS": set()}
NO_NAME = {"EINVAL": {"dev_set_name"}}


@dataclass
class Reached:
    """The places and points of the faults of all tests."""
    places: set = field(default_factory=set)
    points: set = field(default_factory=set)
    faults: int = 0


REACHED = Reached()


def prepare(env, where=MODULES):
    """Configures which allocations fail: also those that may wait, of any size. Copies programs."""
    slab_owners.check_leaks(env.a)
    lines = []
    for kind in ("failslab", "fail_page_alloc"):
        settings = {"ignore-gfp-wait": "N", "verbose": 2, "stacktrace-depth": 32,
                    "require-start": hex(where[0]), "require-end": hex(where[1])}
        if kind == "fail_page_alloc":
            # Pages of user space do not fail.
            settings |= {"min-order": 0, "ignore-gfp-highmem": "Y"}
        lines += [f"echo {value} >{DEBUG}/{kind}/{name}" for name, value in settings.items()]
    env.a.run("\n".join(lines))
    for path in (HERE / "guest").iterdir():
        env.a.put(f"/run/faults/{path.name}", path.read_bytes())


def fits(error: str, fault: fault_log.Fault, fails: dict) -> bool:
    """Returns whether an operation may return this error after this fault."""
    return not error or error in fails and (not fails[error] or bool(fails[error] & fault.calls))


def inject_each(env, kind: str, *arguments: str, fails=None, most: int = 12) -> Counter:
    """
    Fails each allocation of an operation, one after the other; in a short run, `most` of them,
    chosen by a seed. Returns how often the operation failed with which errno.
    """
    env.check_logs()
    begin = time.monotonic()
    program = Script("/run/faults/faults.py", env.seed(11), 0 if env.long else most, kind,
                     *arguments)
    done = env.a.run(program, timeout=DEADLINE * (20 if env.long else 1))
    found = json.loads(done.stdout)
    faults = fault_log.take(env.a)
    logged = [fault for fault in faults.values() if fault.logged]
    places = {fault.place for fault in logged if fault.place}
    failed = Counter(error for _, error in found["results"] if error)
    title = arguments[0] if kind == "command" else kind
    ksft_pr(f"{title}: {len(found['results'])} faults, {len(logged)} logged, at {len(places)} "
            f"places, failed: {dict(failed)}, in {time.monotonic() - begin:.0f} s")
    for place in sorted(places) if env.long else ():
        ksft_pr(f"place: {place}")
    REACHED.places |= places
    REACHED.points |= {fault.point for fault in faults.values() if fault.point}
    REACHED.faults += len(found["results"])
    ksft_gt(len(found["results"]), 0, "faults were injected")
    ksft_eq(found["last"], "", "without a fault it works")
    for number, error in found["results"]:
        ksft_true(fits(error, faults[number], fails or NO_MEMORY), f"{error} by {faults[number]}")
    return failed
