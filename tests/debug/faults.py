# SPDX-License-Identifier: GPL-2.0
"""
What a system call allocates and registers fails, each in turn.

A failure must be told with a fitting errno, or be none at all; the operation
must work when it is repeated. Whether anything leaked is for leaks.py.
"""

import json
import struct
import time
from collections import Counter
from pathlib import Path

from e2e import netlink
from e2e.errors import traces
from rig import (V4, V6, KsftNamedVariant, defer, ksft_eq, ksft_gt, ksft_in, ksft_pr,
                 ksft_true, ksft_variants, load, ping, stats)
from rig.sim import Sim

import dumps
import leaks

SYSTEM = leaks.SYSTEM

DEBUG = "/sys/kernel/debug"
# Where modules lie: only allocations with the driver among their callers fail.
MODULES = (0xffffffffa0000000, 0xffffffffff000000)
ANY = (0, (1 << 64) - 1)
HERE = Path(__file__).parent
# What the operations may fail with, and functions of which one must have called
# what failed; empty: any. The kernel ignores that a device's name in sysfs could not
# be stored, and says only later that there is none. What memremap() lacked it keeps
# to itself.
LOST = {"ENOMEM": set(), "ENOBUFS": set()}
NAMELESS = {"EINVAL": {"dev_set_name"}}


def prepare(env, where=MODULES):
    """Makes allocations fail that may wait, of any size, and puts the programs in place."""
    for kind in ("failslab", "fail_page_alloc"):
        settings = {"ignore-gfp-wait": "N", "verbose": 2, "stacktrace-depth": 32,
                    "require-start": hex(where[0]), "require-end": hex(where[1])}
        if kind == "fail_page_alloc":
            # Of user space's own pages there is nothing to learn.
            settings |= {"min-order": 0, "ignore-gfp-highmem": "Y"}
        env.a.run("\n".join(f"echo {value} >{DEBUG}/{kind}/{name}"
                            for name, value in settings.items()))
    for path in (HERE / "guest").iterdir():
        env.a.put(f"/run/faults/{path.name}", path.read_bytes())


def fits(error: str, fault: dumps.Fault, fails: dict) -> bool:
    """Whether an operation may fail so, having met that fault."""
    return not error or error in fails and (not fails[error] or bool(fails[error] & fault.calls))


def in_turn(env, kind: str, *arguments: str, fails=None, most: int = 12) -> Counter:
    """
    Fails each allocation of an operation in turn, or in a short run `most` of them:
    how often the operation failed with which errno.
    """
    env.check_logs()
    begin = time.monotonic()
    words = " ".join(f"'{word}'" for word in arguments)
    done = env.a.run(f"python3 -B /run/faults/faults.py {0 if env.long else most} {kind} {words}",
                     timeout=3600 if env.long else 600)
    found = json.loads(done.stdout)
    faults = dumps.take(env.a)
    told = [fault for fault in faults.values() if fault.told]
    places = {fault.place for fault in told if fault.place}
    failed = Counter(error for _, error in found["results"] if error)
    title = arguments[0] if kind == "command" else kind
    ksft_pr(f"{title}: {len(found['results'])} faults, {len(told)} told of, at {len(places)} "
            f"places, failed: {dict(failed)}, in {time.monotonic() - begin:.0f} s")
    for place in sorted(places) if env.long else ():
        ksft_pr(f"place: {place}")
    ksft_gt(len(found["results"]), 0, "faults were injected")
    ksft_eq(found["last"], "", "without a fault it works")
    for number, error in found["results"]:
        ksft_true(fits(error, faults[number], fails or LOST), f"{error} by {faults[number]}")
    return failed


LOADS = [KsftNamedVariant(name, *how) for name, how in {
    "ip": ("left", "net_hdr", "pmtu=table"),
    "ethernet": ("left", "eth_dev", ""),
    "raw_with_interrupts": ("ring", "", "")}.items()]


@ksft_variants(LOADS)
def test_load(env, name, flags, more):
    prepare(env)
    if name == "ring":
        Sim(env.a)
        env.a.new_log()
    env.a.run("cp /usr/lib/modules/*/updates/muennet.ko /run/")
    before = traces(env.a)
    # What cannot be mapped, and an interrupt that somebody else has.
    found = in_turn(env, "load", leaks.parameters(name, {"left": "right", "ring": "bell"}[name],
                                                  flags, more),
                    fails=LOST | NAMELESS | {"EFAULT": {dumps.POINT, "memremap"},
                                             "EBUSY": {dumps.POINT}}, most=24)
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


