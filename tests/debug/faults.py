# SPDX-License-Identifier: GPL-2.0
"""
Each allocation and registration of a system call fails, one after the other.

The operation must return a fitting errno or succeed, and must succeed when it is
repeated. After the unload no object of it may be left. leaks.py finds other leaks.
"""

import json

from e2e import netlink, second_driver
from e2e.param_errors import traces
from rig import (KsftNamedVariant, KsftSkipEx, defer, ksft_eq, ksft_gt, ksft_pr, ksft_true,
                 ksft_variants, load, wait_for)
from rig.sim import Sim

import fault_log
import leaks
from inject import ANY, DEBUG, MODULES, NO_MEMORY, NO_NAME, REACHED, inject_each, prepare

SYSTEM = leaks.SYSTEM

# The names of the driver's own points (abstractions/fault_inject.rs).
POINTS = {"mapping", "per-CPU memory", "notifier", "family", "kind", "interface",
          "interrupt", "child"}


LOADS = [KsftNamedVariant(name, *how) for name, how in {
    "ip": ("left", "net_hdr", "pmtu=table"),
    "ethernet": ("left", "eth_dev", ""),
    "offload": ("left", "net_hdr+offload", ""),
    "raw_with_interrupts": ("ring", "", "")}.items()]


@ksft_variants(LOADS)
def test_load(env, name, flags, more):
    prepare(env)
    if name == "ring":
        Sim(env.a)
        env.a.new_log()
    env.a.run("cp /usr/lib/modules/*/updates/muennet.ko /run/")
    before = traces(env.a)
    # EBUSY: an interrupt that is in use.
    found = inject_each(env, "load", leaks.parameters(name, {"left": "right", "ring": "bell"}[name],
                                                      flags, more),
                        fails=NO_MEMORY | NO_NAME | {"EBUSY": {fault_log.POINT}})
    ksft_eq(traces(env.a), before, "nothing is left behind")
    ksft_gt(found.total(), 0, "some of them make it fail")


def test_load_without_interface(env):
    prepare(env)
    env.a.run("cp /usr/lib/modules/*/updates/muennet.ko /run/")
    inject_each(env, "load", "")


def test_open(env):
    prepare(env, ANY)
    load(env.a, leaks.parameters())
    inject_each(env, "open", "left")


def test_change_mtu(env):
    prepare(env, ANY)
    load(env.a, leaks.parameters())
    env.a.run("ip link set left up")
    inject_each(env, "mtu", "left")


def test_names_and_namespaces(env):
    prepare(env)
    load(env.a, leaks.parameters())
    env.a.run("ip netns add other")
    defer(env.a.run, "ip netns del other")
    # If debugfs cannot rename the directory, the driver creates a new one.
    inject_each(env, "command", "ip link set left name west",
                f"[ -e {DEBUG}/muennet/west/info ] && [ ! -e {DEBUG}/muennet/left ] && "
                "ip link set west name left")
    inject_each(env, "command", "ip link set left netns other", "ip -n other link set left netns 1")


CHILD = {"do": "child-add", "attrs": {"parent-ifname": "left", "ifname": "child0"}}
OTHER = {"do": "child-add", "attrs": {"parent-ifname": "left", "ifname": "child1"}}
GONE = {"do": "child-del", "attrs": {"ifname": "child0"}}
MARK = {"do": "mark-add", "attrs": {"ifname": "child0", "mark": 7}}
UNMARK = {"do": "mark-del", "attrs": {"ifname": "child0", "mark": 7}}
MOVE = {"do": "mark-move", "attrs": {"from-ifname": "child0", "ifname": "child1", "mark": 7}}
BACK = {"do": "mark-move", "attrs": {"from-ifname": "child1", "ifname": "child0", "mark": 7}}
OWNER = {"do": "mark-get", "attrs": {"parent-ifname": "left", "mark": 7}}
WEST = {"do": "dev-add", "attrs": {
    "ifname": "west", "in-channel": {"name": "left_in", "configured-protocol": 2},
    "out-channel": {"name": "left_out", "configured-protocol": 2}, "mode": 1, "pmtu": "table",
    "settings": 12}}
SET = {"do": "dev-set", "attrs": {"ifname": "west", "mtu": 1400, "settings": 0,
                                  "settings-mask": 12}}
UNSET = {"do": "dev-set", "attrs": {"ifname": "west", "mtu": 1500, "settings": 12,
                                    "settings-mask": 12}}
