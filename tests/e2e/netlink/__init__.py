# SPDX-License-Identifier: GPL-2.0
"""The netlink family from the tests' side: requests made in a machine."""

import json
from pathlib import Path

from . import spec

WHERE = "/root/netlink"


def install(machine):
    """Puts the client into a machine."""
    machine.run(f"mkdir -p {WHERE}")
    for name in ("client.py", "fuzz.py", "storm.py"):
        machine.put(f"{WHERE}/{name}", (Path(__file__).parent / name).read_bytes())
    machine.put(f"{WHERE}/spec.json", json.dumps(spec.read()).encode())


def ask(machine, *requests, prefix: str = "") -> list:
    """Makes requests by one socket, after `prefix` (say, `ip netns exec x`); the answers."""
    machine.put(f"{WHERE}/requests", "".join(json.dumps(it) + "\n" for it in requests).encode())
    result = machine.run(f"{prefix} python3 -I -S -B {WHERE}/client.py <{WHERE}/requests",
                         timeout=300, fail=False)
    return [json.loads(line) for line in result.stdout.splitlines()]


def do(machine, command: str, prefix: str = "", **attrs) -> dict:
    """One command; `_` in names of attributes stands for `-`."""
    attrs = {name.replace("_", "-"): value for name, value in attrs.items()}
    return ask(machine, {"do": command, "attrs": attrs}, prefix=prefix)[0]


def dump(machine, command: str, prefix: str = "", **attrs) -> list:
    """The entries of a dump."""
    attrs = {name.replace("_", "-"): value for name, value in attrs.items()}
    answer, = ask(machine, {"dump": command, "attrs": attrs}, prefix=prefix)
    assert not answer["errno"], answer
    return answer["replies"]


def state(machine, prefix: str = "") -> list:
    """All that there is to change."""
    return ask(machine, {"dump": "get"}, {"dump": "get-mark"}, prefix=prefix)
