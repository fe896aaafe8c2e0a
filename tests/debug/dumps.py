# SPDX-License-Identifier: GPL-2.0
"""
What the kernel says of each fault that it injects: which allocator, and the
calls that led there. It is no complaint, but looks like one (it says that the
kernel is tainted).
"""

import re

from rig import klog

BEGIN = "FAULT_INJECTION: forcing a failure"
FRAME = re.compile(r"\]\s+(\S+)\+0x([0-9a-f]+)/0x[0-9a-f]+ \[muennet\]$")
LINE = re.compile(r"\]\s+(CPU: |Tainted: |Hardware name: |Call Trace:|</?TASK>|\? |\S+\+0x[0-9a-f]+/"
                  r"|RIP: |Code: |R[A-Z0-9]{2}: |ORIG_RAX)")


def take(machine) -> set:
    """
    The driver's places (function and offset) where a fault came by the log since
    the last look; "" for those outside. Raises when there is anything bad
    besides in the log.
    """
    places, others, inside, found = set(), [], False, None
    for line in machine.new_log():
        if BEGIN in line:
            inside, found = True, None
        elif inside and LINE.search(line):
            frame = FRAME.search(line)
            if frame and not found and "muennet_should_fail" not in frame.group(1):
                found = f"{frame.group(1)}+{frame.group(2)}"
            if "</TASK>" in line:
                inside = False
                places.add(found or "")
        else:
            others.append(line)
    bad = klog.excerpt(others)
    if bad:
        raise AssertionError(f"kernel log of {machine.name}:\n{bad}")
    return places
