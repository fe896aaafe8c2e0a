# SPDX-License-Identifier: GPL-2.0
"""Errors of muennet_cfg, and of the kernel that it shows: message and exit status."""

from e2e.netlink.tool import Tool
from rig import PAIR, ksft_eq

SYSTEM = PAIR

# Runs a command as an unprivileged user.
USER = ("python3 -c 'import os, sys; os.setgroups([]); os.setgid(1000); os.setuid(1000); "
        "os.execvp(sys.argv[1], sys.argv[1:])'")

# Arguments, exit status, parts of the message.
REFUSALS = [
    ("add_child nope x", 1, "nope", "ENODEV"),
    ("add_child lo x", 1, "lo is not a muennet interface"),
    ("add_child child0 x", 1, "child0 is itself a child of net0: children cannot have children"),
    ("add_child net0 child0", 1, "child0", "EEXIST"),
    ("add_child net0 lo", 1, "lo", "EEXIST"),
    ("del_child nope", 1, "nope", "ENODEV"),
    ("del_child lo", 1, "lo is not a muennet interface"),
    ("del_child net0", 1, "net0 is a main interface"),
    ("add_mark net0 1", 1, "net0 is a main interface"),
    ("add_mark child1 24", 1, "24", "child0", "move_mark OWNER child1 24"),
    ("add_mark child0 24", 1, "24", "EEXIST"),
    ("del_mark child1 24", 1, "24", "child0"),
    ("del_mark child0 99", 1, "99", "ENOENT"),
    ("move_mark child1 child0 24", 1, "24"),
    ("move_mark child0 child0 24", 1, "24", "itself"),
    ("move_mark child0 net0 24", 1, "net0"),
    ("del_child there-is-none/child0", 1, "there-is-none"),
    ("--netns there-is-none show", 1, "there-is-none"),
    ("show lo", 1, "lo is not a muennet interface"),
    ("show nope", 1, "nope", "ENODEV"),
    ("batch /there/is/none", 1, "/there/is/none"),
]


def test_refused(env):
    tool = Tool(env)
    tool.does("add_child net0 child0", "add_child net0 child1", "add_mark child0 24")
    for words, status, *mentions in REFUSALS:
        tool.refuses(words, status, *mentions)


def test_makes_no_sense(env):
    tool = Tool(env)
    for words in ("", "add_child net0", "add_mark child0 0", "add_mark child0 4294967296",
                  "add_child net0 abcdefghijklmnop", "add_child net0 a/b", "add_child net0 x%s",
                  "show a b"):
        ksft_eq(tool.run(words).ret, 2, words)
    ksft_eq(tool.marks(), {})


def test_no_rights(env):
    tool = Tool(env)
    tool.netns("blue")
    tool.does("add_child net0 child0", "add_child net0 child1", "add_mark child0 24")
    env.a.run("ip link set child1 netns blue")
    for words in ("add_child net0 x", "del_child child0", "add_mark child0 1",
                  "del_mark child0 24", "move_mark child0 blue/child1 24"):
        tool.refuses(words, 1, "EPERM", before=USER)
    ksft_eq(tool.run("show", USER).ret, 0, "show needs no rights")
    # Root of a container, that is, of a user namespace: it has the child, not its parent.
    root = f"ip netns exec blue {USER} unshare -Ur"
    for words in ("add_mark child1 1", "del_child child1"):
        tool.refuses(words, 1, "EPERM", before=root)
