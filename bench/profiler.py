# SPDX-License-Identifier: GPL-2.0
"""
A profiler for a virtual machine: compiles plugin/profiler.c, loads it into QEMU, reads its samples
and resolves their addresses to symbols.
"""

import bisect
import collections
import os
import re
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).parent


def build(folder: Path) -> Path:
    """Compiles the plugin and returns its path."""
    out = folder / "profiler.so"
    subprocess.run(["gcc", "-O2", "-Wall", "-shared", "-fPIC", "-pthread", "-o", out,
                    HERE / "plugin/profiler.c"], check=True)
    return out


def arguments(plugin: Path, name: str, folder: Path) -> list:
    """Returns the arguments that make QEMU load the plugin. Creates its FIFO."""
    os.mkfifo(folder / f"profiler.{name}")
    return ["-plugin", f"{plugin},fifo={folder / ('profiler.' + name)}"]


class Symbols:
    """The symbols of a machine's kernel and modules."""

    def __init__(self, machine):
        text = machine.run("cat /proc/kallsyms").stdout
        symbols = []
        for line in text.splitlines():
            address, kind, name, *module = line.split()
            if kind in "tTwW":
                symbols.append((int(address, 16), name, module[0] if module else ""))
        symbols.sort()
        self._starts = [address for address, _, _ in symbols]
        names = subprocess.run(["c++filt"], input="\n".join(name for _, name, _ in symbols),
                               capture_output=True, text=True, check=True).stdout.splitlines()
        # c++filt shows the hash of the crate.
        self._names = [f"{re.sub(r'\[[0-9a-f]+\]', '', name)} {module}".strip()
                       for name, (_, _, module) in zip(names, symbols)]

    def name(self, address: int) -> str:
        """Returns the function at an address."""
        if address < 2:
            return ("(user space)", "(table full)")[address]
        return self._names[max(0, bisect.bisect_right(self._starts, address) - 1)]


class Profiler:
    """Reads the plugin of a running machine."""

    def __init__(self, machine):
        self.machine, self.folder = machine, machine.folder
        self.symbols = Symbols(machine)
        self._before = {}

    def _read(self) -> dict:
        """Returns address -> (samples, instructions) since the machine started."""
        path = self.folder / f"profiler.{self.machine.name}.out"
        path.unlink(missing_ok=True)
        (self.folder / f"profiler.{self.machine.name}").write_text(f"{path}\n", encoding="ascii")
        while not path.exists() or not path.read_text(encoding="ascii").endswith("end\n"):
            time.sleep(0.02)  # sleep: the polling interval
        lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()[:-1]]
        return {int(address, 16): (int(samples), int(count)) for address, samples, count in lines}

    def start(self):
        """Starts the profile."""
        self._before = self._read()

    def stop(self) -> dict:
        """Returns function -> (samples, instructions) since start()."""
        functions = collections.defaultdict(lambda: [0, 0])
        for address, now in self._read().items():
            then = self._before.get(address, (0, 0))
            entry = functions[self.symbols.name(address)]
            entry[0] += now[0] - then[0]
            entry[1] += now[1] - then[1]
        return {name: tuple(both) for name, both in functions.items() if any(both)}
