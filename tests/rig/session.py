# SPDX-License-Identifier: GPL-2.0
"""The README's two subjects, up and running: what the demo and the shell share."""

from . import driver
from .machine import Machines
from .systems import PAIR


def start(system) -> Machines:
    """Boots all machines; the module is installed, not loaded."""
    machines = Machines(system).__enter__()
    try:
        for machine in machines.machines.values():
            driver.install(machine)
    except BaseException:
        machines.__exit__()
        raise
    return machines


def load(machine):
    """Loads the module as the README says, and sets its interface up."""
    machine.run(f"modprobe muennet {driver.README}")
    driver.up(machine)


def commands(name: str) -> list:
    """The same as load(), as one would type it."""
    return [f"modprobe muennet {driver.README}",
            f"ip addr add {driver.V4[name]}/24 dev net0",
            f"ip addr add {driver.V6[name]}/64 dev net0",
            "ip link set net0 up"]


def main(run, system=PAIR) -> int:
    """Calls run(machines) on running machines; the exit status, also after Ctrl-C."""
    machines = None
    try:
        machines = start(system)
        return run(machines)
    except KeyboardInterrupt:
        return 130
    finally:
        if machines:
            machines.__exit__()
