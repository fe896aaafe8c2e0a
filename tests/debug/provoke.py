# SPDX-License-Identifier: GPL-2.0
"""
The debug kernel reports what it should, and a log with it fails a run.

To be run last: lockdep and KASAN are off after their first report.
"""

import os
from pathlib import Path

from rig import LOOP, KsftNamedVariant, ksft_in, ksft_true, ksft_variants
from rig import klog

import leaks

SYSTEM = LOOP

REPORTS = [KsftNamedVariant(what, what, line) for what, line in (
    ("warn", "WARNING: "), ("kmemleak", "kmemleak: "),
    ("kasan", "BUG: KASAN: slab-use-after-free"),
    ("lockdep", "possible circular locking dependency"))]


@ksft_variants(REPORTS)
def test_report_fails_a_run(env, what, line):
    env.check_logs()
    module = Path(os.environ["MUENNET_PROVOKE"]).read_bytes()
    env.a.put("/root/provoke.ko", module)
    env.a.run(f"insmod /root/provoke.ko what={what}")
    if what == "kmemleak":
        ksft_in("128", leaks.scan(env.a))
    env.a.run("rmmod provoke")
    # What is bad is looked for in lines that the next look does not see again.
    lines = [text for text in env.a.new_log() if "provoke: loading" not in text]
    ksft_in(line, klog.excerpt(lines))
    ksft_true(klog.bad_lines(lines))
