# SPDX-License-Identifier: GPL-2.0
"""
Repeats an operation with its N-th allocation failing: for each N up to the number of
allocations that the operation had once, and then until it ends without a fault, or for MOST
values of N: one random value, by SEED, in each of MOST equal shares. An operation that
failed must succeed when it is repeated at once. Writes each N to the kernel log. Prints the
outcome: {"results": [N, errno] of each run with a fault, the errno is "" if the operation
succeeded, "last": the errno of a last run without a fault}.

    faults.py SEED MOST OPERATION ARGUMENT...    MOST: 0 for all
"""

import json
import os
import random
import sys

import operations

# More allocations than any operation has.
LIMIT = 5000
CONTROL = "/proc/thread-self/fail-nth"


def attempt(operation, number: int) -> tuple:
    """Runs the operation. Returns its errno, and the remaining value of fail-nth."""
    other = getattr(operation, "control", None)
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        # From here on only the operation should allocate.
        control = os.open(other or CONTROL, os.O_RDWR)
        wanted = str(number).encode()
        os.write(control, wanted)
        result = operation.run()
        left = os.pread(control, 16, 0)
        os.pwrite(control, b"0", 0)
        os.write(send, json.dumps((result, int(left))).encode())
        os._exit(0)
    os.close(send)
    # The process keeps its file in /proc until it is waited for.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    with open(f"/proc/{pid}/fail-nth", encoding="ascii") as file:
        left = int(file.read())
    _, status = os.waitpid(pid, 0)
    with os.fdopen(receive, "rb") as file:
        output = file.read()
    if output:
        return json.loads(output)
    if hasattr(operation, "ended"):
        return operation.ended(status), left
    return f"ended with status {status}", left


def run_once(operation, number: int) -> tuple:
    """Runs the operation once, with its preparation and its undo."""
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
    _, left = run_once(operation, LIMIT)
    total = LIMIT - left
    if int(most):
        # With few allocations, try all: their number varies a little.
        if total > int(most):
            rng = random.Random(int(seed))
            share = total / int(most)
            numbers = sorted({1 + int((index + rng.random()) * share)
                              for index in range(int(most))})
    results = []
    for number in numbers:
        result, left = run_once(operation, number)
        if left and number > total:
            break
        if left:
            # This time there were fewer allocations.
            continue
        results.append((number, result))
        if result:
            again, _ = run_once(operation, LIMIT)
            if again:
                sys.exit(f"after fault {number} it still fails with {again}")
    last, _ = run_once(operation, LIMIT)
    json.dump({"results": results, "last": last}, sys.stdout)


main()
