# SPDX-License-Identifier: GPL-2.0
"""
Rewrites sources of this tree for their places in a kernel tree.

Only paths, visibility and the names of C helpers change, and the parts of the driver that a later
series adds are left out. The result still has to pass rustfmt.
"""

import re
import textwrap

import usetree

# Module of abstractions/: its path in the kernel crate. Those without an entry stay with the
# driver.
PLACES = {
    "copy": "io::copy",
    "debugfs": "net::debugfs",
    "ethernet": "net::ethernet",
    "ethtool": "net::ethtool",
    "fault_inject": "fault_inject",
    "icmp": "net::icmp",
    "irq": "irq::number",
    "mapping": "io::memremap",
    "napi": "net::napi",
    "netdevice": "net::netdevice",
    "netlink": "net::genetlink",
    "netns": "net::netns",
    "params": "params",
    "percpu": "percpu",
    "random": "random",
    "rcu": "sync::rcu_map",
    "rtnl": "net::rtnl",
    "rtnl_link": "net::rtnl_link",
    "skbuff": "net::skbuff",
    "smp": "smp",
    "stats": "net::stats",
    "sync": "sync::lock::spinlock_bh",
}
# Modules of the kernel's crates that this tree has copies of until the driver is in the kernel.
GENERATED = {"bindings": ("crate", "bindings"), "uapi": ("kernel", "uapi")}

_USE = re.compile(r"^((?:pub(?:\([\w: ]+\))? )?)(use [^;]+;)\n", re.M)
_INNER_USE = re.compile(r"^( +)(use crate::[^;$]+;)\n", re.M)
_OUTER = re.compile(r"(\$?crate)::abstractions::(\w+)")
_SUPER = re.compile(r"\b((?:super::)+)(\w+)")
_TESTS = re.compile(r'#\[cfg\(any\(test, CONFIG_KUNIT = "y"\)\)\]\n'
                    r'(\s*)#\[cfg_attr\(\s*CONFIG_KUNIT = "y",\s*(.+?\))\s*\)\]\n', re.S)


def module_of(path):
    """The module path of a file: netdevice/mod.rs is ("netdevice",)."""
    parts = path.removesuffix(".rs").split("/")
    return tuple(parts[:-1] if parts[-1] == "mod" else parts)


def _place(name):
    return tuple(PLACES[name].split("::"))


def _named(moved, leaf):
    """Keeps the name by which a file knows what it uses, if that is a module of another name."""
    name = leaf[-2] if leaf[-1] == "self" else leaf[-1]
    own = moved[-2] if moved[-1] == "self" else moved[-1]
    if name == own or " as " in own:
        return moved
    return (*(moved[:-1] if moved[-1] == "self" else moved)[:-1], f"{own} as {name}")


def _uses(text, move):
    """Rewrites the declarations at the beginning of lines with `move`, a function of a path.
    Declarations of one visibility that follow each other are written together."""
    out, at, group = [], 0, []

    def flush():
        if group:
            visibility = group[0][0]
            paths = [move(path) for _, paths in group for path in paths]
            out.append(usetree.write(paths, visibility) + "\n")
            group.clear()

    for match in _USE.finditer(text):
        if group and (text[at:match.start()] or group[0][0] != match[1]):
            flush()
        out.append(text[at:match.start()])
        group.append((match[1], usetree.parse(match[2])))
        at = match.end()
    flush()
    return "".join(out) + text[at:]


