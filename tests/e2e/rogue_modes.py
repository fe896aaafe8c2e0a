# SPDX-License-Identifier: GPL-2.0
"""
A rogue writer in all modes, polled and by interrupt: words and bytes of a running channel
change at random, by a seed. Whenever the honest peer comes back, the first poll that
finds its epoch must deliver its packet.

tests/fuzz does the same with the reader alone, a thousand times faster. These tests
include the stack, NAPI, the poller and the interrupt.
"""

import random
import time

from e2e import hostile
from e2e.hostile import EXACT, MAX, AccountedPeer, variants
from e2e.hostile.rogue import Rogue
from e2e.pause import SENDER
from rig import (V4, KsftNamedVariant, Script, ksft_eq, ksft_pr, ksft_variants, sampled,
                 wait_counters, wait_for)

SYSTEM = hostile.SYSTEM

SEED = 96
CHANGES = 1000


@sampled(3)
@ksft_variants(variants())
def test_attacked(env, mode, interrupt):
    rng = random.Random(env.seed(SEED))
    peer = AccountedPeer(env, mode, interrupt)
    rogue = Rogue(peer, rng)
    rounds = 100 if env.long else 4
    # The minimum counts that show that the attacks took effect. A raw element is always valid.
    least = {"rx_packets": 10, "rx_elements": 100, "rx_epochs": 10, "rx_incompatible": 2,
             "rx_broken": 2, "rx_overruns": 1, "rx_malformed": 10 * (mode is not hostile.RAW)}
    least = {name: count * (1 + rounds // 20) for name, count in least.items()}
    for number in peer.rounds(rounds, least):
        peer.next_epoch()
        # At several rates: as fast as possible, some changes per poll, about one per poll.
        pause = (0, 0.00001, 0.0003, 0)[number % 4]
        for _ in range(CHANGES):
            rogue.change()
            if pause:
                time.sleep(pause)  # sleep: the pace of the attack
        peer.settle(reset=True)
        peer.recovers(f"round {number}")
    now = peer.settle()
    ksft_pr("attacks tried by kind: " +
            ", ".join(f"{kind} {count}" for kind, count in sorted(rogue.tried.items())))
    ksft_pr("counted: " + ", ".join(f"{name} {now[name]}" for name in EXACT if now[name]))


@ksft_variants([KsftNamedVariant("polled", False), KsftNamedVariant("interrupt", True)])
def test_attacked_while_sending(env, interrupt):
    """
    With flow control, while the interface sends as fast as it can: the reports are attacked as
    everything else. All packets are sent, and the interface obeys its user.
    """
    rng = random.Random(env.seed(SEED))
    peer = AccountedPeer(env, hostile.PAUSE, interrupt)
    rogue = Rogue(peer, rng)
    env.a.put("/run/sender.py", SENDER.encode())
    # A few rings in each round. The debug kernel takes 6 ms for a packet.
    rounds, count = (40, 20_000) if env.long else (4, 3_000)

    def received(packets: int) -> bool:
        """The honest peer comes back, and goes on until a packet is received."""
        peer.write()
        peer.ring()
        return peer.counters()["rx_packets"] > packets
    for number in peer.rounds(rounds, {"tx_paused": 1}):
        before = peer.counters()["tx_packets"]
        with env.a.bkg(Script("/run/sender.py", count, V4["b"]), exit_wait=True) as sender:
            while sender.proc.poll() is None:
                for _ in range(CHANGES):
                    rogue.change()
        # The last ones may still wait in the queueing discipline.
        wait_counters(env.a, tx_packets=before + count)
        peer.next_epoch()
        packets = peer.counters()["rx_packets"]
        wait_for(lambda packets=packets: received(packets), "packet of an honest epoch", pause=0)
        env.a.run(("ip link set net0 mtu 1400", "ip link set net0 mtu 1500",
                   "ip link set net0 down && ip link set net0 up")[number % 3])
    found = peer.counters()
    ksft_pr(", ".join(f"{kind} {tried}" for kind, tried in sorted(rogue.tried.items())) +
            "".join(f", {name} {value}" for name, value in found.items() if "pause" in name))


@sampled(1)
@ksft_variants(variants(modes=(hostile.IP,), both=(hostile.IP,)))
def test_replay_of_a_ring(env, mode, interrupt):
    """With `wc` beyond any count and `wsc` at 0, a naive reader would read the ring for ever."""
    peer = AccountedPeer(env, mode, interrupt)
    for wc in (1 << 40, MAX):
        peer.next_epoch()
        peer.ring()
        peer.expect("an epoch", "active", rx_epochs=1)
        peer.channel.wc = wc
        peer.ring()
        peer.expect("wc beyond wsc", "broken", rx_broken=1)
        peer.settle()
        peer.recovers(f"wc={wc:#x}")


@sampled(1)
@ksft_variants(variants(modes=(hostile.IP,), both=(hostile.IP,)))
def test_header_changes_while_interrupts_come_again(env, mode, interrupt):
    """Writes an element, and makes another change during its poll or at the end of the poll."""
    rng = random.Random(env.seed(SEED))
    peer = AccountedPeer(env, mode, interrupt)
    times = 5000 if env.long else 200
    # The honest peer comes back each tenth time, with a packet.
    least = {"rx_packets": times // 5, "rx_broken": times // 100}
    for number in peer.rounds(times // 10, least):
        for _ in range(10):
            peer.next_epoch()
            peer.write()
            peer.ring()
            end = time.monotonic() + rng.random() * 0.002
            while time.monotonic() < end:
                pass
            # One change makes the reader stop reading the epoch, the other one makes it poll again.
            if rng.random() < 0.5:
                peer.channel.wc = rng.getrandbits(64)
            else:
                peer.write()
            if rng.random() < 0.5:
                peer.ring()
        peer.settle(reset=True)
        peer.recovers(f"{number}")
    now = peer.settle()
    ksft_pr(f"{10 * (number + 1)} times: " +
            ", ".join(f"{name} {now[name]}" for name in EXACT if now[name]))
    ksft_eq(now["rx_malformed"], 0)
