# SPDX-License-Identifier: GPL-2.0
"""Traffic between two ends: ping, TCP streams and iperf3, with their results."""

import itertools
import json
import re
from dataclasses import dataclass

from .machine import Script
from .wait import DEADLINE, wait_for


@dataclass(frozen=True)
class End:
    """An end: a machine, or a network namespace in it, and its address."""
    machine: object
    address: str
    ns: str = ""

    def run(self, command: str, **options):
        """Runs a command in the end's namespace."""
        return self.machine.run(self.inside(command), **options)

    def wait_listens(self, port: int, protocol: str = "tcp"):
        """Waits until a socket listens on a port (TCP), or is bound to it (UDP)."""
        self.machine.wait_listens(port, protocol, self.ns)

    def script(self, path: str, *arguments) -> Script:
        """Returns a Python program, to be run in the end's namespace."""
        return Script(path, *arguments, ns=self.ns)

    def inside(self, command: str) -> str:
        """Returns the command with a prefix that runs it in the end's namespace."""
        return f"ip netns exec {self.ns} {command}" if self.ns else command


@dataclass(frozen=True)
class Ping:
    """The result of ping. `errors` are the messages on its standard error."""
    sent: int
    received: int
    average_ms: float
    errors: str = ""


# Seconds until an answer counts as lost. On the busiest machine none takes longer.
ANSWER_SECONDS = 100


def ping(source: End, target: End, options: str = "", count: int = 3) -> Ping:
    """
    Pings `count` times, each time after the answer to the last request. An answer may take
    long. A lost one costs ANSWER_SECONDS, so use this only where all must be answered.
    """
    once = f"ping -q -c 1 -W {ANSWER_SECONDS} {options} {target.address}"
    loop = f"i=0; while [ $i -lt {count} ]; do {once}; i=$((i + 1)); done"
    run = source.run(f"sh -c '{loop}'" if source.ns else loop, fail=False)
    out = run.stdout
    found = [int(received) for received in re.findall(r"transmitted, (\d+) received", out)]
    if len(found) != count:
        raise RuntimeError(f"ping: {out}{run.stderr}")
    times = [float(time) for time in re.findall(r"= [\d.]+/([\d.]+)/", out)]
    average = sum(times) / len(times) if times else 0.0
    return Ping(count, sum(found), average, run.stderr)


def ping_at_once(source: End, target: End, options: str) -> Ping:
    """
    Runs ping once, with these options. ping does not count late answers, so the result says
    nothing about loss: compare the interfaces' counters, or expect no answer at all.
    """
    run = source.run(f"ping -q {options} {target.address}", fail=False)
    counts = re.search(r"(\d+) packets transmitted, (\d+) received", run.stdout)
    if not counts:
        raise RuntimeError(f"ping: {run.stderr or run.stdout}")
    sent, received = map(int, counts.groups())
    times = re.search(r"= [\d.]+/([\d.]+)/", run.stdout)
    return Ping(sent, received, float(times.group(1)) if times else 0.0)


def unanswered(source: End, target: End, seconds: float = 0.3) -> bool:
    """Returns whether one ping gets no answer in this time (a busy machine may be late)."""
    return ping_at_once(source, target, f"-c 1 -W {seconds}").received == 0


def wait_answer(source: End, target: End):
    """
    Pings until one is answered. Each ping waits twice as long as the last one, so that a
    slow machine can answer.
    """
    seconds = (0.25 * 2 ** number for number in itertools.count())
    wait_for(lambda: not unanswered(source, target, next(seconds)),
             f"answer of {target.address}", pause=0)


def pingpong(source: End, target: End, count: int) -> dict:
    """Exchanges datagrams one at a time (guest/pingpong.py), and returns its output."""
    with target.machine.bkg(target.script("/rig/pingpong.py", "serve", 7)):
        target.wait_listens(7, "udp")
        player = source.script("/rig/pingpong.py", target.address, 7, count)
        out = source.machine.run(player).stdout
    return json.loads(out)


class Streaming:
    """
    A context with a TCP connection between two ends (guest/stream.py) that sends `size`
    bytes, or, if 0, until the context ends. At the end all bytes must have arrived as they
    were sent, or it raises. `received` is the number of bytes.
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
    """Sends bytes by TCP. Raises if not all arrive as they were sent."""
    with Streaming(source, target, size):
        pass


@dataclass(frozen=True)
class Stream:
    """The result of iperf3. Rates are those of the receiver in Mbit/s, one per interval."""
    rate: float
    intervals: list
    retransmits: int
    packets: int
    lost: int


def iperf3(source: End, target: End, options: str = "", seconds: float = 3) -> Stream:
    """Runs iperf3 from source to target. Raises if the run fails."""
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
    # The last interval may be too short to be meaningful.
    rates = [i["sum"]["bits_per_second"] / 1e6 for i in got["intervals"]
             if i["sum"]["seconds"] > 0.5]
    return Stream(total["bits_per_second"] / 1e6, rates,
                  retransmits(source) - before, total.get("packets", 0),
                  total.get("lost_packets", 0))


def retransmits(source: End) -> int:
    """Returns the number of TCP segments that this end has retransmitted."""
    out = source.run("cat /proc/net/snmp").stdout
    names, values = [line.split()[1:] for line in out.splitlines() if line.startswith("Tcp:")]
    return int(dict(zip(names, values))["RetransSegs"])
