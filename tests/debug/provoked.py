# SPDX-License-Identifier: GPL-2.0
"""
A module that provokes reports (provoke/), and how they look to the runner.
"""

import argparse
import contextlib
import io
import os
import types
from pathlib import Path

from rig import defer, runner


def report(env, what: str):
    """Has the module provoke a report."""
    env.a.put("/run/provoke.ko", Path(os.environ["MUENNET_PROVOKE"]).read_bytes())
    env.a.run("insmod /run/provoke.ko")
    defer(env.a.run, "rmmod provoke")
    # It taints the kernel, of which nobody may say anything here.
    env.a.new_log()
    env.a.run(f"echo {what} >/sys/module/provoke/parameters/report")


def failure(env) -> str:
    """What fails a test now, by the log since the last look; empty: nothing does."""
    try:
        env.check_logs()
    except AssertionError as error:
        return str(error)
    return ""


def run(env, what: str) -> tuple:
    """
    A run of a file with one test, which provokes a report and looks at nothing: its exit
    status, and what it prints.
    """
    def test_nothing(env):
        report(env, what)
    file = types.ModuleType("nothing")
    file.test_nothing = test_nothing
    results = runner.Results()
    options = argparse.Namespace(tests=[], share={}, long=False)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        runner.run_file(file, Path("nothing.py"), env.machines, options, results)
        status = results.end(0)
    return status, said.getvalue()
