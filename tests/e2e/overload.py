# SPDX-License-Identifier: GPL-2.0
"""A writer much faster than the reader: packets are lost, never made up."""

import json
import signal
import time

from rig import (DEADLINE, PAIR, README, V4, Peer, Script, TimedOut, Writer, ip_element, ksft_eq,
                 ksft_ge, ksft_gt, ksft_pr, ksft_true, stats, wait_counters, wait_for, wait_stats)
from rig.progress import WEIGHT, Polls
from rig.packets import numbered, udp4

SYSTEM = PAIR

PORT = 4000
PAYLOAD = 164
ELEMENT = 8 + 20 + 8 + PAYLOAD


def element(number: int) -> bytes:
    """An element with a numbered, checksummed datagram to a."""
    return ip_element(udp4(V4["b"], V4["a"], PORT, numbered(number, PAYLOAD)))


class Receiver:
    """
    receive.py in a machine, as a context; afterwards `got` is its report. The datagrams must be
    all that arrives there.
    """

    def __init__(self, machine):
        self.machine, self.got, self._program, self._before = machine, None, None, 0

    def _under_way(self) -> int:
        """Packets that the interface has received and that are not at their end yet."""
        lines = self.machine.get("/proc/net/snmp").decode().splitlines()
        names, values = [line.split()[1:] for line in lines if line.startswith("Udp:")]
        udp = dict(zip(names, map(int, values)))
        return self.machine.counters("net0")[0]["rx_packets"] - \
            udp["InDatagrams"] - udp["InErrors"] - udp["NoPorts"]

    def __enter__(self):
        self._before = self._under_way()
        self._program = self.machine.bkg(Script("/rig/receive.py", PORT), fail=True)
        self.machine.wait_listens(PORT, "udp")
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            wait_for(lambda: self._under_way() == self._before, "end of what is under way")
        self._program.process(terminate=True, timeout=DEADLINE)
        self.got = json.loads(self._program.stdout)


# Runs on one processor and counts its rounds; SIGUSR1 has it begin anew.
BUSY = """
import os, signal, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
rounds, running = 0, True
def anew(*_):
    global rounds
    rounds = 0
def end(*_):
    global running
    running = False
signal.signal(signal.SIGUSR1, anew)
signal.signal(signal.SIGTERM, end)
open(f"/run/busy.{sys.argv[1]}", "w").close()
while running:
    rounds += 1
print(rounds)
"""


class Busy:
    """A busy process on each of a machine's processors, as a context; afterwards `rounds`."""

    def __init__(self, machine):
        self.machine, self.rounds, self._programs = machine, [], []

    def __enter__(self):
        self.machine.put("/run/busy.py", BUSY.encode())
        processors = range(len(softnet(self.machine)))
        self.machine.run("rm -f /run/busy.?")
        self._programs = [self.machine.bkg(Script("/run/busy.py", n), fail=True)
                          for n in processors]
        self.machine.wait(f"[ $(ls /run/busy.? | wc -l) = {len(processors)} ]", "busy processes")
        return self

    def anew(self):
        """What was counted before does not matter."""
        for program in self._programs:
            program.proc.send_signal(signal.SIGUSR1)

    def __exit__(self, *_):
        for program in self._programs:
            program.process(terminate=True, timeout=DEADLINE)
            self.rounds.append(int(program.stdout))


def softnet(machine) -> list:
    """For each processor: packets that softirqs had, and how often they had enough for a while."""
    lines = machine.get("/proc/net/softnet_stat").decode().splitlines()
    return [(int(words[0], 16), int(words[2], 16)) for words in map(str.split, lines)]


def budgeted(machine) -> dict:
    """The counters: what a poll reads is bounded (each counts itself before its elements)."""
    got, _ = machine.counters("net0")
    ksft_ge(WEIGHT * got["rx_batches"], got["rx_elements"], "the budget")
    return got


def burst(writer: Writer, elements: bytes, at: int):
    """
    Writes elements that lie one after another in `elements` as one batch,
    number `at` first; the ring must not wrap within.
    """
    c = writer.channel
    count = len(elements) // ELEMENT
    slot = 64 + at % writer.elements * ELEMENT
    c.wsc = at + count
    c.map[slot:slot + len(elements)] = elements
    c.wc = at + count


def taken(machine) -> int:
    """Elements that the reader has dealt with."""
    counted = stats(machine)
    return counted["rx_packets"] + counted["rx_missed_errors"]


