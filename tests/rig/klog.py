# SPDX-License-Identifier: GPL-2.0
"""
Kernel logs: what a machine's kernel said, and whether a run may pass with it.
"""

import re

# A line with one of these ends a run as failed, whatever its level (linux/kern_levels.h).
BAD = re.compile("|".join((
    r"\bWARNING:", r"\bBUG:", r"\bBUG\b.*\bat ", r"kernel BUG", r"\bOops\b", r"Kernel panic",
    r"general protection fault", r"unable to handle", r"\bKASAN\b", r"\bUBSAN\b", r"\bKCSAN\b",
    r"kmemleak: \d+ new", r"possible recursive locking", r"circular locking dependency",
    r"inconsistent lock state", r"suspicious RCU usage", r"Invalid wait context",
    r"non-static key",
    r"sleeping function called from invalid", r"scheduling while atomic", r"rcu.*detected stall",
    r"rcu.*self-detected", r"soft lockup", r"hard LOCKUP", r"blocked for more than",
    r"waiting for \S+ to become free", r"refcount_t:", r"list_(add|del) corruption",
    r"NETDEV WATCHDOG", r"bad page", r"Bad page", r"stack-protector", r"nobody cared",
    r"double free", r"rust_kernel.*panicked", r"rust_kernel: panicked", r"leaked reference",
    r"ref_tracker:", r"NOHZ tick-stop error")))

# The kernel's watchdogs, whose defaults of 10 to 120 s take a virtual machine that gets
# little CPU time for one that hangs. They bark later, but before the rig's deadline. At
# boot the kernel tests the timer, for no longer than real hardware needs to tick.
WATCHDOGS = ("watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=300 workqueue.watchdog_thresh=300 "
             "sysctl.kernel.hung_task_timeout_secs=400 "
             "sysctl.net.core.netdev_unregister_timeout_secs=300 no_timer_check")

# What a stock kernel says about any out-of-tree module without its signature.
TAINT = re.compile(r"taint", re.IGNORECASE)
TAINT_ALLOWED = tuple(f"{module}: {said}" for module in ("muennet", "muensim", "muenuninit")
                      for said in (
    "loading out-of-tree module taints kernel.",
    "module verification failed: signature and/or required key missing - tainting kernel"))

# What kernels say at KERN_ERR or KERN_WARNING while nothing is wrong, by how it begins. Any
# other line of these levels ends a run as failed, and so does any of KERN_CRIT or worse. While
# a kernel boots no module is loaded, so nothing that it says then is the driver's: it may warn
# of its timers, which are calibrated against a processor that is emulated, and of anything
# else of the machine. The words above and critical lines count then, too.
EXPECTED = re.compile("|".join((
    # Peers and users that do wrong, which is what many tests are about.
    r"\S+: (Incompatible peer|Peer broke the protocol): ",
    r"(net_ratelimit|\w+): \d+ callbacks suppressed$",
    r"netlink: (\d+ bytes leftover after parsing|'\S+': attribute type)",
    r"muennet: (\S+: ((in|out) channel|pmtu region) '|(\S+: )?[Nn]o memory|"
    r"No subject information at )",
    r"name: can only take \d+ arguments$", r"muennet: `.*' invalid for parameter `",
    r"\S+: A tagged frame does not fit an element and is dropped: ",
    # Of allocations that fail because a test has them fail.
    r"debugfs: out of free dentries", r"kmemleak: Cannot allocate a scan area",
    r"kobject: (kobject_add_internal failed for|can not set name properly!)",
    # The banner of no_hash_pointers, for which the rig asks.
    r"\*\*.*\*\*$|$",
    # Timers of a machine that is emulated, and gets less of a processor than it believes.
    r"hpet: Lost \d+ RTC interrupts",
    r"Unstable clock detected, switching default tracing clock",
    # The debug kernel knows few processors, and each of its machines' is of a socket of its own.
    r"mtrr: your CPUs had inconsistent", r"CPU: vendor_id '\w+' unknown")))
CRITICAL, WARNING, INFORMATION = 2, 4, 6

# A boot's first line, and its last before the first program is started (init/main.c). Should
# that be lost, what the agent says of lost lines, or the first of a module, ends it as well.
BOOT_BEGINS = re.compile(r"\] Linux version \S+ ")
BOOT_ENDS = re.compile(r"\] (Run \S+ as init process$|\(the kernel overwrote records|"
                       r"\w+: loading out-of-tree module)")

# Of a virtual machine under emulation that is short of host CPU time; not ours.
IGNORED = re.compile(r"\] (clocksource: .*(skew|unstable|watchdog)|"
                     r"(RETBleed|Spectre V\d|MDS|TAA|MMIO Stale Data|SRBDS|GDS)( CPU|:| ))")

# A processor that goes offline has parked its ksoftirqd. Packets that come when a softirq
# has used up its two milliseconds wait then, for any network driver, and the kernel says so:
# they are handed over when the processor is gone.
PARKED = re.compile(r"NOHZ tick-stop error: local softirq work is pending, handler #08!!!$")
GONE = re.compile(r"smpboot: CPU \d+ is now offline$")

EXCERPT = 40


def bad_lines(lines) -> list:
    """Indices of lines that a run may not pass with."""
    def is_parked(n: int) -> bool:
        return bool(PARKED.search(lines[n])) and any(map(GONE.search, lines[n + 1:n + 4]))

    def is_bad(line: str, boots: bool) -> bool:
        if TAINT.search(line):
            return not any(line.endswith(known) for known in TAINT_ALLOWED)
        level = getattr(line, "level", INFORMATION)
        if level <= CRITICAL or BAD.search(line):
            return True
        return (level <= WARNING and not boots
                and not EXPECTED.match(line[line.find("] ") + 2:]))

    bad, boots = [], False
    for n, line in enumerate(lines):
        boots = bool(BOOT_BEGINS.search(line)) or boots and not BOOT_ENDS.search(line)
        if is_bad(line, boots) and not IGNORED.search(line) and not is_parked(n):
            bad.append(n)
    return bad


def excerpt(lines) -> str:
    """The first bad line with what follows it; empty when there is none."""
    bad = bad_lines(lines)
    if not bad:
        return ""
    return "\n".join(lines[max(0, bad[0] - 3):bad[0] + EXCERPT])


class Line(str):
    """A line of a kernel log, with its level (3 is an error)."""
    level = INFORMATION


class Log:
    """The kernel log of one machine."""

    def __init__(self, name: str):
        self.name = name
        self.lines: list = []

    def add(self, records) -> list:
        """Appends records of the agent and returns them as lines."""
        new = []
        for level, stamp, text in records:
            line = Line(f"[{stamp / 1e6:12.6f}] {text}")
            line.level = level
            new.append(line)
        self.lines += new
        return new
