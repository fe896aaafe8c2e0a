# SPDX-License-Identifier: GPL-2.0
"""
Main interfaces that are added, changed and deleted while the module is loaded, the channels
of the subject, and a file that says it all.
"""

import json
import signal
from collections import Counter

from e2e import netlink
from e2e.netlink.tool import Tool
from rig import (ANSWER_SECONDS, README, V4, Channel, End, KsftNamedVariant, System,
                 counters, defer, interfaces, ksft_eq, ksft_ge, ksft_in, ksft_ne, ksft_not_in,
                 ksft_pr, ksft_true, ksft_variants, load, ping, sim, sinfo, unload, up, wait_for,
                 wait_peer)

IN, OUT = "channel_in", "channel_out"

# The other channels connect a to itself. `spare` has an event and a vector, and nobody uses it.
SYSTEM = System("interfaces", ("a", "b"), (
    Channel("a_to_b", writes={"a": OUT}, reads={"b": IN}),
    Channel("b_to_a", writes={"b": OUT}, reads={"a": IN}),
    Channel("left_to_right", writes={"a": "left_out"}, reads={"a": "right_in"}, size=64 << 10),
    Channel("right_to_left", writes={"a": "right_out"}, reads={"a": "left_in"}, size=64 << 10),
    Channel("table", reads={"a": "table"}, size=4096),
    Channel("spare", reads={"a": "spare"}, size=8192),
), extras={"a": (sinfo.Event("spare", 9), sinfo.Vector("spare", 0x71))})

ADD = f"in={IN} reader_protocol=2 out={OUT} writer_protocol=2 flags=net_hdr"
LEFT = "in=left_in reader_protocol=2 out=left_out writer_protocol=2 flags=net_hdr"
RIGHT = "in=right_in reader_protocol=2 out=right_out writer_protocol=2 flags=net_hdr"
EMPTY = "name="


def tool_in(env) -> Tool:
    """Loads the module without interfaces in a, and returns the tool there."""
    load(env.a, EMPTY)
    return Tool(env, loaded=False)


def peer(env):
    """Loads the module in b, with an interface that is up."""
    load(env.b)
    up(env.b, quiet=True)


def busy_tool(env) -> Tool:
    """Loads the module with net0, which is connected with b, and returns the tool."""
    load(env.a)
    netlink.install(env.a)
    peer(env)
    up(env.a, quiet=True)
    both_ways(env)
    return Tool(env, loaded=False)


def both_ways(env):
    """Checks that net0 in a and in b are connected."""
    for machine in (env.a, env.b):
        wait_peer(machine)
    ksft_eq(ping(End(env.a, V4["a"]), End(env.b, V4["b"]), count=5).received, 5)


def test_add_and_delete(env):
    tool = tool_in(env)
    peer(env)
    ksft_not_in("net0", interfaces(env.a))
    for _ in range(3):
        tool.does(f"add net0 {ADD}")
        node, = tool.show()
        ksft_eq((node["ifname"], node["mode"], node["mtu"], node["up"]),
                ("net0", "ip", 1500, False))
        up(env.a, quiet=True)
        both_ways(env)
        tool.does("del net0")
        ksft_eq(tool.show(), [])
        ksft_not_in("net0", interfaces(env.a))


def test_device_type(env):
    """udev and systemd-networkd can match on the type of a device."""
    tool = tool_in(env)
    tool.does(f"add net0 {LEFT}", "add_child net0 child0")
    for name, kind in (("net0", "muennet"), ("child0", "muennet_child")):
        ksft_in(f"DEVTYPE={kind}\n", env.a.read_files(f"/sys/class/net/{name}/uevent"))


