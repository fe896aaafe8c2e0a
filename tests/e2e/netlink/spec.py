# SPDX-License-Identifier: GPL-2.0
"""
The numbers of the netlink family, read from its specification.

This reads the subset of YAML that the specification uses, so that neither the tests nor
the machines need a library for it.
"""

import re
from pathlib import Path

PATH = Path(__file__).resolve().parents[3] / "child" / "muennet.yaml"


def read(path: Path = PATH) -> dict:
    """
    {"commands": {name: number}, "sets": {set: {attribute: {"value", "type", "nest"}}}}
    """
    commands, sets, section, attributes, last = {}, {}, "", None, None
    for line in path.read_text(encoding="utf-8").splitlines():
        top = re.match(r"([a-z-]+):", line)
        if top:
            section, attributes = top.group(1), None
            continue
        item = re.match(r"( +)name: (\S+)$", line)
        if section == "attribute-sets":
            if item and len(item.group(1)) == 4:
                attributes = sets[item.group(2)] = {}
            elif item:
                last = attributes[item.group(2)] = {"value": len(attributes) + 1}
            kind = re.match(r" {8}(type|nested-attributes): (\S+)$", line)
            if kind and last is not None:
                last["type" if kind.group(1) == "type" else "nest"] = kind.group(2)
        elif section == "operations" and item and len(item.group(1)) == 6:
            commands[item.group(2)] = len(commands) + 1
    return {"commands": commands, "sets": sets}


if __name__ == "__main__":
    import json
    print(json.dumps(read()))
