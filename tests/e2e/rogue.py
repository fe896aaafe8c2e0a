# SPDX-License-Identifier: GPL-2.0
"""
A writer that breaks the rules of the channel. The reader stays inside its region,
counts what it saw, tells of it now and then, and works again with the next honest
epoch. What each header must come to is in the tables of hostile/headers.py.
"""

import random
import time

from e2e import hostile
from e2e.hostile import IP, MAX, OFFLOAD, AccountedPeer, headers, variants
from rig import (KsftNamedVariant, defer, ksft_eq, ksft_ge, ksft_gt, ksft_pr, ksft_true,
                 ksft_variants, sampled, wait_for)

SYSTEM = hostile.SYSTEM

# The driver's lines, at most, in so many seconds: the kernel's own limit for networks.
BURST, INTERVAL = 10, 5
LIMIT = f"echo {INTERVAL} >/proc/sys/net/core/message_cost"


def put(peer: AccountedPeer, words: dict):
    """Writes words of the header, in their order, and tells of it."""
    for word, value in words.items():
        setattr(peer.channel, word, value)
    peer.ring()


def prepared(peer: AccountedPeer, words: dict):
    """A header that is good but for these words, and then its epoch."""
    peer.start(0)
    peer.epoch += 1
    put(peer, {**words, "epoch": words.get("epoch", peer.epoch)})


def attack(peer: AccountedPeer, row: headers.Row):
    """Does it to an epoch, and waits for what must come of it."""
    if "rx_overruns" in row.outcome.counted:
        peer.wipe()
    put(peer, row.words)
    peer.expect(row.name, row.outcome.state, **row.outcome.counted)


def at_start(peer: AccountedPeer, share: slice):
    """Before an epoch, while there is none."""
    for row in headers.before_an_epoch(peer.mode)[share]:
        peer.wipe()
        put(peer, {"epoch": 0})
        peer.expect(f"before {row.name}", "inactive")
        prepared(peer, row.words)
        peer.expect(row.name, row.outcome.state, **row.outcome.counted)
        peer.comes_back(row.name)
        yield


def while_running(peer: AccountedPeer, share: slice):
    """Within an epoch, of which one packet has been read."""
    read = len(peer.mode.packet)
    for row in headers.within_an_epoch(peer.mode, peer.interrupt, read, {"rx_packets": 1})[share]:
        peer.comes_back(f"what was before {row.name}")
        attack(peer, row)
        if row.outcome.taken or row.outcome.state != "active":
            peer.write()
            peer.ring()
        if row.outcome.taken:
            peer.expect(row.name, "active", rx_packets=1, rx_elements=read)
        yield


def within_a_packet(peer: AccountedPeer, share: slice):
    """Within an epoch, of which one piece of a packet has been read."""
    first, *rest = peer.mode.packet
    for row in headers.within_an_epoch(peer.mode, peer.interrupt, 1, {"rx_incomplete": 1})[share]:
        peer.next_epoch()
        peer.write(first)
        peer.ring()
        peer.expect(f"before {row.name}", "active", rx_epochs=1, rx_elements=1)
        counted = row.outcome.counted
        # Else it is given up.
        waits = row.outcome.state == "active" and "rx_elements" not in counted
        peer.account["rx_incomplete"] += not waits and "rx_incomplete" not in counted
        attack(peer, row)
        if row.outcome.taken:
            peer.write(*rest)
            peer.ring()
            peer.expect(row.name, "active", rx_packets=1, rx_elements=len(rest))
        elif waits:
            put(peer, {"epoch": 0})
            peer.expect(row.name, "inactive", rx_incomplete=1)
        peer.comes_back(row.name)
        yield


