# SPDX-License-Identifier: GPL-2.0
"""
Events between two machines: a batch of one interrupts the other one, which does not poll.
The driver executes its real hypercall; a test module in each machine (tests/sim)
simulates the separation kernel.
"""

import time

from rig import (PAIR, counters, iperf3, ksft_eq, ksft_gt, ksft_lt, ksft_pr, ksft_true, load, pair,
                 ping, pingpong, unanswered, unload, up, wait_counters, wait_for)
from rig.progress import Progress, answered_burst
from rig.sim import Sim, all_handled, interrupts, timers
from rig.systems import with_doorbells

SYSTEM = with_doorbells(PAIR)


def prepared(env):
    """Loads the separation kernels and the driver. Returns both sims and both ends."""
    sims = [Sim(machine) for machine in (env.a, env.b)]
    return (*sims, *pair(env, quiet=True))


def gets_no_answer(source, target):
    """Checks that a ping gets no answer and the source receives nothing."""
    before = counters(source.machine)["rx_packets"]
    ksft_true(unanswered(source, target))
    ksft_eq(counters(source.machine)["rx_packets"], before)


def test_works(env):
    *sims, a, b = prepared(env)
    ksft_eq(ping(a, b, count=20).received, 20)
    for ends in (a, b), (b, a):
        ksft_gt(iperf3(*ends, seconds=1).rate, 0)
    for event, sim, machine in zip((1, 2), sims, (env.a, env.b)):
        def equal() -> dict:
            # The last packets of a connection may still be in flight.
            got = counters(machine)
            fits = (sim.events() == {event: got["tx_events"], "unknown": 0} and
                    got["tx_events"] + got["tx_events_merged"] ==
                    got["tx_batches"] + got["tx_epochs"] and
                    all_handled(machine, "net0", got["rx_interrupts"]))
            return got if fits else {}
        got = wait_for(equal, lambda: f"balance of {counters(machine)} and {sim.events()}")
        ksft_eq(timers(machine), set(), "no timer")
        ksft_gt(got["tx_events"], 0)
        ksft_lt(got["tx_batches"], got["tx_packets"], "batches of more than one packet")
        ksft_gt(got["rx_interrupts"], 0)


def test_no_wake_up_is_lost(env):
    _, _, a, b = prepared(env)
    count = 100_000 if env.long else 1_000
    got = pingpong(a, b, count)
    ksft_pr(f"the slowest answer took {got['slowest_ms']:.1f} ms")
    ksft_eq(got["answered"], count)
    for machine in (env.a, env.b):
        ksft_eq(timers(machine), set(), "no timer")
        ksft_eq(counters(machine)["rx_packets"], count)


def test_no_wake_up_is_lost_after_bursts(env):
    """Interrupts come while NAPI polls, and none comes after the last packet."""
    _, _, a, b = prepared(env)
    for _ in range(500 if env.long else 10):
        answered_burst(a, b, "net0", 50)


def test_idle_costs_nothing(env):
    *_, a, b = prepared(env)
    ping(a, b, count=5)
    for machine in (env.a, env.b):
        machine.run_pending()
    def seen():
        return [(interrupts(machine, "net0"), counters(machine)["rx_polls"])
                for machine in (env.a, env.b)]
    before = seen()
    time.sleep(1)  # sleep: nothing happens in this time
    ksft_eq(seen(), before, "no interrupt, no poll")


def test_storm_of_the_peer(env):
    """A peer that triggers its event all the time stops neither traffic nor processes."""
    sim, _, a, b = prepared(env)
    # An endless storm, ended once it was long enough.
    count, often = (1000, 5000) if env.long else (30, 500)
    with env.a.bkg("exec " + sim.triggers(SYSTEM.channel("a_to_b").event, 1 << 40), fail=False), \
            Progress(env.b) as progress:
        before = counters(env.b)
        ksft_eq(pingpong(a, b, count)["answered"], count)
        answered_burst(a, b, "net0")
        # The number of interrupts depends on the load of the host.
        wait_for(lambda: counters(env.b)["rx_interrupts"] > before["rx_interrupts"] + often,
                 "storm")
        got = counters(env.b)
    meanwhile = {name: got[name] - before[name] for name in got}
    progress.check(meanwhile["rx_elements"], meanwhile["rx_polls"])
    ksft_pr(f"{meanwhile['rx_interrupts']} interrupts for {meanwhile['rx_packets']} packets")
    # The counters are not read atomically; they are consistent after the storm.
    wait_for(lambda: (now := counters(env.b))["rx_interrupts"] <= now["rx_polls"] + 1,
             lambda: f"poll for each interrupt: {counters(env.b)}")
    ksft_eq(ping(b, a, count=20).received, 20)


def test_peer_restarts(env):
    *_, a, b = prepared(env)
    for _ in range(3):
        unload(env.b)
        gets_no_answer(a, b)
        load(env.b)
        up(env.b, quiet=True)
        # b does not read what is sent before it has joined.
        wait_counters(env.b, peer_active=1)
        ksft_eq(ping(a, b, count=5).received, 5)
        ksft_eq(ping(b, a, count=5).received, 5)


def test_down_and_up(env):
    """An end that was down receives again after it is up."""
    *_, a, b = prepared(env)
    for _ in range(5):
        env.b.run("ip link set net0 down")
        gets_no_answer(a, b)
        env.b.run("ip link set net0 up")
        wait_counters(env.b, peer_active=1)
        ksft_eq(ping(a, b, count=2).received, 2)
