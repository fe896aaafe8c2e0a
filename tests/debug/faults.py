# SPDX-License-Identifier: GPL-2.0
"""
Allocations that fail: what a system call does in its own task, each in turn.

A failure must be told with a fitting errno, or be none at all; the operation
must work when it is repeated, and at the end nothing may have leaked.
"""

import json
from pathlib import Path

from rig import LOOP, ksft_eq, ksft_gt, ksft_pr, ksft_true, load, ping, End, V4, up, defer, stats

import leaks

SYSTEM = LOOP

DEBUG = "/sys/kernel/debug"
# Where modules lie: only allocations with the driver among their callers fail.
MODULES = (0xffffffffa0000000, 0xffffffffff000000)
HERE = Path(__file__).parent


def faults(env, whole_kernel: bool):
    """Makes allocations fail that may wait, of any size."""
    for kind in ("failslab", "fail_page_alloc"):
        start, end = (0, (1 << 64) - 1) if whole_kernel else MODULES
        settings = {"ignore-gfp-wait": "N", "verbose": 0, "stacktrace-depth": 32,
                    "require-start": hex(start), "require-end": hex(end)}
        if kind == "fail_page_alloc":
            settings |= {"min-order": 0, "ignore-gfp-highmem": "N"}
        for name, value in settings.items():
            env.a.run(f"echo {value} >{DEBUG}/{kind}/{name}")
    env.a.put("/root/guest_faults.py", (HERE / "guest_faults.py").read_bytes())


def in_turn(env, operation: str, argument: str) -> dict:
    """Fails each allocation of an operation in turn, or, in a short run, some of them."""
    step = 1 if env.long else 3
    done = env.a.run(f"python3 /root/guest_faults.py {operation} '{argument}' 1 {step}",
                     timeout=1800)
    found = json.loads(done.stdout)
    ksft_pr(f"{operation}: {found}")
    ksft_gt(found["injected"], 0, "faults were injected")
    ksft_eq(found["result"], 0, "without a fault it works")
    ksft_true(set(found["failed"]) <= {"ENOMEM", "ENOBUFS"}, found["failed"])
    return found


def test_load(env):
    faults(env, whole_kernel=False)
    env.a.run("cp /usr/lib/modules/*/updates/muennet.ko /root/")
    found = in_turn(env, "load", leaks.PARAMETERS)
    ksft_gt(found["failed"].get("ENOMEM", 0), 0, "some of them matter")
    load(env.a, leaks.PARAMETERS)


def test_open(env):
    faults(env, whole_kernel=True)
    load(env.a, leaks.PARAMETERS)
    in_turn(env, "open", "left")


def test_change_mtu(env):
    faults(env, whole_kernel=True)
    load(env.a, leaks.PARAMETERS)
    env.a.run("ip link set left up")
    in_turn(env, "mtu", "left")


def test_transmit(env):
    faults(env, whole_kernel=True)
    load(env.a, leaks.PARAMETERS)
    up(env.a, "left", side="a")
    in_turn(env, "send", V4["b"])


def test_receive(env):
    """Receiving is no system call: a share of all allocations fails meanwhile."""
    faults(env, whole_kernel=True)
    load(env.a, leaks.PARAMETERS)
    for name, side in (("left", "a"), ("right", "b")):
        env.a.run(f"ip netns add {name} && ip link set {name} netns {name}")
        defer(env.a.run, f"ip netns del {name}")
        up(env.a, name, side=side, ns=name)
    left, right = End(env.a, V4["a"], "left"), End(env.a, V4["b"], "right")
    for name, value in (("probability", 20), ("times", -1), ("ignore-gfp-wait", "Y")):
        env.a.run(f"echo {value} >{DEBUG}/failslab/{name}")
    try:
        lossy = ping(left, right, "-c 100 -i 0.02 -s 1400 -W 1")
    finally:
        env.a.run(f"echo 0 >{DEBUG}/failslab/probability")
    ksft_gt(100, lossy.received, "allocations failed")
    dropped = sum(stats(env.a, name, ns=name)["rx_dropped"] for name in ("left", "right"))
    ksft_gt(dropped, 0, "some of them in the receiver")
    ksft_eq(ping(left, right, "-c 20 -i 0.05").received, 20, "works again")


def test_no_leak(env):
    ksft_eq(leaks.scan(env.a), "")