def kernel_crate(path, text):
    """Rewrites a file of abstractions/ for the kernel crate; `path` is relative to that folder."""
    module = module_of(path)

    def resolve(count, name):
        """The path of what `count` times super:: and a name mean, if it is another abstraction."""
        if count != len(module):
            return None
        if name in GENERATED:
            return GENERATED[name]
        return ("crate", *_place(name)) if name in PLACES else None

    def move(leaf):
        count = len(leaf) - len(tuple(dropwhile_super(leaf)))
        if count:
            rest = leaf[count:]
            moved = resolve(count, rest[0].split()[0])
            return _named((*moved, *rest[1:]), leaf) if moved else leaf
        return ("crate", *leaf[1:]) if leaf[0] == "kernel" else leaf

    def other(match):
        moved = resolve(match[1].count("super"), match[2])
        return "::".join(moved) if moved else match[0]

    text = _uses(text, move)
    text = _OUTER.sub(lambda it: "::".join((it[1], *_place(it[2]))), text)
    text = _SUPER.sub(other, text)
    # What other abstractions use is public there: they are in other modules of the kernel crate.
    outer = "super" if len(module) == 1 else "in super::super"
    text = text.replace(f"pub({outer})", "pub").replace("pub(crate)", "pub")
    # A macro of a crate is public only as a whole.
    text = re.sub(r"^macro_rules! (\w+) \{(.*?)^\}\npub use \1;\n",
                  r"#[macro_export]\nmacro_rules! \1 {\2}\npub use \1;\n", text,
                  flags=re.S | re.M)
    text = text.replace("RUST_CONST_HELPER_", "").replace("MUENNET_HEADER_MAX", SKB_HEADER_MAX)
    text = re.sub(r"\bmuennet_gso_info\b", "rust_gso_info", text)
    text = re.sub(r"`muennet_(\w+\(\))`", r"`rust_helper_\1`", text)
    return _common(re.sub(r"\bbindings::muennet_", "bindings::", text))


def dropwhile_super(leaf):
    """The segments after the leading `super`."""
    for index, segment in enumerate(leaf):
        if segment != "super":
            return leaf[index:]
    return ()


def driver(text):
    """Rewrites a file of the driver for its folder in the kernel's tree."""
    def outside(name, rest):
        if name in PLACES:
            return ("kernel", *_place(name), *rest)
        return ("crate", name, *rest)

    def move(leaf):
        if leaf[:2] == ("crate", "abstractions"):
            return _named(outside(leaf[2], leaf[3:]), leaf)
        if leaf[0] == "abstractions":
            return _named(outside(leaf[1], leaf[2:]), leaf)
        if leaf[-1] in GENERATED and leaf[0] in ("super", "crate"):
            return GENERATED[leaf[-1]]
        return leaf

    text = _uses(text, move)
    text = _INNER_USE.sub(lambda it: textwrap.indent(
        usetree.write([move(path) for path in usetree.parse(it[2])]), it[1]) + "\n", text)
    return _common(_OUTER.sub(lambda it: "::".join(outside(it[2], ())), text))


def _common(text):
    # In the kernel the files are not compiled for tests on the host.
    return _TESTS.sub(lambda it: f"#[{it[2]}]\n", text)


SKB_HEADER_MAX = "RUST_SKB_HEADER_MAX"
_FUNCTION = re.compile(r"^(static )?([\w \*]*?\**)muennet_(\w+)\(", re.M)


def helper(name, text):
    """Rewrites a file of abstractions/helpers/ for rust/helpers/."""
    old = text
    local = {it[3] for it in _FUNCTION.finditer(text) if it[1]}
    # The wrappers of one line; see rust/helpers/helpers.c.
    inline = name not in ("skbuff.c", "checksum.c", "skbuff.h")
    text = re.sub(r"\bmuennet_(\w+)\b",
                  lambda it: f"rust_{it[1]}" if it[1] in local or it[1] in ("gso_info", "fault")
                  else f"rust_helper_{it[1]}", text)
    text = text.replace("MUENNET_HEADER_MAX", SKB_HEADER_MAX)
    text = text.replace("_MUENNET_SKBUFF_H", "_RUST_HELPERS_SKBUFF_H")
    header = "" if inline else '#include "skbuff.h"\n'
    text = _align(old, text)
    text = text.replace('#include "helpers.h"\n', header)
    if inline:
        text = re.sub(r"^(?!static )[\w \*]+\brust_helper_\w+\(.*$", _annotate, text, flags=re.M)
    return re.sub(r"\n\n\n+", "\n\n", text)


def _annotate(match):
    """Adds the annotation of helpers to the first line of a function: on a line of its own, as
    others have it, unless the function fits one line."""
    fits = match[0].endswith(")") and len(match[0]) <= 66
    return "__rust_helper" + (" " if fits else "\n") + match[0]


def _width(line):
    """The column after a text, with tabs of eight columns."""
    return len(line.expandtabs(8))


