# SPDX-License-Identifier: GPL-2.0
"""Requests to the netlink family, made by a client in a machine."""

import collections
import json
from pathlib import Path

from rig import Script, defer

from . import spec

WHERE = "/run/netlink"
NOTIFICATIONS = "/run/notifications"


def install(machine):
    """Copies the client to a machine."""
    for name in ("client.py", "fuzz.py", "stress.py"):
        machine.put(f"{WHERE}/{name}", (Path(__file__).parent / name).read_bytes())
    machine.put(f"{WHERE}/spec.json", json.dumps(spec.read()).encode())


def ask(machine, *requests, prefix: str = "") -> list:
    """
    Makes requests by one socket and returns the answers. `prefix` is put before the command
    of the client, for example `ip netns exec x`.
    """
    lines = "".join(json.dumps(it) + "\n" for it in requests).encode()
    if prefix:
        command = f"{prefix} python3 -I -S -B {WHERE}/client.py"
    else:
        command = Script(f"{WHERE}/client.py")
    result = machine.run(command, stdin=lines, fail=False)
    return [json.loads(line) for line in result.stdout.splitlines()]


def listen(machine):
    """
    Copies the client to a machine, and writes notifications into the file NOTIFICATIONS until
    the end of the test.
    """
    install(machine)
    machine.run(f"rm -f {NOTIFICATIONS}")
    listener = machine.bkg(Script(f"{WHERE}/client.py", "monitor", NOTIFICATIONS), fail=False)
    defer(listener.process, terminate=True)
    machine.wait(f"grep -qs listening {NOTIFICATIONS}", "listener to the group")


def notifications_until(machine, last: str) -> list:
    """Waits for a notification that contains `last`. Returns all notifications."""
    machine.wait(f"grep -q {last} {NOTIFICATIONS}", f"notification with {last}")
    return [json.loads(line) for line in machine.read_files(NOTIFICATIONS).splitlines()[1:]]


def do(machine, command: str, prefix: str = "", **attrs) -> dict:
    """Makes one request; `_` in names of attributes stands for `-`."""
    attrs = {name.replace("_", "-"): value for name, value in attrs.items()}
    return ask(machine, {"do": command, "attrs": attrs}, prefix=prefix)[0]


def dump(machine, command: str, prefix: str = "", **attrs) -> list:
    """Returns the entries of a dump."""
    attrs = {name.replace("_", "-"): value for name, value in attrs.items()}
    answer, = ask(machine, {"dump": command, "attrs": attrs}, prefix=prefix)
    assert not answer["errno"], answer
    return answer["replies"]


def state(machine, prefix: str = "") -> list:
    """Returns everything that requests can change."""
    return ask(machine, {"dump": "dev-get"}, {"dump": "mark-get"}, prefix=prefix)


def _named(entry: dict) -> dict:
    """Returns the attributes that identify the interface of an entry."""
    return {name: entry[name] for name in ("ifname", "netnsid") if name in entry}


def inconsistent(machine) -> list:
    """Returns the contradictions in what the family reports; empty if it is consistent."""
    found, marks = state(machine)
    wrong = [answer for answer in (found, marks) if answer["errno"]]
    children = {(it["ifindex"], it.get("netnsid")): it for it in found["replies"]
                if "mark-count" in it}
    owned = collections.Counter((it["ifindex"], it.get("netnsid")) for it in marks["replies"])
    wrong += [("mark-count", it, owned[key]) for key, it in children.items()
              if it["mark-count"] != owned[key]]
    wrong += [("no child", key) for key in owned if key not in children]
    each = collections.Counter((it["parent-ifindex"], it["mark"]) for it in marks["replies"])
    wrong += [("owned twice", key) for key, count in each.items() if count > 1]

    # Single requests agree with the dumps. A namespace without a netnsid cannot be named.
    asked = [({"do": "dev-get", "attrs": _named(it)}, it) for it in found["replies"]
             if it.get("netnsid") != -1]
    asked += [({"do": "mark-get", "attrs": {"parent-ifname": it["parent-ifname"],
                                            "mark": it["mark"]}}, it) for it in marks["replies"]]
    answers = ask(machine, *[request for request, _ in asked])
    for (request, entry), answer in zip(asked, answers, strict=True):
        if [_stable(it) for it in answer["replies"]] != [_stable(entry)]:
            wrong.append((request, entry, answer))
    return wrong


def _stable(entry: dict) -> dict:
    """Returns an entry without attributes that change by themselves."""
    return {name: value for name, value in entry.items() if name not in ("stats", "peer-state")}
