# SPDX-License-Identifier: GPL-2.0
"""
Events and vectors: a writer wakes its reader through the separation kernel, which a test
module (tests/sim) simulates. The driver executes its real hypercall.
"""

import time

from rig import (ANSWER_SECONDS, V4, Channel, End, KsftNamedVariant, Peer, System, counters, defer,
                 errno_of, interfaces, ip_element, iperf3, ksft_eq, ksft_ge, ksft_gt, ksft_in,
                 ksft_lt, ksft_ne, ksft_pr, ksft_variants, load, ping, pingpong, stats, unload, up,
                 wait_counters, wait_for, wait_stats)
from rig import arch
from rig.progress import Progress, answered_burst
from rig.packets import udp4
from rig.sim import Sim, all_handled, interrupts, timers

CHANNELS = (
    # Event and vector in both directions.
    Channel("left_to_right", writes={"a": "left_out"}, reads={"a": "right_in"},
            event=1, vector=0x70),
    Channel("right_to_left", writes={"a": "right_out"}, reads={"a": "left_in"},
            event=2, vector=0x71),
    # Event and vector in one direction only.
    Channel("one_to_two", writes={"a": "one_out"}, reads={"a": "two_in"}),
    Channel("two_to_one", writes={"a": "two_out"}, reads={"a": "one_in"}, event=3, vector=0x72),
    # Only events; the readers have no vector, so they poll.
    Channel("p_to_q", writes={"a": "p_out"}, reads={"a": "q_in"}, event=4),
    Channel("q_to_p", writes={"a": "q_out"}, reads={"a": "p_in"}, event=5),
    # Neither events nor vectors.
    Channel("x_to_y", writes={"a": "x_out"}, reads={"a": "y_in"}),
    Channel("y_to_x", writes={"a": "y_out"}, reads={"a": "x_in"}),
    # A ring of a few elements, each of which is a batch of its own.
    Channel("small", writes={"a": "small_out"}, reads={"a": "small_in"}, size=8192,
            event=6, vector=0x73),
    # The test is the writer.
    Channel("host", reads={"a": "host_in"}, vector=0x74),
    # Vectors without an interrupt.
    Channel("low", reads={"a": "low_in"}, vector=0x3f),
    Channel("missing", reads={"a": "missing_in"}, vector=0xe0),
)
SYSTEM = System("events", ("a",), CHANNELS)


def parameters(*pairs) -> str:
    """Returns the module parameters for pairs of interfaces that are each other's peers."""
    names = [name for pair in pairs for name in pair]
    def each(pattern: str) -> str:
        return ",".join(pattern.format(name) for name in names)
    return (f"name={each('{}')} in={each('{}_in')} out={each('{}_out')} flags={each('net_hdr')} "
            f"reader_protocol={each('2')} writer_protocol={each('2')}")


class Ends(list):
    """The two ends of a pair, up, each in its own namespace."""

    def __init__(self, machine, left: str, right: str):
        super().__init__()
        self.machine, self.names = machine, (left, right)
        for name, side in ((left, "a"), (right, "b")):
            machine.run(f"ip netns add {name} && ip link set {name} netns {name}")
            defer(machine.run, f"ip netns del {name}")
            up(machine, name, quiet=True, side=side, ns=name)
            self.append(End(machine, V4[side], name))
        # A reader does not read what was sent before it joined.
        for name in self.names:
            wait_counters(machine, name, name, peer_active=1)


def counts(end: End) -> dict:
    """Returns the counters of an end's interface, which has the name of its namespace."""
    return counters(end.machine, end.ns, end.ns)


def prepared(env, *pairs):
    """Loads the separation kernel and the driver. Returns (sim, ends of each pair ...)."""
    sim = Sim(env.a)
    load(env.a, parameters(*pairs))
    return (sim, *(Ends(env.a, *pair) for pair in pairs))


PAIRS = [KsftNamedVariant("event_and_vector", ("left", "right"), {1, 2}, {"left", "right"}),
         KsftNamedVariant("one_direction", ("one", "two"), {3}, {"one"}),
         KsftNamedVariant("events_only", ("p", "q"), {4, 5}, set()),
         KsftNamedVariant("none", ("x", "y"), set(), set())]


