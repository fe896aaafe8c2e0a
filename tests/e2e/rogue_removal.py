# SPDX-License-Identifier: GPL-2.0
"""
A rogue writer while the module is loaded and unloaded, the interface goes up and down, or
children and marks are added and deleted.
"""

import random
import re
import time
from collections import Counter

from e2e import hostile, netlink
from e2e.hostile import IP, AccountedPeer, parameters
from e2e.hostile.rogue import Rogue
from rig import V4, defer, ip_element, ksft_eq, ksft_ge, ksft_pr, up, wait_for
from rig.packets import udp4

SYSTEM = hostile.SYSTEM

SEED = 31
# Loads the driver, waits for attacks in two of three rounds, prints its counters, and unloads
# it, in every other round without setting the interface down.
LOADS = """
set -e
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
attacked() {{
    ethtool -S net0 >/run/counted
    grep -q 'rx_malformed: [1-9]' /run/counted &&
        grep -qE 'rx_(broken|incompatible): [1-9]' /run/counted
}}
i=0
while [ $i -lt $1 ]; do
    modprobe muennet {parameters}
    ip link set net0 up
    until [ $((i % 3)) = 0 ] || attacked; do :; done
    ethtool -S net0
    [ $((i % 2)) = 0 ] || ip link set net0 down
    rmmod muennet
    i=$((i + 1))
done
echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6
echo "done: $i"
"""


def test_loads_and_unloads(env):
    peer = AccountedPeer(env)
    rng = random.Random(env.seed(SEED))
    rogue = Rogue(peer, rng)
    loads = 300 if env.long else 6
    env.a.run("rmmod muennet")
    env.a.put("/run/loads", LOADS.format(parameters=parameters(IP)).encode())
    with env.a.bkg(f"sh /run/loads {loads}", fail=True) as running:
        while running.proc.poll() is None:
            peer.next_epoch()
            for _ in range(100):
                rogue.change()
                time.sleep(0.0002)  # sleep: the pace of the attack
    counted: Counter = Counter()
    for name, value in re.findall(r"^ *(\w+): (\d+)$", running.stdout, re.M):
        counted[name] += int(value)
    ksft_eq(counted["done"], loads)
    ksft_pr(f"{loads} loads, {sum(rogue.tried.values())} attacks; " +
            ", ".join(f"{name} {counted[name]}" for name in hostile.EXACT if counted[name]))
    # Two of three loads were attacked.
    ksft_ge(counted["rx_malformed"], loads * 2 // 3)
    ksft_ge(counted["rx_broken"] + counted["rx_incompatible"], loads * 2 // 3)
    peer.channel.epoch = 0
    env.a.run(f"modprobe muennet {parameters(IP)}")
    up(env.a, quiet=True)
    peer.settle(reset=True)
    peer.recovers("loads and unloads")


class MarkedRogue(Rogue):
    """A rogue writer whose packets have random marks, also those of children."""

    KINDS = {**Rogue.KINDS, "marked packets": 60}
    # The marks of netlink/stress.py, and others.
    MARKS = [*((n << 12) + k for n in range(1, 6) for k in range(6)), 0, 1, 24, 0xffffffff]

    def _marked_packets(self):
        data = udp4(V4["b"], V4["a"], 9, bytes(100))
        self.peer.write(*(ip_element(data, self.rng.choice((*self.MARKS, self.rng.getrandbits(32))))
                          for _ in range(self.rng.randrange(1, 10))))


def test_children_and_marks(env):
    peer = AccountedPeer(env)
    netlink.install(env.a)
    answers = netlink.ask(
        env.a, {"do": "child-add", "attrs": {"parent-ifname": "net0", "ifname": "child0"}},
        {"do": "mark-add", "attrs": {"ifname": "child0", "mark": 24}})
    ksft_eq({answer["errno"] for answer in answers}, {""})
    env.a.run("ip link set child0 up")
    # Rules that count packets which must not arrive at an interface. The last one counts the
    # packets to the children of stress.py.
    rules = [f"-i s{n}+ -m mark ! --mark {n << 12}/0xffff000 -m mark ! --mark {5 << 12}"
             for n in (1, 2)] + ["-i child0 -m mark ! --mark 24", "-i net0 -m mark --mark 24",
                                 "-i s+"]
    defer(env.a.run, "iptables -t mangle -F PREROUTING")
    env.a.run("".join(f"iptables -t mangle -A PREROUTING {rule}\n" for rule in rules))
    rogue = MarkedRogue(peer, random.Random(env.seed(SEED)))
    rounds = 200 if env.long else 4
    stress = "".join(f"python3 -B {netlink.WHERE}/stress.py {n} {rounds} & pids=\"$pids $!\"\n"
                     for n in (1, 2))

    def stress_round() -> tuple:
        with env.a.bkg(f"{stress}\nfor pid in $pids; do wait $pid || exit 1; done", fail=True,
                       exit_wait=True) as running:
            while running.proc.poll() is None:
                peer.next_epoch()
                for _ in range(100):
                    rogue.change()
                    time.sleep(0.0002)  # sleep: the pace of the attack
        now = peer.settle(reset=True)
        out = env.a.run("iptables -t mangle -L PREROUTING -v -x -n").stdout
        *wrong, good = map(int, re.findall(r"^ +(\d+) +\d+ ", out, re.M))
        # It depends on chance whether a packet meets a child with its mark.
        seen = good and now["rx_malformed"] and now["rx_broken"] + now["rx_incompatible"]
        return (now, wrong, good) if seen else ()
    now, wrong, good = wait_for(stress_round, "packet for a temporary child", pause=0)
    ksft_pr(f"{2 * rounds} rounds, {sum(rogue.tried.values())} attacks; {good} packets to children "
            "that came and went; " +
            ", ".join(f"{name} {now[name]}" for name in hostile.EXACT if now[name]))
    ksft_eq(wrong, [0] * len(wrong), "no packet went astray")
    ksft_eq([entry["mark"] for entry in netlink.dump(env.a, "mark-get")], [24], "nothing is left")
    peer.recovers("children that came and went")
    # A packet with the mark of the remaining child reaches it.
    before = env.a.counters("child0")[0]["rx_packets"]
    peer.write(ip_element(udp4(V4["b"], V4["a"], 9, bytes(100)), 24))
    peer.expect("a packet for the child", "active", rx_elements=1)
    ksft_eq(env.a.counters("child0")[0]["rx_packets"], before + 1)
