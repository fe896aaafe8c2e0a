# SPDX-License-Identifier: GPL-2.0
"""
The simulated separation kernel in a machine: events and vectors, by the module of
tests/sim.
"""

import re

from . import arch, kmodule, ksft

FOLDER = "/sys/kernel/debug/muensim"


def routes(system, subject: str) -> str:
    """Returns the parameter routes=: the vectors that a subject's events raise, by processor."""
    routed = []
    for channel in system.channels:
        if channel.event is not None and channel.writer == subject:
            where = f"@{system.subjects.index(channel.interrupts)}" if channel.interrupts else ""
            routed.append(f"{channel.event}/{channel.event_on}:{channel.vector or 0:#x}{where}")
    return ",".join(routed)


def owners(system, subject: str) -> str:
    """Returns the parameter owners=: which vectors of a subject another processor has."""
    return ",".join(f"{channel.vector:#x}/{channel.vector_on}" for channel in system.channels
                    if channel.vector_on and subject in channel.reads)


def stub(machine) -> str:
    """Returns the parameter stub=: where the kernel's vectors for EL2 are, if it has any."""
    name = arch.of_machines().stub
    if not name:
        return ""
    line = machine.run(f"grep -w {name} /proc/kallsyms").stdout
    return f"0x{line.split()[0]}"


def insert(machine, parameters: str = ""):
    """Loads the module with the routes of the machine's subject. Load the driver later."""
    machine.put("/run/muensim.ko", kmodule.built("sim", "muensim"))
    where = machine.system, machine.name
    given = {"routes": routes(*where), "owners": owners(*where)}
    parameters = parameters or " ".join(f"{key}={value}" for key, value in given.items() if value)
    needed = stub(machine)
    machine.run(f"insmod /run/muensim.ko {parameters} " + (f"stub={needed}" if needed else ""))


class Sim:
    """
    The simulated separation kernel of a machine, until the end of the test. Load it before
    the driver: the library undoes first what was deferred last.
    """

    def __init__(self, machine, parameters: str = ""):
        self.machine = machine
        ksft.defer(machine.run, "rmmod muensim")
        insert(machine, parameters)

    def _read(self, name: str) -> list:
        return self.machine.read_files(f"{FOLDER}/{name}").splitlines()

    def events(self) -> dict:
        """
        Returns how often each event was triggered, by its number, or by (number, processor) if
        several processors have an event of this number. "unknown" counts events that do not
        exist on the processor that triggered them.
        """
        counted = dict(line.rsplit(" ", 1) for line in self._read("events"))
        events = {"unknown": int(counted.pop("unknown"))}
        names = [tuple(map(int, name.split()[1].split("/"))) for name in counted]
        numbers = [number for number, _ in names]
        for (number, cpu), count in zip(names, counted.values()):
            events[number if numbers.count(number) == 1 else (number, cpu)] = int(count)
        return events

    def moved(self) -> int:
        """Returns how often something tried to move an interrupt to another processor."""
        return int(self._read("vectors")[-1].split()[1])

    def raised(self, vector: int) -> int:
        """Returns how often a vector was raised, without those merged with an earlier one."""
        text = "\n".join(self._read("vectors"))
        count, merged = re.search(rf"^vector {vector:#x} (\d+) (\d+)$", text, re.M).groups()
        return int(count) - int(merged)

    def triggers(self, event: int, count: int) -> str:
        """Returns the command that triggers an event `count` times."""
        return f"echo {event} {count} >{FOLDER}/trigger"

    def storm(self, vector: int, count: int = 1, cpu: int = 0):
        """Returns the command that raises a vector `count` times, as fast as possible."""
        return f"taskset {1 << cpu:x} sh -c 'echo {vector:#x} {count} >{FOLDER}/raise'"


def timers(machine) -> set:
    """
    Returns the addresses of the driver's pending timers. The kernel may list a timer twice
    that expires meanwhile.
    """
    return {line.split()[1] for line in machine.read_files("/proc/timer_list").splitlines()
            if "[muennet]" in line}


def expiries(machine) -> list:
    """
    Returns after how many µs the driver's pending timers expire, below 0 if one is overdue.
    Nothing counts expirations but the kernel's tracepoints, and to enable one is to change
    the code of the scheduler while it runs, which QEMU's TCG does not always emulate: a
    processor may execute a breakpoint that is gone.
    """
    timer = re.compile(r"\[muennet\].*\n.*\[in (-?\d+) to ")
    return [int(ns) // 1000 for ns in timer.findall(machine.read_files("/proc/timer_list"))]


def interrupts_by_cpu(machine, name: str) -> list:
    """Returns how often an interface's interrupt came on each processor; [] without one."""
    for line in machine.read_files("/proc/interrupts").splitlines():
        words = line.split()
        if words[-1] == name:
            return [int(word) for word in words[1:words.index("muensim")]]
    return []


def interrupts(machine, name: str) -> int:
    """Returns how often an interface's interrupt came, or -1 if it has none."""
    counts = interrupts_by_cpu(machine, name)
    return sum(counts) if counts else -1


def is_realtime(machine) -> bool:
    """Returns whether the machine's kernel has CONFIG_PREEMPT_RT."""
    return "PREEMPT_RT" in machine.run("uname -v").stdout


def all_handled(machine, name: str, handled: int) -> bool:
    """
    Returns whether the driver's count of an interface's interrupts is that of the kernel. With
    CONFIG_PREEMPT_RT a thread calls the handler, once for all that came since the last call.
    """
    came = interrupts(machine, name)
    if is_realtime(machine):
        return 0 < handled <= came
    return handled == came