def while_waiting(peer: AccountedPeer, words: dict, outcome, again, often: int):
    """
    Of an epoch that is not followed nothing matters but its end. An interrupt has the
    reader look at each value; a timer does not. The honest peer comes back after each
    epoch, and after each `often`th of the others.
    """
    fresh = False
    for number, row in enumerate(headers.before_an_epoch(peer.mode)):
        epoch = "epoch" in row.words
        if epoch or not fresh:
            prepared(peer, words)
            peer.expect("what is not followed", outcome.state, **outcome.counted)
            peer.settle()
            fresh = True
        polls = peer.polls
        put(peer, row.words)
        if peer.interrupt:
            wait_for(lambda: peer.counters()["rx_polls"] > polls, "poll", pause=0)
        peer.expect(row.name, again(row).state, **again(row).counted)
        ksft_true(peer.interrupt or epoch or peer.polls == polls, "nobody looks at it")
        if epoch or number % often == 0:
            peer.comes_back(row.name)
            fresh = False
        yield
    peer.comes_back("what was not followed")


def while_down(peer: AccountedPeer, share: slice):
    """While the interface is down; what comes of it is seen when it is up again."""
    for row in headers.before_an_epoch(peer.mode)[share]:
        peer.machine.run("ip link set net0 down")
        prepared(peer, row.words)
        peer.expect(row.name, "unknown (down)")
        peer.machine.run("ip link set net0 up")
        peer.ring()
        peer.expect(row.name, headers.joined(row).state, **headers.joined(row).counted)
        peer.comes_back(row.name)
        yield


@sampled(3)
@ksft_variants(variants())
def test_headers(env, mode, interrupt):
    """
    Every word at its boundaries in every state: what is counted and what becomes of the peer.
    A short run goes through all in IP mode, but for an interface that is down, and through a
    share in the others.
    """
    peer = AccountedPeer(env, mode, interrupt)
    every = slice(None)
    share = every if env.long or mode is IP else slice(0, None, 4)
    often = 1 if env.long else 8
    states = {"at start": at_start(peer, share), "while running": while_running(peer, share)}
    if mode is OFFLOAD:
        states["within a packet"] = within_a_packet(peer, every if env.long else slice(0, None, 2))
    states["while refused"] = while_waiting(peer, {"protocol": 3}, headers.REFUSED,
                                            headers.refused_again, often)
    states["while broken"] = while_waiting(peer, {"wc": 5}, headers.BROKEN_AT_ONCE,
                                           headers.broken_again, often)
    states["while down"] = while_down(
        peer, every if env.long else slice(interrupt, None, 6 if mode is IP else 24))
    done = {name: sum(1 for _ in rows) for name, rows in states.items()}
    peer.comes_back("all")
    peer.settle()
    ksft_pr(", ".join(f"{count} {name}" for name, count in done.items()))


def test_counter_runs_back(env):
    peer = AccountedPeer(env)
    peer.next_epoch()
    peer.expect("an epoch", "active", rx_epochs=1)
    peer.write(*IP.packet * 10)
    peer.expect("ten packets", "active", rx_packets=10, rx_elements=10)
    peer.channel.wc = 3
    peer.expect("three of ten", "broken", rx_broken=1)
    # Nothing mends it but another epoch.
    peer.channel.wc = 10
    peer.write()
    ksft_eq(peer.settle()["rx_broken"], 1)
    peer.comes_back("a counter that ran back")


def unlimited(machine):
    """Has the kernel tell all, until the end of the test."""
    defer(machine.run, LIMIT)
    machine.run("echo 0 >/proc/sys/net/core/message_cost")


def test_wrong_protocol_is_reported_once(env):
    peer = AccountedPeer(env)
    unlimited(env.a)
    env.a.new_log()
    for _ in range(3):
        prepared(peer, {"protocol": 3})
        peer.expect("a wrong protocol", "incompatible", rx_incompatible=1)
        peer.write()
        peer.settle()
    lines = [line for line in env.a.new_log() if "net0" in line]
    ksft_eq(len(lines), 3, f"one line an epoch: {lines}")
    peer.comes_back("a wrong protocol")


@sampled(1)
@ksft_variants([KsftNamedVariant("incompatible", {"protocol": 3}, "rx_incompatible",
                                 "Incompatible peer: "),
                KsftNamedVariant("broken", {"wc": 5}, "rx_broken", "Peer broke the protocol: ")])
