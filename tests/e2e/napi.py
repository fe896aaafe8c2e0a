# SPDX-License-Identifier: GPL-2.0
"""
NAPI outside of softirqs, as every NAPI driver supports it: a kernel thread (threaded
NAPI), a thread that polls all the time (busy-poll), and sockets that poll while they
wait.
"""

import json
import time

from e2e import events
from e2e.events import counts, prepared
from rig import (End, KsftNamedVariant, defer, ksft_eq, ksft_gt, ksft_lt, ksft_variants, ping,
                 paths, sampled, wait_for)

SYSTEM = events.SYSTEM
SPEC = "Documentation/netlink/specs/netdev.yaml"
# A pair whose reader has a vector, and one whose reader is polled.
PAIRS = (KsftNamedVariant("vector", "left", "right"), KsftNamedVariant("polled", "x", "y"))


FAMILY = """
import json, sys
sys.path += ["/usr/lib/python3/dist-packages", "/usr/share/ynl"]
import yaml
# The parser in C. The one in Python takes seconds on an emulated processor.
yaml.safe_load = lambda file: yaml.load(file, yaml.CSafeLoader)
from lib import YnlFamily
netdev = YnlFamily("/run/netdev.yaml", schema="")
"""
SET = FAMILY + """
index, threaded = sys.argv[1:]
instance, = netdev.dump("napi-get", {"ifindex": int(index)})
netdev.do("napi-set", {"id": instance["id"], "threaded": threaded})
print(json.dumps(netdev.do("napi-get", {"id": instance["id"]})))
"""


SHOW = FAMILY + """
index = int(sys.argv[1])
print(json.dumps([netdev.dump(what, {"ifindex": index}) for what in ("napi-get", "queue-get")]))
"""


def family(end: End, program: str, *arguments):
    """Runs a program that uses the netlink family netdev, and returns its output."""
    end.machine.put("/run/netdev.yaml", (paths.kernel_source() / SPEC).read_bytes())
    end.machine.put("/run/family.py", program.encode())
    return json.loads(end.machine.run(end.script("/run/family.py", *arguments)).stdout)


@sampled(1)
@ksft_variants(PAIRS)
def test_queues_and_interrupt(env, *pair):
    """netdev shows the NAPI instance of the receive queue, and its interrupt."""
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


def test_children_have_none(env):
    """A child has neither a NAPI instance nor a receive queue that one serves."""
    _, ends = prepared(env, ("x", "y"))
    end = ends[1]
    end.run(f"ip link add link {end.ns} name child0 type muennet")
    end.run("ip link set child0 up")
    for dev, count in ((end.ns, 1), ("child0", 0)):
        index = end.run(f"cat /sys/class/net/{dev}/ifindex").stdout.strip()
        instances, queues = family(end, SHOW, index)
        serving = [queue for queue in queues if "napi-id" in queue]
        ksft_eq((dev, len(instances), len(serving)), (dev, count, count))


def set_threaded(end: End, threaded: str, dev: str = "") -> dict:
    """
    Sets `threaded` of the NAPI instance of an interface, by default the one named like the
    end's namespace, with the kernel's ynl. Returns the attributes of the instance.
    """
    index = end.run(f"cat /sys/class/net/{dev or end.ns}/ifindex").stdout.strip()
    return family(end, SET, index, threaded)


def context_switches(end: End, pid: int) -> int:
    """Returns the number of context switches of a task."""
    switches = end.run(f"grep ctxt_switches: /proc/{pid}/status").stdout.split()[1::2]
    return sum(map(int, switches))


def ping_all(ends, count: int = 20):
    """Pings, and checks that all are answered."""
    ksft_eq(ping(*ends, count=count).received, count)


@sampled(1)
@ksft_variants(PAIRS)
def test_thread(env, *pair):
    _, ends = prepared(env, pair)
    ping_all(ends)
    instance = set_threaded(ends[1], "enabled")
    before = context_switches(ends[1], instance["pid"])
    ping_all(ends)
    ksft_gt(context_switches(ends[1], instance["pid"]), before + 10, "the thread has polled")
    ksft_eq(set_threaded(ends[1], "disabled").get("pid"), None)
    ping_all(ends)


@sampled(1)
@ksft_variants(PAIRS)
def test_thread_that_polls_all_the_time(env, *pair):
    _, ends = prepared(env, pair)
    far = ends[1]
    if pair[0] == "x":
        # The timer cannot be the cause of a fast answer.
        far.run(f"ethtool -C {far.ns} rx-usecs 1000000")
    ping_all(ends)
    ksft_eq(set_threaded(far, "busy-poll")["threaded"], "busy-poll")
    # The thread starts at the first packet.
    ping_all(ends, 1)
    before = counts(far)
    wait_for(lambda: counts(far)["rx_empty_polls"] > before["rx_empty_polls"] + 10_000,
             "empty polls")
    ping_all(ends)
    # Interrupts are off while the thread polls.
    ksft_eq(counts(far)["rx_interrupts"], before["rx_interrupts"])
    # Down and up again while the thread polls.
    far.run(f"sh -c 'ip link set {far.ns} down && ip link set {far.ns} up'")
    ping_all(ends)

    set_threaded(far, "disabled")
    ping_all(ends, 5)
    wait_for(lambda: threads(env.a) == 0, "end of the thread")
    quiet = counts(far)
    time.sleep(1)  # sleep: a timer makes only a few polls in this time
    ksft_lt(counts(far)["rx_empty_polls"] - quiet["rx_empty_polls"], 100, "the thread has ended")
    ping_all(ends)
    if pair[0] == "left":
        ksft_gt(counts(far)["rx_interrupts"], before["rx_interrupts"] + 10, "interrupts again")


def threads(machine) -> int:
    """Returns the number of NAPI threads."""
    # Others, of kernels with CONFIG_PREEMPT_RT, are backlog_napi/CPU.
    names = machine.run("cat /proc/[0-9]*/comm", fail=False).stdout.splitlines()
    return sum(name.startswith("napi/") for name in names)


def test_removal_while_a_thread_polls(env):
    _, ends = prepared(env, ("x", "y"))
    set_threaded(ends[1], "busy-poll")
    ping_all(ends)
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
        # Sockets that wait in recv(), and those that wait in poll().
        everywhere = "| tee /proc/sys/net/core/busy_read >/proc/sys/net/core/busy_poll"
        env.a.run(f"echo {microseconds} {everywhere}")
        defer(env.a.run, f"echo 0 {everywhere}")
        if microseconds:
            # The number of packets depends on the load of the host.
            wait_for(polled, "packet received by polling")
        else:
            ksft_eq(polled(), 0)


def busy_received(end: End) -> int:
    """Returns the BusyPollRxPackets counter of the namespace."""
    names, values = [line.split() for line in end.run("cat /proc/net/netstat").stdout.splitlines()
                     if line.startswith("TcpExt:")]
    return int(dict(zip(names, values))["BusyPollRxPackets"])
