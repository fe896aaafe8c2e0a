# SPDX-License-Identifier: GPL-2.0
"""
The debug kernel reports what it should, and a report fails the test it comes in.

To be run last: lockdep and KASAN are off after their first report.
"""

import os
from pathlib import Path

from rig import KsftNamedVariant, defer, ksft_in, ksft_true, ksft_variants

import leaks

SYSTEM = leaks.SYSTEM

REPORTS = [KsftNamedVariant(what, what, line) for what, line in (
    ("warn", "WARNING: "), ("kmemleak", "kmemleak: "),
    ("lockdep", "possible circular locking dependency"),
    ("kasan", "BUG: KASAN: slab-use-after-free"))]


def failure(env) -> str:
    """What fails a test now, by the log since the last look; empty: nothing does."""
    try:
        env.check_logs()
    except AssertionError as error:
        return str(error)
    return ""


@ksft_variants(REPORTS)
def test_report_fails_a_run(env, what, line):
    env.a.put("/root/provoke.ko", Path(os.environ["MUENNET_PROVOKE"]).read_bytes())
    env.a.run("insmod /root/provoke.ko")
    defer(env.a.run, "rmmod provoke")
    # It taints the kernel, of which nobody may say anything here.
    env.a.new_log()
    ksft_true(not failure(env), "not yet")
    env.a.run(f"echo {what} >/sys/module/provoke/parameters/report")
    if what == "kmemleak":
        leaks.scan(env.a)
    ksft_in(line, failure(env))
