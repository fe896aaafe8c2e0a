# SPDX-License-Identifier: GPL-2.0
"""
A writer that breaks the protocol of the channel. The reader must stay inside its region,
count what it saw, log it at a limited rate, and work again with the next honest epoch.
The tables of hostile/headers.py have the outcome of each header.
"""

import random
import time

from e2e import hostile
from e2e.hostile import IP, MAX, OFFLOAD, AccountedPeer, headers, variants
from rig import (KsftNamedVariant, defer, ksft_eq, ksft_ge, ksft_gt, ksft_pr, ksft_true,
                 ksft_variants, sampled, wait_for)

SYSTEM = hostile.SYSTEM

# The maximum number of log lines in this number of seconds (net_ratelimit).
BURST, INTERVAL = 10, 5
LIMIT = f"echo {INTERVAL} >/proc/sys/net/core/message_cost"


def write_words(peer: AccountedPeer, words: dict):
    """Writes words of the header, in their order, and raises the vector."""
    for word, value in words.items():
        setattr(peer.channel, word, value)
    peer.ring()


def start_with(peer: AccountedPeer, words: dict):
    """Writes a header that is valid except for these words, and then its epoch."""
    peer.start(0)
    peer.epoch += 1
    write_words(peer, {**words, "epoch": words.get("epoch", peer.epoch)})


def attack(peer: AccountedPeer, row: headers.Row):
    """Writes the words of a row during an epoch, and kept for the outcome."""
    if "rx_overruns" in row.outcome.counted:
        peer.wipe()
    write_words(peer, row.words)
    peer.expect(row.name, row.outcome.state, **row.outcome.counted)


def at_start(peer: AccountedPeer, share: slice):
    """Tries each row at the start of an epoch."""
    for row in headers.before_an_epoch(peer.mode)[share]:
        peer.wipe()
        write_words(peer, {"epoch": 0})
        peer.expect(f"before {row.name}", "inactive")
        start_with(peer, row.words)
        peer.expect(row.name, row.outcome.state, **row.outcome.counted)
        peer.recovers(row.name)
        yield


def while_running(peer: AccountedPeer, share: slice):
    """Tries each row within an epoch of which one packet has been read."""
    read = len(peer.mode.packet)
    for row in headers.within_an_epoch(peer.mode, peer.interrupt, read, {"rx_packets": 1})[share]:
        peer.recovers(f"the row before {row.name}")
        attack(peer, row)
        if row.outcome.received or row.outcome.state != "active":
            peer.write()
            peer.ring()
        if row.outcome.received:
            peer.expect(row.name, "active", rx_packets=1, rx_elements=read)
        yield


def within_a_packet(peer: AccountedPeer, share: slice):
    """Tries each row within an epoch of which one piece of a packet has been read."""
    first, *rest = peer.mode.packet
    for row in headers.within_an_epoch(peer.mode, peer.interrupt, 1, {"rx_incomplete": 1})[share]:
        peer.next_epoch()
        peer.write(first)
        peer.ring()
        peer.expect(f"before {row.name}", "active", rx_epochs=1, rx_elements=1)
        counted = row.outcome.counted
        # Otherwise the driver drops the incomplete packet.
        kept = row.outcome.state == "active" and "rx_elements" not in counted
        peer.account["rx_incomplete"] += not kept and "rx_incomplete" not in counted
        attack(peer, row)
        if row.outcome.received:
            peer.write(*rest)
            peer.ring()
            peer.expect(row.name, "active", rx_packets=1, rx_elements=len(rest))
        elif kept:
            write_words(peer, {"epoch": 0})
            peer.expect(row.name, "inactive", rx_incomplete=1)
        peer.recovers(row.name)
        yield


def while_waiting(peer: AccountedPeer, words: dict, outcome, again, interval: int):
    """
    Tries each row within an epoch that the reader does not follow: only its end matters. With
    an interrupt the reader checks each value, with the timer it does not. The honest peer
    comes back after each row with another epoch, and after each `interval`th of the others.
    """
    fresh = False
    for number, row in enumerate(headers.before_an_epoch(peer.mode)):
        epoch = "epoch" in row.words
        if epoch or not fresh:
            start_with(peer, words)
            peer.expect("an epoch that is not followed", outcome.state, **outcome.counted)
            peer.settle()
            fresh = True
        polls = peer.polls
        write_words(peer, row.words)
        if peer.interrupt:
            wait_for(lambda: peer.counters()["rx_polls"] > polls, "poll", pause=0)
        peer.expect(row.name, again(row).state, **again(row).counted)
        ksft_true(peer.interrupt or epoch or peer.polls == polls, "no poll for it")
        if epoch or number % interval == 0:
            peer.recovers(row.name)
            fresh = False
        yield
    peer.recovers("an epoch that was not followed")


def while_down(peer: AccountedPeer, share: slice):
    """Tries each row while the interface is down. The outcome follows when it is up again."""
    for row in headers.before_an_epoch(peer.mode)[share]:
        peer.machine.run("ip link set net0 down")
        start_with(peer, row.words)
        peer.expect(row.name, "unknown (down)")
        peer.machine.run("ip link set net0 up")
        peer.ring()
        peer.expect(row.name, headers.joined(row).state, **headers.joined(row).counted)
        peer.recovers(row.name)
        yield