def test_like_those_of_the_parameters(env):
    """All that the parameters can say. The same configuration gives the same interface."""
    tool = tool_in(env)
    for number, (options, parameters) in enumerate((
            (f"in=left_in reader_protocol=0x2 out=left_out writer_protocol=ff mtu=600",
             "in=left_in reader_protocol=2 out=left_out writer_protocol=0xff mtu=600"),
            (f"{LEFT}+offload+pause mtu=9000", f"{LEFT}+offload+pause mtu=9000"),
            (f"{LEFT} pmtu=table", f"{LEFT} pmtu=table"),
            ("in=left_in reader_protocol=1 flags=eth_dev+vlan mac=02:00:00:00:00:01",
             "in=left_in reader_protocol=1 flags=eth_dev+vlan mac=02:00:00:00:00:01"),
            ("out=left_out writer_protocol=1", "out=left_out writer_protocol=1"))):
        def shown():
            what = "for f in mtu address type flags; do cat /sys/class/net/net0/$f; done; " \
                   "cat /sys/kernel/debug/muennet/net0/info; ethtool -i net0; ethtool -k net0; " \
                   "ethtool -a net0; tc qdisc show dev net0"
            nodes = tool.show()
            for node in nodes:
                node["ifindex"] = 0
            return env.a.run(what, fail=False).stdout, nodes, tool.run("dump").stdout
        tool.does(f"add net0 {options}")
        added = shown()
        tool.does("del net0")
        unload(env.a)
        env.a.run(f"modprobe muennet name=net0 {parameters}")
        ksft_eq(added, shown(), f"configuration {number}")
        # One of the parameters can be deleted, too.
        tool.does("del net0")
        ksft_eq(tool.show(), [])


REFUSALS = (
    # (arguments, exit status, texts)
    ("add net0", 2, ["neither in nor out is given"]),
    ("add net0 in=left_in", 2, ["reader_protocol is missing"]),
    ("add net0 in=nowhere reader_protocol=2", 1, ["in channel 'nowhere': ", "not"]),
    ("add net0 in=left_out reader_protocol=2", 1, ["in channel 'left_out': ", "writable"]),
    ("add net0 out=left_in writer_protocol=2", 1, ["out channel 'left_in': ", "writable"]),
    ("add net0 out=busy_out writer_protocol=2", 1, ["out channel 'busy_out': "]),
    ("add net0 out=right_out writer_protocol=2", 1,
     ["out channel 'right_out' is already used by interface 'busy'"]),
    ("add busy in=left_in reader_protocol=2", 1, ["interface busy already exists"]),
    ("add all in=left_in reader_protocol=2", 1, ["reserved by the kernel"]),
    ("add a:b in=left_in reader_protocol=2", 2, ["invalid character ':'"]),
    ("add 0123456789abcdef in=left_in reader_protocol=2", 2, ["too long"]),
    ("add net0 in=left_in reader_protocol=2 flags=net_hdr mtu=67", 1,
     ["the MTU must be 68 to 65535"]),
    ("add net0 out=left_out writer_protocol=2 flags=net_hdr mtu=65535", 1,
     ["mtu 65535 is too large for the out channel, maximum 65464"]),
    ("add net0 in=left_in reader_protocol=2 mac=02:00:00:00:00:01", 1,
     ["a MAC address needs mode ethernet"]),
    ("add net0 in=left_in reader_protocol=2 flags=eth_dev mac=03:00:00:00:00:01", 1,
     ["not a unicast address"]),
    ("add net0 in=left_in reader_protocol=2 pmtu=table", 1, ["path MTUs need mode ip"]),
    ("add net0 in=left_in reader_protocol=2 flags=net_hdr+offload pmtu=table", 1,
     ["path MTUs cannot be used in mode ip-offload"]),
    ("add net0 in=left_in reader_protocol=2 flags=net_hdr pmtu=nothing", 1,
     ["pmtu region 'nothing': "]),
    ("add net0 in=left_in reader_protocol=2 flags=net_hdr+pause", 1,
     ["flow control needs an in channel and an out channel"]),
    ("add net0 out=left_out writer_protocol=2 carrier_follows_peer=on", 1,
     ["carrier-follows-peer needs an in channel"]),
    (f"add net0 {LEFT} restart_with_peer=on", 1, ["restart-with-peer needs mode ethernet"]),
    ("add net0 out=left_out writer_protocol=2 poll=1000", 1, ["not polled"]),
    ("add net0 in=spare reader_protocol=2 poll=1000", 1, ["not polled"]),
    ("add net0 in=left_in reader_protocol=2 poll=49", 2, ["poll=49: expected"]),
    ("del nobody", 1, ["there is no interface nobody"]),
    ("del lo", 1, ["lo is not a muennet interface"]),
    ("del kid", 1, ["kid is a child interface"]),
    ("set lo mtu=1500", 1, ["lo is not a muennet interface"]),
    ("set busy mtu=67", 1, ["the MTU must be 68 to 65464"]),
    ("set busy restart_with_peer=on mtu=1400", 1, ["restart-with-peer needs mode ethernet"]),
    ("set busy in=left_in", 2, ["cannot be changed"]),
    ("set busy", 2, []),
)


