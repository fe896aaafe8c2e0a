# SPDX-License-Identifier: GPL-2.0
"""
A module that provokes reports (provoke/), and how they look to the runner.
"""

from rig import defer, kmodule


def report(env, what: str):
    """Has the module provoke a report."""
    env.a.put("/run/provoke.ko", kmodule.built("debug/provoke", "provoke"))
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
