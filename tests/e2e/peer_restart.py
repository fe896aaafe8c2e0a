# SPDX-License-Identifier: GPL-2.0
"""A writer restarts under traffic: down and up, reload. The other side recovers by itself."""

from rig import (PAIR, V4, End, KsftNamedVariant, counters, ksft_eq, ksft_ne, ksft_true,
                 ksft_variants, load, pair, ping, unload, up, wait_answer)

SYSTEM = PAIR

SIDES = [KsftNamedVariant(side, side) for side in "ab"]
TIMES = 3


def losses(machine) -> dict:
    """Returns all counters of net0, and those of IP and ICMP."""
    found = dict(counters(machine))
    lines = machine.run("grep -E '^(Ip|Icmp): ' /proc/net/snmp").stdout.splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        protocol, *names = names.split()
        found |= {protocol + name: int(value) for name, value in zip(names, values.split()[1:])}
    return found


def recovers(env):
    """Waits until traffic flows again in both directions, and checks that none is lost."""
    a, b = End(env.a, V4["a"]), End(env.b, V4["b"])
    wait_answer(a, b)
    before = [losses(end.machine) for end in (a, b)]
    result = ping(a, b, count=5)
    changes = [{name: (count, then[name]) for name, count in losses(end.machine).items()
                if count != then[name]} for end, then in zip((a, b), before)]
    ksft_eq(result.received, 5, f"{result.errors} counters of a and b that changed, "
                                f"(now, before): {changes}")


def busy(env, machine):
    """
    Returns a context with traffic in both directions, from the machine that is not restarted:
    a packet after each answer, and one now and then while there is none. With -f it would be 100
    a second, of which the ring holds those of 7 seconds: too few where a machine stands still.
    """
    other = env.b if machine is env.a else env.a
    return other.bkg(f"ping -q -A -s 1000 {V4[machine.name]}")


@ksft_variants(SIDES)
def test_down_and_up(env, side):
    machine = getattr(env, side)
    channel = env.channel("a_to_b" if side == "a" else "b_to_a")
    pair(env)
    with busy(env, machine):
        for _ in range(TIMES):
            before = channel.epoch
            machine.run("ip link set net0 down")
            ksft_eq(channel.epoch, 0, "the epoch ends at down")
            machine.run("ip link set net0 up")
            ksft_true(channel.epoch not in (0, before), "a fresh epoch at up")
            recovers(env)


@ksft_variants(SIDES)
def test_reload(env, side):
    machine = getattr(env, side)
    pair(env)
    with busy(env, machine):
        for _ in range(TIMES):
            unload(machine)
            load(machine)
            up(machine)
            recovers(env)


def test_both_sides(env):
    pair(env)
    for _ in range(TIMES):
        for machine in (env.a, env.b):
            machine.run("ip link set net0 down")
        for machine in (env.b, env.a):
            machine.run("ip link set net0 up")
        recovers(env)


def test_epochs_differ(env):
    load(env.a)
    channel = env.channel("a_to_b")
    seen = set()
    for _ in range(10):
        env.a.run("ip link set net0 up")
        seen.add(channel.epoch)
        env.a.run("ip link set net0 down")
    ksft_eq(len(seen), 10)
    ksft_ne(sorted(seen)[-1] - sorted(seen)[0], 9, "epochs are drawn, not counted")
