# SPDX-License-Identifier: GPL-2.0
"""
Subjects with several processors. Each processor has its own image of the subject
information, events and vectors. The simulated separation kernel accepts an event only on
the processor that has it.
"""

import struct
from pathlib import Path

from e2e import events
from rig import (ANSWER_SECONDS, Channel, KsftNamedVariant, System, defer, errno_of, ksft_eq,
                 ksft_ge, ksft_gt, ksft_in, ksft_true, ksft_variants, load, sampled, unanswered,
                 unload, wait_for)
from rig.sim import FOLDER, Sim, interrupts_by_cpu, is_realtime
from rig.sinfo import Event, Memory, Vector, patched, region_patched
from rig.system import PROCESSOR_STRIDE, SINFO_BASE


# An address without an image or a channel.
NOWHERE = 0x1200000000

SYSTEM = System("smp", ("a",), (
    Channel("left_to_right", writes={"a": "left_out"}, reads={"a": "right_in"},
            event=1, event_on=0, vector=0x70, vector_on=1),
    Channel("right_to_left", writes={"a": "right_out"}, reads={"a": "left_in"},
            event=2, event_on=1, vector=0x71, vector_on=0),
    # Both processors have the events, with the same number or another one.
    Channel("one_to_two", writes={"a": "one_out"}, reads={"a": "two_in"},
            event=3, vector=0x72, vector_on=1),
    Channel("two_to_one", writes={"a": "two_out"}, reads={"a": "one_in"},
            event=4, vector=0x73, vector_on=1),
    # Both have a vector.
    Channel("twice", reads={"a": "twice_in"}, vector=0x74),
    Channel("other", reads={"a": "other_in"}),
), extras={
    "a": (Memory("moved", NOWHERE, 4096), Memory("plain", NOWHERE + 0x20000, 4096, kind=1)),
    ("a", 1): (Event("one_out", 3), Event("two_out", 14), Vector("twice_in", 0x74),
               Memory("moved", NOWHERE + 4096, 4096), Memory("of_1", NOWHERE + 0x10000, 4096)),
})
BOTH = "routes=3/0:0x72,3/1:0x72,4/0:0x73,14/1:0x73 owners=0x72/1,0x73/1"
# On the other processor, the numbers of these events belong to other events.
OTHER_EVENTS = "routes=1/0:0x70,2/1:0x71,1/1:0,2/0:0 owners=0x70/1"
ONE = "name=net0 reader_protocol=2 flags=net_hdr"


def pings(ends, cpu: int) -> list:
    """Sends 20 pings from one processor. Returns the increments of both ends' counters."""
    before = [events.counts(end) for end in ends]
    left, right = ends
    once = f"ping -q -c 1 -W {ANSWER_SECONDS} {right.address}"
    loop = f"for i in $(seq 20); do {once} || exit 1; done"
    left.run(f"taskset -c {cpu} sh -c '{loop}'")
    return [{name: now[name] - old[name] for name in now if isinstance(now[name], int)}
            for now, old in zip((events.counts(end) for end in ends), before)]


def prepared(env):
    """Loads the separation kernel and the driver. Returns the sim and the ends."""
    sim = Sim(env.a, OTHER_EVENTS)
    load(env.a, events.parameters(("left", "right")))
    return sim, events.Ends(env.a, "left", "right")


def check_no_wrong_event(sim):
    """Checks that no processor has triggered an event that it does not have."""
    now = sim.events()
    ksft_eq((now["unknown"], now[1, 1], now[2, 0]), (0, 0, 0))


@sampled(1)
@ksft_variants([KsftNamedVariant("of_the_event", 0), KsftNamedVariant("of_the_other", 1)])
def test_sender_on_the_processor(env, cpu):
    sim, ends = prepared(env)
    came = [interrupts_by_cpu(env.a, end.ns) for end in ends]
    left, right = pings(ends, cpu)
    ksft_eq(left["tx_events_remote"] + left["tx_events_merged"], 20 if cpu else 0)
    # It answers on the processor of its interrupt, which also has its event. (A thread of the
    # interrupt may run on another one.)
    if not is_realtime(env.a):
        ksft_eq(right["tx_events_remote"] + right["tx_events_merged"], 0)
    for end, event in zip(ends, ((1, 0), (2, 1))):
        events.balanced(sim, end, event)
    check_no_wrong_event(sim)
    for end, old, other_cpu in zip(ends, came, (1, 0)):
        new = interrupts_by_cpu(env.a, end.ns)
        ksft_eq(new[other_cpu], old[other_cpu], f"the interrupt of {end.ns} stays on its processor")
        ksft_gt(sum(new), sum(old))


