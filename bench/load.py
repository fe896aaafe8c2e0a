# SPDX-License-Identifier: GPL-2.0
"""Generates loads between two ends (rig.End) and returns what they measured."""

import functools
import re
import subprocess
import tempfile
from pathlib import Path

from rig import ping_at_once
from rig.traffic import Stream, iperf3

GUEST = Path(__file__).parent / "guest"


@functools.cache
def program(name: str) -> bytes:
    """Compiles a program of guest/ and returns the binary."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / name
        subprocess.run(["gcc", "-O2", "-static", "-Wall", "-o", out, GUEST / f"{name}.c"],
                       check=True)
        return out.read_bytes()


def install(machine, name: str) -> str:
    """Copies a program to a machine and returns its path there."""
    path = f"/run/{name}"
    machine.put(path, program(name), 0o755)
    return path


def tcp_streams(source, target, seconds: float, streams: int = 1) -> Stream:
    """Runs TCP streams in parallel."""
    return iperf3(source, target, f"-P {streams}", seconds)


def tcp(source, target, seconds: float, streams: int = 1) -> float:
    """Returns the TCP throughput in Mbit/s, as received."""
    return tcp_streams(source, target, seconds, streams).rate


def udp(source, target, seconds: float, size: int) -> float:
    """Returns the datagrams that a program received, in 1000/s. The sender has no rate limit."""
    return iperf3(source, target, f"-u -b 0 -l {size}", seconds).rate * 1e3 / 8 / size


def missed(link) -> int:
    """Returns how many elements the interfaces of a link have missed since they were created."""
    return sum(end.machine.stats(device, end.ns)["rx_missed_errors"]
               for end, device in zip(link.ends, link.devices))


def ping_flood(source, target, count: int) -> float:
    """Returns the average round trip time in ms of pings without a pause between them."""
    got = ping_at_once(source, target, f"-f -c {count}")
    if got.received < count * 0.98:
        raise RuntimeError(f"{got.received} of {got.sent} pings were answered")
    return got.average_ms


def ping_idle(source, target, count: int) -> float:
    """Returns the average round trip time in ms of pings to an idle machine."""
    return ping_at_once(source, target, f"-c {count} -i 0.1").average_ms


def ping_busy(source, target, seconds: float) -> float:
    """Returns the average round trip time in ms during one TCP stream in the same direction."""
    count = int(seconds / 0.02)
    with source.machine.bkg(source.inside(f"ping -q -c {count} -i 0.02 {target.address}"),
                            exit_wait=True) as pings:
        iperf3(source, target, "", seconds)
    return float(re.search(r"= [\d.]+/([\d.]+)/", pings.stdout).group(1))


def tcp_rr(source, target, seconds: float, port: int = 7) -> float:
    """Returns the answered requests in 1000/s: one byte each way, one at a time (guest/rr.c)."""
    for machine in {source.machine, target.machine}:
        install(machine, "rr")
    with target.machine.bkg(target.inside(f"/run/rr serve {port}"), exit_wait=True):
        target.wait_listens(port)
        out = source.run(f"/run/rr {target.address} {port} {seconds}")
    return float(out.stdout) / 1000


def guest_cpu(machine) -> float:
    """Returns the seconds that the machine's processors were busy, by /proc/stat."""
    words = machine.run("head -n 1 /proc/stat").stdout.split()[1:]
    values = list(map(int, words))
    return (sum(values[:8]) - values[3] - values[4]) / 100