def test_refusals(env):
    """Each refusal has one line that says why, and nothing changes."""
    # Without the separation kernel, `spare` has no interrupt on arm64.
    sim.Sim(env.a)
    tool = tool_in(env)
    tool.does(f"add busy {RIGHT}", "add_child busy kid")
    before = interfaces(env.a)
    for words, status, texts in REFUSALS:
        if status == 2:
            result = tool.run(words)
            ksft_eq(result.ret, 2, words)
            for text in texts:
                ksft_in(text, result.stderr)
        else:
            tool.refuses(words, status, *texts)
        ksft_eq(interfaces(env.a), before, words)


def test_refused_attributes(env):
    """What the tool does not send: the extended ack names the attribute."""
    tool = tool_in(env)
    netlink.install(env.a)
    left = {"name": "left_in", "configured-protocol": 2}
    table = (
        ({}, "EINVAL", "", "ifname"),
        ({"ifname": "net0"}, "EINVAL", "", "in-channel"),
        ({"ifname": "net0", "in-channel": {}}, "EINVAL", "in-channel", ""),
        ({"ifname": "net0", "in-channel": {"name": ""}}, "EINVAL", "in-channel", ""),
        ({"ifname": "net0", "in-channel": {"name": "left_in"}}, "EINVAL", "in-channel", ""),
        ({"ifname": "net0", "in-channel": left | {"configured-protocol": 0}}, "EINVAL",
         "in-channel", ""),
        ({"ifname": "net0", "in-channel": left, "mode": 4}, "EINVAL", "mode", ""),
        ({"ifname": "net0", "in-channel": left, "mode": 1, "vlan": True}, "EINVAL", "vlan", ""),
        ({"ifname": "net0", "in-channel": left, "poll": 1_000_001}, "EINVAL", "poll", ""),
        ({"ifname": "net0", "in-channel": left, "settings": 16}, "EINVAL", "settings", ""),
        # A channel as dev-get returns it.
        ({"ifname": "net0", "in-channel": left | {"protocol": 2}}, "EINVAL", "ifname",
         ""),
        ({"ifname": "net0", "in-channel": left, "mac": "0203"}, "ERANGE", "mac", ""),
        ({"ifname": "net0", "in-channel": left, "mtu": 0}, "EINVAL", "mtu", ""),
        ({"ifname": "net0", "in-channel": left, "up": True}, "EINVAL", "up", ""),
    )
    answers = netlink.ask(env.a, *({"do": "dev-add", "attrs": attrs} for attrs, *_ in table))
    for (attrs, errno, attr, missing), answer in zip(table, answers, strict=True):
        ksft_eq((answer["errno"], answer["attr"], answer["missing"]), (errno, attr, missing),
                f"{attrs}: {answer['text']}")
    ksft_eq(tool.show(), [])
    tool.does("add net0 in=left_in reader_protocol=2")
    answer, = netlink.ask(env.a, {"do": "dev-set", "attrs": {
        "ifname": "net0", "settings": 12, "settings-mask": 12, "poll": 50}})
    ksft_eq((answer["errno"], answer["attr"]), ("ENOTSUP", "settings"))
    answer, = netlink.ask(env.a, {"do": "dev-set", "attrs": {
        "ifname": "net0", "settings": 3, "settings-mask": 1}})
    ksft_eq((answer["errno"], answer["attr"]), ("EINVAL", "settings"))
    # The answer has the name.
    answer, = netlink.ask(env.a, {"do": "dev-add", "attrs": {"ifname": "x%d", "in-channel": left}})
    ksft_eq([it["ifname"] for it in answer["replies"]], ["x0"])
    ksft_in("poll: every 4000", env.a.read_files("/sys/kernel/debug/muennet/net0/info"))


