# SPDX-License-Identifier: GPL-2.0
"""
What the kernel says of each fault that it injects: the calls that led there. It
is no complaint, but looks like one (it says that the kernel is tainted). Where the
caller wants no warning of failing, it says nothing.
"""

import re
from dataclasses import dataclass, field

from rig import klog

# The kernel's own word for an allocation of its reference tracking that failed.
TRACKER = "ref_tracker: memory allocation failure"
# What guest/faults.py writes before each.
MARK = re.compile(r"\] fault (\d+)$")
BEGIN = "FAULT_INJECTION: forcing a failure"
FRAME = re.compile(r"\]\s+(\S+)\+0x([0-9a-f]+)/0x[0-9a-f]+( \[muennet\])?$")
# What the driver says of a fault at a point of its own.
NAMED = re.compile(r"\] muennet: Fault injected: (.+)$")
# By which the driver asks whether it shall fail (abstractions/fault.rs).
POINT = "muennet_should_fail"
LINE = re.compile(r"\]\s+(CPU: |Tainted: |Hardware name: |Call Trace:|</?TASK>|\? "
                  r"|\S+\+0x[0-9a-f]+/|RIP: |Code: |R[A-Z0-9]{2}: |ORIG_RAX)")


@dataclass
class Fault:
    """
    One fault: whether the kernel told of it, the driver's place (function and offset)
    that was nearest to it, "" for none, its point by name, if it was at one, and all
    the functions that led there.
    """
    told: bool = False
    place: str = ""
    point: str = ""
    calls: set = field(default_factory=set)

    def add(self, line: str):
        """Takes a line of the trace."""
        frame = FRAME.search(line)
        if not frame:
            return
        name, offset, ours = frame.groups()
        self.calls.add(name)
        if ours and not self.place and name != POINT:
            self.place = f"{name}+{offset}"


def take(machine) -> dict:
    """
    The faults in the log since the last look, by their numbers. Raises when there is
    anything bad besides.
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
            last.told = inside = True
        elif inside and LINE.search(line):
            last.add(line)
            inside = "</TASK>" not in line
        elif TRACKER not in line:
            others.append(line)
    # Any part of the kernel may log an error or a warning when its allocation fails.
    bad = klog.excerpt([line if line.level <= klog.CRITICAL else str(line) for line in others])
    if bad:
        raise AssertionError(f"kernel log of {machine.name}:\n{bad}")
    return faults
