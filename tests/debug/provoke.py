# SPDX-License-Identifier: GPL-2.0
"""
The debug kernel reports what it should, and a report fails the test it comes in.
The report of a leak is seen in leaks.py.

To be run last: lockdep and KASAN are off after their first report.
"""

from rig import KsftNamedVariant, ksft_in, ksft_variants

import leaks
import provoked

SYSTEM = leaks.SYSTEM

REPORTS = [KsftNamedVariant(what, what, line) for what, line in (
    ("warn", "WARNING: "), ("lockdep", "possible circular locking dependency"),
    ("kasan", "BUG: KASAN: slab-use-after-free"))]


@ksft_variants(REPORTS)
def test_report_fails_a_run(env, what, line):
    provoked.report(env, what)
    ksft_in(line, provoked.failure(env))