def test_no_more_than_the_maximum(env):
    tool = tool_in(env)
    lines = "".join(f"add net{n} in=left_in reader_protocol=2\n" for n in range(32))
    ksft_eq(tool.run("batch -", stdin=lines.encode()).ret, 0)
    tool.refuses("add net32 in=left_in reader_protocol=2", 1, "there are 32 interfaces already")
    tool.does("del net7", "add net32 in=left_in reader_protocol=2")


USER = ("python3 -c 'import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534); "
        "os.execvp(sys.argv[1], sys.argv[1:])'")


@ksft_variants([KsftNamedVariant("a_user", USER),
                KsftNamedVariant("root_of_a_user_namespace", "unshare -U -r"),
                KsftNamedVariant("root_of_a_container", "unshare -U -r -n")])
def test_rights(env, prefix):
    """Only the root user of the machine may change interfaces, or see channels."""
    tool = tool_in(env)
    tool.does(f"add net0 {LEFT}")
    for words in (f"add net1 {RIGHT}", "del net0", "set net0 mtu=1400", "channels"):
        result = tool.run(words, before=prefix)
        ksft_eq(result.ret, 1, words)
        ksft_in("Operation not permitted", result.stderr)
    ksft_eq([(node["ifname"], node["mtu"]) for node in tool.show()], [("net0", 1500)])


def test_in_a_namespace(env):
    """An interface is added in the namespace of its user, and comes back without it."""
    tool = tool_in(env)
    tool.netns("blue")
    tool.does(f"--netns blue add net0 {LEFT}")
    ksft_eq(tool.show(), [])
    ksft_eq([node["ifname"] for node in tool.show(options="--netns blue")], ["net0"])
    tool.refuses(f"add net1 {LEFT}", 1, "is already used by interface 'net0'")
    tool.does("--netns blue del net0", f"--netns blue add net0 {LEFT}")
    env.a.run("ip netns del blue; ip netns add blue")
    wait_for(lambda: "net0" in interfaces(env.a), "return of the interface")
    tool.does("del net0")


def test_set(env):
    tool = tool_in(env)
    peer(env)
    tool.does(f"add net0 {ADD}")
    up(env.a, quiet=True)
    tool.does("set net0 mtu=1400 poll=2000 pause=rx+tx carrier_follows_peer=on")
    ksft_eq(env.a.read_files("/sys/class/net/net0/mtu"), "1400\n")
    ksft_in("rx-usecs:\t2000", env.a.run("ethtool -c net0").stdout)
    ksft_in("carrier-follows-peer: on", env.a.run("ethtool --show-priv-flags net0").stdout)
    ksft_eq(tool.show()[0]["pause"], {"rx": True, "tx": True})
    # All but this one stay as they are.
    tool.does("set net0 pause=tx")
    ksft_eq(tool.show()[0]["pause"], {"rx": False, "tx": True})
    ksft_in("carrier-follows-peer: on", env.a.run("ethtool --show-priv-flags net0").stdout)
    both_ways(env)
    tool.does("set net0 mtu=1500 pause=off carrier_follows_peer=off")
    ksft_eq(tool.show()[0]["pause"], {"rx": False, "tx": False})
    both_ways(env)


def test_delete_with_children(env):
    """
    An interface under traffic is deleted with its children, again and again; another one
    misses no packet meanwhile.
    """
    tool = busy_tool(env)
    env.a.run("ip netns add right")
    defer(env.a.run, "ip netns del right")
    rounds = 50 if env.long else 2
    before = counters(env.a)
    lost = "until ping -q -c 1 -W 1 {0} >/dev/null; do :; done; ping -q -f {0}"
    with env.b.bkg(f"exec ping -q -i 0.01 -W {ANSWER_SECONDS} {V4['a']}", fail=False) as pings:
        for number in range(rounds):
            tool.does(f"add left {LEFT}", f"add right {RIGHT}", "add_child left kid",
                      "add_child left other", "add_mark kid 7", "add_mark other 8")
            env.a.run("ip link set right netns right; ip addr add 10.0.0.1/24 dev left; "
                      "ip link set left up; ip link set kid up; "
                      "ip -n right addr add 10.0.0.2/24 dev right; ip -n right link set right up")
            with env.a.bkg(["sh", "-c", lost.format("10.0.0.2")], fail=False) as flood:
                wait_for(lambda: counters(env.a, "left")["tx_packets"] > 50, "flood")
                netlink.listen(env.a)
                tool.does("del left")
                seen = netlink.notifications_until(env.a, "dev-del-ntf")
                ksft_eq([it["name"] for it in seen if "name" in it],
                        ["child-del-ntf", "child-del-ntf", "dev-del-ntf"], f"round {number}")
                flood.proc.send_signal(signal.SIGINT)
            ksft_true(not {"left", "kid", "other"} & interfaces(env.a))
            tool.does("--netns right del right")
        pings.proc.send_signal(signal.SIGINT)
        wait_for(lambda: pings.proc.poll() is not None, "end of ping")
    sent = int(pings.stdout.split(" packets transmitted")[0].split()[-1])
    wait_for(lambda: counters(env.a)["rx_packets"] - before["rx_packets"] >= sent,
             f"{sent} packets")
    now = counters(env.a)
    for name in ("rx_missed", "rx_overruns", "rx_no_memory", "tx_dropped"):
        ksft_eq(now[name], before[name], name)
    ksft_ge(sent, 10)
    ksft_pr(f"{rounds} rounds, {sent} packets of the other interface")


