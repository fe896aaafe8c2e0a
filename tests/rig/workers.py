# SPDX-License-Identifier: GPL-2.0
"""
Workers, each with machines of its own, take test files in turn: one, or as many as there
are processors. No result is lost, whatever becomes of a worker.
"""

import itertools
import os
import re
import selectors
import sys
import traceback

from . import initramfs
from .machine import MEMORY

# What a line of a worker begins with that names the file it has taken, or, with nothing
# behind it, says that the file is done.
MARK = "\f"


def jobs() -> int:
    """How many workers this host has processors and memory for."""
    with open("/proc/meminfo", encoding="ascii") as file:
        available, = re.findall(r"^MemAvailable: +(\d+) kB$", file.read(), re.M)
    # A worker has two machines, as a rule; QEMU itself takes memory, too.
    worker = 2 * (MEMORY + 400) << 10
    # The tests of the debug kernel may run beside.
    return max(1, min(os.process_cpu_count(), int(available) // worker - 1))


def _next_files(groups, queue: int):
    """Takes files that nobody has taken: the number of a group, and one of its files."""
    while number := os.read(queue, 4):
        group, at = divmod(int.from_bytes(number, "little"), 1 << 16)
        yield group, groups[group][at]


def _work(groups, queue: int, options, run_group):
    """A worker: runs files as long as there are any. Never returns."""
    status = 1
    try:
        for group, files in itertools.groupby(_next_files(groups, queue), key=lambda it: it[0]):
            # Where machines fail, other workers take what is left.
            if not run_group(groups[group], (file for _, file in files), options):
                break
        status = 0
    except BaseException:
        for line in traceback.format_exc().splitlines():
            print("# " + line)
    finally:
        try:
            sys.stdout.flush()
        finally:
            os._exit(status)


class Worker:
    """A worker process as its parent sees it."""

    def __init__(self, groups, queue: int, options, run_group, others):
        self.output, end = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.dup2(end, 1)
            for file in (end, self.output, *(other.output for other in others)):
                os.close(file)
            _work(groups, queue, options, run_group)
        os.close(end)
        # The lines of the file that it is at, and the begin of the next one.
        self.lines, self.rest, self.stem = [], b"", ""

    def read(self, results, at_once: bool) -> bool:
        """
        Takes what the worker has said, and prints it at the end of each file, or at once:
        whether there can be more.
        """
        data = os.read(self.output, 1 << 16)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines if data else [*lines, self.rest]:
            line = line.decode(errors="replace")
            if line.startswith(MARK):
                self.stem = line[1:]
            elif line:
                self.lines.append(line)
            if at_once or not self.stem or not data:
                self._print(results)
        return bool(data)

    def _print(self, results):
        for line in self.lines:
            results.line(line)
        self.lines = []

    def end(self, results):
        """After it has ended."""
        self._print(results)
        os.close(self.output)
        if os.waitpid(self.pid, 0)[1]:
            results.result(False, f"{self.stem or 'a worker'} ended early")


def run_groups(groups, options, results, run_group):
    """
    Runs the files of all groups by workers, `run_group(group, files, options)` in each, and
    hands what they print to `results`.
    """
    queue, end = os.pipe()
    for group, files in enumerate(groups):
        for at in range(len(files)):
            os.write(end, (group << 16 | at).to_bytes(4, "little"))
    os.close(end)
    # Made once, not by each worker.
    initramfs.kernel()
    initramfs.base()
    workers = []
    for _ in range(min(options.jobs, sum(map(len, groups)))):
        workers.append(Worker(groups, queue, options, run_group, workers))
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            selector.register(worker.output, selectors.EVENT_READ, worker)
        while selector.get_map():
            for key, _ in selector.select():
                if not key.data.read(results, len(workers) == 1):
                    selector.unregister(key.fd)
                    key.data.end(results)
    for _, (path, *_) in _next_files(groups, queue):
        results.result(False, f"{path.stem} did not run")
    os.close(queue)
