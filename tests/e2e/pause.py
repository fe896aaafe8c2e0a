# SPDX-License-Identifier: GPL-2.0
"""
Flow control: each end reports how far it has read, and the other one stops for it.
"""

import json
import random
import threading

from e2e import netlink
from e2e.netlink.children import both, ends
from rig import (PAIR, README, KsftNamedVariant, Peer, Script, Streaming, counters, iperf3,
                 ip_element, ksft_eq, ksft_ge, ksft_gt, ksft_in, ksft_pr, ksft_true, ksft_variants,
                 load, pair, ping, stats, stream, unload, up, wait_answer, wait_counters,
                 wait_for)

SYSTEM = PAIR

MODES = [KsftNamedVariant(name, README.replace("net_hdr", flags)) for name, flags in (
    ("ip", "net_hdr+pause"), ("ip_with_offloads", "net_hdr+offload+pause"),
    ("ethernet", "eth_dev+pause"))]
PAUSE = README.replace("net_hdr", "net_hdr+pause")
LIMITS = "/sys/class/net/net0/queues/tx-0/byte_queue_limits"


def settings(machine, dev: str = "net0") -> tuple:
    """Returns the settings by `ethtool -a`: (rx, tx)."""
    found = json.loads(machine.run(f"ethtool --json -a {dev}").stdout)[0]
    ksft_eq(found["autonegotiate"], False)
    return found["rx"], found["tx"]


def qdisc(machine, dev: str = "net0") -> str:
    """Returns the kind of the root queueing discipline."""
    return json.loads(machine.run(f"tc -j qdisc show dev {dev}").stdout)[0]["kind"]


def info(machine) -> list:
    """Returns the last two lines of the file in debugfs."""
    return machine.run("tail -n 2 /sys/kernel/debug/muennet/net0/info").stdout.splitlines()


def nothing_missed(reader: dict, writer: dict):
    """
    Checks, by the counters of both ends, that the reader has missed nothing. It may if a machine
    stands still, as on a busy host: the writer has waited for 100 ms then, and counted that.
    """
    timeouts = writer["tx_pause_timeouts"]
    ksft_ge(writer["tx_pause_us"], 100_000 * timeouts)
    for name in ("rx_missed", "rx_overruns"):
        ksft_true(not reader[name] or timeouts, f"{name} {reader[name]}, {timeouts} timeouts")


def nothing_lost(env):
    """
    Checks that each machine has read all elements that the other one wrote: see nothing_missed().
    """
    for source, target in ((env.a, env.b), (env.b, env.a)):
        found, writer = counters(target), counters(source)
        nothing_missed(found, writer)
        ksft_true(not found["rx_incomplete"] or writer["tx_pause_timeouts"],
                  f"{target.name}: {found['rx_incomplete']} incomplete")
        for name in ("rx_malformed", "tx_dropped"):
            ksft_eq(found[name], 0, f"{target.name}: {name}")


def test_settings(env):
    load(env.a)
    up(env.a, quiet=True)
    ksft_eq(settings(env.a), (False, False))
    ksft_eq(info(env.a), ["pause: rx off, tx off", "peer told: no"])
    ksft_eq(qdisc(env.a), "noqueue")
    before = env.a.run("cat /proc/sys/net/core/default_qdisc").stdout.strip()
    for rx, tx in ((True, False), (True, True), (False, True), (False, False)):
        words = "rx {} tx {}".format(*("on" if it else "off" for it in (rx, tx)))
        env.a.run(f"ethtool -A net0 {words}")
        ksft_eq(settings(env.a), (rx, tx))
        ksft_eq(info(env.a)[0], "pause: " + words.replace(" tx", ", tx"))
        ksft_eq(qdisc(env.a), before if rx else "noqueue")
        ksft_true(env.a.run(f"[ -e {LIMITS}/limit ]").ret == 0)
    refused = env.a.run("ethtool -A net0 autoneg on", fail=False)
    ksft_in("Invalid argument", refused.stderr)
    # A queueing discipline that the user has chosen stays.
    env.a.run("tc qdisc add dev net0 root handle 1: pfifo limit 50 && ethtool -A net0 rx on")
    ksft_eq(qdisc(env.a), "pfifo")
    env.a.run("ethtool -A net0 rx off")
    ksft_eq(qdisc(env.a), "pfifo")
    env.a.run("ip link set net0 down && ethtool -A net0 rx on && tc qdisc del dev net0 root && "
              "ip link set net0 up")
    ksft_eq(qdisc(env.a), before)