def test_newest_of_a_burst_arrive(env):
    writer = Peer(env, size=ELEMENT, parameters=README)
    writer.start(1)
    ring = writer.elements
    written = 3 * ring + ring // 2
    # The reader sees all of it appear at once: it can have only the newest ring.
    slots = {n % ring: element(n) for n in range(written - ring, written)}
    content = b"".join(slots[n] for n in range(ring))
    wait_counters(env.a, rx_epochs=1)
    with Receiver(env.a) as receiver:
        writer.channel.wsc = written
        writer.channel.map[64:64 + len(content)] = content
        writer.channel.wc = written
        wait_stats(env.a, rx_packets=ring)
    ksft_eq(receiver.got["bad"], 0)
    ksft_eq(receiver.got["numbers"], [[written - ring, written - 1]])
    counted = stats(env.a)
    ksft_eq(counted["rx_packets"], ring)
    ksft_eq(counted["rx_over_errors"], 1, "one overrun")
    ksft_eq(counted["rx_missed_errors"], written - ring, "lost elements")
    ksft_eq(counted["rx_frame_errors"], 0)
    ksft_eq(counted["rx_errors"], 1)


def test_flood(env):
    writer = Peer(env, size=ELEMENT, parameters=README)
    numbers = 4 * writer.elements
    made = b"".join(element(n) for n in range(numbers))
    writer.start(2)
    wait_counters(env.a, rx_epochs=1)
    batch, written = 64, 0
    polls = Polls(env.a, "net0")
    with Receiver(env.a) as receiver:
        with Busy(env.a) as busy, polls:
            before = softnet(env.a)
            busy.anew()
            begin = looked = time.monotonic()
            end, flooded = begin + (20 if env.long else 2), {}
            # Until there was both, an overrun and softirqs that had enough for a while.
            while not flooded or time.monotonic() < end:
                count = min(batch, writer.elements - written % writer.elements)
                first = written % numbers * ELEMENT
                burst(writer, made[first:first + count * ELEMENT], written)
                written += count
                if time.monotonic() > looked + 0.3:
                    looked = time.monotonic()
                    now = budgeted(env.a)
                    yielded = sum(had for _, had in softnet(env.a)) - sum(had for _, had in before)
                    flooded = now if now["rx_overruns"] and yielded else {}
                    if looked > begin + DEADLINE:
                        raise TimedOut(f"no overrun or softirq that yields in {DEADLINE} s: {now}")
            seconds = time.monotonic() - begin
            handled, yields = (sum(now - then for now, then in zip(*both)) for both in
                               zip(zip(*softnet(env.a)), zip(*before)))
        wait_for(lambda: taken(env.a) >= written, "end of what was written")
    budgeted(env.a)
    ksft_pr(f"{flooded['rx_elements'] / flooded['rx_batches']:.1f} elements a poll, {handled} "
            f"packets in softirqs, which yielded {yields} times; busy processes made "
            f"{busy.rounds} rounds")
    ksft_gt(yields, 0, "softirqs leave the processor to others")
    polls.check()
    # Whichever processor does the polls, it has a two-hundredth of the other's time for others.
    ksft_gt(200 * min(busy.rounds), max(busy.rounds), "a process on the same processor goes on")
    counted = stats(env.a)
    ksft_pr(f"{written / seconds / 1000:.0f} k elements/s written, "
            f"{counted['rx_packets'] / seconds / 1000:.0f} k/s read, "
            f"{receiver.got['received']} datagrams received")
    ksft_eq(receiver.got["bad"], 0, "none corrupted")
    ksft_gt(receiver.got["received"], 0)
    ksft_true(all(0 <= first and last < numbers for first, last in receiver.got["numbers"]),
              "every one was really sent")
    ksft_ge(counted["rx_packets"], receiver.got["received"])
    ksft_eq(counted["rx_packets"] + counted["rx_missed_errors"], written, "each read or missed")
    ksft_gt(counted["rx_over_errors"], 0, "there were overruns")
    ksft_eq(counted["rx_frame_errors"], 0)
    ksft_eq(counted["rx_errors"], counted["rx_over_errors"])

    # The flood has ended: the next packets arrive, all of them.
    with Receiver(env.a) as receiver:
        for n in range(100):
            burst(writer, element(n), written + n)
        wait_stats(env.a, rx_packets=counted["rx_packets"] + 100)
    ksft_eq(receiver.got["numbers"], [[0, 99]])
