# SPDX-License-Identifier: GPL-2.0
"""
What a system call allocates and registers fails, each in turn.

A failure must be told with a fitting errno, or be none at all; the operation
must work when it is repeated, and no object may be left of it when the module is
gone. Whether other memory leaked is for leaks.py.
"""

import json

from e2e import netlink
from e2e.param_errors import traces
from rig import (KsftNamedVariant, KsftSkipEx, defer, ksft_eq, ksft_gt, ksft_pr, ksft_true,
                 ksft_variants, load)
from rig.sim import Sim

import fault_log
import leaks
from inject import ANY, DEBUG, LOST, MODULES, NAMELESS, REACHED, in_turn, prepare

SYSTEM = leaks.SYSTEM

# By their names, the points of the driver (abstractions/fault.rs).
POINTS = {"mapping", "per-CPU memory", "notifier", "folders", "family", "kind", "interface",
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
    # An interrupt that somebody else has.
    found = in_turn(env, "load", leaks.parameters(name, {"left": "right", "ring": "bell"}[name],
                                                  flags, more),
                    fails=LOST | NAMELESS | {"EBUSY": {fault_log.POINT}})
    ksft_eq(traces(env.a), before, "nothing is left behind")
    ksft_gt(found.total(), 0, "some of them matter")


def test_load_without_interface(env):
    prepare(env)
    env.a.run("cp /usr/lib/modules/*/updates/muennet.ko /run/")
    in_turn(env, "load", "")


def test_open(env):
    prepare(env, ANY)
    load(env.a, leaks.parameters())
    in_turn(env, "open", "left")


def test_change_mtu(env):
    prepare(env, ANY)
    load(env.a, leaks.parameters())
    env.a.run("ip link set left up")
    in_turn(env, "mtu", "left")


def test_names_and_namespaces(env):
    prepare(env)
    load(env.a, leaks.parameters())
    env.a.run("ip netns add other")
    defer(env.a.run, "ip netns del other")
    in_turn(env, "command", "ip link set left name west", "ip link set west name left")
    in_turn(env, "command", "ip link set left netns other", "ip -n other link set left netns 1")


CHILD = {"do": "add-child", "attrs": {"parent-ifname": "left", "ifname": "child0"}}
OTHER = {"do": "add-child", "attrs": {"parent-ifname": "left", "ifname": "child1"}}
GONE = {"do": "del-child", "attrs": {"ifname": "child0"}}
MARK = {"do": "add-mark", "attrs": {"ifname": "child0", "mark": 7}}
UNMARK = {"do": "del-mark", "attrs": {"ifname": "child0", "mark": 7}}
MOVE = {"do": "move-mark", "attrs": {"from-ifname": "child0", "ifname": "child1", "mark": 7}}
BACK = {"do": "move-mark", "attrs": {"from-ifname": "child1", "ifname": "child0", "mark": 7}}
OWNER = {"do": "get-mark", "attrs": {"parent-ifname": "left", "mark": 7}}
REQUESTS = [KsftNamedVariant(name, request) for name, request in {
    "add_child": {"run": CHILD, "undo": [GONE]},
    "del_child": {"prepare": [CHILD, MARK], "run": GONE},
    "add_mark": {"prepare": [CHILD], "run": MARK, "undo": [UNMARK]},
    "del_mark": {"prepare": [CHILD, MARK], "run": UNMARK},
    "move_mark": {"prepare": [CHILD, OTHER, MARK], "run": MOVE, "undo": [BACK]},
    "get": {"prepare": [CHILD], "run": {"do": "get", "attrs": {"ifname": "child0"}}},
    "get_mark": {"prepare": [CHILD, MARK], "run": OWNER},
    "dump": {"prepare": [CHILD, OTHER], "run": {"dump": "get", "attrs": {}}},
    "dump_marks": {"prepare": [CHILD, MARK], "run": {"dump": "get-mark", "attrs": {}}}}.items()]


@ksft_variants(REQUESTS)
def test_request(env, request):
    # The driver fills what others allocate for a dump.
    prepare(env, ANY if "dump" in request["run"] else MODULES)
    load(env.a, leaks.parameters())
    env.a.run("ip link set left up")
    netlink.listen(env.a)
    in_turn(env, "netlink", json.dumps(request),
            fails=LOST | NAMELESS if request["run"] == CHILD else LOST)
    if request["run"] == MARK:
        # So few that each of them failed, also that of the notification.
        netlink.heard(env.a, "lost")


def test_link_of_the_kind(env):
    prepare(env)
    load(env.a, leaks.parameters())
    # How many allocations there are before the one point of it differs from time to time.
    for _ in range(4 if env.long else 1):
        in_turn(env, "command", "ip link add link left name child0 type muennet",
                "ip link del child0", fails=LOST | NAMELESS)
        if "child" in REACHED.points:
            break


NEWS = [KsftNamedVariant(name, name) for name in ("NETDEV_REGISTER", "NETDEV_POST_INIT")]


@ksft_variants(NEWS)
def test_others_refuse_a_device(env, event):
    """Registering a device fails when it is almost done."""
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
    ksft_true("Cannot allocate memory" in load(env.a, leaks.parameters(), fail=False).stderr)
    env.a.run(f"echo 0 >{error}")
    load(env.a, leaks.parameters())
    env.a.run(new)


def test_every_point_failed(env):
    """Whatever can fail but by an allocation, in the tests above."""
    ksft_pr(f"{REACHED.faults} faults, at {len(REACHED.places)} places that were told of, "
            f"at these points: {', '.join(sorted(REACHED.points))}")
    if not env.long:
        raise KsftSkipEx("a short run fails a share of all")
    ksft_eq(POINTS - REACHED.points, set())