@ksft_variants(PAIRS)
def test_works(env, pair, events, with_interrupt):
    sim, ends = prepared(env, pair)
    ksft_eq(ping(*ends, count=20).received, 20)
    ksft_gt(iperf3(*ends, seconds=1).rate, 0)
    counted = sim.events()
    ksft_eq(counted["unknown"], 0, "no unknown event")
    for number in (1, 2, 3, 4, 5):
        ksft_eq(counted[number] > 0, number in events, f"event {number}")
    for end in ends:
        if end.ns in with_interrupt:
            wait_for(lambda: all_handled(env.a, end.ns, counts(end)["rx_interrupts"]),
                     f"equal counts of interrupts of {end.ns}")
            ksft_gt(interrupts(env.a, end.ns), 0, "interrupts came")
        else:
            ksft_eq(interrupts(env.a, end.ns), -1, "no interrupt")
            ksft_eq(counts(end)["rx_interrupts"], 0)


def test_folder_of_the_interrupt(env):
    """The interrupt's folder in /proc has the final name of the interface."""
    Sim(env.a)
    load(env.a, "name=net%d,net%d in=left_in,right_in reader_protocol=2,2 flags=net_hdr,net_hdr")
    numbers = {line.split()[-1]: line.split(":")[0].strip()
               for line in env.a.read_files("/proc/interrupts").splitlines()[1:]}
    found = env.a.run("ls -d /proc/irq/*/net*").stdout
    ksft_eq(sorted(found.split()), sorted(f"/proc/irq/{numbers[name]}/{name}"
                                          for name in ("net0", "net1")))
    first = arch.of_machines().first_vector
    if first is not None:
        ksft_eq((numbers["net0"], numbers["net1"]), (str(0x71 - first), str(0x70 - first)))


def test_mixed(env):
    sim, *pairs = prepared(env, *(variant.params[0] for variant in PAIRS))
    loop = "for i in $(seq 25); do ping -q -c 1 -W {} {} >/dev/null || exit 1; done; echo answered"
    out = env.a.run("\n".join(a.inside(f"sh -c '{loop.format(ANSWER_SECONDS, b.address)}' &")
                              for a, b in pairs) + "\nwait").stdout
    ksft_eq(out.count("answered"), len(pairs))
    ksft_eq(sim.events()["unknown"], 0)


def balanced(sim, end: End, event: int, downs: int = 0):
    """
    Waits until the counters balance: each batch, and the begin and end of each epoch, have
    triggered the event once or were merged with an earlier event.
    """
    def equal() -> dict:
        # The last packets of a connection may still be in flight.
        got = counts(end)
        fits = (got["tx_events"] == sim.events()[event] and
                got["tx_events"] + got["tx_events_merged"] ==
                got["tx_batches"] + got["tx_epochs"] + downs and not got["tx_events_offline"])
        return got if fits else {}
    return wait_for(equal, lambda: f"balance of {counts(end)} and {sim.events()}")


def test_one_event_for_a_batch(env):
    sim, (left, right) = prepared(env, ("left", "right"))
    # The segments of one large send are one batch.
    iperf3(left, right, seconds=1)
    got = balanced(sim, left, 1)
    ksft_lt(got["tx_batches"], got["tx_packets"], "batches of more than one packet")
    balanced(sim, right, 2)
    left.run("ip link set left down")
    balanced(sim, left, 1, downs=1)
    left.run("ip link set left up")
    left.run("ip link set left mtu 1400")
    ksft_eq(balanced(sim, left, 1, downs=1)["tx_epochs"], 3)


def test_event_where_every_element_is_a_batch(env):
    sim = Sim(env.a)
    load(env.a, "name=small in=small_in out=small_out flags=net_hdr mtu=1500 "
                "reader_protocol=2 writer_protocol=2")
    env.a.run("ip addr add 192.0.2.1/24 dev small")
    up(env.a, "small", quiet=True)
    wait_counters(env.a, "small", rx_epochs=1)
    before = sim.events()[6]
    # No host answers. The ring has five elements, and its reader may be slower than ping.
    for number in range(1, 21):
        env.a.run("ping -q -c 1 -W 0.01 192.0.2.9", fail=False)
        wait_counters(env.a, "small", rx_elements=number)
    got = counters(env.a, "small")
    ksft_eq(got["tx_packets"], 20)
    ksft_eq(got["tx_batches"], 20)
    ksft_eq(sim.events()[6] - before, 20)
    ksft_eq(got["rx_elements"], 20, "the interface is its own peer")


