# SPDX-License-Identifier: GPL-2.0
"""As many interfaces as one module can have, and what they cost."""

from rig import Channel, System, interfaces, ksft_eq, ksft_lt, ksft_pr, load, unload

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
    """Bytes of memory that could be had."""
    machine.run("sync; echo 3 >/proc/sys/vm/drop_caches; sleep 0.3")
    for line in machine.run("cat /proc/meminfo").stdout.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    raise RuntimeError("no MemAvailable")


def used_by(machine, count: int) -> int:
    """Bytes that the module takes with that many interfaces, up and idle."""
    before = available(machine)
    load(machine, paired(count))
    machine.run("\n".join(f"ip link set muen{n} up" for n in range(count)), timeout=120)
    used = before - available(machine)
    unload(machine)
    return used


def test_memory_of_an_idle_interface(env):
    # The first load pays for what stays; the difference of the two is what counts.
    used_by(env.a, COUNT)
    few = sorted(used_by(env.a, 2) for _ in range(3))[1]
    many = sorted(used_by(env.a, COUNT) for _ in range(3))[1]
    each = (many - few) / (COUNT - 2)
    ksft_pr(f"{each / 1024:.1f} KiB an interface")
    ksft_lt(each, 64 << 10)


def test_down_and_up_of_all(env):
    load(env.a, paired(COUNT))
    for state in ("up", "down", "up"):
        env.a.run("\n".join(f"ip link set muen{n} {state}" for n in range(COUNT)), timeout=120)
    unload(env.a)
    ksft_eq([name for name in interfaces(env.a) if name.startswith("muen")], [])
