# SPDX-License-Identifier: GPL-2.0
"""
Other ways to have received packets handled than softirqs, as every NAPI driver
offers them: in a thread, in a thread that polls all the time, and by sockets
that poll while they wait.
"""

import json
import time

from e2e import events
from e2e.events import counts, prepared
from rig import (End, KsftNamedVariant, defer, ksft_eq, ksft_gt, ksft_lt, ksft_variants, ping,
                 paths, sampled, wait_for)

SYSTEM = events.SYSTEM
SPEC = "Documentation/netlink/specs/netdev.yaml"
# Whose reader has a vector, and whose is polled.
PAIRS = (KsftNamedVariant("vector", "left", "right"), KsftNamedVariant("polled", "x", "y"))


FAMILY = """
import json, sys
sys.path += ["/usr/lib/python3/dist-packages", "/usr/share/ynl"]
import yaml
# Its parser in C; the other one takes seconds of an emulated processor.
yaml.safe_load = lambda file: yaml.load(file, yaml.CSafeLoader)
from lib import YnlFamily
netdev = YnlFamily("/run/netdev.yaml", schema="")
"""
SET = FAMILY + """
index, how = sys.argv[1:]
instance, = netdev.dump("napi-get", {"ifindex": int(index)})
netdev.do("napi-set", {"id": instance["id"], "threaded": how})
print(json.dumps(netdev.do("napi-get", {"id": instance["id"]})))
"""


SHOW = FAMILY + """
index = int(sys.argv[1])
print(json.dumps([netdev.dump(what, {"ifindex": index}) for what in ("napi-get", "queue-get")]))
"""


def family(end: End, program: str, *arguments):
    """What a program says that speaks to the family netdev for an interface."""
    end.machine.put("/run/netdev.yaml", (paths.kernel_source() / SPEC).read_bytes())
    end.machine.put("/run/family.py", program.encode())
    return json.loads(end.machine.run(end.script("/run/family.py", *arguments)).stdout)


@sampled(1)
@ksft_variants(PAIRS)
def test_told(env, *pair):
    """Which instance serves the receive queue, and which interrupt schedules it."""
    _, ends = prepared(env, pair)
    far = ends[1]
    index = far.run(f"cat /sys/class/net/{far.ns}/ifindex").stdout.strip()
    (instance,), queues = family(far, SHOW, index)
    ksft_eq([(queue["type"], queue.get("napi-id")) for queue in queues],
            [("rx", instance["id"]), ("tx", None)])
    lines = env.a.run("cat /proc/interrupts").stdout.splitlines()
    interrupts = [line.split(":")[0].strip() for line in lines if line.endswith(f" {far.ns}")]
    ksft_eq([str(instance["irq"])] if "irq" in instance else [], interrupts)
    far.run(f"ip link set {far.ns} down")
    _, queues = family(far, SHOW, index)
    ksft_eq([queue for queue in queues if "napi-id" in queue], [])


def set_threaded(end: End, how: str, dev: str = "") -> dict:
    """
    Makes the NAPI instance of an interface (that of the end's namespace) poll so,
    by the kernel's own tool; what it is then.
    """
    index = end.run(f"cat /sys/class/net/{dev or end.ns}/ifindex").stdout.strip()
    return family(end, SET, index, how)


def runs(end: End, pid: int) -> int:
    """How often a task has given a processor up, or lost it."""
    switches = end.run(f"grep ctxt_switches: /proc/{pid}/status").stdout.split()[1::2]
    return sum(map(int, switches))


def talk(ends, count: int = 20):
    """Pings, all of which are answered."""
    ksft_eq(ping(*ends, count=count).received, count)


@sampled(1)
@ksft_variants(PAIRS)
def test_thread(env, *pair):
    _, ends = prepared(env, pair)
    talk(ends)
    instance = set_threaded(ends[1], "enabled")
    before = runs(ends[1], instance["pid"])
    talk(ends)
    ksft_gt(runs(ends[1], instance["pid"]), before + 10, "the thread has received")
    ksft_eq(set_threaded(ends[1], "disabled").get("pid"), None)
    talk(ends)


@sampled(1)
@ksft_variants(PAIRS)
def test_thread_that_polls_all_the_time(env, *pair):
    _, ends = prepared(env, pair)
    far = ends[1]
    if pair[0] == "x":
        # Whatever is soon is not the timer's doing.
        far.run(f"ethtool -C {far.ns} rx-usecs 1000000")
    talk(ends)
    ksft_eq(set_threaded(far, "busy-poll")["threaded"], "busy-poll")
    # It begins with what it is woken for.
    talk(ends, 1)
    before = counts(far)
    wait_for(lambda: counts(far)["rx_empty_polls"] > before["rx_empty_polls"] + 10_000,
             "polls without need")
    talk(ends)
    # Nobody has interrupted for what is looked for anyway.
    ksft_eq(counts(far)["rx_interrupts"], before["rx_interrupts"])
    # Down, and up again, with the thread at work.
    far.run(f"sh -c 'ip link set {far.ns} down && ip link set {far.ns} up'")
    talk(ends)

    set_threaded(far, "disabled")
    talk(ends, 5)
    wait_for(lambda: threads(env.a) == 0, "end of the thread")
    quiet = counts(far)
    time.sleep(1)  # sleep: for polls, of which a timer makes a few
    ksft_lt(counts(far)["rx_empty_polls"] - quiet["rx_empty_polls"], 100, "it has ended")
    talk(ends)
    if pair[0] == "left":
        ksft_gt(counts(far)["rx_interrupts"], before["rx_interrupts"] + 10, "they are back")


def threads(machine) -> int:
    """How many threads there are that receive."""
    return machine.run("cat /proc/[0-9]*/comm", fail=False).stdout.count("napi/")


def test_removal_while_a_thread_polls(env):
    _, ends = prepared(env, ("x", "y"))
    set_threaded(ends[1], "busy-poll")
    talk(ends)
    ksft_eq(threads(env.a), 1)
    env.a.run("rmmod muennet")
    ksft_eq(threads(env.a), 0)


def test_sockets_that_poll(env):
    _, ends = prepared(env, ("x", "y"))
    def polled() -> int:
        before = busy_received(ends[0])
        events.pingpong(*ends, 200)
        return busy_received(ends[0]) - before

    for microseconds in (0, 20_000):
        # Those that wait in recv(), and those that do in poll().
        everywhere = "| tee /proc/sys/net/core/busy_read >/proc/sys/net/core/busy_poll"
        env.a.run(f"echo {microseconds} {everywhere}")
        defer(env.a.run, f"echo 0 {everywhere}")
        if microseconds:
            # How many of them is a matter of how busy the host is.
            wait_for(polled, "packet received by polling")
        else:
            ksft_eq(polled(), 0)


def busy_received(end: End) -> int:
    """Packets that sockets of this namespace have received by polling."""
    names, values = [line.split() for line in end.run("cat /proc/net/netstat").stdout.splitlines()
                     if line.startswith("TcpExt:")]
    return int(dict(zip(names, values))["BusyPollRxPackets"])