def test_no_wake_up_is_lost(env):
    count = 200_000 if env.long else 2_000
    sim, (left, right) = prepared(env, ("left", "right"))
    ksft_eq(timers(env.a), set(), "no timer")
    got = pingpong(left, right, count)
    ksft_pr(f"the slowest answer took {got['slowest_ms']:.1f} ms")
    ksft_eq(got["answered"], count)
    ksft_eq(timers(env.a), set(), "no timer")
    for end, event in ((left, 1), (right, 2)):
        counted = balanced(sim, end, event)
        ksft_eq(counted["rx_packets"], count)
        ksft_eq(counted["tx_packets"], count)


def test_no_wake_up_is_lost_after_bursts(env):
    """Interrupts come while NAPI polls, and none comes after the last packet."""
    _, (left, right) = prepared(env, ("left", "right"))
    for _ in range(1000 if env.long else 20):
        answered_burst(left, right, "left", 50)


def test_storm(env):
    """In a storm of events, which NAPI polls mask, traffic and processes make progress."""
    sim, (left, right) = prepared(env, ("left", "right"))
    count, often = (1000, 50_000) if env.long else (30, 5_000)
    # An endless storm on each processor.
    storms = [sim.storm(0x70, 1 << 40, cpu) for cpu in (0, 1)]
    with env.a.bkg(storms[0], fail=False), env.a.bkg(storms[1], fail=False), \
            Progress(env.a) as progress:
        before = counts(right)
        ksft_eq(pingpong(left, right, count)["answered"], count)
        answered_burst(left, right, "left")
        wait_for(lambda: sim.raised(0x70) > often, "storm")
        got = counts(right)
    progress.check(*(got[name] - before[name] for name in ("rx_elements", "rx_polls")))
    # The counters are not read atomically; they are consistent after the storm.
    got = wait_for(lambda: (now := counts(right))["rx_interrupts"] <= now["rx_polls"] + 1 and now,
                   lambda: f"poll for each interrupt: {counts(right)}")
    ksft_pr(f"{sim.raised(0x70)} raised, {got['rx_interrupts']} interrupts, "
            f"{got['rx_polls']} polls")
    ksft_gt(got["rx_interrupts"], 0)
    ksft_eq(ping(left, right, count=20).received, 20)


def test_idle_costs_nothing(env):
    sim, ends = prepared(env, ("left", "right"))
    ping(*ends, count=5)
    env.a.run_pending()
    def seen():
        return [(interrupts(env.a, end.ns), counts(end)["rx_polls"]) for end in ends], \
            sim.events()
    before = seen()
    for _ in range(5):
        ksft_eq(timers(env.a), set(), "no timer")
        time.sleep(0.2)  # sleep: nothing happens in this time
    ksft_eq(seen(), before, "no interrupt, no poll, no event")


def test_one_timer_for_all_that_poll(env):
    _, *pairs = prepared(env, ("left", "right"), ("x", "y"), ("p", "q"))
    # A timer is not pending while it runs.
    wait_for(lambda: timers(env.a), "timer")
    found = set.union(*(timers(env.a) for _ in range(8)))
    ksft_ge(1, len(found), f"timers: {found}")
    for pair in pairs[1:]:
        for end in pair:
            end.run(f"ip link set {end.ns} down")
    ksft_eq(timers(env.a), set(), "the other interfaces have vectors")


def test_each_interrupt_is_counted(env):
    """One after the other, so that a thread of the interrupt handles each alone."""
    sim = Sim(env.a)
    load(env.a, "name=net0 in=host_in reader_protocol=2 flags=net_hdr")
    up(env.a, quiet=True)
    for number in range(1, 6):
        env.a.run(sim.storm(0x74))
        wait_counters(env.a, rx_interrupts=number)
        ksft_eq(interrupts(env.a, "net0"), number)


