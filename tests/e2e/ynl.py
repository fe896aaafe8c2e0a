# SPDX-License-Identifier: GPL-2.0
"""The kernel's ynl uses the netlink family by its specification."""

import json

from e2e import netlink
from rig import PAIR, defer, ksft_eq, ksft_in, load, paths, up

SYSTEM = PAIR

YNL = "python3 -u /usr/share/ynl/cli.py --spec /run/muennet.yaml --no-schema --output-json"

# The command parses the specification each time, which takes seconds in an emulated machine.
# This program uses its library for many operations.
MANY = """
import json, sys
sys.path.append("/usr/share/ynl")
from lib import NlError, YnlFamily
family = YnlFamily("/run/muennet.yaml", schema="")
for line in sys.stdin:
    kind, operation, attrs = json.loads(line)
    try:
        # Flags are a set.
        print(json.dumps(getattr(family, kind)(operation, attrs), default=sorted))
    except NlError as error:
        print(json.dumps(str(error)))
"""


def prepare(env):
    """Loads the module in a, and copies the specification."""
    load(env.a)
    up(env.a, quiet=True)
    netlink.install(env.a)
    env.a.put("/run/muennet.yaml", (paths.TOP / "child/muennet.yaml").read_bytes())


def ynl(env, *operations) -> list:
    """Runs operations: kind, name, attributes; `_` in their names stands for `-`."""
    lines = [json.dumps([kind, name, {it.replace("_", "-"): value for it, value in attrs.items()}])
             for kind, name, attrs in operations]
    env.a.put("/run/many.py", MANY.encode())
    out = env.a.run("python3 /run/many.py", stdin="\n".join(lines).encode()).stdout
    return [json.loads(line) for line in out.splitlines()]


CHANGES = (
    ("do", "child-add", {"parent_ifname": "net0", "ifname": "child0"}),
    ("do", "child-add", {"parent_ifname": "net0", "ifname": "child1"}),
    ("do", "mark-add", {"ifname": "child0", "mark": 24}),
    ("do", "mark-add", {"ifname": "child0", "mark": 0xffffffff}),
    ("do", "mark-move", {"from_ifname": "child0", "ifname": "child1", "mark": 24}),
    ("do", "mark-del", {"ifname": "child0", "mark": 0xffffffff}),
)


def test_all_operations(env):
    prepare(env)
    *done, interfaces, child, owner, marks, deleted, left = ynl(
        env, *CHANGES, ("dump", "dev-get", {}), ("do", "dev-get", {"ifname": "child1"}),
        ("do", "mark-get", {"parent_ifname": "net0", "mark": 24}), ("dump", "mark-get", {}),
        ("do", "child-del", {"ifname": "child1"}), ("dump", "mark-get", {}))
    ksft_eq(done, [None] * len(CHANGES))
    net0, *children = interfaces
    ksft_eq((net0["ifname"], net0["mode"], net0["mtu"]), ("net0", "ip", 1500))
    ksft_eq(net0["out-channel"], {"name": "channel_out", "protocol": 2, "region-size": 1 << 20,
                                  "element-size": 1508, "elements": 695,
                                  "configured-protocol": 2})
    ksft_eq((net0["poll"], net0["settings"]), (4000, []))
    ksft_in(net0["peer-state"], ("unknown", "inactive"))
    ksft_eq(net0["stats"]["rx-packets"], 0)
    ksft_eq([(it["ifname"], it["parent-ifname"], it["mark-count"]) for it in children],
            [("child0", "net0", 0), ("child1", "net0", 1)])
    ksft_eq(child, children[1])
    ksft_eq((owner["ifname"], owner["mark"]), ("child1", 24))
    ksft_eq((marks, deleted, left), ([owner], None, []))


def test_main_interfaces(env):
    prepare(env)
    channel = {"name": "channel_in", "configured-protocol": 3}
    *done, net1, changed, channels, deleted, left = ynl(
        env,
        ("do", "dev-add", {"ifname": "net1", "in-channel": channel, "mode": "ethernet",
                           "vlan": True, "settings": ["carrier-follows-peer"]}),
        ("do", "dev-get", {"ifname": "net1"}),
        ("do", "dev-set", {"ifname": "net1", "mtu": 1400, "settings": [],
                           "settings-mask": ["carrier-follows-peer"]}),
        ("do", "dev-get", {"ifname": "net1"}), ("dump", "channel-get", {}),
        ("do", "dev-del", {"ifname": "net1"}), ("dump", "dev-get", {}))
    ksft_eq((net1, deleted), (None,) * 2)
    ksft_eq(done[0]["ifname"], "net1")
    ksft_eq((done[1]["mode"], done[1]["vlan"], done[1]["settings"]),
            ("ethernet", True, ["carrier-follows-peer"]))
    ksft_eq((changed["mtu"], changed["settings"]), (1400, []))
    ksft_eq([(it["channel"]["name"], it["channel"].get("writable", False),
              [user["ifname"] for user in it["channel"].get("user", [])]) for it in channels],
            [("channel_out", True, ["net0"]), ("channel_in", False, ["net0", "net1"])])
    ksft_eq([it["ifname"] for it in left], ["net0"])


def test_command(env):
    prepare(env)
    netlink.do(env.a, "child-add", parent_ifname="net0", ifname="child0")
    attrs = json.dumps({"parent-ifname": "child0", "ifname": "x"})
    result = env.a.run(f"{YNL} --do child-add --json '{attrs}'", fail=False)
    ksft_eq(result.ret, 1)
    for text in ("Invalid argument", ".parent-ifname",
                 "child0 is itself a child of net0: children cannot have children"):
        ksft_in(text, result.stdout)


def test_notifications(env):
    prepare(env)
    env.a.run(f"{YNL} --subscribe changes >/run/notifications 2>&1 & echo $! >/run/subscribed")
    defer(env.a.run, "kill $(cat /run/subscribed); true")
    # A socket of generic netlink, protocol 16, that has joined a group.
    env.a.wait("awk '$2 == 16 && $4 !~ /^0+$/' /proc/net/netlink | grep -q .", "listener")
    netlink.do(env.a, "child-add", parent_ifname="net0", ifname="child0")
    netlink.do(env.a, "mark-add", ifname="child0", mark=7)
    netlink.do(env.a, "child-del", ifname="child0")
    env.a.wait("grep -q child-del /run/notifications", "notification of the deletion")
    lines = env.a.read_files("/run/notifications").splitlines()
    notifications = [json.loads(line) for line in lines]
    ksft_eq([(it["name"], it["msg"]["ifname"], it["msg"].get("mark")) for it in notifications],
            [("child-add-ntf", "child0", None), ("mark-add-ntf", "child0", 7),
             ("child-del-ntf", "child0", None)])
