# SPDX-License-Identifier: GPL-2.0
"""
Does something again and again, with its N-th allocation failing: for each N, until
it runs to its end without having met its failure, or for MOST of them: as many shares of all that
a time without a failure has, and one of each, by SEED. What failed must work at once when
it is repeated. Writes each N to the kernel's log. Prints what
came of it: {"results": [N, errno] of each time in which one failed, the errno "" when
the operation worked all the same, "last": the errno of a last time, without a failure}.

    faults.py SEED MOST OPERATION ARGUMENT...    MOST: 0 for all
"""

import json
import os
import random
import sys

import operations

# More than any operation has.
LIMIT = 5000
CONTROL = "/proc/thread-self/fail-nth"


def attempt(operation, number: int) -> tuple:
    """One try: the operation's errno, and how many allocations more would have been the one."""
    other = getattr(operation, "control", None)
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        # Nobody but the operation allocates from here on, as far as that goes.
        control = os.open(other or CONTROL, os.O_RDWR)
        wanted = str(number).encode()
        os.write(control, wanted)
        result = operation.run()
        left = os.pread(control, 16, 0)
        os.pwrite(control, b"0", 0)
        os.write(send, json.dumps((result, int(left))).encode())
        os._exit(0)
    os.close(send)
    # Its file in /proc stays until it has been waited for.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    with open(f"/proc/{pid}/fail-nth", encoding="ascii") as file:
        left = int(file.read())
    _, status = os.waitpid(pid, 0)
    with os.fdopen(receive, "rb") as file:
        told = file.read()
    if told:
        return json.loads(told)
    if hasattr(operation, "ended"):
        return operation.ended(status), left
    return f"ended with status {status}", left


def once(operation, number: int) -> tuple:
    """One try, with what belongs before and after it."""
    operation.prepare()
    with open("/dev/kmsg", "w", encoding="ascii") as log:
        log.write(f"fault {number}\n")
    result, left = attempt(operation, number)
    if not result:
        operation.undo()
    return result, left


def main():
    """Parses the command line and runs."""
    seed, most, kind, *arguments = sys.argv[1:]
    operation = operations.KINDS[kind](*arguments)
    numbers = range(1, LIMIT)
    if int(most):
        _, left = once(operation, LIMIT)
        total = LIMIT - left
        # Few are done to their end, for how many there are differs by some from time to time.
        if total > int(most):
            rng = random.Random(int(seed))
            share = total / int(most)
            numbers = sorted({1 + int((index + rng.random()) * share)
                              for index in range(int(most))})
    results = []
    for number in numbers:
        result, left = once(operation, number)
        if left:
            break
        results.append((number, result))
        if result:
            again, _ = once(operation, LIMIT)
            if again:
                sys.exit(f"after fault {number} it fails with {again}")
    last, _ = once(operation, LIMIT)
    json.dump({"results": results, "last": last}, sys.stdout)


main()
