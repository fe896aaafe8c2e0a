# SPDX-License-Identifier: GPL-2.0
"""The maximum number of interfaces of a module, and their memory."""

import re
from contextlib import ExitStack, contextmanager

from e2e.pause import nothing_missed
from rig import (ANSWER_SECONDS, Channel, End, KsftSkipEx, Streaming, System, counters, interfaces,
                 ksft_eq, ksft_ge, ksft_lt, ksft_pr, load, sim, unload, wait_for)

COUNT = 32
SIZE = 64 << 10

# Interface n talks to interface n ^ 1.
SYSTEM = System("many_interfaces", ("a",), tuple(
    Channel(f"c{n}", writes={"a": f"out{n}"}, reads={"a": f"in{n ^ 1}"}, size=SIZE)
    for n in range(COUNT)))


def parameters(count: int, flags: str = "net_hdr") -> str:
    """Returns the module parameters for this number of interfaces, in pairs."""
    def each(pattern: str) -> str:
        return ",".join(pattern.format(n) for n in range(count))
    return (f"name={each('muen{}')} in={each('in{}')} out={each('out{}')} "
            f"reader_protocol={each('2')} writer_protocol={each('2')} flags={each(flags)}")


# An interface that comes up joins its peer's running epoch. After that nothing is lost.
PINGS = f"""until ping -q -c 1 -W 1 $1 >/dev/null; do :; done
for number in 1 2; do ping -q -c 1 -W {ANSWER_SECONDS} $1; done"""


def address(number: int) -> str:
    """Returns the address of interface n."""
    return f"10.0.{number // 2}.{number % 2 + 1}"


@contextmanager
def in_namespaces(machine):
    """Moves the interfaces to namespaces of their own, with addresses, and sets them up."""
    machine.run("\n".join(
        f"ip netns add ns{n}; ip link set muen{n} netns ns{n}; "
        f"ip -n ns{n} addr add {address(n)}/24 dev muen{n}; "
        f"ip -n ns{n} link set muen{n} up" for n in range(COUNT)))
    try:
        yield
    finally:
        machine.run("\n".join(f"ip netns del ns{n}" for n in range(COUNT)))


def test_all_carry_packets(env):
    load(env.a, parameters(COUNT))
    ksft_eq(len([name for name in interfaces(env.a) if name.startswith("muen")]), COUNT)
    with in_namespaces(env.a):
        out = env.a.run("\n".join(
            f"ip netns exec ns{n} sh -c '{PINGS}' - {address(n ^ 1)} &"
            for n in range(COUNT)) + "\nwait").stdout
        ksft_eq(out.count(" 1 received"), 2 * COUNT)


def test_flow_control_on_all(env):
    """
    TCP streams between the interfaces of each pair, through rings of 64 KiB. All of them are
    started before the end of one is awaited.
    """
    load(env.a, parameters(COUNT, "net_hdr+pause"))
    size = (64 << 20) if env.long else 256 << 10

    def counted(n: int) -> dict:
        return counters(env.a, f"muen{n}", f"ns{n}")
    with in_namespaces(env.a):
        with ExitStack() as streams:
            for n in range(0, COUNT, 2):
                ends = (End(env.a, address(n ^ side), f"ns{n ^ side}") for side in (0, 1))
                streams.enter_context(Streaming(*ends, size=size))
        paused = 0
        for n in range(COUNT):
            nothing_missed(counted(n), counted(n ^ 1))
            paused += counted(n)["tx_paused"]
        ksft_ge(paused, 1)
        ksft_pr(f"paused {paused} times")


def test_one_more_is_refused(env):
    before = interfaces(env.a)
    result = load(env.a, parameters(COUNT).replace("name=", "name=other,"), fail=False)
    ksft_eq(result.ret, 1)
    ksft_eq(interfaces(env.a), before)


def available(machine) -> int:
    """
    Returns the bytes of free memory, with the free pages in per-CPU lists, once they no
    longer grow.
    """
    most, now = 0, available_now(machine)
    while now > most:
        most, now = now, available_now(machine)
    return most


def available_now(machine) -> int:
    """Returns the bytes of free memory at this moment."""
    # Waits for memory that is freed after a grace period.
    machine.run("sync; echo 3 >/proc/sys/vm/drop_caches; "
                "echo 1 >/sys/module/rcutree/parameters/do_rcu_barrier")
    free, = re.findall(r"MemFree: +(\d+) kB", machine.read_files("/proc/meminfo"))
    percpu = re.findall(r"^ +count: +(\d+)$", machine.read_files("/proc/zoneinfo"), re.M)
    return int(free) * 1024 + sum(map(int, percpu)) * 4096


def used_by(machine, count: int) -> int:
    """Returns the memory of the module with this number of interfaces, up and idle."""
    before = available(machine)
    load(machine, parameters(count))
    machine.run("\n".join(f"ip link set muen{n} up" for n in range(count)))
    used = before - available(machine)
    unload(machine)
    return used


def test_memory_of_an_idle_interface(env):
    if env.a.run("ls /sys/kernel/debug/kmemleak", fail=False).ret == 0:
        raise KsftSkipEx("this kernel tracks all memory, and quarantines freed memory")
    # Checks the measurement itself with a file of 4 MiB in memory.
    before = available(env.a)
    env.a.run("dd if=/dev/zero of=/dev/shm/file bs=1M count=4 2>/dev/null")
    seen = before - available(env.a)
    env.a.run("rm /dev/shm/file")
    ksft_ge(seen, 3 << 20)
    ksft_lt(seen, 5 << 20)

    # The kernel's own caches grow the first time.
    used_by(env.a, COUNT)
    # The difference, without the module's own memory, of the worst and the best value.
    many = [used_by(env.a, COUNT) for _ in range(2)]
    few = [used_by(env.a, 2) for _ in range(2)]
    each = (max(many) - min(few)) / (COUNT - 2)
    ksft_pr(f"at most {each / 1024:.0f} KiB per interface")
    ksft_lt(each, 64 << 10)


def timers(machine) -> int:
    """
    Returns the number of the driver's timers, by their addresses: a timer that runs is not
    pending, and one that expires meanwhile may be listed twice.
    """
    return len(set().union(*(sim.timers(machine) for _ in range(5))))


def test_down_and_up_of_all(env):
    load(env.a, parameters(COUNT))
    for state in ("up", "down", "up"):
        env.a.run("\n".join(f"ip link set muen{n} {state}" for n in range(COUNT)))
        wanted = int(state == "up")
        if wanted:
            wait_for(lambda: sim.timers(env.a), "pending timer")
        ksft_eq(timers(env.a) or wanted, wanted, "one timer for all of them, and no other")
    unload(env.a)
    ksft_eq([name for name in interfaces(env.a) if name.startswith("muen")], [])