@sampled(3)
@ksft_variants(variants())
def test_headers(env, mode, interrupt):
    """
    Each header word at its boundaries in each state: counters, and the state of the peer. A
    short run tries all rows in IP mode, except while the interface is down, and a share of
    them in the other modes.
    share in the others.
    """
    peer = AccountedPeer(env, mode, interrupt)
    every = slice(None)
    share = every if env.long or mode is IP else slice(0, None, 4)
    interval = 1 if env.long else 8
    states = {"at start": at_start(peer, share), "while running": while_running(peer, share)}
    if mode is OFFLOAD:
        states["within a packet"] = within_a_packet(peer, every if env.long else slice(0, None, 2))
    states["while refused"] = while_waiting(peer, {"protocol": 3}, headers.REFUSED,
                                            headers.refused_again, interval)
    states["while broken"] = while_waiting(peer, {"wc": 5}, headers.BROKEN_AT_ONCE,
                                           headers.broken_again, interval)
    states["while down"] = while_down(
        peer, every if env.long else slice(interrupt, None, 6 if mode is IP else 24))
    done = {name: sum(1 for _ in rows) for name, rows in states.items()}
    peer.recovers("all")
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
    # Only another epoch ends the state.
    peer.channel.wc = 10
    peer.write()
    ksft_eq(peer.settle()["rx_broken"], 1)
    peer.recovers("a counter that ran back")


def unlimited(machine):
    """Turns the rate limit of the kernel's log lines off, until the end of the test."""
    defer(machine.run, LIMIT)
    machine.run("echo 0 >/proc/sys/net/core/message_cost")


def test_wrong_protocol_is_reported_once(env):
    peer = AccountedPeer(env)
    unlimited(env.a)
    env.a.new_log()
    for _ in range(3):
        start_with(peer, {"protocol": 3})
        peer.expect("a wrong protocol", "incompatible", rx_incompatible=1)
        peer.write()
        peer.settle()
    lines = [line for line in env.a.new_log() if "net0" in line]
    ksft_eq(len(lines), 3, f"one line an epoch: {lines}")
    peer.recovers("a wrong protocol")


@sampled(1)
@ksft_variants([KsftNamedVariant("incompatible", {"protocol": 3}, "rx_incompatible",
                                 "Incompatible peer: "),
                KsftNamedVariant("broken", {"wc": 5}, "rx_broken",
                                 "Peer violates the protocol, ")])
def test_log_is_limited(env, words, counter, line):
    peer = AccountedPeer(env)
    wanted = 2000 if env.long else 400
    # Resets the count of the kernel's rate limit.
    unlimited(env.a)
    start_with(peer, words)
    peer.settle(reset=True)
    env.a.run(LIMIT)
    env.a.new_log()
    before = peer.counters()[counter]
    begin = time.monotonic()

    def counted() -> int:
        peer.epoch += 1
        peer.start(0)
        write_words(peer, {**words, "epoch": peer.epoch})
        return peer.counters()[counter] - before
    wait_for(lambda: counted() >= wanted, f"{wanted} refused epochs", pause=0)
    found = [text for text in env.a.new_log() if f"net0: {line}" in text]
    # The machine's clock may have lagged at the first reading and caught up since.
    seconds = time.monotonic() - begin + 1
    limit = BURST * (1 + int(seconds // INTERVAL))
    ksft_pr(f"{wanted} epochs in {seconds:.1f} s, {len(found)} lines of the log")
    ksft_gt(len(found), 0, "logged")
    ksft_ge(limit, len(found), "lines")
    peer.settle(reset=True)
    peer.recovers("many epochs")


@sampled(1)
@ksft_variants(variants(modes=(IP,), both=(IP,)))
def test_epochs_that_change_without_end(env, mode, interrupt):
    peer = AccountedPeer(env, mode, interrupt)
    peer.recovers("nothing")
    before = peer.settle()
    wanted = 20_000 if env.long else 1_000
    changed = 0

    def followed() -> int:
        nonlocal changed
        # Sometimes faster than the reader, sometimes not.
        pause = 0.0002 if changed % 1000 else 0
        for _ in range(200):
            changed += 1
            peer.channel.epoch = changed
            peer.ring()
            if pause:
                time.sleep(pause)  # sleep: the pace of the attack
        # The machine still answers.
        return peer.state()[0]["rx_epochs"] - before["rx_epochs"]
    wait_for(lambda: followed() >= wanted, f"{wanted} epochs that are followed", pause=0)
    now = peer.settle(reset=True)
    grown = {name: now[name] - before[name] for name in ("rx_epochs", "rx_polls")}
    ksft_pr(f"{changed} epochs, {grown['rx_epochs']} of them followed in {grown['rx_polls']} polls")
    # A poll follows at most six epochs.
    ksft_true(grown["rx_epochs"] <= 6 * grown["rx_polls"])
    # Each epoch that was followed has one packet, that of the honest peer.
    for name in ("rx_incompatible", "rx_broken", "rx_malformed", "rx_overruns"):
        ksft_eq(now[name], before[name], name)
    ksft_ge(grown["rx_epochs"], now["rx_packets"] - before["rx_packets"])
    ksft_eq(peer.state()[1], "active")
    peer.recovers("epochs without end")


def test_noise(env):
    """Random header words and bytes do not harm the machine."""
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
                write_words(peer, {rng.choice(words): rng.choice(values)})
            else:
                at = rng.randrange(len(noise) - IP.size)
                peer.write(noise[at:at + rng.randrange(IP.size)])
                time.sleep(rng.choice((0, 0, 0.0003)))  # sleep: the pace of the attack
        peer.settle(reset=True)
        peer.recovers(f"round {number}")
    now = peer.settle()
    ksft_pr(f"{number + 1} rounds: " +
            ", ".join(f"{name} {now[name]}" for name in hostile.EXACT if now[name]))
