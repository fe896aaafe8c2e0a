# SPDX-License-Identifier: GPL-2.0
"""Rights that changes of children and marks need. Reading needs none."""

from e2e import netlink
from rig import PAIR, defer, interfaces, ksft_eq, ksft_true, load

SYSTEM = PAIR

PARENT, NAME, MARK = "parent-ifname", "ifname", "mark"

CHANGES = [
    {"do": "child-add", "attrs": {PARENT: "net0", NAME: "x"}},
    {"do": "mark-add", "attrs": {NAME: "child0", MARK: 1}},
    {"do": "mark-del", "attrs": {NAME: "child0", MARK: 24}},
    {"do": "mark-move", "attrs": {"from-ifname": "child0", NAME: "child1", MARK: 24}},
    {"do": "child-del", "attrs": {NAME: "child0"}},
]

USER = ("python3 -c 'import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534); "
        "os.execvp(sys.argv[1], sys.argv[1:])'")

# Asks rtnetlink for a child of an interface, by its ifindex and the netnsid of its namespace.
NEWLINK = """
import errno, socket, struct, sys
def attribute(number, data):
    return struct.pack("=HH", len(data) + 4, number) + data + bytes(-len(data) % 4)
index, netnsid = map(int, sys.argv[1:])
body = struct.pack("=BxHiII", 0, 0, 0, 0, 0) + attribute(3, b"x\\0") \\
    + attribute(5, struct.pack("=i", index)) + attribute(37, struct.pack("=i", netnsid)) \\
    + attribute(18, attribute(1, b"muennet\\0"))
it = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
it.send(struct.pack("=IHHII", len(body) + 16, 16, 0x605, 1, 0) + body)
code, = struct.unpack_from("=i", it.recv(4096), 16)
print(errno.errorcode[-code] if code else "done")
"""


def prepare(env):
    """Loads net0 with two children, of which one has a mark."""
    load(env.a)
    netlink.install(env.a)
    requests = [{"do": "child-add", "attrs": {PARENT: "net0", NAME: name}}
                for name in ("child0", "child1")]
    requests += [{"do": "mark-add", "attrs": {NAME: "child0", MARK: 24}}]
    ksft_eq({answer["errno"] for answer in netlink.ask(env.a, *requests)}, {""})
    env.a.put(f"{netlink.WHERE}/newlink.py", NEWLINK.encode())
    env.a.run(f"chmod -R a+rX {netlink.WHERE}")


def test_users(env):
    prepare(env)
    before = netlink.state(env.a), interfaces(env.a)
    # A user without rights, and users that are root only in their own user namespace.
    for prefix in (USER, "unshare -U -r", f"{USER} unshare -U -r"):
        answers = netlink.ask(env.a, *CHANGES, prefix=prefix)
        ksft_eq([answer["errno"] for answer in answers], ["EPERM"] * len(CHANGES))
        # Reading needs no rights.
        ksft_eq(netlink.state(env.a, prefix), before[0])
    ksft_eq((netlink.state(env.a), interfaces(env.a)), before)


def test_container(env):
    """The children are in the container's network namespace, their parent is not."""
    prepare(env)
    # The container runs until it is killed.
    env.a.run(f"{USER} unshare -U -r -n tail -f /dev/null >/dev/null 2>&1 & "
              "echo $! >/run/container")
    defer(env.a.run, "kill $(cat /run/container)")
    ready = "[ $(readlink /proc/$(cat /run/container)/ns/net) != $(readlink /proc/self/ns/net) ]"
    env.a.wait(ready, "container")
    index = env.a.run("cat /sys/class/net/net0/ifindex").stdout.strip()
    env.a.run("for dev in child0 child1; do ip link set $dev netns $(cat /run/container); done")
    inside = f"{USER} nsenter -U -n --preserve-credentials -t $(cat /run/container)"
    before = netlink.state(env.a)
    answers = netlink.ask(env.a, *CHANGES[:4], prefix=inside)
    # The parent is not visible in the container.
    ksft_eq([answer["errno"] for answer in answers], ["ENODEV", "EPERM", "EPERM", "EPERM"])
    for answer in answers[1:]:
        ksft_eq(answer["text"],
                "CAP_NET_ADMIN is required in the namespace of the parent net0")
    # The same by rtnetlink, where the parent's ifindex and netnsid can be guessed.
    answer = env.a.run(f"{inside} python3 -B {netlink.WHERE}/newlink.py {index} 0").stdout
    ksft_eq(answer.strip(), "EPERM")
    ksft_eq(netlink.state(env.a), before)
    # The container may set up and delete children in its own namespace.
    env.a.run(f"{inside} ip link set child0 up")
    ksft_eq(netlink.ask(env.a, CHANGES[4], prefix=inside)[0]["errno"], "")
    ksft_true("child0" not in env.a.run(f"{inside} ip link").stdout)
    # The owner of the parent may change these children from within the container's namespace.
    answer, = netlink.ask(env.a, {"do": "mark-add", "attrs": {NAME: "child1", MARK: 5}},
                          prefix="nsenter -n -t $(cat /run/container)")
    ksft_eq(answer["errno"], "")
