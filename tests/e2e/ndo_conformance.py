# SPDX-License-Identifier: GPL-2.0
"""
What the kernel and users expect of any network device: MTU, namespaces, queueing
disciplines, packet sockets, marks, timestamps, going down under load, a stalled peer.
"""

import json
import os
import re
import signal
import time

from rig import (PAIR, V4, End, KsftNamedVariant, Script, Streaming, defer, ksft_eq, ksft_ge,
                 ksft_gt, ksft_in, ksft_lt, ksft_ne, ksft_pr, ksft_true, ksft_variants, load, pair,
                 ping, ping_at_once, sampled, stats, stream, up, wait_answer, wait_for)
from rig.traffic import retransmits

SYSTEM = PAIR


def recovers(source: End, target: End):
    """
    Checks that all pings get an answer once the interface has joined its peer's running epoch.
    """
    wait_answer(source, target)
    ksft_eq(ping(source, target).received, 3)


def test_mtu_begins_an_epoch(env):
    a, b = pair(env, quiet=True)
    channel = env.channel("a_to_b")
    before = channel.epoch
    for mtu in (1400, 68, 9000, 1500):
        env.a.run(f"ip link set net0 mtu {mtu}")
        ksft_true(channel.epoch not in (0, before), "a new epoch")
        before = channel.epoch
        ksft_eq(channel.size, mtu + 8)
        ksft_eq(channel.elements, ((1 << 20) - 64) // (mtu + 8))
        # The other direction has not changed.
        ksft_eq(ping(a, b, "-s 30").received, 3)
    for mtu, message in ((67, "mtu less than device minimum"),
                         (65536, "mtu greater than device maximum")):
        refused = env.a.run(f"ip link set net0 mtu {mtu}", fail=False)
        ksft_ne(refused.ret, 0)
        ksft_in(message, refused.stderr)
        ksft_eq(channel.epoch, before, "nothing has changed")


def test_mtu_changes_under_load(env):
    a, b = pair(env, quiet=True)
    with env.a.bkg(f"ping -q -f -s 1000 {V4['b']}"):
        for mtu in (1400, 1500) * 5:
            env.a.run(f"ip link set net0 mtu {mtu}")
            env.b.run(f"ip link set net0 mtu {mtu}")
    ksft_eq(ping(a, b).received, 3)
    for machine in (env.a, env.b):
        ksft_eq(stats(machine)["rx_frame_errors"], 0)


def test_in_another_namespace(env):
    _, b = pair(env, quiet=True)
    env.a.run("ip netns add other && ip link set net0 netns other")
    defer(env.a.run, "ip netns del other 2>/dev/null; true")
    up(env.a, quiet=True, ns="other")
    inside = End(env.a, V4["a"], "other")
    recovers(inside, b)
    with env.b.bkg(f"ping -q -f {V4['a']}"):
        env.a.run("ip netns del other")
        env.a.wait("[ -e /sys/class/net/net0 ]", "net0 in the initial namespace")
    up(env.a, quiet=True)
    recovers(End(env.a, V4["a"]), b)


def test_netem(env):
    a, b = pair(env, quiet=True)
    env.a.run("tc qdisc replace dev net0 root netem delay 60ms")
    ksft_ge(ping(a, b).average_ms, 60)
    env.a.run("tc qdisc replace dev net0 root netem loss 100%")
    ksft_eq(ping_at_once(a, b, "-c 10 -i 0.01 -W 1").received, 0)
    env.a.run("tc qdisc del dev net0 root")
    ksft_eq(ping(a, b).received, 3)


@sampled(1)
@ksft_variants([KsftNamedVariant(name, name) for name in ("fq_codel", "fq", "pfifo")])
def test_qdisc(env, name):
    a, b = pair(env, quiet=True)
    env.a.run(f"tc qdisc replace dev net0 root {name}")
    stream(a, b)
    shown = env.a.run("tc -s -j qdisc show dev net0").stdout
    ksft_gt(json.loads(shown)[0]["packets"], 100)


def test_tcpdump(env):
    """libpcap captures packets by a ring in memory shared with the kernel (TPACKET_V3)."""
    a, b = pair(env, quiet=True)
    for machine, ours, theirs in ((env.a, a, b), (env.b, b, a)):
        machine.run("rm -f /run/tcpdump")
        with machine.bkg("exec tcpdump -Z root -c 8 -nli net0 icmp 2>/run/tcpdump",
                         exit_wait=True) as dump:
            machine.wait("grep -qs 'listening on net0' /run/tcpdump", "tcpdump")
            ksft_eq(ping(ours, theirs, count=5).received, 5)
        seen = dump.stdout
        ksft_ge(seen.count(f"IP {ours.address} > {theirs.address}: ICMP echo request"), 4)
        ksft_ge(seen.count(f"IP {theirs.address} > {ours.address}: ICMP echo reply"), 4)
        ksft_in("link-type RAW", machine.run("cat /run/tcpdump").stdout)


def test_marks_travel(env):
    a, b = pair(env, quiet=True)
    env.a.run("iptables -t mangle -A OUTPUT -o net0 -p icmp -j MARK --set-mark 0x80000007")
    defer(env.a.run, "iptables -t mangle -F")
    env.b.run("iptables -t mangle -A PREROUTING -i net0 -m mark --mark 0x80000007 && "
              "nft add table inet t && nft 'add chain inet t c { type filter hook prerouting "
              "priority -200; }' && "
              "nft add rule inet t c iifname net0 meta mark 0x80000007 counter")
    defer(env.b.run, "iptables -t mangle -F; nft delete table inet t")
    ksft_eq(ping(a, b, count=10).received, 10)
    channel = env.channel("a_to_b")
    last = channel.element(channel.wc - 1)
    ksft_eq(int.from_bytes(last[:4], "little"), 0x80000007, "the element's mark")
    out = env.b.run("iptables -t mangle -vnxL PREROUTING").stdout
    ksft_eq(re.search(r"^ +(\d+) .*0x80000007", out, re.M).group(1), "10")
    ksft_in("counter packets 10 ", env.b.run("nft list table inet t").stdout)


STAMPS = """
import select, socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 37, 1 << 1 | 1 << 4)
poll = select.poll()
poll.register(s, 0)
for _ in range(5):
    before = time.time()
    s.sendto(b"now", (sys.argv[1], 9))
    # POLLERR: the error queue is not empty.
    poll.poll()
    _, extra, _, _ = s.recvmsg(2048, 1024, socket.MSG_ERRQUEUE)
    after = time.time()
    stamp, = [data for level, kind, data in extra if (level, kind) == (socket.SOL_SOCKET, 37)]
    seconds, nanoseconds = struct.unpack("qq", stamp[:16])
    assert before - 1e-3 <= seconds + nanoseconds / 1e9 <= after + 1e-3, (before, stamp, after)
print("stamped")
"""


def test_transmit_timestamps(env):
    pair(env, quiet=True)
    text = env.a.run("ethtool -T net0").stdout
    ksft_in("software-transmit", text)
    ksft_in("software-receive", text)
    env.a.put("/run/stamps.py", STAMPS.encode())
    ksft_eq(env.a.run(Script("/run/stamps.py", V4["b"])).stdout, "stamped\n")


def test_down_under_load(env):
    a, b = pair(env, quiet=True)
    for machine in (env.a, env.b):
        with env.a.bkg(f"ping -q -f -s 1400 {V4['b']}"), env.b.bkg(f"ping -q -f {V4['a']}"):
            for _ in range(30 if env.long else 8):
                machine.run("ip link set net0 down; ip link set net0 up")
    recovers(a, b)


def stopped(machine):
    """Stops a machine. Returns the function that resumes it."""
    pid = machine._process.pid
    os.kill(pid, signal.SIGSTOP)
    def resume():
        os.kill(pid, signal.SIGCONT)
    defer(resume)
    return resume


SENDER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 32, 8 << 20)
for n in range(int(sys.argv[2])):
    s.sendto(n.to_bytes(8, "little"), (sys.argv[1], 9))
