# SPDX-License-Identifier: GPL-2.0
"""Traffic between two ends: ping and iperf3, and what they measured."""

import json
import re
from dataclasses import dataclass

from . import ksft


@dataclass(frozen=True)
class End:
    """One end: a machine, or a network namespace in it, and its address."""
    machine: object
    address: str
    ns: str = ""

    def run(self, command: str, **options):
        """Runs a command at this end."""
        return self.machine.run(self.inside(command), **options)

    def inside(self, command: str) -> str:
        """The command as it has to be typed in the machine."""
        return f"ip netns exec {self.ns} {command}" if self.ns else command


@dataclass(frozen=True)
class Ping:
    """What ping counted."""
    sent: int
    received: int
    average_ms: float


def ping(source: End, target: End, options: str = "-c 3", timeout: float = 60) -> Ping:
    """Pings; loss is for the caller to judge."""
    out = source.run(f"ping -q {options} {target.address}", fail=False, timeout=timeout).stdout
    sent, received = map(int, re.search(r"(\d+) packets transmitted, (\d+) received",
                                        out).groups())
    times = re.search(r"= [\d.]+/([\d.]+)/", out)
    return Ping(sent, received, float(times.group(1)) if times else 0.0)


def pingpong(source: End, target: End, count: int) -> dict:
    """Datagrams, the next when one is answered (guest/pingpong.py): what it printed."""
    with target.machine.bkg("exec " + target.inside("python3 -I -S /rig/pingpong.py serve 7")):
        target.run("sh -c 'i=0; until grep -q :0007 /proc/net/udp || [ $i -gt 100 ]; "
                   "do sleep 0.1; i=$((i+1)); done'")
        out = source.run(f"python3 -I -S /rig/pingpong.py {target.address} 7 {count}",
                         timeout=300).stdout
    return json.loads(out)


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
    before = _retransmits(source)
    server = target.inside("iperf3 -s -1 -J")
    with target.machine.bkg(server, exit_wait=True) as served:
        ksft.wait_port_listen(5201, host=target.machine, ns=target.ns or None, deadline=20)
        source.run(f"iperf3 -c {target.address} -t {seconds} --connect-timeout 10000 "
                   f"{options}",
                   timeout=seconds + 60)
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
                  _retransmits(source) - before, total.get("packets", 0), total.get("lost_packets", 0))


def _retransmits(source: End) -> int:
    """TCP segments sent again, of this end since it was created."""
    out = source.run("cat /proc/net/snmp").stdout
    names, values = [line.split()[1:] for line in out.splitlines() if line.startswith("Tcp:")]
    return int(dict(zip(names, values))["RetransSegs"])
