# SPDX-License-Identifier: GPL-2.0
"""The kernel's own tool for netlink specifications drives the family by ours."""

import json
import shlex

from rig import PAIR, defer, ksft_busy_wait, ksft_eq, ksft_in, load, places, up

SYSTEM = PAIR

YNL = "python3 -u /usr/share/ynl/cli.py --spec /root/muennet.yaml --no-schema --output-json"


def prepare(env):
    """The module in a, and the specification."""
    load(env.a)
    up(env.a, quiet=True)
    env.a.put("/root/muennet.yaml", (places.TOP / "child/muennet.yaml").read_bytes())


def ynl(env, kind: str, operation: str, **attrs):
    """Runs it once; `_` in names of attributes stands for `-`."""
    attrs = {name.replace("_", "-"): value for name, value in attrs.items()}
    return env.a.run(f"{YNL} --{kind} {operation} --json {shlex.quote(json.dumps(attrs))}",
                     fail=False)


def answer(env, kind: str, operation: str, **attrs):
    """What it prints when it succeeds."""
    result = ynl(env, kind, operation, **attrs)
    ksft_eq((result.ret, result.stderr), (0, ""), operation)
    return json.loads(result.stdout)


def test_all_operations(env):
    prepare(env)
    for operation, attrs in (
            ("add-child", {"parent_ifname": "net0", "ifname": "child0"}),
            ("add-child", {"parent_ifname": "net0", "ifname": "child1"}),
            ("add-mark", {"ifname": "child0", "mark": 24}),
            ("add-mark", {"ifname": "child0", "mark": 0xffffffff}),
            ("move-mark", {"from_ifname": "child0", "ifname": "child1", "mark": 24}),
            ("del-mark", {"ifname": "child0", "mark": 0xffffffff})):
        ksft_eq(answer(env, "do", operation, **attrs), None, operation)
    net0, *children = answer(env, "dump", "get")
    ksft_eq((net0["ifname"], net0["mode"], net0["mtu"]), ("net0", "ip", 1500))
    ksft_eq(net0["out-channel"], {"name": "channel_out", "protocol": 2, "region-size": 1 << 20,
                                  "element-size": 1508, "elements": 695})
    ksft_in(net0["peer-state"], ("unknown", "inactive"))
    ksft_eq(net0["stats"]["rx-packets"], 0)
    ksft_eq([(it["ifname"], it["parent-ifname"], it["mark-count"]) for it in children],
            [("child0", "net0", 0), ("child1", "net0", 1)])
    ksft_eq(answer(env, "do", "get", ifname="child1"), children[1])
    owner = answer(env, "do", "get-mark", parent_ifname="net0", mark=24)
    ksft_eq((owner["ifname"], owner["mark"]), ("child1", 24))
    ksft_eq(answer(env, "dump", "get-mark"), [owner])
    ksft_eq(answer(env, "do", "del-child", ifname="child1"), None)
    ksft_eq(answer(env, "dump", "get-mark"), [])


def test_refusal(env):
    prepare(env)
    answer(env, "do", "add-child", parent_ifname="net0", ifname="child0")
    result = ynl(env, "do", "add-child", parent_ifname="child0", ifname="x")
    ksft_eq(result.ret, 1)
    for text in ("Invalid argument", ".parent-ifname",
                 "child0 is itself a child of net0: children cannot have children"):
        ksft_in(text, result.stdout)


def test_notifications(env):
    prepare(env)
    env.a.run(f"{YNL} --subscribe changes >/root/told 2>&1 & echo $! >/root/subscribed")
    defer(env.a.run, "kill $(cat /root/subscribed); true")
    # A socket of generic netlink, protocol 16, that has joined a group.
    joined = "awk '$2 == 16 && $4 !~ /^0+$/' /proc/net/netlink"
    ksft_busy_wait(lambda: env.a.run(joined).stdout, sleep=0.2, deadline=30)
    answer(env, "do", "add-child", parent_ifname="net0", ifname="child0")
    answer(env, "do", "add-mark", ifname="child0", mark=7)
    answer(env, "do", "del-child", ifname="child0")
    ksft_busy_wait(lambda: "child-del" in env.a.run("cat /root/told").stdout, sleep=0.2,
                   deadline=30)
    told = [json.loads(line) for line in env.a.run("cat /root/told").stdout.splitlines()]
    ksft_eq([(it["name"], it["msg"]["ifname"], it["msg"].get("mark")) for it in told],
            [("child-add-ntf", "child0", None), ("mark-add-ntf", "child0", 7),
             ("child-del-ntf", "child0", None)])
