# SPDX-License-Identifier: GPL-2.0
"""As many interfaces as one module can have, and what they cost."""

import re

from rig import (Channel, KsftSkipEx, System, interfaces, ksft_eq, ksft_ge, ksft_lt, ksft_pr, load,
                 unload)

COUNT = 32
SIZE = 64 << 10

# Interface n talks to interface n ^ 1.
SYSTEM = System("many", ("a",), tuple(
    Channel(f"c{n}", writes={"a": f"out{n}"}, reads={"a": f"in{n ^ 1}"}, size=SIZE)
    for n in range(COUNT)))


def parameters(count: int) -> str:
    """The module parameters for that many interfaces."""
    def each(pattern: str) -> str:
        return ",".join(pattern.format(n) for n in range(count))
    return (f"name={each('muen{}')} in={each('in{}')} out={each('out{}')} "
            f"reader_protocol={each('{:x}').replace('0,', 'ff,', 1)} "
            f"writer_protocol={each('{:x}').replace('0,', 'ff,', 1)} flags={each('net_hdr')}")


def paired(count: int) -> str:
    """As parameters(), with the same protocol everywhere."""
    words = parameters(count).split()
    for index, word in enumerate(words):
        if "_protocol=" in word:
            words[index] = word.split("=")[0] + "=" + ",".join(["2"] * count)
    return " ".join(words)


def test_all_carry_packets(env):
    load(env.a, paired(COUNT))
    ksft_eq(len([name for name in interfaces(env.a) if name.startswith("muen")]), COUNT)
    script = "\n".join(
        f"ip netns add ns{n}; ip link set muen{n} netns ns{n}; "
        f"ip -n ns{n} addr add 10.0.{n // 2}.{n % 2 + 1}/24 dev muen{n}; "
        f"ip -n ns{n} link set muen{n} up" for n in range(COUNT))
    env.a.run(script, timeout=120)
    try:
        out = env.a.run("\n".join(
            f"ip netns exec ns{n} ping -q -c 20 -i 0.05 10.0.{n // 2}.{2 - n % 2} &"
            for n in range(COUNT)) + "\nwait", timeout=120).stdout
        ksft_eq(out.count(" 20 received"), COUNT)
    finally:
        env.a.run("\n".join(f"ip netns del ns{n}" for n in range(COUNT)), timeout=120)


def test_one_more_is_refused(env):
    before = interfaces(env.a)
    result = load(env.a, parameters(COUNT).replace("name=", "name=other,"), fail=False)
    ksft_eq(result.ret, 1)
    ksft_eq(interfaces(env.a), before)


def available(machine) -> int:
    """Bytes of free memory, with the pages that processors keep for themselves."""
    machine.run("sync; echo 3 >/proc/sys/vm/drop_caches; sleep 0.5")
    free, = re.findall(r"MemFree: +(\d+) kB", machine.run("cat /proc/meminfo").stdout)
    kept = re.findall(r"^ +count: +(\d+)$", machine.run("cat /proc/zoneinfo").stdout, re.M)
    return int(free) * 1024 + sum(map(int, kept)) * 4096


def used_by(machine, count: int) -> int:
    """Bytes that the module takes with that many interfaces, up and idle."""
    before = available(machine)
    load(machine, paired(count))
    machine.run("\n".join(f"ip link set muen{n} up" for n in range(count)), timeout=120)
    used = before - available(machine)
    unload(machine)
    return used


def test_memory_of_an_idle_interface(env):
    if env.a.run("ls /sys/kernel/debug/kmemleak", fail=False).ret == 0:
        raise KsftSkipEx("this kernel keeps notes of all memory, and what is freed for a while")
    # That what is measured is memory: a file of 4 MiB in it is seen.
    before = available(env.a)
    env.a.run("dd if=/dev/zero of=/dev/shm/file bs=1M count=4 2>/dev/null")
    seen = before - available(env.a)
    env.a.run("rm /dev/shm/file")
    ksft_ge(seen, 3 << 20)
    ksft_lt(seen, 5 << 20)

    # The first time, the kernel's own caches grow.
    used_by(env.a, COUNT)
    # The module's own memory is in both; the worst of three against the best.
    many = [used_by(env.a, COUNT) for _ in range(3)]
    few = [used_by(env.a, 2) for _ in range(3)]
    each = (max(many) - min(few)) / (COUNT - 2)
    ksft_pr(f"at most {each / 1024:.0f} KiB an interface")
    ksft_lt(each, 64 << 10)


def timers(machine) -> int:
    """
    How many timers of the driver there are. One that runs does not wait, and one
    that expires while the list is written may be in it twice: addresses count.
    """
    lines = machine.run("for i in 1 2 3 4 5; do grep '\\[muennet\\]' /proc/timer_list; done",
                        fail=False).stdout.splitlines()
    return len({line.split()[1] for line in lines})


def test_down_and_up_of_all(env):
    load(env.a, paired(COUNT))
    for state in ("up", "down", "up"):
        env.a.run("\n".join(f"ip link set muen{n} {state}" for n in range(COUNT)), timeout=120)
        ksft_eq(timers(env.a), int(state == "up"), "one timer for all of them, and no other")
    unload(env.a)
    ksft_eq([name for name in interfaces(env.a) if name.startswith("muen")], [])