def _align(old, new):
    """Moves continuation lines that are aligned with a bracket in the old text with it. Both texts
    have the same lines, except for names."""
    before, after = old.split("\n"), new.split("\n")
    brackets = []
    for index, line in enumerate(before):
        indent = line[:len(line) - len(line.lstrip())]
        if brackets and line.strip():
            was, row, ordinal = brackets[-1]
            if _width(indent) == was:
                position = [at for at, it in enumerate(after[row]) if it == "("][ordinal]
                column = _width(after[row][:position]) + 1
                after[index] = "\t" * (column // 8) + " " * (column % 8) + after[index].lstrip()
        if line.lstrip().startswith(("*", "/*", "//")):
            continue
        ordinal = -1
        for at, it in enumerate(line):
            if it == "(":
                ordinal += 1
                brackets.append((_width(line[:at]) + 1, index, ordinal))
            elif it == ")" and brackets:
                brackets.pop()
    return "\n".join(after)


def unit(lines, first):
    """Returns the range of lines of the item, field, arm or statement that begins at line `first`:
    with its attributes and comments, to the line that closes its brackets."""
    begin = first
    while begin and re.match(r"\s*(///|//|#\[)", lines[begin - 1]):
        begin -= 1
    end = first
    while re.match(r"\s*(///|//|#\[)", lines[end]):
        end += 1
    depth = 0
    while True:
        # Without strings, characters and comments.
        line = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])\'|//.*', "", lines[end]).rstrip()
        depth += sum(line.count(it) for it in "([{") - sum(line.count(it) for it in ")]}")
        depth += line.endswith("<") - line.lstrip().startswith(">")
        if depth <= 0 and line.endswith((";", ",", "}")):
            break
        end += 1
    return begin, end + 1


def leave_out(path, text, rules):
    """Leaves out what a feature adds to a file. Each pair of `replace` is a text that must occur
    once and what stands for it. Each entry of `between` has the beginning and the end of a text,
    which stays, and what stands for both and what is between. Each rule of `units` is the
    beginning of the line of a unit, without its indentation; each rule of `around` is a text in
    the unit that encloses its line. Each rule must match."""
    for old, new in rules.get("replace", ()):
        if old == new:
            raise ValueError(f"{path}: changes nothing: {old!r}")
        if text.count(old) != 1:
            raise ValueError(f"{path}: {text.count(old)} times, not once: {old!r}")
        text = text.replace(old, new)
    for begin, end, new in rules.get("between", ()):
        if text.count(begin) != 1 or end not in text[text.index(begin):]:
            raise ValueError(f"{path}: not once from {begin!r} to {end!r}")
        at = text.index(begin)
        text = text[:at] + new + text[text.index(end, at):]
    lines = text.split("\n")
    for rule in rules.get("around", ()):
        found = [index for index, line in enumerate(lines) if rule in line]
        if not found:
            raise ValueError(f"{path}: no line has {rule!r}")
        for index in reversed(found):
            if index >= len(lines) or rule not in lines[index]:
                continue
            indent = len(lines[index]) - len(lines[index].lstrip())
            while not lines[index] or len(lines[index]) - len(lines[index].lstrip()) >= indent:
                index -= 1
            begin, end = unit(lines, index)
            del lines[begin:end]
    for rule in rules.get("units", ()):
        found = [index for index, line in enumerate(lines) if line.strip().startswith(rule)]
        if not found:
            raise ValueError(f"{path}: nothing begins with {rule!r}")
        for index in reversed(found):
            if index >= len(lines) or not lines[index].strip().startswith(rule):
                continue
            begin, end = unit(lines, index)
            if begin and not lines[begin - 1].strip() and end < len(lines) and \
                    (not lines[end].strip() or lines[end].strip() == "}"):
                begin -= 1
            del lines[begin:end]
    return "\n".join(lines)


def kept(path, text):
    """Rewrites an abstraction that stays with the driver, as a module of its crate."""
    module = module_of(path)

    def move(leaf):
        rest = dropwhile_super(leaf)
        if len(leaf) - len(rest) != len(module) or rest[0] not in PLACES:
            return leaf
        return ("kernel", *_place(rest[0]), *rest[1:])

    text = _uses(text, move)
    if len(module) > 1:
        return text
    at = text.rindex("\n//!")
    at = text.index("\n", at + 1) + 1
    return f'{text[:at]}\n#![expect(unsafe_code, reason = "hypercalls are assembly")]\n{text[at:]}'