def test_channels(env):
    tool = tool_in(env)
    tool.does(f"add net0 {ADD}", "add net1 in=left_in reader_protocol=2")
    expected = [
        f"{OUT}: write, 1048576 bytes, used by net0",
        f"{IN}: read, 1048576 bytes, used by net0 (peer unknown)",
        "left_out: write, 65536 bytes",
        "right_in: read, 65536 bytes",
        "right_out: write, 65536 bytes",
        "left_in: read, 65536 bytes, used by net1 (peer unknown)",
        "table: read, 4096 bytes",
        "spare: read, 8192 bytes, event 9, vector 113",
    ]
    ksft_eq(tool.run("channels").stdout.splitlines(), expected)
    peer(env)
    up(env.a, quiet=True)
    wait_peer(env.a)
    found = {it["name"]: it for it in json.loads(tool.run("--json channels").stdout)}
    ksft_eq([(it["ifname"], it["peer"]) for it in found[IN]["interfaces"]], [("net0", "active")])
    ksft_eq((found["spare"]["vector"], found["spare"]["access"]), (113, "read"))
    tool.does("del net0", "del net1")
    ksft_not_in("used by", tool.run("channels").stdout)


def test_channels_of_the_parameters(env):
    load(env.a)
    ksft_in(f"{IN}: read, 1048576 bytes, used by net0",
            Tool(env, loaded=False).run("channels").stdout)


FILE = f"""# what the subject needs
add net0 {ADD}+pause
add_child net0 child0   # the first
add_mark child0 24
add_mark child0 0x19
add_child net0 child1

add net1 {LEFT} mtu=1400 poll=2000
"""


def test_sync(env):
    """A file brings everything about; the second time nothing happens."""
    tool = tool_in(env)
    netlink.install(env.a)

    def sync(text: str, options: str = "") -> str:
        result = tool.run(f"sync {options} -", stdin=text.encode())
        ksft_eq((result.ret, result.stderr), (0, ""))
        return result.stdout
    ksft_eq(sync(FILE), "")
    dump = tool.run("dump").stdout
    ksft_eq(dump, f"""# For muennet_cfg sync
add net0 in={IN} reader_protocol=0x2 out={OUT} writer_protocol=0x2 \
flags=net_hdr+pause poll=4000
add_child net0 child0
add_mark child0 24
add_mark child0 25
add_child net0 child1
add net1 in=left_in reader_protocol=0x2 out=left_out writer_protocol=0x2 flags=net_hdr mtu=1400 \
poll=2000
""")
    indices = {node["ifname"]: node["ifindex"] for node in tool.show()}
    netlink.listen(env.a)
    for text in (FILE, dump, FILE.replace("# the first", "")):
        ksft_eq(sync(text), "")
        ksft_eq(sync(text, "--dry-run"), "")
    # Something that is notified of, as the end of the list.
    tool.does("add_mark child1 99")
    ksft_eq([it["name"] for it in netlink.notifications_until(env.a, "mark-add-ntf")],
            ["mark-add-ntf"], "no change before")
    changed = FILE.replace("mtu=1400", "mtu=1300").replace("child1", "kid")
    ksft_eq(sync(changed, "--dry-run"), "del_child child1\nset net1 mtu=1300\nadd_child net0 kid\n")
    ksft_eq(tool.run("dump").stdout.count("child1"), 2, "a dry run changes nothing")
    ksft_eq(sync(changed), "")
    ksft_eq({node["ifname"]: node["ifindex"] for node in tool.show()}, indices,
            "the interfaces are still the same")
    # Another channel needs a new interface, with all that it had.
    ksft_eq(sync(changed.replace("reader_protocol=2 out=channel",
                                 "reader_protocol=3 out=channel")), "")
    ksft_ne(tool.show("net0")[0]["ifindex"], indices["net0"])
    ksft_eq(tool.marks(), {(None, "child0"): [24, 25], (None, "kid"): []})
    # Those that the parameters made are no different.
    unload(env.a)
    env.a.run(f"modprobe muennet {README}")
    ksft_eq(sync(FILE), "")
    ksft_eq(tool.run("dump").stdout, dump)
    ksft_eq(sync("# nothing"), "")
    ksft_eq((tool.run("dump").stdout, tool.show()), ("# For muennet_cfg sync\n", []))