def test_calls_are_merged(env):
    """Calls to a processor that does not respond are merged, and all packets arrive."""
    sim, ends = prepared(env)
    left, right = ends
    env.a.put("/run/hold_cpu.py", (Path(__file__).parent / "guest/hold_cpu.py").read_bytes())
    before = [events.counts(end) for end in ends]
    triggered = sim.events()[2, 1]
    # `ip netns exec` mounts its own /sys, without debugfs.
    env.a.run(f"nsenter --net=/run/netns/{right.ns} taskset -c 0 "
              f"python3 /run/hold_cpu.py {FOLDER} 1 {left.address} 20")
    wait_for(lambda: events.counts(left)["rx_packets"] == before[0]["rx_packets"] + 20, "packets")
    now = events.counts(right)
    found = {name: now[name] - before[1][name]
             for name in ("tx_packets", "tx_events", "tx_events_remote", "tx_events_merged")}
    # One for the first packet, and one for all packets sent while it did not respond.
    ksft_eq(found, {"tx_packets": 20, "tx_events": 2, "tx_events_remote": 2,
                    "tx_events_merged": 18})
    ksft_eq(sim.events()[2, 1] - triggered, 2)
    check_no_wrong_event(sim)


def test_interrupt_is_not_moved(env):
    """Not even root can move it: the vector belongs to one processor."""
    sim, ends = prepared(env)
    numbers = {words[-1]: words[0].rstrip(":") for words in
               map(str.split, env.a.read_files("/proc/interrupts").splitlines())}
    for end, mask in zip(ends, (2, 1)):
        where = f"/proc/irq/{numbers[end.ns]}/smp_affinity"
        ksft_gt(env.a.run(f"echo {mask} >{where}", fail=False).ret, 0)
    ksft_eq(sim.moved(), 0)


@sampled(1)
@ksft_variants([KsftNamedVariant("0", 0), KsftNamedVariant("1", 1)])
def test_event_of_both(env, cpu):
    sim = Sim(env.a, BOTH)
    load(env.a, events.parameters(("one", "two")))
    ends = events.Ends(env.a, "one", "two")
    before = sim.events()
    left, _ = pings(ends, cpu)
    ksft_eq(left["tx_events_remote"] + left["tx_events_merged"], 0)
    now = sim.events()
    ksft_eq(now["unknown"], 0)
    ksft_eq([now[3, each] - before[3, each] for each in (0, 1)], [0, 20] if cpu else [20, 0])


def online(machine, state: int):
    """Sets processor 1 of the machine offline (0) or online (1)."""
    machine.run(f"echo {state} >/sys/devices/system/cpu/cpu1/online")


def test_offline(env):
    """An event that only an offline processor has is lost and counted."""
    sim, ends = prepared(env)
    left, right = ends
    pings(ends, 0)
    defer(online, env.a, 1)
    before = sim.events()
    online(env.a, 0)
    # The event to "right" works, but the interrupts and the event of "right" do not.
    old = events.counts(right)
    ksft_true(unanswered(right, left))
    new = events.counts(right)
    ksft_ge(new["tx_events_offline"] - old["tx_events_offline"], 1)
    ksft_eq(new["tx_events"], old["tx_events"])
    ksft_eq(sim.events()[2, 1], before[2, 1])
    check_no_wrong_event(sim)
    online(env.a, 1)
    for cpu in (0, 1):
        changes = pings(ends, cpu)
        ksft_eq([change["tx_events_offline"] for change in changes], [0, 0])
    check_no_wrong_event(sim)


