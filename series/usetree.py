# SPDX-License-Identifier: GPL-2.0
"""The `use` declarations of a Rust file: reads them, and writes them in the kernel's style."""

import re

_TOKEN = re.compile(r"\s+|//[^\n]*|(::|[{},;*]|(?:r#)?\w+)")


def _leaves(tokens, prefix):
    """Yields the paths of one tree, as tuples of segments; an alias is in the last one."""
    segments = list(prefix)
    while True:
        token = tokens.pop(0)
        if token == "{":
            while tokens[0] != "}":
                yield from _leaves(tokens, segments)
                if tokens[0] == ",":
                    tokens.pop(0)
            tokens.pop(0)
            return
        segments.append(token)
        if tokens[0] == "as":
            tokens.pop(0)
            segments[-1] += f" as {tokens.pop(0)}"
        if tokens[0] != "::":
            yield tuple(segments)
            return
        tokens.pop(0)


def parse(declaration):
    """Returns the paths of a declaration: those of `use a::{b, c::*};` are ("a", "b") and
    ("a", "c", "*")."""
    tokens = [token for token in _TOKEN.findall(declaration) if token]
    if tokens[0] != "use" or tokens[-1] != ";":
        raise ValueError(f"no use declaration: {declaration}")
    return list(_leaves(tokens[1:], ()))


def _order(segment):
    """The order of rustfmt: `self` first, then names in lower case, constants and types, `*`."""
    name = segment.split()[0]
    kind = 0 if name == "self" else 1 if name == "*" else 2
    return kind, not name.islower(), name


def _tree(paths):
    """Returns nested dictionaries; a leaf is an empty one."""
    tree = {}
    for path in paths:
        node = tree
        for segment in path:
            node = node.setdefault(segment, {})
    return tree


def _lines(tree, indent):
    """Returns the lines of a group, without its braces. A name that is a leaf and has more under
    it becomes `self` of its group."""
    out = []
    for segment in sorted(tree, key=_order):
        out += _item(segment, tree[segment], indent)
        out[-1] += ","
    out[-1] += " //"
    return out


def _item(segment, below, indent):
    path = segment
    while len(below) == 1:
        (name, below), = below.items()
        if name == "self":
            break
        path += f"::{name}"
    if not below:
        return [" " * indent + path]
    head = " " * indent + path + "::{"
    return [head, *_lines(below, indent + 4), " " * indent + "}"]


def _with_self(paths):
    """A path that is also the beginning of another one gets `self`."""
    every = set(paths)
    return [path + ("self",) if any(other[:len(path)] == path and len(other) > len(path)
                                    for other in every) else path for path in paths]


def write(paths, visibility=""):
    """Returns declarations for these paths, one for each first segment."""
    groups = {}
    for path in _with_self([tuple(p for p in path) for path in dict.fromkeys(paths)]):
        if path[-1] == "self" and len(path) > 1 and path[:-1] in groups.get(path[0], ()):
            continue
        groups.setdefault(path[0], []).append(path)
    out = []
    for first in sorted(groups):
        lines = _item(first, _tree(groups[first])[first], 0)
        out.append(f"{visibility}use " + "\n".join(lines) + ";")
    return "\n".join(out)
