# SPDX-License-Identifier: GPL-2.0
"""
Four processes add and delete children, marks and namespaces of some children in
parallel, while packets with all these marks arrive.
"""

import re
import signal

from e2e import netlink
from e2e.netlink.children import both, ping_children
from rig import PAIR, Script, defer, ksft_eq, ksft_ge, ksft_pr, stats, wait_for

SYSTEM = PAIR

PROCESSES, SHIFT = 4, 12

# Sends datagrams with each mark in turn, and without a mark.
SENDER = f"""
import socket, time
marks = [0] + [(n << {SHIFT}) + k for n in range(1, {PROCESSES + 2}) for k in range(6)]
it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    for mark in marks:
        it.setsockopt(socket.SOL_SOCKET, 36, mark)
        it.sendto(bytes(64), ("192.0.2.1", 9))
        time.sleep(0.002)  # sleep: the rate of its packets
"""


def rules(machine) -> list:
    """
    Adds rules that count packets which must not arrive at an interface. The last rule
    counts the packets to the children of the processes. Returns the rules.
    """
    found = [f"-i s{n}+ -m mark ! --mark {n << SHIFT}/{0xffff << SHIFT:#x} -m mark ! --mark "
             f"{(PROCESSES + 1) << SHIFT}" for n in range(1, PROCESSES + 1)]
    found += ["-i child0 -m mark ! --mark 24", "-i net0 -m mark --mark 24", "-i s+"]
    defer(machine.run, "iptables -t mangle -F PREROUTING")
    machine.run("".join(f"iptables -t mangle -A PREROUTING {rule}\n" for rule in found) +
                "iptables -t mangle -A PREROUTING -p udp --dport 9 -j DROP")
    return found


def counted(machine) -> list:
    """Returns the counters of the rules."""
    out = machine.run("iptables -t mangle -L PREROUTING -v -x -n").stdout
    return [int(packets) for packets in re.findall(r"^ +(\d+) +\d+ ", out, re.M)][:-1]


def percpu(machine) -> str:
    """Returns the per-CPU memory, such as the counters of children, in kB."""
    return machine.run("grep Percpu /proc/meminfo").stdout.split()[1]


def test_storm(env):
    both(env)
    rounds = (1000 if env.long else 40) // PROCESSES
    wrong = rules(env.a)
    env.b.put("/run/sender.py", SENDER.encode())
    before = [stats(machine, dev) for machine in (env.a, env.b) for dev in ("child0", "net0")]
    memory = percpu(env.a)
    storm = "".join(f"python3 -B {netlink.WHERE}/stress.py {n} {rounds} & pids=\"$pids $!\"\n"
                    for n in range(1, PROCESSES + 1))
    with env.b.bkg(Script("/run/sender.py"), fail=False), \
            env.b.bkg("exec ping -q -i 0.01 10.0.0.1", fail=False) as pings:
        # It depends on chance whether a packet meets a child with its mark.
        wait_for(lambda: env.a.run(f"{storm}\nfor pid in $pids; do wait $pid || exit 1; done") and
                 counted(env.a)[-1], "packet for a child that comes and goes", pause=0)
        pings.proc.send_signal(signal.SIGINT)
        wait_for(lambda: pings.proc.poll() is not None, "end of ping")
    wait_for(lambda: len(netlink.dump(env.a, "dev-get")) == 3, "end of the children in namespaces")
    marks = [entry["mark"] for entry in netlink.dump(env.a, "mark-get")]
    ksft_eq(marks, [24, 0xffffffff], "nothing is left")
    *bad, good = counted(env.a)
    ksft_eq(dict(zip(wrong, bad)), dict.fromkeys(wrong[:-1], 0), "no packet went astray")
    sent = int(re.search(r"(\d+) packets transmitted", pings.stdout).group(1))

    def arrived() -> tuple:
        now = [stats(machine, dev) for machine in (env.a, env.b) for dev in ("child0", "net0")]
        got, lost, answers, lost_answers = (
            after[name] - then[name] for after, then, name in
            zip(now, before, ("rx_packets", "rx_missed_errors") * 2))
        # The last answers may arrive after the end of ping.
        return (got, lost) if answers + lost_answers + lost >= sent else ()
    got, missed = wait_for(arrived, "answer to each ping that was not missed")
    ksft_pr(f"{PROCESSES * rounds} rounds; {good} packets to their children, {got} of {sent} to "
            f"child0, {missed} missed; per-CPU memory {memory} -> {percpu(env.a)} kB")
    ksft_ge(got + missed, sent)
    ksft_eq(ping_children(env, "child1").received, 20)
