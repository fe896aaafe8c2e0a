# SPDX-License-Identifier: GPL-2.0
"""
Measures muennet against veth inside the user-mode Linux, alternating between them, and prints

    result ROUND MEASURE LINK VALUE

    measure.py ROUNDS SECONDS
"""

import json
import re
import subprocess
import sys
import time

SIZES = 64, 512, 1500
PACKETS = 200000
# No interface has this address, so the stack of the receiver drops the packets.
UNUSED_MAC = "02:00:00:00:00:99"


def run(command: str) -> str:
    """Runs a shell command and returns its output."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"failed: {command}\n{done.stdout}{done.stderr}")
    return done.stdout


class Link:
    """Two interfaces, each in a network namespace of its name."""

    def __init__(self, number: int, left: str, right: str):
        self.names = left, right
        for index, name in enumerate(self.names):
            run(f"ip netns add {name} && ip link set {name} netns {name} && "
                f"ip -n {name} addr add 10.0.{number}.{index + 1}/24 dev {name}")
        self.target = f"10.0.{number}.2"

    def inside(self, index: int, command: str) -> str:
        """Runs a command in the namespace of one end."""
        return run(f"ip netns exec {self.names[index]} {command}")

    def set(self, state: str):
        """Sets both ends up or down."""
        for name in self.names:
            run(f"ip -n {name} link set {name} {state}")

    def received(self) -> int:
        """Returns the packets that the right end has received."""
        out = self.inside(1, f"ip -j -s link show {self.names[1]}")
        return json.loads(out)[0]["stats64"]["rx"]["packets"]


def iperf(link: Link, options: str, seconds: float) -> float:
    """Returns the throughput in Mbit/s, as received."""
    server = subprocess.Popen(["ip", "netns", "exec", link.names[1], "iperf3", "-s", "-1", "-J"],
                              stdout=subprocess.PIPE, text=True)
    # Wait until the server listens on port 5201.
    listens = f"ip netns exec {link.names[1]} grep -h ':1451 .* 0A ' /proc/net/tcp /proc/net/tcp6"
    while not subprocess.run(listens, shell=True, capture_output=True, check=False).stdout:
        time.sleep(0.02)  # sleep: the polling interval
    link.inside(0, f"iperf3 -c {link.target} -t {seconds} {options}")
    result = json.loads(server.communicate()[0])["end"]
    total = result.get("sum_received") or result["sum"]
    if not total.get("bits_per_second"):
        total = result["sum"]
    return total["bits_per_second"] / 1e6


def ping_flood(link: Link) -> float:
    """Returns the average round trip time in us."""
    out = link.inside(0, f"ping -q -f -c 3000 {link.target}")
    return float(re.search(r"= [\d.]+/([\d.]+)/", out).group(1)) * 1000


def pktgen(link: Link, size: int) -> tuple:
    """Sends packets of a size with pktgen. Returns (sent, received) in 1000/s."""
    where, device = "/proc/net/pktgen", link.names[0]
    lines = ["rem_device_all", f"add_device {device}"]
    lines = [f"echo {line} >{where}/kpktgend_0" for line in lines]
    lines += [f"echo {line} >{where}/{device}" for line in (
        f"count {PACKETS}", f"pkt_size {size}", "delay 0", f"dst_mac {UNUSED_MAC}",
        "dst 10.9.9.9", "flag NO_TIMESTAMP")]
    before = link.received()
    link.inside(0, "sh -c '" + "; ".join(lines) + f"; echo start >{where}/pgctrl'")
    # The write to pgctrl waits only for a thread that started within 125 ms.
    out = ""
    while not re.search(r"OK: \d+\(", out):
        time.sleep(0.1)  # sleep: the polling interval, then time to receive the last packets
        out = link.inside(0, f"cat {where}/{device}")
    passed = int(re.search(r"OK: (\d+)\(", out).group(1)) / 1e6
    sent = int(re.search(r"pkts-sofar: (\d+)", out).group(1))
    return sent / passed / 1000, (link.received() - before) / passed / 1000


def main(rounds: int, seconds: float):
    """Runs all measurements."""
    for names in ("v0", "v1"), ("w0", "w1"):
        run(f"ip link add {names[0]} type veth peer name {names[1]}")
    links = {"muennet": Link(0, "muen0", "muen1"), "veth-plain": Link(1, "v0", "v1"),
             "veth": Link(2, "w0", "w1"), "pause": Link(4, "muen4", "muen5"),
             "pause-extension": Link(5, "muen6", "muen7")}
    frames = {"muennet": Link(3, "muen2", "muen3"), "veth": links["veth"]}
    for index in (0, 1):
        links["veth-plain"].inside(index, f"ethtool -K v{index} tso off gso off gro off tx off "
                                          "rx off sg off")
    for number in range(rounds):
        for measure, get in (("tcp1", lambda l: iperf(l, "", seconds)),
                             ("udp64", lambda l: iperf(l, "-u -b 0 -l 64", seconds) * 1e3 / 512),
                             ("ping-flood", ping_flood)):
            for name, link in links.items():
                link.set("up")
                link.inside(0, f"ping -q -c 1 -W 2 {link.target}")
                print(f"result {number} {measure} {name} {get(link):.6g}", flush=True)
                link.set("down")
        for size in SIZES:
            for name, link in frames.items():
                link.set("up")
                time.sleep(0.1)  # sleep: the start of interfaces is not measured
                sent, received = pktgen(link, size)
                link.set("down")
                print(f"result {number} pktgen{size}-out {name} {sent:.6g}")
                print(f"result {number} pktgen{size}-in {name} {received:.6g}", flush=True)


main(int(sys.argv[1]), float(sys.argv[2]))
