# SPDX-License-Identifier: GPL-2.0
"""
The separation kernel inside a machine: events and vectors, played by the
module in tests/sim.
"""

import re

from . import kmodule, ksft

FOLDER = "/sys/kernel/debug/muensim"


def routes(system, subject: str) -> str:
    """What a subject's events raise, and which processors have them."""
    found = []
    for channel in system.channels:
        if channel.event is not None and channel.writer == subject:
            where = f"@{system.subjects.index(channel.interrupts)}" if channel.interrupts else ""
            found.append(f"{channel.event}/{channel.event_on}:{channel.vector or 0:#x}{where}")
    return ",".join(found)


def owners(system, subject: str) -> str:
    """Which of a subject's vectors other processors than the first one have."""
    return ",".join(f"{channel.vector:#x}/{channel.vector_on}" for channel in system.channels
                    if channel.vector_on and subject in channel.reads)


def insert(machine, parameters: str = ""):
    """Loads the module, before the driver, with the routes of the machine's subject."""
    machine.put("/run/muensim.ko", kmodule.built("sim", "muensim"))
    where = machine.system, machine.name
    given = {"routes": routes(*where), "owners": owners(*where)}
    machine.run("insmod /run/muensim.ko " + (parameters or " ".join(
        f"{name}={value}" for name, value in given.items() if value)))


class Sim:
    """
    The played separation kernel of a machine, until the end of the test. Load
    it before the driver: what is deferred later is undone first.
    """

    def __init__(self, machine, parameters: str = ""):
        self.machine = machine
        ksft.defer(machine.run, "rmmod muensim")
        insert(machine, parameters)

    def _read(self, name: str) -> list:
        return self.machine.read_files(f"{FOLDER}/{name}").splitlines()

    def events(self) -> dict:
        """
        How often each event was triggered, by its number, or (number, processor) if several
        have that; "unknown" those that do not exist on the processor that triggered them.
        """
        found = dict(line.rsplit(" ", 1) for line in self._read("events"))
        events = {"unknown": int(found.pop("unknown"))}
        names = [tuple(map(int, name.split()[1].split("/"))) for name in found]
        numbers = [number for number, _ in names]
        for (number, cpu), count in zip(names, found.values()):
            events[number if numbers.count(number) == 1 else (number, cpu)] = int(count)
        return events

    def moved(self) -> int:
        """How often an interrupt was to go to other processors."""
        return int(self._read("vectors")[-1].split()[1])

    def raised(self, vector: int) -> int:
        """How often a vector was raised, apart from those merged with one before."""
        text = "\n".join(self._read("vectors"))
        often, merged = re.search(rf"^vector {vector:#x} (\d+) (\d+)$", text, re.M).groups()
        return int(often) - int(merged)

    def triggers(self, event: int, often: int) -> str:
        """The command that triggers an event many times."""
        return f"echo {event} {often} >{FOLDER}/trigger"

    def storm(self, vector: int, often: int = 1, cpu: int = 0):
        """The command that raises a vector many times, as fast as that goes."""
        return f"taskset {1 << cpu:x} sh -c 'echo {vector:#x} {often} >{FOLDER}/raise'"


def timers(machine) -> set:
    """
    The addresses of the driver's timers that wait now. One that expires while the
    list is written may be in it twice.
    """
    return {line.split()[1] for line in machine.read_files("/proc/timer_list").splitlines()
            if "[muennet]" in line}


def interrupts_by_cpu(machine, name: str) -> list:
    """How often an interface's interrupt came on each processor; empty: it has none."""
    for line in machine.read_files("/proc/interrupts").splitlines():
        words = line.split()
        if words[-1] == name:
            return [int(word) for word in words[1:words.index("muensim")]]
    return []


def interrupts(machine, name: str) -> int:
    """How often an interface's interrupt came, by /proc/interrupts; -1: it has none."""
    counts = interrupts_by_cpu(machine, name)
    return sum(counts) if counts else -1
