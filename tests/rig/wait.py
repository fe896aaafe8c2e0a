# SPDX-License-Identifier: GPL-2.0
"""
Waiting for events.

A test waits for an event, never for a time. The deadline only ends a run that hangs: it
is so long that even a slow and busy machine does not reach it.
"""

import time

# Seconds until a wait fails.
DEADLINE = 900


class TimedOut(AssertionError):
    """The event of a wait did not happen."""


def wait_for(condition, what: str, pause: float = 0.02):
    """
    Waits until `condition()` is true and returns its value. `what` names the event in the
    error message. It may be a function, called at the deadline, that describes the state.
    """
    end = time.monotonic() + DEADLINE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimedOut(f"no {what() if callable(what) else what} in {DEADLINE} s")
        time.sleep(pause)  # sleep: the interval of the checks


def until(command: str) -> str:
    """Returns the shell command that waits until `command` succeeds."""
    return f"until {command}; do sleep 0.05; done"  # sleep: the interval of the checks


def listens(port: int, protocol: str = "tcp") -> str:
    """Returns the shell command that tests whether a socket listens on a port (IPv4, IPv6)."""
    # TCP sockets in state LISTEN; bound UDP sockets.
    state = {"tcp": "0A", "udp": "07"}[protocol]
    return (f"grep -qE '^ *[0-9]+: [0-9A-F]+:{port:04X} [0-9A-F]+:[0-9A-F]+ {state} ' "
            f"/proc/net/{protocol} /proc/net/{protocol}6 2>/dev/null")