def listening(env):
    """Somebody wants to know of children and marks, until the end of the test."""
    netlink.install(env.a)
    env.a.run(f"python3 -B {netlink.WHERE}/client.py monitor 600 >/run/heard 2>&1 & "
              "echo $! >/run/monitor; until grep -q listening /run/heard; do sleep 0.2; done",
              timeout=120)
    defer(env.a.run, "kill $(cat /run/monitor)")


@ksft_variants(REQUESTS)
def test_request(env, request):
    # The driver fills what others allocate for a dump.
    prepare(env, ANY if "dump" in request["run"] else MODULES)
    load(env.a, leaks.parameters())
    env.a.run("ip link set left up")
    listening(env)
    in_turn(env, "netlink", json.dumps(request))
    if request["run"] == MARK:
        # So few that each of them failed, also that of the notification.
        ksft_in('"lost"', env.a.run("cat /run/heard").stdout, "who listens is told of it")


def test_link_of_the_kind(env):
    prepare(env)
    load(env.a, leaks.parameters())
    in_turn(env, "command", "ip link add link left name child0 type muennet",
            "ip link del child0")


SENDS = [KsftNamedVariant(name, where, counter, arguments) for name, where, counter, arguments in (
    ("packet", ANY, "tx_packets", (V4["b"], "1000")),
    ("fragments", MODULES, "tx_fragmented", (V4["b"], "1000", "1")),
    ("too_big", MODULES, "tx_too_big", (V4["b"], "1000", "1", "1")),
    ("too_big_ipv6", MODULES, "tx_too_big", (V6["b"], "1400", "2", "1")))]


def counters(env, name: str) -> int:
    """A counter of ethtool -S, of left."""
    lines = env.a.run("ethtool -S left").stdout.splitlines()
    return next(int(line.split()[1]) for line in lines if line.split()[0] == f"{name}:")


@ksft_variants(SENDS)
def test_send(env, where, counter, arguments):
    prepare(env, where)
    table = env.channel("table").map
    defer(table.__setitem__, slice(0, 8), bytes(8))
    table[:8] = struct.pack("<II", 600, 1300)
    load(env.a, leaks.parameters(more="pmtu=table"))
    left, right = leaks.ends(env.a)
    ksft_eq(ping(left, right, "-c 2 -i 0.1").received, 2)
    before = counters(env, counter)
    in_turn(env, "send", "left", *arguments, fails=LOST | {"EMSGSIZE": set()})
    ksft_gt(counters(env, counter) - before, 0, counter)
    ksft_eq(ping(left, right, "-c 10 -i 0.05").received, 10, "works again")


MODES = [KsftNamedVariant("raw", "", b"hello"),
         KsftNamedVariant("ethernet", "eth_dev", b"\xff" * 6 + b"\2" * 6 + b"\x88\xb5" + bytes(40))]


@ksft_variants(MODES)
def test_send_by_packet_socket(env, flags, data):
    prepare(env, ANY)
    load(env.a, leaks.parameters(flags=flags))
    leaks.ends(env.a, quiet=True)
    in_turn(env, "send-packet", "left", data.hex())
    ksft_gt(stats(env.a, "left")["tx_packets"], 0)


def test_receive_in_a_thread(env):
    """
    Each allocation of the poll and of what comes of it, by the task that polls. None
    has to lose the packet: there are spare buffers.
    """
    prepare(env)
    load(env.a, leaks.parameters())
    left, right = leaks.ends(env.a, quiet=True)
    ksft_eq(ping(left, right, "-c 2 -i 0.1").received, 2)
    in_turn(env, "receive", "left", V4["a"], "right")
    ksft_eq(ping(left, right, "-c 10 -i 0.05").received, 10, "works again")


def test_receive_in_softirqs(env):
    """As it is by default, with a share of all allocations failing."""
    prepare(env)
    load(env.a, leaks.parameters())
    left, right = leaks.ends(env.a, quiet=True)
    sizes = "-c 100 -i 0.02 -s 1400 -W 1"
    for name, value in (("verbose", 0), ("times", -1), ("ignore-gfp-wait", "Y"),
                        ("probability", 20)):
        env.a.run(f"echo {value} >{DEBUG}/failslab/{name}")
    try:
        lossy = ping(left, right, sizes)
    finally:
        env.a.run(f"echo 0 >{DEBUG}/failslab/probability")
    ksft_gt(100, lossy.received, "allocations failed")
    dropped = sum(stats(env.a, name, ns=ns)["rx_dropped"]
                  for name, ns in (("left", ""), ("right", "right")))
    ksft_pr(f"{100 - lossy.received} of 100 answers were lost, {dropped} packets in the receiver")
    ksft_gt(dropped, 0, "some of them in the receiver")
    ksft_eq(ping(left, right, "-c 20 -i 0.05").received, 20, "works again")


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
