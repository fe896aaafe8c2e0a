# SPDX-License-Identifier: GPL-2.0
"""
What is left of a machine while its interfaces are busy: whether processes get on, how
softirqs end, and how much each poll of an interface did.
"""

import re

from . import ksft
from .driver import counters
from .traffic import End, ping_at_once
from .wait import wait_for

# The budget of a poll.
WEIGHT = 64
TRACING = "/sys/kernel/tracing"
POLL = f"{TRACING}/events/napi/napi_poll/trigger"
# A hundredth of what a process counts in a storm, or less.
ENOUGH = 5000
# Counts until it is ended; tells when it is enough.
COUNT = (f"i=0; trap 'echo $i; exit 0' TERM; while [ $i -lt {ENOUGH} ]; do i=$((i + 1)); done; "
         ">$1; while :; do i=$((i + 1)); done")


class Polls:
    """
    As a context. Afterwards `found` is {work: how many polls did so much} of an interface,
    None where the kernel cannot tell, and `budget` that of a poll.
    """

    def __init__(self, machine, dev: str):
        self.machine, self.dev, self.found, self.budget = machine, dev, None, 0

    def __enter__(self):
        # The kernel counts polls by what they did, if it has been built for that.
        wanted = f"hist:keys=work,budget if dev_name == \"{self.dev}\""
        if self.machine.run(f"[ -d {TRACING}/events ] || mount -t tracefs tracefs {TRACING}; "
                            f"echo '{wanted}' >{POLL}", fail=False).ret == 0:
            self.found = {}
        return self

    def __exit__(self, *_):
        if self.found is None:
            return
        text = self.machine.run(f"cat {POLL[:-len('trigger')]}hist; "
                                f"echo '!hist:keys=work,budget' >{POLL}").stdout
        found = re.findall(r"\{ work: +(\d+), budget: +(\d+) \} hitcount: +(\d+)", text)
        self.found = {int(work): int(count) for work, _, count in found}
        self.budget = max((int(budget) for _, budget, _ in found), default=0)

    def check(self):
        """No poll did more than its budget."""
        if self.found is None:
            ksft.ksft_pr("this kernel does not trace polls")
            return
        ksft.ksft_pr(f"polls by what they did: {self.found}")
        ksft.ksft_eq(self.budget, WEIGHT)
        ksft.ksft_gt(sum(self.found.values()), 0)
        ksft.ksft_ge(WEIGHT, max(self.found, default=0), "no poll did more than its budget")


class Beside:
    """
    As a context: a process for each processor that counts beside whatever goes on in a
    machine, which must go on until all have counted to ENOUGH. Afterwards `counted` is how
    far each got, `softirqs` (processed, dropped, time_squeeze) of each processor, and `polls`
    those of the interface.
    """

    def __init__(self, machine, dev: str, processors: int = 2):
        self.machine, self.polls = machine, Polls(machine, dev)
        self._processors, self._count, self._before = processors, [], []
        self.counted, self.softirqs = [], []

    def _softnet(self) -> list:
        lines = self.machine.read_files("/proc/net/softnet_stat").splitlines()
        return [[int(word, 16) for word in line.split()[:3]] for line in lines]

    def __enter__(self):
        self.polls.__enter__()
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
        self.polls.__exit__()

    def check(self, elements: int, polls: int):
        """
        Every processor had time for a process, and no poll did more than its budget; in all
        there were so many elements in so many polls, by the interface's own counters.
        """
        ksft.ksft_pr(f"processes counted to {self.counted}; softirqs (processed, dropped, "
                     f"time_squeeze): {self.softirqs}; {elements} elements in {polls} polls")
        for counted in self.counted:
            ksft.ksft_ge(counted, ENOUGH, "a process got on")
        ksft.ksft_ge(WEIGHT * polls, elements)
        self.polls.check()


def answered_burst(source: End, target: End, dev: str, count: int = 100):
    """
    Pings so many at a time, usually more than a poll may receive, by `dev` of the source: all
    is answered in the end. There must be no other traffic.
    """
    def received() -> int:
        return counters(source.machine, dev, source.ns)["rx_packets"]
    before = received()
    ping_at_once(source, target, f"-l {count} -c {count}")
    # ping itself does not wait for the slow ones.
    wait_for(lambda: received() >= before + count, f"answer to each of {count} pings")
    ksft.ksft_eq(received(), before + count)