def test_bad_files(env):
    """A bad file changes nothing and names the line."""
    tool = tool_in(env)
    tool.does(f"add net0 {ADD}")
    noise = bytes((n * 2654435761 >> 13) & 0xff for n in range(1 << 20))
    for data, line, text in (
            (b"", 0, "empty"),
            (b"\n \n", 0, "empty"),
            (b"add net0 in=a\n", 1, "reader_protocol is missing"),
            (f"add net0 {ADD}\nfrobnicate\n".encode(), 2, "only add, add_child and add_mark"),
            (f"add net0 {ADD}\nadd net1 {ADD}\n".encode(), 2, "already that of net0, line 1"),
            (f"add net0 {ADD} speed=10\n".encode(), 1, "speed=10"),
            (b"add n\x1b[31m in=a\n", 1, "reader_protocol is missing"),
            (b"add \x1b[31m in=a reader_protocol=1\nadd \x1b[31m in=b reader_protocol=1\n", 2,
             "is added already"),
            (b"add " + 100_000 * b"x" + b" in=a reader_protocol=1\n", 1, "too long"),
            (noise, 1, "")):
        result = tool.run("sync -", stdin=data)
        ksft_eq(result.ret, 2, f"{data[:60]}")
        ksft_in(f"muennet_cfg: <stdin>:{line}: " if text and line else "muennet_cfg: <stdin>:",
                result.stderr)
        ksft_in(text, result.stderr)
        ksft_true("\x1b" not in result.stderr)
        ksft_eq([node["ifname"] for node in tool.show()], ["net0"])
    # So is a channel that the subject does not have, before anything is changed.
    lines = f"# one\nadd net2 {LEFT}\nadd net1 in=no reader_protocol=1\n"
    result = tool.run("sync -", stdin=lines.encode())
    ksft_eq(result.ret, 1)
    ksft_in("muennet_cfg: <stdin>:3: add net1 in=no reader_protocol=1: in channel 'no': ",
            result.stderr)
    ksft_eq([node["ifname"] for node in tool.show()], ["net0"])


def test_sync_reverts(env):
    """What the kernel refuses ends it, and what was changed before is as it was."""
    tool = tool_in(env)
    tool.does(f"add net0 {ADD} mtu=1400", "add_child net0 kid", "add_mark kid 7")
    before = tool.run("dump").stdout
    lines = f"add net1 {LEFT}\nadd net0 {ADD.replace('flags=net_hdr', 'flags=eth_dev')}\n" \
        f"add net2 {RIGHT} mtu=65535\n"
    result = tool.run("sync -", stdin=lines.encode())
    ksft_eq(result.ret, 1)
    ksft_in("<stdin>:3: add net2", result.stderr)
    ksft_in("mtu 65535 is too large for the out channel", result.stderr)
    ksft_in("the changes before it were reverted", result.stderr)
    ksft_eq(tool.run("dump").stdout, before)