def test_log_is_limited(env, words, counter, line):
    peer = AccountedPeer(env)
    wanted = 2000 if env.long else 400
    # Whatever was said before, the kernel begins to count anew.
    unlimited(env.a)
    prepared(peer, words)
    peer.settle(anew=True)
    env.a.run(LIMIT)
    env.a.new_log()
    before = peer.counters()[counter]
    begin = time.monotonic()

    def counted() -> int:
        peer.epoch += 1
        peer.start(0)
        put(peer, {**words, "epoch": peer.epoch})
        return peer.counters()[counter] - before
    wait_for(lambda: counted() >= wanted, f"{wanted} refused epochs", pause=0)
    found = [text for text in env.a.new_log() if f"net0: {line}" in text]
    # The machine's clock may have been late when this one was read first, and be right now.
    seconds = time.monotonic() - begin + 1
    limit = BURST * (1 + int(seconds // INTERVAL))
    ksft_pr(f"{wanted} epochs in {seconds:.1f} s, {len(found)} lines of the log")
    ksft_gt(len(found), 0, "it is told")
    ksft_ge(limit, len(found), "lines")
    peer.settle(anew=True)
    peer.comes_back("many epochs")


@sampled(1)
@ksft_variants(variants(modes=(IP,), both=(IP,)))
def test_epochs_that_change_without_end(env, mode, interrupt):
    peer = AccountedPeer(env, mode, interrupt)
    peer.comes_back("nothing")
    before = peer.settle()
    wanted = 20_000 if env.long else 1_000
    changed = 0

    def followed() -> int:
        nonlocal changed
        # Sometimes faster than the reader reads, sometimes not.
        pause = 0.0002 if changed % 1000 else 0
        for _ in range(200):
            changed += 1
            peer.channel.epoch = changed
            peer.ring()
            if pause:
                time.sleep(pause)  # sleep: the pace of the attack
        # It answers meanwhile.
        return peer.look()[0]["rx_epochs"] - before["rx_epochs"]
    wait_for(lambda: followed() >= wanted, f"{wanted} epochs that are followed", pause=0)
    now = peer.settle(anew=True)
    grown = {name: now[name] - before[name] for name in ("rx_epochs", "rx_polls")}
    ksft_pr(f"{changed} epochs, {grown['rx_epochs']} of them followed in {grown['rx_polls']} polls")
    # Six turns, at most, in a poll.
    ksft_true(grown["rx_epochs"] <= 6 * grown["rx_polls"])
    # Each epoch that is followed has one packet, that of the honest peer.
    for name in ("rx_incompatible", "rx_broken", "rx_malformed", "rx_overruns"):
        ksft_eq(now[name], before[name], name)
    ksft_ge(grown["rx_epochs"], now["rx_packets"] - before["rx_packets"])
    ksft_eq(peer.look()[1], "active")
    peer.comes_back("epochs without end")


def test_noise(env):
    """Random words and bytes, for a while: the machine stays well."""
    rng = random.Random(env.seed(5))
    peer = AccountedPeer(env)
    noise = rng.randbytes(1 << 20)
    words = ("transport", "epoch", "protocol", "size", "elements", "wsc", "wc")
    values = (0, 1, 2, 8, 76, IP.size, IP.ring, 1 << 20, 1 << 32, 1 << 63, MAX)
    rounds = 1000 if env.long else 30
    wanted = ("rx_elements", "rx_malformed", "rx_incompatible", "rx_overruns")
    for number in peer.rounds(rounds, dict.fromkeys(wanted, 1)):
        peer.next_epoch()
        for _ in range(rng.randrange(200)):
            if rng.random() < 0.05:
                put(peer, {rng.choice(words): rng.choice(values)})
            else:
                at = rng.randrange(len(noise) - IP.size)
                peer.write(noise[at:at + rng.randrange(IP.size)])
                time.sleep(rng.choice((0, 0, 0.0003)))  # sleep: the pace of the attack
        peer.settle(anew=True)
        peer.comes_back(f"round {number}")
    now = peer.settle()
    ksft_pr(f"{number + 1} rounds: " +
            ", ".join(f"{name} {now[name]}" for name in hostile.EXACT if now[name]))
