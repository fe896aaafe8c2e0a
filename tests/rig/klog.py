# SPDX-License-Identifier: GPL-2.0
"""
Kernel logs of the machines, and which lines fail a test.
"""

import re

# A line with one of these fails a test, at any level (linux/kern_levels.h).
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

# Limits of the kernel's watchdogs. By default, 10 to 120 s, they take a virtual machine
# with little CPU time for one that hangs. These are longer, but shorter than the rig's
# deadline. At boot the kernel tests the timer for no longer than real hardware takes.
WATCHDOGS = ("watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=300 workqueue.watchdog_thresh=300 "
             "sysctl.kernel.hung_task_timeout_secs=400 "
             "sysctl.net.core.netdev_unregister_timeout_secs=300 no_timer_check")

# A stock kernel logs these lines for any out-of-tree module without its signature.
TAINT = re.compile(r"taint", re.IGNORECASE)
MODULES = "muennet", "muensim", "muenuninit", "dummy_rust"
TAINT_ALLOWED = tuple(f"{module}: {line}" for module in MODULES for line in (
    "loading out-of-tree module taints kernel.",
    "module verification failed: signature and/or required key missing - tainting kernel"))

# The beginnings of lines that kernels log at KERN_ERR or KERN_WARNING although nothing is
# wrong. Any other line of these levels fails a test, and so does any of KERN_CRIT or worse.
# While a kernel boots no module is loaded, so warnings of that time are not the driver's:
# of timers, which are calibrated against an emulated processor, and of other parts of the
# machine. BAD and critical lines fail a test also then.
EXPECTED = re.compile("|".join((
    # Peers and users that make errors, as many tests do.
    r"\S+: (Incompatible peer: |Peer violates the protocol, )",
    r"(net_ratelimit|\w+): \d+ callbacks suppressed$",
    r"netlink: (\d+ bytes leftover after parsing|'\S+': attribute type)",
    r"muennet: (\S+: ((in|out) channel|pmtu region) '|(\S+: )?[Nn]o memory|"
    r"(No s|S)ubject information at )",
    r"name: can only take \d+ arguments$", r"muennet: `.*' invalid for parameter `",
    r"\S+: A tagged frame does not fit an element and is dropped: ",
    # Allocations that a test makes fail.
    r"debugfs: out of free dentries", r"kmemleak: Cannot allocate a scan area",
    r"kobject: (kobject_add_internal failed for|can not set name properly!)",
    # The banner of no_hash_pointers, which the rig sets.
    r"\*\*.*\*\*$|$",
    # Timers of an emulated machine, which gets less CPU time than it assumes.
    r"hpet: Lost \d+ RTC interrupts",
    r"Unstable clock detected, switching default tracing clock",
    # A Debian loads drivers for hardware and firmware that the machine does not have.
    r"(faux_driver regulatory|cfg80211|kvm_amd): ",
    # The debug kernel knows few processors, and its machines have one socket per processor.
    r"mtrr: your CPUs had inconsistent", r"CPU: vendor_id '\w+' unknown")))
CRITICAL, WARNING, INFORMATION = 2, 4, 6

# The first line of a boot, and its last one before the first program starts
# (init/main.c). If the last one is lost, the agent's line about lost records, or the first
# line of a module, also ends the boot.
BOOT_BEGINS = re.compile(r"\] Linux version \S+ ")
BOOT_ENDS = re.compile(r"\] (Run \S+ as init process$|\(the kernel overwrote records|"
                       r"\w+: loading out-of-tree module)")

# Lines of an emulated machine that lacks CPU time of the host.
IGNORED = re.compile(r"\] (clocksource: .*(skew|unstable|watchdog)|"
                     r"(RETBleed|Spectre V\d|MDS|TAA|MMIO Stale Data|SRBDS|GDS)( CPU|:| ))")

# A processor that goes offline has parked its ksoftirqd. If packets arrive after a softirq
# has used its two milliseconds, they wait for any network driver, and the kernel logs that.
# They are passed to another processor when this one is offline.
PARKED = re.compile(r"NOHZ tick-stop error: local softirq work is pending, handler #08!!!$")
GONE = re.compile(r"(smpboot: CPU \d+ is now offline|psci: CPU\d+ killed \(polled \d+ ms\))$")

EXCERPT = 40


def bad_lines(lines) -> list:
    """Returns the indices of lines that fail a test."""
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
    """Returns the first bad line with the lines around it, or an empty string."""
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
        # Those that were added since the last check of the log.
        self.unchecked: list = []

    def add(self, records) -> list:
        """Appends records of the agent, and returns them as lines."""
        new = []
        for level, stamp, text in records:
            line = Line(f"[{stamp / 1e6:12.6f}] {text}")
            line.level = level
            new.append(line)
        self.lines += new
        self.unchecked += new
        return new