def max_segs(machine, dev: str = "net0") -> tuple:
    """Returns the limits of a device: (tso_max_segs, gso_max_segs)."""
    link, = json.loads(machine.run(f"ip -j -d link show {dev}").stdout)
    return link["tso_max_segs"], link["gso_max_segs"]


def test_gso_packets_fit_the_ring(env):
    """A GSO packet has less than an eighth of the ring's elements as segments, and at most 63."""
    load(env.a)
    up(env.a, quiet=True)
    env.a.run("muennet_cfg add_child net0 child0")
    for dev in ("net0", "child0"):
        ksft_eq(max_segs(env.a, dev), (65535, 65535))
    env.a.run("ethtool -A net0 rx on && muennet_cfg add_child net0 child1")
    # (MTU, segments): a ring of 1 MiB has 695, 116 and 15 elements.
    for mtu, segs in ((1500, 63), (9000, 13), (65535, 1), (1500, 63)):
        env.a.run(f"ip link set net0 mtu {mtu}")
        for dev in ("net0", "child0", "child1"):
            ksft_eq(max_segs(env.a, dev), (segs, segs), f"{dev}, MTU {mtu}")
    # A lower limit of the user stays.
    env.a.run("ip link set net0 gso_max_segs 9 && ip link set net0 mtu 9000")
    ksft_eq(max_segs(env.a), (13, 9))
    env.a.run("ethtool -A net0 rx off")
    ksft_eq(max_segs(env.a), (65535, 9))
    ksft_eq(max_segs(env.a, "child1"), (65535, 65535))


def test_show(env):
    load(env.a)
    netlink.install(env.a)

    def shown() -> tuple:
        entry, = netlink.dump(env.a, "dev-get")
        node, = json.loads(env.a.run("muennet_cfg --json show").stdout)
        text = env.a.run("muennet_cfg show").stdout.splitlines()
        return (entry.get("rx-pause", False), entry.get("tx-pause", False), node["pause"],
                [line.strip() for line in text if "pause" in line])
    ksft_eq(shown(), (False, False, {"rx": False, "tx": False}, []))
    env.a.run("ethtool -A net0 rx on tx off")
    ksft_eq(shown(), (True, False, {"rx": True, "tx": False}, ["pause: rx"]))
    env.a.run("ethtool -A net0 rx off tx on")
    ksft_eq(shown(), (False, True, {"rx": False, "tx": True}, ["pause: tx"]))
    # A child has neither.
    netlink.do(env.a, "child-add", parent_ifname="net0", ifname="child0")
    _, child = netlink.dump(env.a, "dev-get")
    ksft_eq([name for name in child if name.endswith("pause")], [])
    node, = json.loads(env.a.run("muennet_cfg --json show child0").stdout)
    ksft_eq(node["pause"], None)


def test_flag(env):
    load(env.a, PAUSE)
    ksft_eq(settings(env.a), (True, True))
    unload(env.a)
    for channel in ("in", "out"):
        env.a.new_log()
        refused = load(env.a, f"name=net0 {channel}=channel_{channel} reader_protocol=2 "
                       "writer_protocol=2 flags=pause", fail=False)
        ksft_in("Invalid argument", refused.stderr)
        line, = (line for line in env.a.new_log() if line.level <= 3)
        ksft_in("net0: flags 'pause': pause needs an in and an out channel", line)
        load(env.a, f"name=net0 {channel}=channel_{channel} reader_protocol=2 writer_protocol=2")
        refused = env.a.run("ethtool -A net0 tx on", fail=False)
        ksft_in("Operation not supported", refused.stderr)
        ksft_eq(settings(env.a), (False, False))
        unload(env.a)


