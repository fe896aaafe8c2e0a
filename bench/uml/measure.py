# SPDX-License-Identifier: GPL-2.0
"""
Measures muennet against veth inside the user-mode Linux, in turns, and prints

    result ROUND GROUP.MEASURE CONTENDER VALUE

    measure.py ROUNDS SECONDS
"""

import json
import re
import subprocess
import sys
import time

SIZES = 64, 512, 1500
PACKETS = 200000
# Nobody has it: a packet ends where the receiver's stack begins.
NOBODY = "02:00:00:00:00:99"


def run(command: str) -> str:
    """Runs a shell command: what it printed."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"failed: {command}\n{done.stdout}{done.stderr}")
    return done.stdout


class Link:
    """Two interfaces, each in a namespace of its name."""

    def __init__(self, number: int, left: str, right: str):
        self.names = left, right
        for index, name in enumerate(self.names):
            run(f"ip netns add {name} && ip link set {name} netns {name} && "
                f"ip -n {name} addr add 10.0.{number}.{index + 1}/24 dev {name}")
        self.target = f"10.0.{number}.2"

    def inside(self, index: int, command: str) -> str:
        """Runs a command at one end."""
        return run(f"ip netns exec {self.names[index]} {command}")

    def set(self, state: str):
        """Sets both ends up or down."""
        for name in self.names:
            run(f"ip -n {name} link set {name} {state}")

    def received(self) -> int:
        """Packets that the right end has taken."""
        out = self.inside(1, f"ip -j -s link show {self.names[1]}")
        return json.loads(out)[0]["stats64"]["rx"]["packets"]


def iperf(link: Link, options: str, seconds: float) -> float:
    """Mbit/s as received."""
    server = subprocess.Popen(["ip", "netns", "exec", link.names[1], "iperf3", "-s", "-1", "-J"],
                              stdout=subprocess.PIPE, text=True)
    # Until it listens on port 5201.
    listens = f"ip netns exec {link.names[1]} grep -h ':1451 .* 0A ' /proc/net/tcp /proc/net/tcp6"
    while not subprocess.run(listens, shell=True, capture_output=True, check=False).stdout:
        time.sleep(0.02)  # sleep: between two looks
    link.inside(0, f"iperf3 -c {link.target} -t {seconds} {options}")
    got = json.loads(server.communicate()[0])["end"]
    total = got.get("sum_received") or got["sum"]
    if not total.get("bits_per_second"):
        total = got["sum"]
    return total["bits_per_second"] / 1e6


def flood(link: Link) -> float:
    """Round trip time in us, on average."""
    out = link.inside(0, f"ping -q -f -c 3000 {link.target}")
    return float(re.search(r"= [\d.]+/([\d.]+)/", out).group(1)) * 1000


def pktgen(link: Link, size: int) -> tuple:
    """Packets of a size from the kernel's generator: 1000/s (sent, received)."""
    where, device = "/proc/net/pktgen", link.names[0]
    lines = ["rem_device_all", f"add_device {device}"]
    lines = [f"echo {line} >{where}/kpktgend_0" for line in lines]
    lines += [f"echo {line} >{where}/{device}" for line in (
        f"count {PACKETS}", f"pkt_size {size}", "delay 0", f"dst_mac {NOBODY}",
        "dst 10.9.9.9", "flag NO_TIMESTAMP")]
    before = link.received()
    link.inside(0, "sh -c '" + "; ".join(lines) + f"; echo start >{where}/pgctrl'")
    # The write waits, but only for a thread that has begun within an eighth of a second.
    out = ""
    while not re.search(r"OK: \d+\(", out):
        time.sleep(0.1)  # sleep: between two looks, the last of which is for what is received
        out = link.inside(0, f"cat {where}/{device}")
    passed = int(re.search(r"OK: (\d+)\(", out).group(1)) / 1e6
    sent = int(re.search(r"pkts-sofar: (\d+)", out).group(1))
    return sent / passed / 1000, (link.received() - before) / passed / 1000


def main(rounds: int, seconds: float):
    """All measurements."""
    for names in ("v0", "v1"), ("w0", "w1"):
        run(f"ip link add {names[0]} type veth peer name {names[1]}")
    links = {"muennet": Link(0, "muen0", "muen1"), "veth-plain": Link(1, "v0", "v1"),
             "veth": Link(2, "w0", "w1")}
    frames = {"muennet": Link(3, "muen2", "muen3"), "veth": links["veth"]}
    for index in (0, 1):
        links["veth-plain"].inside(index, f"ethtool -K v{index} tso off gso off gro off tx off "
                                          "rx off sg off")
    for number in range(rounds):
        for measure, get in (("tcp1", lambda l: iperf(l, "", seconds)),
                             ("udp64", lambda l: iperf(l, "-u -b 0 -l 64", seconds) * 1e3 / 512),
                             ("ping-flood", flood)):
            for name, link in links.items():
                link.set("up")
                link.inside(0, f"ping -q -c 1 -W 2 {link.target}")
                print(f"result {number} {measure} {name} {get(link):.6g}", flush=True)
                link.set("down")
        for size in SIZES:
            for name, link in frames.items():
                link.set("up")
                time.sleep(0.1)  # sleep: what interfaces do at their start is not measured
                sent, got = pktgen(link, size)
                link.set("down")
                print(f"result {number} pktgen{size}-out {name} {sent:.6g}")
                print(f"result {number} pktgen{size}-in {name} {got:.6g}", flush=True)


main(int(sys.argv[1]), float(sys.argv[2]))