def test_down_disables_the_interrupt(env):
    sim = Sim(env.a)
    load(env.a, "name=net0 in=host_in reader_protocol=2 flags=net_hdr")
    env.a.run(sim.storm(0x74, 10))
    env.a.run_pending()
    ksft_eq(interrupts(env.a, "net0"), 0, "none before it is up")
    up(env.a, quiet=True)
    peer = Peer(env, "host")
    peer.start(5)
    env.a.run(sim.storm(0x74))
    wait_counters(env.a, rx_epochs=1)
    env.a.run_pending()
    peer.write(*(ip_element(udp4(V4["b"], V4["a"], 9, b"hello")) for _ in range(3)))
    before = interrupts(env.a, "net0")
    time.sleep(0.2)  # sleep: nothing happens in this time
    ksft_eq(stats(env.a)["rx_packets"], 0, "no poll without an interrupt")
    env.a.run(sim.storm(0x74))
    wait_stats(env.a, rx_packets=3)
    ksft_ge(interrupts(env.a, "net0"), before + 1)
    env.a.run("ip link set net0 down")
    before = interrupts(env.a, "net0")
    env.a.run(sim.storm(0x74, 100))
    env.a.run_pending()
    ksft_eq(interrupts(env.a, "net0"), before, "none while it is down")
    # Interrupts from the time while it was down must not suppress later ones.
    env.a.run("ip link set net0 up")
    wait_counters(env.a, rx_epochs=2)
    peer.write(ip_element(udp4(V4["b"], V4["a"], 9, b"hello")))
    env.a.run(sim.storm(0x74))
    wait_stats(env.a, rx_packets=4)


def test_interrupt_is_named_after_the_interface(env):
    Sim(env.a)
    load(env.a, parameters(("left", "right")))
    ksft_ne(interrupts(env.a, "left"), -1)
    env.a.run("ip link set left name muen9")
    ksft_eq(interrupts(env.a, "left"), -1)
    ksft_ne(interrupts(env.a, "muen9"), -1)
    unload(env.a)
    ksft_eq(env.a.run("grep -cE 'muen9|right$' /proc/interrupts", fail=False).stdout, "0\n",
            "freed by the unload")
    load(env.a, parameters(("left", "right")))
    ksft_ne(interrupts(env.a, "left"), -1, "available again")


def refused(env, given: str, errno: str, *mentions: str):
    """Checks that loading fails with one log line and leaves nothing behind."""
    before = interfaces(env.a), env.a.run("cat /proc/iomem; ls /sys/kernel/debug").stdout
    env.a.new_log()
    result = load(env.a, given, fail=False)
    # The kernel itself logs a line for an interrupt that is in use.
    lines = [line for line in env.a.new_log() if line.level <= 3 and "genirq" not in line]
    ksft_eq(errno_of(result), errno)
    ksft_eq(len(lines), 1, f"one line of the log: {lines}")
    for mention in mentions:
        ksft_in(mention, lines[0])
    ksft_eq((interfaces(env.a), env.a.run("cat /proc/iomem; ls /sys/kernel/debug").stdout), before)


ONE = "name=net0 reader_protocol=2 flags=net_hdr"


def test_interrupt_in_use(env):
    # Interrupts are not shared. Here both interfaces have the same one.
    Sim(env.a)
    refused(env, "name=net0,net1 in=left_in,left_in reader_protocol=2,2 flags=net_hdr,net_hdr",
            "EBUSY", "net1: cannot request interrupt", "'left_in': in use")
    ksft_eq(interrupts(env.a, "net0"), -1, "freed again")


@ksft_variants([KsftNamedVariant("below_0x40", "low_in", "vector 63"),
                KsftNamedVariant("without_interrupt", "missing_in", "interrupt")])
def test_vector_that_raises_nothing(env, channel, mention):
    Sim(env.a)
    refused(env, f"{ONE} in={channel}", "EINVAL", "net0", mention)


def test_vector_without_separation_kernel(env):
    """The machine has no interrupt for a vector, and on arm64 no default interrupt domain."""
    refused(env, f"{ONE} in=left_in", "EINVAL", "net0", "'left_in'", "interrupt")


def test_without_separation_kernel_nothing_is_triggered(env):
    """An interface without events executes no hypercall, which is fatal outside of Muen."""
    load(env.a, parameters(("x", "y")))
    ends = Ends(env.a, "x", "y")
    ksft_eq(ping(*ends, count=10).received, 10)