def test_report(env):
    peer = Peer(env, parameters=README)
    channel = env.channel("a_to_b")
    peer.join(0x1234_5678_9abc_def0)
    ksft_eq(channel.report, 0)
    env.a.run("ethtool -A net0 tx on")
    wait_for(lambda: channel.report, "report")
    ksft_eq(channel.report, 0x9abc_def0 << 32)
    packet = ip_element(b"\x45" + bytes(19))
    peer.write(packet, packet, packet)
    wait_for(lambda: channel.report == 0x9abc_def0 << 32 | 3, "report of three elements")
    # It is in the header of the next epoch of the interface.
    env.a.run("ip link set net0 mtu 1400")
    ksft_eq(channel.report, 0x9abc_def0 << 32 | 3)
    peer.stop()
    wait_for(lambda: not channel.report, "end of the report")
    peer.start(7)
    wait_for(lambda: channel.report == 7 << 32, "report of the next epoch")
    env.a.run("ethtool -A net0 tx off")
    ksft_eq(channel.report, 0)


@ksft_variants(MODES)
def test_tcp_loses_nothing(env, parameters):
    a, b = pair(env, parameters, quiet=True)
    stream(a, b, (256 if env.long else 16) << 20)
    stream(b, a, (256 if env.long else 16) << 20)
    nothing_lost(env)
    paused = {machine.name: counters(machine) for machine in (env.a, env.b)}
    for name, found in paused.items():
        ksft_gt(found["tx_paused"], 0)
        ksft_pr(f"{name}: paused {found['tx_paused']} times, {found['tx_pause_us']} us")
    frames = json.loads(env.a.run("ethtool --json -I -a net0").stdout)[0]["statistics"]
    ksft_eq(frames["rx_pause_frames"], paused["a"]["tx_paused"])


# What a machine does before traffic in both directions.
CONDITIONS = [KsftNamedVariant(f"{name}_{streams}", command, streams) for name, command in (
    ("as_it_is", ""),
    ("answers_are_delayed", "tc qdisc replace dev net0 root netem delay 5ms limit 10000"))
    for streams in (1, 4)]


@ksft_variants(CONDITIONS)
def test_both_directions_at_once(env, command, streams):
    a, b = pair(env, PAUSE, quiet=True)
    if command:
        env.b.run(command)
    run = iperf3(a, b, f"-P {streams} --bidir", 30 if env.long else 1)
    nothing_lost(env)
    paused = {machine.name: counters(machine)["tx_paused"] for machine in (env.a, env.b)}
    ksft_gt(sum(paused.values()), 0)
    ksft_pr(f"{run.rate:.0f} Mbit/s from a to b, {run.retransmits} retransmits, paused {paused}")


def test_ping(env):
    a, b = pair(env, PAUSE)
    ksft_eq(ping(a, b).received, 3)
    ksft_eq(ping(b, a, "-s 20000").received, 3)


# Sends this many datagrams, one after the other. ENETDOWN says that the core has dropped one: it
# does so while the queue is stopped and there is no queueing discipline.
SENDER = """
import errno, socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(int(sys.argv[1])):
    try:
        sock.sendto(number.to_bytes(4, "big"), (sys.argv[2], 9))
    except OSError as error:
        if error.errno != errno.ENETDOWN:
            raise
"""