def test_event_of_both_with_one_offline(env):
    sim = Sim(env.a, BOTH)
    load(env.a, events.parameters(("one", "two")))
    ends = events.Ends(env.a, "one", "two")
    old = sim.events()
    defer(online, env.a, 1)
    online(env.a, 0)
    # The interrupt of the answering end is offline.
    ksft_true(unanswered(*ends))
    now = sim.events()
    ksft_ge(now[3, 0] - old[3, 0], 1)
    ksft_eq((now[3, 1], now["unknown"]), (old[3, 1], 0))
    ksft_eq(events.counts(ends[0])["tx_events_offline"], 0)


def replace_image(env, image: bytes, processor: int):
    """Replaces the image of a processor until the end of the test."""
    at = processor * PROCESSOR_STRIDE
    memory = env.sinfo("a")
    old = bytes(memory[at:at + len(image)])
    def back():
        memory[at:at + len(old)] = old
    defer(back)
    memory[at:at + len(image)] = image


def load_log(env, given: str, errno: str = "") -> str:
    """Loads the module, which must fail with this errno or succeed. Returns the log."""
    env.a.new_log()
    result = load(env.a, given, fail=False)
    ksft_eq(errno_of(result) if result.ret else "", errno)
    if not errno:
        unload(env.a)
    return "\n".join(line for line in env.a.new_log())


def test_images_that_disagree(env):
    Sim(env.a)
    log = load_log(env, f"{ONE} in=twice_in", "EINVAL")
    ksft_in("net0: in channel 'twice_in': processors 0 and 1 both list a vector of this name", log)
    log = load_log(env, f"{ONE} in=moved", "EPERM")
    ksft_in("'moved': processors 0 and 1 list different regions of this name", log)
    ksft_in("2 processors have subject information", log)
    # Memory that only the other image lists also belongs to the subject.
    ksft_in("Interface added", load_log(env, f"{ONE} in=of_1"))


def _second(env) -> bytes:
    return env.a.system.image("a", 1)


SECOND = [
    # (name, the change of the second image, whether it stays valid, part of the log)
    KsftNamedVariant("good", lambda image: image, True, ""),
    KsftNamedVariant("version_4", lambda image: patched(image, 7, b"\4"), True, ""),
    KsftNamedVariant("nothing", lambda image: bytes(len(image)), False, ""),
    KsftNamedVariant("ones", lambda image: b"\xff" * len(image), False, ""),
    KsftNamedVariant("version_6", lambda image: patched(image, 7, b"\6"), False,
                     "Processor 1: subject information at 0xe00009000"),
    KsftNamedVariant("count", lambda image: patched(image, 77, struct.pack("<H", 65535)), True, ""),
]


@sampled(3)
@ksft_variants(SECOND)
def test_second_image(env, make, there, mention):
    """An invalid second image does not prevent the use of the first one."""
    Sim(env.a)
    replace_image(env, make(_second(env)), 1)
    log = load_log(env, f"{ONE} in=other_in")
    ksft_in("Interface added", log)
    ksft_eq("2 processors have subject information" in log, there)
    ksft_in(mention, log)
    # Whether the driver reads it shows in this error, which its vector causes.
    log = load_log(env, f"{ONE} in=twice_in", "EINVAL" if there else "")
    ksft_eq("both list a vector" in log, there)


@sampled(1)
@ksft_variants([KsftNamedVariant("channel", "other_in", False),
                KsftNamedVariant("table", "plain", False),
                KsftNamedVariant("image", "plain", True)])
def test_image_in_a_region(env, name, there):
    """An image in memory that another subject can write is ignored."""
    Sim(env.a)
    size = 0x8000 if there else 4096
    good = env.a.system.image("a")
    replace_image(env, region_patched(good, name, SINFO_BASE + PROCESSOR_STRIDE, size), 0)
    log = load_log(env, f"{ONE} in=twice_in", "EINVAL" if there else "")
    ksft_eq("both list a vector" in log, there)


def test_image_in_a_region_of_another_one(env):
    """The image of processor 1 must not contain a channel that overlaps it."""
    Sim(env.a)
    replace_image(env, region_patched(_second(env), "of_1", SINFO_BASE + PROCESSOR_STRIDE, 4096), 1)
    log = load_log(env, f"{ONE} in=other_in", "EPERM")
    ksft_in("The subject information of processor 1 overlaps memory region 'of_1'", log)
