# SPDX-License-Identifier: GPL-2.0
"""
Several runs of tests beside each other, whose lines are joined: a result comes
together with what was said before it.
"""

import os
import sys
import threading
import traceback


def spread(groups: dict, count: int) -> list:
    """Groups (name -> (system, files)) in `count` shares, none much larger than it must be."""
    shares: list = [[] for _ in range(count)]
    for group in sorted(groups.values(), key=lambda group: -len(group[1])):
        min(shares, key=lambda share: sum(len(files) for _, files in share)).append(group)
    return [share for share in shares if share]


class Said:
    """The results of a run that another process reads: its numbers are that one's."""

    @staticmethod
    def result(ok: bool, name: str, comment: str = ""):
        """Says a result, as the kernel's library does: its name is one word."""
        name = name.replace(" ", "_")
        print(f"{'' if ok else 'not '}ok 0 {name}{' # ' + comment if comment else ''}", flush=True)

    @staticmethod
    def line(line: str) -> bool:
        """Passes on a line; True for a result."""
        print(line, flush=True)
        return line.startswith(("ok ", "not ok "))


def start(work, share):
    """Calls work(share, results) in a process of its own: its number, and what it says."""
    receive, send = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(receive)
            os.dup2(send, 1)
            work(share, Said())
            status = 0
        except BaseException:
            traceback.print_exc(file=sys.stdout)
        finally:
            sys.stdout.flush()
            os._exit(status)
    os.close(send)
    return pid, os.fdopen(receive, encoding="utf-8", errors="replace")


def run(work, shares: list, results):
    """Does all shares at once; their results go to `results`."""
    lock = threading.Lock()

    def read(lines):
        waiting: list = []
        for line in lines:
            waiting.append(line.rstrip("\n"))
            # A file's last line ends with its time.
            if line.startswith(("ok ", "not ok ")) or (line[0] == "#" and line.endswith(" s\n")):
                with lock:
                    for one in waiting:
                        results.line(one)
                waiting = []
        with lock:
            for one in waiting:
                results.line(one)

    started = [start(work, share) for share in shares]
    threads = [threading.Thread(target=read, args=(lines,)) for _, lines in started]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for pid, lines in started:
        lines.close()
        if os.waitpid(pid, 0)[1]:
            results.result(False, "a run ended early")