class SlowReader:
    """
    A peer whose reader reports that it reads one element now and then: too few for the queue of
    the interface to be started, and enough for it to wait.
    """

    def __init__(self, env, parameters: str = PAUSE):
        self.env, self.out = env, env.channel("a_to_b")
        self.peer = Peer(env, parameters=parameters)
        self.peer.join(9)
        self.read = 0
        self.report()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.advance)

    def report(self):
        """Stores the report in the header of the peer's channel."""
        self.peer.channel.report = (self.out.epoch & 0xffffffff) << 32 | self.read

    def advance(self):
        """Reads an element while the ring has unread ones."""
        while not self.ended.wait(0.03):
            self.read += self.read < self.out.wc
            self.report()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def fill(self, address: str = "192.0.2.2", dev: str = "net0"):
        """Starts a sender, and waits until packets wait in the queueing discipline of `dev`."""
        self.env.a.put("/run/sender.py", SENDER.encode())
        sender = self.env.a.bkg(Script("/run/sender.py", 1_000_000, address), fail=False)
        wait_for(lambda: backlog(self.env.a, dev) > 0, f"packets of {dev} that wait")
        return sender


def backlog(machine, dev: str = "net0") -> int:
    """Returns the number of packets in the root queueing discipline."""
    return json.loads(machine.run(f"tc -s -j qdisc show dev {dev}").stdout)[0]["qlen"]


def test_nothing_is_overrun(env):
    """Also if the reader is much slower than the sender."""
    with SlowReader(env) as slow:
        with slow.fill():
            for _ in range(100):
                before = slow.read
                unread = slow.out.wsc - before
                # This process may stand still for more than 100 ms.
                ksft_true(unread <= slow.out.elements or counters(env.a)["tx_pause_timeouts"],
                          f"{unread} elements are unread")
        ksft_gt(counters(env.a)["tx_paused"], 0)


CHANGES = [KsftNamedVariant(name, command) for name, command in (
    ("down", "ip link set net0 down"),
    ("mtu", "ip link set net0 mtu 1400"),
    ("off", "ethtool -A net0 rx off"),
    ("namespace", "ip netns add other; ip link set net0 netns other; ip netns del other"),
    ("unload", "rmmod muennet"))]


@ksft_variants(CHANGES)
def test_changes_while_stopped(env, command):
    with SlowReader(env) as slow, slow.fill():
        env.a.run(command)


def test_noqueue_while_stopped(env):
    """Packets that reach a stopped queue without a queueing discipline are dropped, but few."""
    with SlowReader(env) as slow, slow.fill():
        env.a.run("tc qdisc replace dev net0 root noqueue")
        wait_for(lambda: slow.out.wc > 3 * slow.out.elements, "elements beyond a full ring")
    # "Virtual device net0 asks to queue packet!" until the timer looks.
    env.a.new_log()


def test_reader_stands_still(env):
    """The queue waits for 100 ms, then sends as without flow control, until the report moves."""
    peer = Peer(env, parameters=PAUSE)
    peer.join(9)
    out = env.channel("a_to_b")
    ours = (out.epoch & 0xffffffff) << 32
    env.a.put("/run/sender.py", SENDER.encode())
    for timeouts in (1, 2):
        first = out.wc
        peer.channel.report = ours | first
        env.a.run(Script("/run/sender.py", 2 * out.elements, "192.0.2.2"))
        wait_for(lambda first=first: out.wc == first + 2 * out.elements, "all datagrams")
        found = counters(env.a)
        ksft_eq(found["tx_pause_timeouts"], timeouts)
        ksft_ge(found["tx_pause_us"], timeouts * 100_000)
        ksft_eq(found["tx_dropped"], 0)


REPORTS = [KsftNamedVariant(name, report) for name, report in (
    ("none", lambda ours, wc: 0),
    ("other_epoch", lambda ours, wc: (ours ^ 1 << 32) | wc),
    ("ahead", lambda ours, wc: ours | wc + 1),
    ("far_ahead", lambda ours, wc: ours | (wc + (1 << 31)) & 0xffffffff),
    ("all_bits", lambda ours, wc: (1 << 64) - 1))]


