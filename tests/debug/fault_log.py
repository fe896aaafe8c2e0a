# SPDX-License-Identifier: GPL-2.0
"""
Parses the kernel's log of injected faults, which has the stack trace of each. The trace
is no error, but looks like one, because it says that the kernel is tainted. Allocations
with __GFP_NOWARN are not logged.
"""

import re
from dataclasses import dataclass, field

from rig import klog

# The kernel's message about a failed allocation of reference tracking.
TRACKER = "ref_tracker: memory allocation failure"
# guest/faults.py logs this before each fault.
MARK = re.compile(r"\] fault (\d+)$")
BEGIN = "FAULT_INJECTION: forcing a failure"
FRAME = re.compile(r"\]\s+(\S+)\+0x([0-9a-f]+)/0x[0-9a-f]+( \[(?:muennet|dummy_rust)\])?$")
# A driver logs this for a fault at one of its own points.
NAMED = re.compile(r"\] (?:muennet|dummy_rust): Fault injected: (.+)$")
# The function by which the driver asks whether to fail (abstractions/fault_inject.rs).
POINT = "muennet_fault_injected"
LINE = re.compile(r"\]\s+(CPU: |Tainted: |Hardware name: |Call Trace:|</?TASK>|\? "
                  r"|\S+\+0x[0-9a-f]+/|RIP: |Code: |R[A-Z0-9]{2}: |ORIG_RAX)")


@dataclass
class Fault:
    """
    A fault: whether the kernel logged it, the innermost place in the driver (function and
    offset, "" for none), the name of the driver's own point, if it was at one, and all
    functions of the stack trace.
    """
    logged: bool = False
    place: str = ""
    point: str = ""
    calls: set = field(default_factory=set)

    def add(self, line: str):
        """Adds a line of the trace."""
        frame = FRAME.search(line)
        if not frame:
            return
        name, offset, ours = frame.groups()
        self.calls.add(name)
        if ours and not self.place and name != POINT:
            self.place = f"{name}+{offset}"


def take(machine) -> dict:
    """
    Returns the faults in the log since the last call, by number. Raises an exception if the
    log has any other bad line.
    """
    faults, others, inside, last = {}, [], False, Fault()
    for line in machine.new_log():
        mark, named = MARK.search(line), NAMED.search(line)
        if named:
            last.point = named.group(1)
        elif mark:
            last = faults[int(mark.group(1))] = Fault()
            inside = False
        elif BEGIN in line:
            last.logged = inside = True
        elif inside and LINE.search(line):
            last.add(line)
            inside = "</TASK>" not in line
        elif TRACKER not in line:
            others.append(line)
    # Any part of the kernel may log an error or a warning when its allocation fails.
    bad = klog.excerpt([line if line.level <= klog.CRITICAL else str(line) for line in others])
    machine.log.unchecked.clear()
    if bad:
        raise AssertionError(f"kernel log of {machine.name}:\n{bad}")
    return faults
