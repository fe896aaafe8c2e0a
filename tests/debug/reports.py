# SPDX-License-Identifier: GPL-2.0
"""
Provokes reports with a module (provoke/), and reads what fails a test.
"""

from rig import defer, kmodule


def report(env, what: str):
    """Provokes a report."""
    env.a.put("/run/provoke.ko", kmodule.built("debug/provoke", "provoke"))
    env.a.run("insmod /run/provoke.ko")
    defer(env.a.run, "rmmod provoke")
    # Skips the log lines about the module's taint.
    env.a.new_log()
    env.a.run(f"echo {what} >/sys/module/provoke/parameters/report")


def failure(env) -> str:
    """Returns what the log since the last call fails a test with, or an empty string."""
    try:
        env.check_logs()
    except AssertionError as error:
        return str(error)
    return ""