@ksft_variants(REPORTS)
def test_reports_that_do_not_count(env, report):
    """The interface sends as without flow control."""
    peer = Peer(env, parameters=PAUSE)
    peer.join(9)
    out = env.channel("a_to_b")
    ours = (out.epoch & 0xffffffff) << 32
    env.a.put("/run/sender.py", SENDER.encode())
    peer.channel.report = report(ours, 2 * out.elements)
    env.a.run(Script("/run/sender.py", 2 * out.elements, "192.0.2.2"))
    ksft_eq(out.wc, 2 * out.elements)
    found = counters(env.a)
    ksft_eq((found["tx_paused"], found["tx_pause_timeouts"]), (0, 0))


def test_reports_at_random(env):
    """Whatever the peer reports, packets are sent, and the interface obeys its user."""
    rng = random.Random(env.seed(31))
    peer = Peer(env, parameters=PAUSE)
    peer.join(9)
    out = env.channel("a_to_b")
    env.a.put("/run/sender.py", SENDER.encode())
    ended = threading.Event()

    def lie():
        while not ended.is_set():
            count = rng.choice((out.wc, out.wc - rng.randrange(1000), rng.getrandbits(32)))
            epoch = rng.choice((out.epoch, out.epoch, out.epoch, rng.getrandbits(32)))
            peer.channel.report = (epoch & 0xffffffff) << 32 | count & 0xffffffff
    liar = threading.Thread(target=lie)
    liar.start()
    try:
        for number in range(20 if env.long else 5):
            env.a.run(Script("/run/sender.py", 5000, "192.0.2.2"))
            # Packets that wait would be dropped by down.
            wait_counters(env.a, tx_packets=5000 * (number + 1))
            env.a.run(("ip link set net0 mtu 1400", "ip link set net0 mtu 1500",
                       "ip link set net0 down && ip link set net0 up")[number % 3])
        env.a.run("ip link set net0 down")
    finally:
        ended.set()
        liar.join()
    ksft_eq(counters(env.a)["tx_packets"], (20 if env.long else 5) * 5000)


def test_children(env):
    """They wait with their parent. Bulk traffic of one leaves room for the other."""
    both(env)
    for machine in (env.a, env.b):
        machine.run("ethtool -A net0 rx on tx on")
        default = machine.run("cat /proc/sys/net/core/default_qdisc").stdout.strip()
        for dev in ("net0", "child0", "child1"):
            ksft_eq(qdisc(machine, dev), default)
        machine.run("muennet_cfg add_child net0 late")
        ksft_eq(qdisc(machine, "late") if machine.run("ip link set late up").ret == 0 else "",
                default)
    env.a.put("/run/sender.py", SENDER.encode())
    with Streaming(*ends(env, "child0")), Streaming(*reversed(ends(env, "child0")), port=5001), \
            env.a.bkg(Script("/run/sender.py", 1_000_000, "192.0.2.2"), fail=False):
        # On a busy host the ring may be overrun, see nothing_lost().
        for _ in range(10):
            wait_answer(*ends(env, "child1"))
    nothing_lost(env)
    for machine in (env.a, env.b):
        ksft_gt(counters(machine)["tx_paused"], 0)
        machine.run("ethtool -A net0 rx off tx off")
        for dev in ("net0", "child0", "child1", "late"):
            ksft_eq(qdisc(machine, dev), "noqueue")


def test_children_go_while_stopped(env):
    """A child that waits with its parent goes down, and is deleted."""
    with SlowReader(env) as slow:
        env.a.run("muennet_cfg add_child net0 child0 && ip addr add 10.0.0.1/24 dev child0 && "
                  "ip link set child0 up")
        with slow.fill(), slow.fill("10.0.0.2", "child0"):
            env.a.run("ip link set child0 down && ip link set child0 up")
            wait_for(lambda: backlog(env.a) > 0, "packets that wait")
            env.a.run("ip link del child0")
