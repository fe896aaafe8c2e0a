# SPDX-License-Identifier: GPL-2.0
"""The netlink family from the tests' side: requests made in a machine."""

import collections
import json
from pathlib import Path

from rig import Script, defer

from . import spec

WHERE = "/run/netlink"
HEARD = "/run/heard"


def install(machine):
    """Puts the client into a machine."""
    for name in ("client.py", "fuzz.py", "stress.py"):
        machine.put(f"{WHERE}/{name}", (Path(__file__).parent / name).read_bytes())
    machine.put(f"{WHERE}/spec.json", json.dumps(spec.read()).encode())


def ask(machine, *requests, prefix: str = "") -> list:
    """Makes requests by one socket, after `prefix` (say, `ip netns exec x`); the answers."""
    lines = "".join(json.dumps(it) + "\n" for it in requests).encode()
    if prefix:
        command = f"{prefix} python3 -I -S -B {WHERE}/client.py"
    else:
        command = Script(f"{WHERE}/client.py")
    result = machine.run(command, stdin=lines, fail=False)
    return [json.loads(line) for line in result.stdout.splitlines()]


def listen(machine):
    """
    Puts the client into a machine, and writes notifications into HEARD until the end of the
    test.
    """
    install(machine)
    machine.run(f"rm -f {HEARD}")
    listener = machine.bkg(Script(f"{WHERE}/client.py", "monitor", HEARD), fail=False)
    defer(listener.process, terminate=True)
    machine.wait(f"grep -qs listening {HEARD}", "listener to the group")


def heard(machine, last: str) -> list:
    """What the group has been told, when `last` is in it."""
    machine.wait(f"grep -q {last} {HEARD}", f"notification with {last}")
    return [json.loads(line) for line in machine.read_files(HEARD).splitlines()[1:]]


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


def _named(entry: dict) -> dict:
    """How to ask for the interface of an entry."""
    return {name: entry[name] for name in ("ifname", "netnsid") if name in entry}


def inconsistent(machine) -> list:
    """What does not fit together in what the family tells; nothing if all does."""
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

    # One by one it is the same; what is in a namespace without a number cannot be asked for.
    asked = [({"do": "get", "attrs": _named(it)}, it) for it in found["replies"]
             if it.get("netnsid") != -1]
    asked += [({"do": "get-mark", "attrs": {"parent-ifname": it["parent-ifname"],
                                            "mark": it["mark"]}}, it) for it in marks["replies"]]
    answers = ask(machine, *[request for request, _ in asked])
    for (request, entry), answer in zip(asked, answers, strict=True):
        if [_still(it) for it in answer["replies"]] != [_still(entry)]:
            wrong.append((request, entry, answer))
    return wrong


def _still(entry: dict) -> dict:
    """An entry without what changes by itself."""
    return {name: value for name, value in entry.items() if name not in ("stats", "peer-state")}
