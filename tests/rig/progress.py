# SPDX-License-Identifier: GPL-2.0
"""
Measures what a machine still does while its interfaces are busy: the progress of
processes, and the counters of softirqs.
"""

from . import ksft
from .driver import counters
from .traffic import End, ping_at_once
from .wait import wait_for

# The budget of a NAPI poll.
WEIGHT = 64
# At most a hundredth of what a process counts during an interrupt storm.
MIN_PROGRESS = 5000
# Counts until SIGTERM, and creates the file $1 once the count is MIN_PROGRESS.
COUNT = (f"i=0; trap 'echo $i; exit 0' TERM; "
         f"while [ $i -lt {MIN_PROGRESS} ]; do i=$((i + 1)); done; "
         ">$1; while :; do i=$((i + 1)); done")


class Progress:
    """
    A context that runs a counting process on each processor. Its end waits until each of
    them has counted to MIN_PROGRESS. Afterwards `counted` holds the count of each process, and
    `softirqs` the values (processed, dropped, time_squeeze) of each processor.
    """

    def __init__(self, machine, processors: int = 2):
        self.machine = machine
        self._processors, self._count, self._before = processors, [], []
        self.counted, self.softirqs = [], []

    def _softnet(self) -> list:
        lines = self.machine.read_files("/proc/net/softnet_stat").splitlines()
        return [[int(word, 16) for word in line.split()[:3]] for line in lines]

    def __enter__(self):
        self.machine.run("rm -f /run/counted.*")
        self._count = [self.machine.bkg(["taskset", f"{1 << cpu:x}", "sh", "-c", COUNT, "sh",
                                         f"/run/counted.{cpu}"])
                       for cpu in range(self._processors)]
        self._before = self._softnet()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            for cpu in range(self._processors):
                self.machine.wait(f"[ -e /run/counted.{cpu} ]", f"progress on CPU {cpu}")
        now = self._softnet()
        self.softirqs = [tuple(b - a for a, b in zip(*pair)) for pair in zip(self._before, now)]
        for counting in self._count:
            counting.process(terminate=True)
            self.counted.append(int(counting.stdout or 0))

    def check(self, elements: int, polls: int):
        """
        Checks that each processor had time for its process, and that the interface's counters,
        which the arguments are, fit the budget of a poll.
        """
        ksft.ksft_pr(f"processes counted to {self.counted}; softirqs (processed, dropped, "
                     f"time_squeeze): {self.softirqs}; {elements} elements in {polls} polls")
        for counted in self.counted:
            ksft.ksft_ge(counted, MIN_PROGRESS, "progress of a process")
        ksft.ksft_ge(WEIGHT * polls, elements)


def answered_burst(source: End, target: End, dev: str, count: int = 100):
    """
    Sends `count` pings at once, usually more than a poll may receive, from interface `dev` of
    the source, and checks that all are answered. There must be no other traffic.
    """
    def received() -> int:
        return counters(source.machine, dev, source.ns)["rx_packets"]
    before = received()
    ping_at_once(source, target, f"-l {count} -c {count}")
    # ping itself does not wait for late answers.
    wait_for(lambda: received() >= before + count, f"answer to each of {count} pings")
    ksft.ksft_eq(received(), before + count)
