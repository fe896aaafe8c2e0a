# SPDX-License-Identifier: GPL-2.0
"""A writer much faster than the reader: packets may be lost, but never corrupted."""

import json
import signal
import time

from rig import (DEADLINE, PAIR, README, V4, Peer, Script, TimedOut, Writer, ip_element, ksft_eq,
                 ksft_ge, ksft_gt, ksft_pr, ksft_true, stats, wait_counters, wait_for, wait_stats)
from rig.progress import WEIGHT
from rig.packets import numbered, udp4

SYSTEM = PAIR

PORT = 4000
PAYLOAD = 164
ELEMENT = 8 + 20 + 8 + PAYLOAD


def element(number: int) -> bytes:
    """Returns an element with a numbered datagram to a, with a checksum."""
    return ip_element(udp4(V4["b"], V4["a"], PORT, numbered(number, PAYLOAD)))


class Receiver:
    """
    A context that runs receive.py in a machine. Afterwards `got` is its report. No other
    datagrams may arrive.
    """

    def __init__(self, machine):
        self.machine, self.got, self._program, self._before = machine, None, None, 0

    def _in_flight(self) -> int:
        """Returns the number of packets that were received but have not reached a socket."""
        lines = self.machine.get("/proc/net/snmp").decode().splitlines()
        names, values = [line.split()[1:] for line in lines if line.startswith("Udp:")]
        udp = dict(zip(names, map(int, values)))
        return self.machine.counters("net0")[0]["rx_packets"] - \
            udp["InDatagrams"] - udp["InErrors"] - udp["NoPorts"]

    def __enter__(self):
        self._before = self._in_flight()
        self._program = self.machine.bkg(Script("/rig/receive.py", PORT), fail=True)
        self.machine.wait_listens(PORT, "udp")
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            wait_for(lambda: self._in_flight() == self._before, "delivery of all packets")
        self._program.process(terminate=True, timeout=DEADLINE)
        self.got = json.loads(self._program.stdout)


# Counts loops on one processor. SIGUSR1 resets the count.
BUSY = """
import os, signal, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
rounds, running = 0, True
def reset(*_):
    global rounds
    rounds = 0
def end(*_):
    global running
    running = False
signal.signal(signal.SIGUSR1, reset)
signal.signal(signal.SIGTERM, end)
open(f"/run/busy.{sys.argv[1]}", "w").close()
while running:
    rounds += 1
print(rounds)
"""


class Busy:
    """A context with a busy process on each processor; afterwards `rounds` are their counts."""

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

    def reset(self):
        """Resets the counts."""
        for program in self._programs:
            program.proc.send_signal(signal.SIGUSR1)

    def __exit__(self, *_):
        for program in self._programs:
            program.process(terminate=True, timeout=DEADLINE)
            self.rounds.append(int(program.stdout))


def softnet(machine) -> list:
    """Returns for each processor the packets and the time_squeeze of softirqs."""
    lines = machine.get("/proc/net/softnet_stat").decode().splitlines()
    return [(int(words[0], 16), int(words[2], 16)) for words in map(str.split, lines)]


def checked_counters(machine) -> dict:
    """Returns the counters, and checks the budget (a poll is counted before its elements)."""
    got, _ = machine.counters("net0")
    ksft_ge(WEIGHT * got["rx_batches"], got["rx_elements"], "the budget")
    return got


def burst(writer: Writer, elements: bytes, at: int):
    """
    Writes consecutive elements as one batch, the first with number `at`. The ring must not
    wrap within the batch.
    """
    c = writer.channel
    count = len(elements) // ELEMENT
    slot = 64 + at % writer.elements * ELEMENT
    c.wsc = at + count
    c.map[slot:slot + len(elements)] = elements
    c.wc = at + count


def accounted(machine) -> int:
    """Returns the number of elements that the reader has read or missed."""
    counted = stats(machine)
    return counted["rx_packets"] + counted["rx_missed_errors"]


def test_newest_of_a_burst_arrive(env):
    writer = Peer(env, size=ELEMENT, parameters=README)
    writer.start(1)
    ring = writer.elements
    written = 3 * ring + ring // 2
    # All elements become visible at once: the reader can get only the newest ring of them.
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
    with Receiver(env.a) as receiver:
        with Busy(env.a) as busy:
            before = softnet(env.a)
            busy.reset()
            begin = looked = time.monotonic()
            end, flooded = begin + (20 if env.long else 2), {}
            # Until there was an overrun, and a softirq that ended early (time_squeeze).
            while not flooded or time.monotonic() < end:
                count = min(batch, writer.elements - written % writer.elements)
                first = written % numbers * ELEMENT
                burst(writer, made[first:first + count * ELEMENT], written)
                written += count
                if time.monotonic() > looked + 0.3:
                    looked = time.monotonic()
                    now = checked_counters(env.a)
                    yielded = sum(had for _, had in softnet(env.a)) - sum(had for _, had in before)
                    flooded = now if now["rx_overruns"] and yielded else {}
                    if looked > begin + DEADLINE:
                        raise TimedOut(f"no overrun or softirq that yields in {DEADLINE} s: {now}")
            seconds = time.monotonic() - begin
            handled, yields = (sum(now - then for now, then in zip(*both)) for both in
                               zip(zip(*softnet(env.a)), zip(*before)))
        wait_for(lambda: accounted(env.a) >= written, "all elements, read or missed")
    checked_counters(env.a)
    ksft_pr(f"{flooded['rx_elements'] / flooded['rx_batches']:.1f} elements a poll, {handled} "
            f"packets in softirqs, which yielded {yields} times; busy processes made "
            f"{busy.rounds} rounds")
    ksft_gt(yields, 0, "softirqs yield the processor")
    # The processor that polls leaves a two-hundredth of the other one's time to processes.
    ksft_gt(200 * min(busy.rounds), max(busy.rounds), "progress of a process on the same processor")
    counted = stats(env.a)
    ksft_pr(f"{written / seconds / 1000:.0f} k elements/s written, "
            f"{counted['rx_packets'] / seconds / 1000:.0f} k/s read, "
            f"{receiver.got['received']} datagrams received")
    ksft_eq(receiver.got["bad"], 0, "none corrupted")
    ksft_gt(receiver.got["received"], 0)
    ksft_true(all(0 <= first and last < numbers for first, last in receiver.got["numbers"]),
              "all were sent")
    ksft_ge(counted["rx_packets"], receiver.got["received"])
    ksft_eq(counted["rx_packets"] + counted["rx_missed_errors"], written, "each read or missed")
    ksft_gt(counted["rx_over_errors"], 0, "there were overruns")
    ksft_eq(counted["rx_frame_errors"], 0)
    ksft_eq(counted["rx_errors"], counted["rx_over_errors"])

    # After the flood all packets arrive.
    with Receiver(env.a) as receiver:
        for n in range(100):
            burst(writer, element(n), written + n)
        wait_stats(env.a, rx_packets=counted["rx_packets"] + 100)
    ksft_eq(receiver.got["numbers"], [[0, 99]])