"""


def test_peer_stalls(env):
    """A writer never waits: its reader loses what it cannot read in time, and counts it."""
    a, b = pair(env, quiet=True)
    ring = env.channel("a_to_b").elements
    count = 2 * ring + 50
    env.a.put("/run/sender.py", SENDER.encode())
    before_a, before_b = stats(env.a), stats(env.b)
    resume = stopped(env.b)
    begin = time.monotonic()
    env.a.run(Script("/run/sender.py", V4["b"], count))
    seconds = time.monotonic() - begin
    ksft_eq(ping_at_once(a, b, "-c 3 -i 0.05 -W 1").received, 0)
    sent = count + 3
    after_a = stats(env.a)
    ksft_eq(after_a["tx_packets"] - before_a["tx_packets"], sent, "all were sent")
    ksft_eq(after_a["tx_dropped"], before_a["tx_dropped"], "none was dropped")
    ksft_eq(env.a.run("cat /sys/class/net/net0/operstate").stdout, "up\n")
    resume()
    ksft_eq(ping(a, b).received, 3, "it continues")
    def growth() -> dict:
        return {name: value - before_b[name] for name, value in stats(env.b).items()}

    # An answer may arrive before its request is counted.
    wait_for(lambda: sum(map(growth().get, ("rx_packets", "rx_missed_errors"))) == sent + 3,
             lambda: f"balance, each read or missed: {sent + 3} and {growth()}")
    grown = growth()
    ksft_pr(f"{sent} sent in {seconds:.1f} s, {grown['rx_packets'] - 3} read, "
            f"{grown['rx_missed_errors']} missed in {grown['rx_over_errors']} overruns")
    ksft_ge(grown["rx_packets"], ring // 2, "the elements in the ring were read")
    ksft_ge(grown["rx_over_errors"], 1)
    ksft_lt(grown["rx_over_errors"], 4)
    ksft_eq(grown["rx_frame_errors"], 0)


def test_peer_stalls_in_a_connection(env):
    a, b = pair(env, quiet=True)
    channel = env.channel("a_to_b")
    with Streaming(a, b):
        wait_for(lambda: channel.wc > 100, "traffic")
        resume = stopped(env.b)
        before = retransmits(a)
        wait_for(lambda: retransmits(a) > before + 1, "retransmissions")
        resume()
        count = channel.wc
        wait_for(lambda: channel.wc > count + 1000, "traffic after the stall")
    ksft_eq(ping(a, b).received, 3)


def test_main_interface_cannot_be_deleted(env):
    load(env.a)
    refused = env.a.run("ip link del net0", fail=False)
    ksft_in("Operation not supported", refused.stderr)