NO_WEST = {"do": "dev-del", "attrs": {"ifname": "west"}}
# `alone`: the module is loaded without interfaces.
REQUESTS = [KsftNamedVariant(name, request) for name, request in {
    "add_child": {"run": CHILD, "undo": [GONE]},
    "del_child": {"prepare": [CHILD, MARK], "run": GONE},
    "add_mark": {"prepare": [CHILD], "run": MARK, "undo": [UNMARK]},
    "del_mark": {"prepare": [CHILD, MARK], "run": UNMARK},
    "move_mark": {"prepare": [CHILD, OTHER, MARK], "run": MOVE, "undo": [BACK]},
    "get": {"prepare": [CHILD], "run": {"do": "dev-get", "attrs": {"ifname": "child0"}}},
    "get_mark": {"prepare": [CHILD, MARK], "run": OWNER},
    "dump": {"prepare": [CHILD, OTHER], "run": {"dump": "dev-get", "attrs": {}}},
    "dump_marks": {"prepare": [CHILD, MARK], "run": {"dump": "mark-get", "attrs": {}}},
    "add": {"run": WEST, "undo": [NO_WEST], "alone": True},
    "del": {"prepare": [WEST], "run": NO_WEST, "alone": True},
    "set": {"prepare": [WEST], "run": SET, "undo": [UNSET], "alone": True},
    "dump_channels": {"prepare": [WEST], "run": {"dump": "channel-get", "attrs": {}},
                      "alone": True}}.items()]


@ksft_variants(REQUESTS)
def test_request(env, request):
    # The netlink core allocates the buffers of a dump.
    prepare(env, ANY if "dump" in request["run"] else MODULES)
    if request.get("alone"):
        load(env.a, "name=")
    else:
        load(env.a, leaks.parameters())
        env.a.run("ip link set left up")
    netlink.listen(env.a)
    adds = request["run"] in (CHILD, WEST)
    def inject():
        inject_each(env, "netlink", json.dumps(request),
                    fails=NO_MEMORY | NO_NAME if adds else NO_MEMORY)
    inject()
    if request["run"] == MARK:
        # The number of allocations varies: the last one, that of the notification, may not have
        # been among those that failed.
        wait_for(lambda: "lost" in env.a.read_files(netlink.NOTIFICATIONS) or inject(),
                 "notification that was lost")


def test_link_of_the_kind(env):
    prepare(env)
    load(env.a, leaks.parameters())
    # The number of allocations before the point "child" varies.
    for _ in range(4 if env.long else 1):
        inject_each(env, "command", "ip link add link left name child0 type muennet",
                    "ip link del child0", fails=NO_MEMORY | NO_NAME)
        if "child" in REACHED.points:
            break


def test_second_driver(env):
    prepare(env)
    second_driver.load(env.a, second_driver.RUST)
    inject_each(env, "command", f"ip link add d0 type {second_driver.RUST}", "ip link del d0",
                fails=NO_MEMORY | NO_NAME)


# The last one refuses the link to the parent, which a main interface does not have.
EVENTS = [KsftNamedVariant(name, name, fails) for name, fails in (
    ("NETDEV_REGISTER", True), ("NETDEV_POST_INIT", True), ("NETDEV_PRECHANGEUPPER", False))]


@ksft_variants(EVENTS)
def test_others_refuse_a_device(env, event, load_fails):
    """A notifier refuses a device, near the end of its registration."""
    prepare(env)
    load(env.a, leaks.parameters())
    error = f"{DEBUG}/notifier-error-inject/netdev/actions/{event}/error"
    defer(env.a.run, f"echo 0 >{error}")
    new = "ip link add link left name child0 type muennet"
    env.a.run(f"echo -12 >{error}")
    for _ in range(2):
        refused = env.a.run(new, fail=False)
        ksft_true("Cannot allocate memory" in refused.stderr, refused.stderr)
    env.a.run("rmmod muennet")
    stderr = load(env.a, leaks.parameters(), fail=False).stderr
    ksft_eq("Cannot allocate memory" in stderr, load_fails, stderr)
    env.a.run(f"echo 0 >{error}")
    load(env.a, leaks.parameters())
    env.a.run(new)


def test_every_point_failed(env):
    """All points that are no allocations have failed in the tests above."""
    ksft_pr(f"{REACHED.faults} faults, at {len(REACHED.places)} logged places, "
            f"at these points: {', '.join(sorted(REACHED.points))}")
    if not env.long:
        raise KsftSkipEx("a short run fails only a sample")
    ksft_eq(POINTS - REACHED.points, set())
