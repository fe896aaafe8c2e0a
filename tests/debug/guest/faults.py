# SPDX-License-Identifier: GPL-2.0
"""
Does something again and again, with its N-th allocation failing, until it runs
to its end without having met its failure. Prints what came of it: {"injected":
how often one failed, "failed": {errno: how often the operation did}, "result":
the errno of the last time, without a failure}.

    faults.py FIRST STEP OPERATION ARGUMENT...
"""

import json
import os
import sys

import operations

LIMIT = 5000
CONTROL = "/proc/thread-self/fail-nth"


def attempt(operation, number: int) -> tuple:
    """One try: the operation's errno, and whether an allocation failed."""
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
        os.write(send, json.dumps((result, int(left) == 0)).encode())
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
        return operation.ended(status), left == 0
    return f"ended with status {status}", left == 0


def main():
    """Parses the command line and runs."""
    first, step, kind, *arguments = sys.argv[1:]
    operation = operations.KINDS[kind](*arguments)
    injected, failed, result = 0, {}, ""
    for number in range(int(first), LIMIT, int(step)):
        operation.prepare()
        result, hit = attempt(operation, number)
        if result:
            failed[result] = failed.get(result, 0) + 1
        else:
            operation.undo()
        if not hit:
            break
        injected += 1
    json.dump({"injected": injected, "failed": failed, "last": number, "result": result},
              sys.stdout)


main()
