# SPDX-License-Identifier: GPL-2.0
"""Runs the README's two subjects, for the demo and the shell."""

from . import driver
from .machine import Machines
from .systems import PAIR


def start(system) -> Machines:
    """Boots all machines and installs the module, but does not load it."""
    machines = Machines(system).__enter__()
    try:
        for machine in machines.machines.values():
            driver.install(machine)
    except BaseException:
        machines.__exit__()
        raise
    return machines


def load(machine):
    """Loads the module with the README's parameters, and sets its interface up."""
    machine.run(f"modprobe muennet {driver.README}")
    driver.up(machine)


def commands(name: str) -> list:
    """Returns what load() does, as commands for a user to type."""
    return [f"modprobe muennet {driver.README}",
            f"ip addr add {driver.V4[name]}/24 dev net0",
            f"ip addr add {driver.V6[name]}/64 dev net0",
            "ip link set net0 up"]


def main(run, system=PAIR) -> int:
    """Calls run(machines) on running machines. Returns the exit status, also after Ctrl-C."""
    machines = None
    try:
        machines = start(system)
        return run(machines)
    except KeyboardInterrupt:
        return 130
    finally:
        if machines:
            machines.__exit__()
