# SPDX-License-Identifier: GPL-2.0
"""
Waiting for events.

A test waits for the event that it needs, never for a time. The one deadline only
ends a run that hangs: it is so long that no machine, however slow or busy, meets it.
"""

import time

# Seconds until something that has not happened never will.
DEADLINE = 900


class TimedOut(AssertionError):
    """What a test waited for did not happen."""


def wait_for(condition, what: str, pause: float = 0.02):
    """
    Waits until `condition()` is true and returns its value. `what` names the event in
    the error of a wait that reaches the deadline; a function, which is then called,
    may say what was there instead.
    """
    end = time.monotonic() + DEADLINE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimedOut(f"no {what() if callable(what) else what} in {DEADLINE} s")
        time.sleep(pause)  # sleep: between two looks at the condition


def until(command: str) -> str:
    """The shell command that waits in a machine until `command` succeeds."""
    return f"until {command}; do sleep 0.05; done"  # sleep: between two looks


def listens(port: int, protocol: str = "tcp") -> str:
    """The shell command that succeeds when a socket listens on a port, over IPv4 or IPv6."""
    # Connections in TCP's state LISTEN; UDP sockets that are bound.
    state = {"tcp": "0A", "udp": "07"}[protocol]
    return (f"grep -qE '^ *[0-9]+: [0-9A-F]+:{port:04X} [0-9A-F]+:[0-9A-F]+ {state} ' "
            f"/proc/net/{protocol} /proc/net/{protocol}6 2>/dev/null")
