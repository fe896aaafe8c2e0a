# SPDX-License-Identifier: GPL-2.0
"""
The debug kernel reports provoked errors, and a report fails its test. leaks.py has the
report of a leak.

This file must be the last one, because lockdep and KASAN are off after their first report.
"""

import re
import subprocess

from rig import KsftNamedVariant, ksft_gt, ksft_in, ksft_pr, ksft_variants, paths

import leaks
import reports

SYSTEM = leaks.SYSTEM

REPORTS = [KsftNamedVariant(what, what, line) for what, line in (
    ("warn", "WARNING: "), ("lockdep", "possible circular locking dependency"),
    ("kasan", "BUG: KASAN: slab-use-after-free"))]


def test_rust_is_instrumented(env):
    """The driver's functions in Rust are instrumented for KASAN."""
    code = subprocess.run(["objdump", "-dr", "--no-show-raw-insn", paths.module()],
                          capture_output=True, text=True, check=True).stdout
    functions = re.split(r"^[0-9a-f]+ <(_R[^>]+)>:$", code, flags=re.M)
    instrumented = [name for name, body in zip(functions[1::2], functions[2::2])
                    if re.search(r"__asan_(report_)?(load|store)", body)]
    ksft_pr(f"{len(instrumented)} of {len(functions) // 2} functions in Rust are instrumented")
    ksft_in("poll", " ".join(instrumented))
    ksft_gt(len(instrumented), 100)


@ksft_variants(REPORTS)
def test_report_fails_a_run(env, what, line):
    reports.report(env, what)
    ksft_in(line, reports.failure(env))