def test_sync_and_other_namespaces(env):
    """A child in another namespace keeps its parent."""
    tool = tool_in(env)
    tool.netns("blue")
    tool.does(f"add net0 {ADD}", "add_child net0 kid", "add_mark kid 7")
    env.a.run("ip link set kid netns blue")
    for lines in ("# nothing\n", f"add net0 {ADD.replace('=2', '=3')}\n"):
        result = tool.run("sync -", stdin=lines.encode())
        ksft_eq(result.ret, 1)
        ksft_in("del net0: it has children in other network namespaces", result.stderr)
    ksft_eq(tool.run("sync -", stdin=f"add net0 {ADD} mtu=1400\n".encode()).ret, 0)
    ksft_eq(tool.marks(), {("blue", "kid"): [7]})


# One of several processes that add and delete interfaces, children and marks of the same
# names over the same channels. What one of them refuses is what another one has done.
STORM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from client import Client
number, rounds = map(int, sys.argv[2:])
client = Client()
done = {}
ERRORS = {"": 1, "EEXIST": 1, "EBUSY": 1, "ENODEV": 1, "ENOENT": 1, "ENOSPC": 1, "EINVAL": 0}
def do(command, **attrs):
    attrs = {name.replace("_", "-"): value for name, value in attrs.items()}
    answer = client.run({"do": command, "attrs": attrs})
    if not ERRORS.get(answer["errno"]):
        raise SystemExit(f"{command} {attrs}: {answer}")
    done[command] = done.get(command, 0) + (not answer["errno"])
sides = [("left", "left_in", "left_out"), ("right", "right_in", "right_out")]
for count in range(rounds):
    name, reads, writes = sides[(count + number) % 2]
    channel = lambda it: {"name": it, "configured-protocol": 2}
    do("dev-add", ifname=name, in_channel=channel(reads), out_channel=channel(writes), mode=1)
    do("child-add", parent_ifname=name, ifname=f"k{number}")
    do("mark-add", ifname=f"k{number}", mark=number + 1)
    do("dev-set", ifname=name, settings=12 * (count % 2), settings_mask=12)
    do("dev-del", ifname=sides[count % 2][0])
print(json.dumps(done))
"""


def test_storm(env):
    """Four processes add and delete the same things, under traffic of another interface."""
    tool = busy_tool(env)
    env.a.put("/run/storm.py", STORM.encode())
    rounds = 250 if env.long else 10
    storm = "".join(f"python3 -B /run/storm.py {netlink.WHERE} {n} {rounds} & pids=\"$pids $!\"\n"
                    for n in range(4))
    with env.b.bkg(f"exec ping -q -i 0.01 {V4['a']}", fail=False) as pings:
        out = env.a.run(f"{storm}\nfor pid in $pids; do wait $pid || exit 1; done").stdout
        pings.proc.send_signal(signal.SIGINT)
        wait_for(lambda: pings.proc.poll() is not None, "end of ping")
    done = sum((Counter(json.loads(line)) for line in out.splitlines()), Counter())
    ksft_pr(done)
    # How many of them succeed depends on the others.
    for name in ("dev-add", "dev-set", "dev-del", "child-add", "mark-add"):
        ksft_ge(done[name], 1, name)
    ksft_eq(netlink.inconsistent(env.a), [])
    both_ways(env)
    for node in tool.show():
        tool.does(f"del {node['ifname']}")
    ksft_eq(tool.show(), [])


def test_top(env):
    """Rates of an interface and of a child, while there is traffic."""
    tool = busy_tool(env)
    tool.does("add_child net0 child0")
    with env.b.bkg(f"exec ping -q -i 0.01 {V4['a']}", fail=False) as pings:
        def rates() -> list:
            result = tool.run("--json top --count 1 --interval 0.2")
            ksft_eq((result.ret, result.stderr), (0, ""))
            return json.loads(result.stdout)
        net0, child0 = wait_for(lambda: (now := rates())[0]["rx_packets"] and now, "traffic")
        ksft_eq((net0["ifname"], child0["ifname"], child0["rx_packets"]), ("net0", "child0", 0))
        # Packets of 84 bytes.
        ksft_eq(round(net0["rx_bytes"] / net0["rx_packets"]), 84)
        lines = tool.run("top -c 2 -i 0.1").stdout.splitlines()
        pings.proc.send_signal(signal.SIGINT)
    ksft_eq([line.split()[0] for line in lines if line],
            ["interface", "net0", "child0"] * 2)
    ksft_true("\x1b" not in "".join(lines), "no control sequences outside of a terminal")
