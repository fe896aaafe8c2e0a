# SPDX-License-Identifier: GPL-2.0
"""Requests that the netlink family refuses: errno, extack message, and no change."""

import random
import struct

from e2e import netlink
from rig import PAIR, interfaces, ksft_eq, ksft_gt, ksft_pr, load

SYSTEM = PAIR

# Names of the maximum length: messages about them must not be truncated.
LONG, OTHER, SECOND, ETHER = (letter * 15 for letter in "abse")
PARENT, NAME, MARK = "parent-ifname", "ifname", "mark"

# Command, attributes, errno, message, and the bad or missing attribute.
TABLE = (
    ("child-add", {PARENT: "nothere", NAME: "x"}, "ENODEV",
     "there is no interface nothere", PARENT),
    ("child-add", {PARENT: "lo", NAME: "x"}, "EINVAL", "lo is not a muennet interface", PARENT),
    ("child-add", {PARENT: "child0", NAME: "x"}, "EINVAL",
     "child0 is itself a child of net0: children cannot have children", PARENT),
    ("child-add", {PARENT: OTHER, NAME: "x"}, "EINVAL",
     f"{OTHER} is itself a child: children cannot have children", PARENT),
    ("child-add", {PARENT: "raw0", NAME: "x"}, "EINVAL",
     "raw0 is a raw interface: only IP ones (net_hdr) have children", PARENT),
    ("child-add", {PARENT: ETHER, NAME: "x"}, "EINVAL",
     f"{ETHER} is an Ethernet interface: only IP ones (net_hdr) have children", PARENT),
    ("child-add", {PARENT: "net0", NAME: "child0"}, "EEXIST",
     "interface child0 already exists", NAME),
    ("child-add", {PARENT: "net0", NAME: "lo"}, "EEXIST",
     "interface lo already exists", NAME),
    ("child-add", {PARENT: "net0", NAME: "a" * 16}, "EINVAL",
     "the name is longer than 15 characters", NAME),
    ("child-add", {PARENT: "net0", NAME: "a/b"}, "EINVAL",
     "'a/b' is not a valid interface name", NAME),
    ("child-add", {PARENT: "net0", NAME: "x%s"}, "EINVAL",
     "'x%s' is not a valid interface name", NAME),
    ("child-add", {PARENT: "net0", NAME: "x%d%d"}, "EINVAL",
     "'x%d%d' is not a valid interface name", NAME),
    ("child-add", {PARENT: "net0", NAME: ""}, "EINVAL", "'' is not a valid interface name", NAME),
    ("child-add", {PARENT: "net0", NAME: "default"}, "EINVAL",
     "name 'default' is reserved by the kernel", NAME),
    ("child-add", {PARENT: "net0", NAME: "a" * 200}, "EINVAL",
     "Attribute failed policy validation", NAME),
    ("child-add", {PARENT: "a" * 100, NAME: "x"}, "ENODEV",
     f"there is no interface {'a' * 54}...", PARENT),
    ("child-add", {PARENT: "net0"}, "EINVAL", "the request has no ifname", NAME),
    ("child-add", {NAME: "x"}, "EINVAL", "the request has no parent-ifname", PARENT),
    ("child-add", {PARENT: "net0", NAME: "x", MARK: 1}, "EINVAL", "Unknown attribute type", MARK),
    ("child-del", {NAME: "nothere"}, "ENODEV", "there is no interface nothere", NAME),
    ("child-del", {NAME: "net0"}, "EINVAL", "net0 is a main interface, not a child", NAME),
    ("child-del", {NAME: "lo"}, "EINVAL", "lo is not a muennet interface", NAME),
    ("child-del", {NAME: "child0", "netnsid": 77}, "EINVAL",
     "there is no namespace with the id 77", "netnsid"),
    ("child-del", {}, "EINVAL", "the request has no ifname", NAME),
    ("mark-add", {NAME: "child0", MARK: 0}, "EINVAL",
     "mark 0 means no mark: no child can own it", MARK),
    ("mark-add", {NAME: "child0", MARK: 24}, "EEXIST", "child0 owns mark 24 already", MARK),
    ("mark-add", {NAME: LONG, MARK: 24}, "EBUSY", "mark 24 is owned by child0", MARK),
    ("mark-add", {NAME: "net0", MARK: 1}, "EINVAL",
     "net0 is a main interface, not a child", NAME),
    ("mark-add", {NAME: "child0"}, "EINVAL", "the request has no mark", MARK),
    ("mark-del", {NAME: "child0", MARK: 0}, "EINVAL",
     "mark 0 means no mark: no child can own it", MARK),
    ("mark-del", {NAME: "child0", MARK: 25}, "ENOENT",
     "child0 does not own mark 25: no child does", MARK),
    ("mark-del", {NAME: LONG, MARK: 24}, "EBUSY", "mark 24 is owned by child0", MARK),
    ("mark-move", {"from-ifname": LONG, NAME: "child0", MARK: 24}, "EBUSY",
     "mark 24 is owned by child0", MARK),
    ("mark-move", {"from-ifname": "child0", NAME: "child0", MARK: 24}, "EINVAL",
     "mark 24 cannot be moved from child0 to itself", MARK),
    ("mark-move", {"from-ifname": "child0", NAME: LONG, MARK: 25}, "ENOENT",
     "child0 does not own mark 25: no child does", MARK),
    ("mark-move", {"from-ifname": "child0", NAME: OTHER, MARK: 24}, "EINVAL",
     f"{OTHER} is not a child of net0: marks stay with their parent", NAME),
    ("mark-move", {"from-ifname": OTHER, NAME: LONG, MARK: 24}, "EINVAL",
     f"{LONG} is not a child of {SECOND}: marks stay with their parent", NAME),
    ("mark-move", {NAME: LONG, MARK: 24}, "EINVAL", "the request has no from-ifname",
     "from-ifname"),
    ("dev-get", {NAME: "lo"}, "EINVAL", "lo is not a muennet interface", NAME),
    ("mark-get", {PARENT: "net0", MARK: 25}, "ENOENT",
     "no child of net0 owns mark 25", MARK),
    ("mark-get", {PARENT: "child0", MARK: 24}, "EINVAL",
     "child0 is not a main muennet interface", PARENT),
)

