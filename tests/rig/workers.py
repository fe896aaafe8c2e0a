# SPDX-License-Identifier: GPL-2.0
"""
Workers, each with its own machines, take test files from a queue. Every file gets a
result, also if a worker dies.
"""

import itertools
import os
import re
import selectors
import sys
import traceback

from . import initramfs
from .machine import MEMORY

# A worker prints this followed by the name of the file it begins, and this alone at the
# end of a file.
MARK = "\f"


def jobs() -> int:
    """Returns the number of workers for the processors and the memory of this host."""
    with open("/proc/meminfo", encoding="ascii") as file:
        available, = re.findall(r"^MemAvailable: +(\d+) kB$", file.read(), re.M)
    # A worker usually has two machines. QEMU itself needs memory, too.
    worker = 2 * (MEMORY + 400) << 10
    # The debug tier may run in parallel, so one worker less.
    return max(1, min(os.process_cpu_count(), int(available) // worker - 1))


def _next_files(groups, queue: int):
    """Takes files from the queue: yields the number of a group, and one of its files."""
    while number := os.read(queue, 4):
        group, at = divmod(int.from_bytes(number, "little"), 1 << 16)
        yield group, groups[group][at]


def _work(groups, queue: int, options, run_group):
    """Runs files in a worker process until the queue is empty. Never returns."""
    status = 1
    try:
        for group, files in itertools.groupby(_next_files(groups, queue), key=lambda it: it[0]):
            # This worker's machines have failed; other workers take the remaining files.
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
    """The parent's view of a worker process."""

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
        # The lines of the current file, an incomplete line, and the file's name.
        self.lines, self.rest, self.stem = [], b"", ""

    def read(self, results, immediately: bool) -> bool:
        """
        Reads output of the worker, and prints it at the end of each file, or immediately.
        Returns whether there can be more.
        """
        data = os.read(self.output, 1 << 16)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines if data else [*lines, self.rest]:
            line = line.decode(errors="replace")
            if line.startswith(MARK):
                self.stem = line[1:]
            elif line:
                self.lines.append(line)
            if immediately or not self.stem or not data:
                self._print(results)
        return bool(data)

    def _print(self, results):
        for line in self.lines:
            results.line(line)
        self.lines = []

    def end(self, results):
        """Waits for the end of the worker, and reports a failure."""
        self._print(results)
        os.close(self.output)
        if os.waitpid(self.pid, 0)[1]:
            results.result(False, f"{self.stem or 'a worker'} ended early")


def run_groups(groups, options, results, run_group):
    """
    Runs the files of all groups in workers, which call `run_group(group, files, options)`,
    and passes their output to `results`.
    """
    queue, end = os.pipe()
    for group, files in enumerate(groups):
        for at in range(len(files)):
            os.write(end, (group << 16 | at).to_bytes(4, "little"))
    os.close(end)
    # Built once, not by each worker.
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
