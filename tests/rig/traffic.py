# SPDX-License-Identifier: GPL-2.0
"""Traffic between two ends: ping, TCP streams and iperf3, and what they measured."""

import itertools
import json
import re
from dataclasses import dataclass

from .machine import Script
from .wait import DEADLINE, wait_for


@dataclass(frozen=True)
class End:
    """One end: a machine, or a network namespace in it, and its address."""
    machine: object
    address: str
    ns: str = ""

    def run(self, command: str, **options):
        """Runs a command at this end."""
        return self.machine.run(self.inside(command), **options)

    def wait_listens(self, port: int, protocol: str = "tcp"):
        """Waits until a socket listens on a port (TCP), or is bound to it (UDP)."""
        self.machine.wait_listens(port, protocol, self.ns)

    def script(self, path: str, *arguments) -> Script:
        """A Python program at this end."""
        return Script(path, *arguments, ns=self.ns)

    def inside(self, command: str) -> str:
        """The command as it has to be typed in the machine."""
        return f"ip netns exec {self.ns} {command}" if self.ns else command


@dataclass(frozen=True)
class Ping:
    """What ping counted."""
    sent: int
    received: int
    average_ms: float


# Seconds until an answer is lost: no machine is so busy that one takes longer.
ANSWER = 100


def ping(source: End, target: End, options: str = "", count: int = 3) -> Ping:
    """
    Pings, the next when one is answered. How long an answer takes does not matter; one
    that does not come costs ANSWER seconds, so this is for what must be answered.
    """
    once = f"ping -q -c 1 -W {ANSWER} {options} {target.address}"
    loop = f"i=0; while [ $i -lt {count} ]; do {once}; i=$((i + 1)); done"
    run = source.run(f"sh -c '{loop}'" if source.ns else loop, fail=False)
    out = run.stdout
    found = [int(received) for received in re.findall(r"transmitted, (\d+) received", out)]
    if len(found) != count:
        raise RuntimeError(f"ping: {out}{run.stderr}")
    times = [float(time) for time in re.findall(r"= [\d.]+/([\d.]+)/", out)]
    return Ping(count, sum(found), sum(times) / len(times) if times else 0.0)


def ping_at_once(source: End, target: End, options: str) -> Ping:
    """
    One run of ping with these options. An answer that comes late is not counted, so the
    result says nothing about loss: count by the interfaces, or expect no answer at all.
    """
    run = source.run(f"ping -q {options} {target.address}", fail=False)
    counts = re.search(r"(\d+) packets transmitted, (\d+) received", run.stdout)
    if not counts:
        raise RuntimeError(f"ping: {run.stderr or run.stdout}")
    sent, received = map(int, counts.groups())
    times = re.search(r"= [\d.]+/([\d.]+)/", run.stdout)
    return Ping(sent, received, float(times.group(1)) if times else 0.0)


def unanswered(source: End, target: End, seconds: float = 0.3) -> bool:
    """Whether one ping gets no answer in this time (on a busy machine it may be late)."""
    return ping_at_once(source, target, f"-c 1 -W {seconds}").received == 0


def wait_answer(source: End, target: End):
    """
    Pings until one is answered. Each waits twice as long as the one before, so that a slow
    machine can answer.
    """
    seconds = (0.25 * 2 ** number for number in itertools.count())
    wait_for(lambda: not unanswered(source, target, next(seconds)),
             f"answer of {target.address}", pause=0)


def pingpong(source: End, target: End, count: int) -> dict:
    """Datagrams, the next when one is answered (guest/pingpong.py): what it printed."""
    with target.machine.bkg(target.script("/rig/pingpong.py", "serve", 7)):
        target.wait_listens(7, "udp")
        play = source.script("/rig/pingpong.py", target.address, 7, count)
        out = source.machine.run(play).stdout
    return json.loads(out)


class Streaming:
    """
    A TCP connection between two ends, as a context, at whose end all of it has arrived:
    `size` bytes, or, if 0, what was sent until then (guest/stream.py). `received` says how
    much that is. Raises if not every byte is the one that was sent.
    """

    def __init__(self, source: End, target: End, size: int = 0, port: int = 5000):
        self._source, self._target, self._size, self._port = source, target, size, port
        self._served = self._sender = None
        self.received = 0

    @staticmethod
    def _start(end: End, *arguments):
        return end.machine.bkg(end.script("/rig/stream.py", *arguments), fail=True)

    def __enter__(self):
        to = self._target.address, self._port
        self._served = self._start(self._target, "serve", *to)
        self._target.wait_listens(self._port)
        self._sender = self._start(self._source, "send", *to, self._size)
        return self

    def __exit__(self, kind, *_):
        if kind:
            for program in (self._sender, self._served):
                if program:
                    program.process(terminate=True, fail=False)
            return
        self._sender.process(terminate=not self._size, fail=True, timeout=DEADLINE)
        self._served.process(terminate=False, fail=True, timeout=DEADLINE)
        sent, got = (json.loads(it.stdout) for it in (self._sender, self._served))
        if got != {"received": sent["sent"], "intact": True}:
            raise RuntimeError(f"TCP stream: {sent}, {got}")
        self.received = got["received"]


def stream(source: End, target: End, size: int = 4 << 20):
    """Sends bytes by TCP: all arrive, as they were sent, or it raises."""
    with Streaming(source, target, size):
        pass


@dataclass(frozen=True)
class Stream:
    """What iperf3 measured; rates in Mbit/s, as received, one per interval."""
    rate: float
    intervals: list
    retransmits: int
    packets: int
    lost: int


def iperf3(source: End, target: End, options: str = "", seconds: float = 3) -> Stream:
    """One iperf3 run from source to target. Raises when the run fails."""
    before = retransmits(source)
    server = target.inside("iperf3 -s -1 -J")
    with target.machine.bkg(server, exit_wait=True) as served:
        target.wait_listens(5201)
        source.run(f"iperf3 -c {target.address} -t {seconds} {options}")
    got = json.loads(served.stdout)
    if "error" in got:
        raise RuntimeError(f"iperf3: {got['error']}")
    end = got["end"]
    total = end.get("sum", end.get("sum_received"))
    if "sum_received" in end and end["sum_received"].get("bits_per_second"):
        total = end["sum_received"]
    # The last interval may be a fraction of one; it says nothing.
    rates = [i["sum"]["bits_per_second"] / 1e6 for i in got["intervals"]
             if i["sum"]["seconds"] > 0.5]
    return Stream(total["bits_per_second"] / 1e6, rates,
                  retransmits(source) - before, total.get("packets", 0),
                  total.get("lost_packets", 0))


def retransmits(source: End) -> int:
    """TCP segments sent again, of this end since it was created."""
    out = source.run("cat /proc/net/snmp").stdout
    names, values = [line.split()[1:] for line in out.splitlines() if line.startswith("Tcp:")]
    return int(dict(zip(names, values))["RetransSegs"])