# Malformed attributes: the command, bytes, errno.
MALFORMED = (
    ("mark-add", "06000a000100" + "0000", "EINVAL"),
    ("mark-add", "0c000a00" + "01" * 8, "EINVAL"),
    ("mark-add", "ffff0a00" + "01" * 8, "EINVAL"),
    ("mark-add", "08000200" + "61626364", "EINVAL"),
    ("dev-get", "08003000" + "01" * 4, "EINVAL"),
)

SETUP = [{"do": "child-add", "attrs": {PARENT: parent, NAME: name}}
         for parent, name in (("net0", "child0"), ("net0", LONG), (SECOND, OTHER))]
SETUP += [{"do": "mark-add", "attrs": {NAME: "child0", MARK: 24}}]


def prepare(env):
    """Loads two main interfaces with children, and two that cannot have children."""
    load(env.a, f"name=net0,{SECOND},raw0,{ETHER} in={','.join(['channel_in'] * 4)} "
         "reader_protocol=2,2,2,2 flags=net_hdr,net_hdr,,eth_dev")
    netlink.install(env.a)
    ksft_eq({answer["errno"] for answer in netlink.ask(env.a, *SETUP)}, {""})


def test_table(env):
    prepare(env)
    before = (netlink.state(env.a), interfaces(env.a))
    answers = netlink.ask(env.a, *[{"do": row[0], "attrs": row[1]} for row in TABLE])
    for (command, attrs, errno, text, attribute), answer in zip(TABLE, answers, strict=True):
        row = f"{command} {attrs}"
        ksft_eq(answer["errno"], errno, comment=row)
        ksft_eq(answer["text"], text, comment=row)
        ksft_eq(answer["attr"] or answer["missing"], attribute, comment=row)
    ksft_eq((netlink.state(env.a), interfaces(env.a)), before)


def test_malformed(env):
    prepare(env)
    before = (netlink.state(env.a), interfaces(env.a))
    answers = netlink.ask(env.a, *[{"raw": row[0], "hex": row[1]} for row in MALFORMED])
    for (command, data, errno), answer in zip(MALFORMED, answers, strict=True):
        ksft_eq(answer["errno"], errno, comment=f"{command} {data}: {answer}")
    ksft_eq((netlink.state(env.a), interfaces(env.a)), before)


SEED, REQUESTS = 4, 600


NAMES = (b"net0", b"child0", b"child0", LONG.encode(), LONG.encode(), b"new%d", b"")
# ifname 2, parent-ifname 5, from-ifname 8, mark 10.
KINDS = {"child-add": (5, 2), "child-del": (2,), "mark-add": (2, 10), "mark-del": (2, 10),
         "mark-move": (8, 2, 10), "dev-get": (2,), "mark-get": (5, 10)}


def random_attributes(rng: random.Random, command: str) -> bytes:
    """Returns attributes, most of them valid."""
    data = b""
    for kind in KINDS[command]:
        if rng.random() < 0.05:
            continue
        payload = rng.choice(NAMES) + b"\0" if kind != 10 else \
            struct.pack("=I", rng.choice((0, 24, 1 << 31, 0xffffffff, rng.getrandbits(32))))
        length = len(payload) + 4
        wrong = rng.randrange(30)
        if wrong == 0:
            payload = rng.randbytes(rng.randrange(300))
        elif wrong == 1:
            length += rng.choice((-3, -1, 1, 4, 1000))
        elif wrong == 2:
            kind = rng.randrange(20) | rng.choice((0, 0x4000, 0x8000))
        data += struct.pack("=HH", length, kind) + payload + bytes(-len(payload) % 4)
    return data


def test_noise(env):
    """Random requests leave a consistent state."""
    prepare(env)
    rng = random.Random(env.seed(SEED))
    commands = rng.choices(list(KINDS), (2, 1, 4, 4, 4, 2, 4), k=REQUESTS)
    answers = netlink.ask(env.a, *[{"raw": command, "hex": random_attributes(rng, command).hex()}
                                   for command in commands])
    ksft_eq(len(answers), REQUESTS)
    refused = sum(bool(answer["errno"]) for answer in answers)
    ksft_pr(f"{refused} of {REQUESTS} refused")
    ksft_gt(refused, REQUESTS // 2)
    ksft_gt(REQUESTS - refused, 20)
    ksft_eq(netlink.inconsistent(env.a), [])
    found, _ = netlink.state(env.a)
    children = {it["ifname"] for it in found["replies"] if "mark-count" in it}
    ksft_eq(children - interfaces(env.a), set())
