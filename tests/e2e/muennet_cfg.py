# SPDX-License-Identifier: GPL-2.0
"""
The tool muennet_cfg with the module: the calls of existing scripts, `show`, `batch`,
`monitor`, names and namespaces.
"""

import json

from e2e.netlink.tool import Tool
from rig import (PAIR, KsftNamedVariant, defer, ksft_eq, ksft_ge, ksft_in, ksft_not_in, ksft_true,
                 ksft_variants, unload, until)

SYSTEM = PAIR

MARKS = 10_000


def test_not_loaded(env):
    tool = Tool(env, loaded=False)
    for words in ("show", "top --count 1", "dump", "monitor"):
        result = tool.run(words)
        ksft_eq(result.ret, 3, words)
        ksft_in("modprobe muennet", result.stderr)
        ksft_not_in("muennet", env.a.read_files("/proc/modules"))
    # Others make the kernel load the module.
    env.a.run("cp /proc/sys/kernel/modprobe /run/; echo /bin/false >/proc/sys/kernel/modprobe")
    defer(env.a.run, "cat /run/modprobe >/proc/sys/kernel/modprobe")
    for words in ("add_child net0 child0", "channels", "sync /etc/hostname", "batch /dev/null"):
        result = tool.run(words)
        ksft_eq(result.ret, 3, words)
        ksft_in("modprobe muennet", result.stderr)


def test_loads_the_module(env):
    """The tool, and a link of the kind, make the kernel load the module."""
    tool = Tool(env, loaded=False)
    defer(unload, env.a)
    for command in ("muennet_cfg batch /dev/null", "ip link add link lo name x type muennet"):
        ksft_not_in("muennet", env.a.read_files("/proc/modules"))
        result = env.a.run(command, fail=False)
        ksft_in("muennet", env.a.read_files("/proc/modules"), command)
        ksft_eq(result.stderr, "" if "batch" in command else
                "Error: lo is not a muennet interface.\n")
        unload(env.a)
    # A monitor of the module that is gone does not.
    env.a.run("modprobe muennet")
    with env.a.bkg("muennet_cfg monitor; true", exit_wait=True):
        wait_monitor(env.a)
        unload(env.a)
    ksft_not_in("muennet", env.a.read_files("/proc/modules"))


def test_as_scripts_call_it(env):
    tool = Tool(env)
    tool.does("add_child net0 child0", "add_child net0 child1", "add_mark child0 24",
              "add_mark child0 0x19", "add_mark child1 4294967295")
    ksft_eq(tool.marks(), {(None, "child0"): [24, 25], (None, "child1"): [4294967295]})
    ksft_in("child0@net0", env.a.run("ip link show child0").stdout)
    tool.does("del_mark child0 25", "del_child child1", "add_mark child0 0xffffffff")
    ksft_eq(tool.marks(), {(None, "child0"): [24, 4294967295]})
    tool.does("del_child child0")
    ksft_eq(tool.marks(), {})


def test_move(env):
    tool = Tool(env)
    tool.does("add_child net0 child0", "add_child net0 child1", "add_mark child0 24",
              "move_mark child0 child1 0x18")
    ksft_eq(tool.marks(), {(None, "child0"): [], (None, "child1"): [24]})


def test_namespaces(env):
    tool = Tool(env)
    tool.netns("blue")
    tool.does("add_child net0 child0", "add_child net0 child1", "add_mark child1 25")
    env.a.run("ip link set child1 netns blue")
    tool.does("add_mark blue/child1 26", "move_mark blue/child1 child0 25",
              "--netns blue add_mark child1 27", "--netns /run/netns/blue del_mark child1 26")
    ksft_eq(tool.marks(), {(None, "child0"): [25], ("blue", "child1"): [27]})
    there = tool.show(options="--netns blue")
    ksft_eq([(node["ifname"], node["kind"], node["marks"], node["parent"]["ifname"])
             for node in there], [("child1", "child", [27], "net0")])
    ksft_in("blue/child1: down", tool.run("show").stdout)
    tool.does("del_child blue/child1")
    ksft_eq(tool.marks(), {(None, "child0"): [25]})


def test_show(env):
    tool = Tool(env)
    tool.does("add_child net0 child0", "add_mark child0 24", "add_mark child0 25",
              "add_mark child0 26")
    env.a.run("ip link set net0 up; ip link set child0 up")
    main, = json.loads(tool.run("--json show net0").stdout)
    ksft_eq((main["kind"], main["mode"], main["mtu"], main["up"]), ("main", "ip", 1500, True))
    ksft_eq(main["out"], {"name": "channel_out", "protocol": "0x2", "region_size": 1 << 20,
                          "element_size": 1508, "elements": 695})
    ksft_eq(main["in"]["name"], "channel_in")
    ksft_in(main["peer"], ("unknown", "inactive"))
    ksft_eq(main["pause"], {"rx": False, "tx": False})
    ksft_ge(main["stats"]["rx_packets"], 0)
    child, = main["children"]
    ksft_eq((child["ifname"], child["up"], child["marks"]), ("child0", True, [24, 25, 26]))
    index = json.loads(env.a.run("ip -j link show child0").stdout)[0]["ifindex"]
    ksft_eq(child["ifindex"], index)
    text = tool.run("show").stdout
    for line in ("net0: up, mode ip, mtu 1500", "`-- child0: up, mtu 1500", "marks: 24-26"):
        ksft_in(line, text)
    ksft_true(tool.run("show child0").stdout.startswith("child0: up, mtu 1500, child of net0"),
              "a child alone")


def test_batch_stops(env):
    tool = Tool(env)
    tool.does("add_child net0 child0")
    lines = b"# marks\nadd_mark child0 1\nadd_mark child0 1\nadd_mark child0 3\n"
    result = tool.run("batch -", stdin=lines)
    ksft_eq(result.ret, 1)
    ksft_in("muennet_cfg: <stdin>:3: add_mark child0 1: ", result.stderr)
    ksft_eq(tool.marks(), {(None, "child0"): [1]})
    result = tool.run("batch --force -", stdin=lines)
    ksft_eq(result.ret, 1)
    ksft_in("<stdin>:2: ", result.stderr)
    ksft_in("2 commands failed", result.stderr)
    ksft_eq(tool.marks(), {(None, "child0"): [1, 3]})
    result = tool.run("batch -", stdin=b"add_mark child0 4\nfrobnicate\n")
    ksft_eq(result.ret, 2)
    ksft_in("<stdin>:2: ", result.stderr)


def test_batch_of_many(env):
    tool = Tool(env)
    tool.does("add_child net0 child0")
    lines = "".join(f"add_mark child0 {mark:#x}\n" for mark in range(1, MARKS + 1))
    for options, text, marks in (("", lines, list(range(1, MARKS + 1))),
                                 ("--force", lines.replace("add_mark", "del_mark"), [])):
        env.a.put("/tmp/marks", text.encode())
        tool.does(f"batch {options} /tmp/marks")
        ksft_eq(tool.marks(), {(None, "child0"): marks})


# Succeeds if a socket of generic netlink (protocol 16) has joined a group other than number
# 16, which has the notifications about families.
LISTENS = "awk '$2 == 16 && $4 !~ /^0000[08]000$/' /proc/net/netlink | grep -q ."


def wait_monitor(machine):
    """Waits until a monitor listens."""
    machine.wait(LISTENS, "listening monitor")


def test_monitor(env):
    tool = Tool(env)
    tool.netns("blue")
    with env.a.bkg("exec muennet_cfg monitor --json >/tmp/changes", fail=False):
        wait_monitor(env.a)
        tool.does("add_child net0 child0", "add_child net0 child1", "add_mark child0 24")
        env.a.run("ip link set child1 netns blue")
        tool.does("move_mark child0 blue/child1 24", "del_mark blue/child1 24",
                  "add_mark child0 1", "del_child child0")
        env.a.wait("grep -q child_deleted /tmp/changes", "deletion")
    shown_changes = [json.loads(line) for line in env.a.get("/tmp/changes").decode().splitlines()]
    changes = [(change["event"], change["child"]["ifname"], change.get("mark"),
                change.get("from", {}).get("ifname"), change.get("mark_count"))
               for change in shown_changes if change["child"]["netns"] in (None, "blue")]
    ksft_eq(changes, [
        ("child_added", "child0", None, None, None), ("child_added", "child1", None, None, None),
        ("mark_added", "child0", 24, None, None), ("mark_moved", "child1", 24, "child0", None),
        ("mark_deleted", "child1", 24, None, None), ("mark_added", "child0", 1, None, None),
        ("child_deleted", "child0", None, None, 1)])


@ksft_variants([KsftNamedVariant("text", "", "the module was unloaded"),
                KsftNamedVariant("json", "--json", '{"event":"module_unloaded"}')])
def test_monitor_ends_with_the_module(env, options, last):
    tool = Tool(env)
    tool.does("add_child net0 child0")
    monitor = f"muennet_cfg {options} monitor >/tmp/changes 2>/tmp/errors; echo $? >/tmp/status"
    with env.a.bkg(monitor, exit_wait=True):
        wait_monitor(env.a)
        tool.does("add_mark child0 24")
        unload(env.a)
    ksft_eq(env.a.get("/tmp/status"), b"3\n")
    lines = env.a.get("/tmp/changes").decode().splitlines()
    ksft_in("24", lines[0])
    ksft_eq(lines[-1], last)
    errors = env.a.get("/tmp/errors").decode()
    ksft_in("modprobe muennet", errors)
    ksft_eq(len(errors.splitlines()), 1, errors)


# Succeeds if a monitor has printed a mark.
PRINTED = "grep -q '\"mark\":{}' /tmp/changes"

# A stopped monitor, more changes than its socket buffers, and the unload of the module.
LOST = f"""
muennet_cfg monitor >/tmp/changes 2>/tmp/errors & monitor=$!
{until(LISTENS)}
kill -STOP $monitor
{until("grep -q '^State:.T' /proc/$monitor/status")}
seq 1 {MARKS} | sed 's,^,add_mark child0 ,' | muennet_cfg batch --force -
rmmod muennet
kill -CONT $monitor
wait $monitor; echo $?
"""


def test_monitor_ends_with_the_module_when_changes_were_lost(env):
    tool = Tool(env)
    tool.does("add_child net0 child0")
    result = env.a.run(LOST, fail=False)
    ksft_eq((result.stdout, result.stderr), ("3\n", ""))
    lines = env.a.get("/tmp/changes").decode().splitlines()
    ksft_in("some changes were lost", lines)
    ksft_eq(lines[-1], "the module was unloaded")


# A batch and a monitor run while namespace blue is deleted and red gets its netnsid.
REUSE = f"""
mkfifo /tmp/lines
muennet_cfg --json monitor >/tmp/changes & monitor=$!
muennet_cfg batch /tmp/lines 2>/tmp/errors & batch=$!
exec 3>/tmp/lines
{until(LISTENS)}
echo add_mark blue/child0 5 >&3
{until(PRINTED.format(5))}
ip netns del blue
{until("ip netns set red 7")}
muennet_cfg add_child net0 child0
ip link set child0 netns red
muennet_cfg add_mark red/child0 6
{until(PRINTED.format(6))}
echo del_child blue/child0 >&3
exec 3>&-
wait $batch; echo $?
kill $monitor
"""


def test_numbers_of_namespaces_are_used_again(env):
    tool = Tool(env)
    tool.netns("red")
    tool.does("add_child net0 child0")
    env.a.run("ip netns add blue && ip netns set blue 7 && ip link set child0 netns blue")
    result = env.a.run(REUSE, fail=False)
    ksft_eq(result.stdout, "1\n", result.stderr)
    ksft_in("/tmp/lines:2: network namespace blue: no such namespace",
            env.a.get("/tmp/errors").decode())
    ksft_eq(tool.marks(), {("red", "child0"): [6]})
    shown_changes = [json.loads(line) for line in env.a.get("/tmp/changes").decode().splitlines()]
    ksft_eq([(change["child"]["netnsid"], change["child"]["netns"], change["mark"])
             for change in shown_changes if change["event"] == "mark_added"],
            [(7, "blue", 5), (7, "red", 6)])


def test_names_do_not_rule_the_terminal(env):
    tool = Tool(env)
    tool.does("add_child net0 child0", "add_child net0 child1")
    name = r"$(printf 'a\033[31m')"
    env.a.run(f'ip link set child0 name "{name}"')
    with env.a.bkg("exec muennet_cfg monitor >/tmp/changes", fail=False):
        wait_monitor(env.a)
        tool.does(f'add_mark "{name}" 24')
        env.a.wait("[ -s /tmp/changes ]", "mark")
    shown = tool.run("show").stdout
    ksft_in(r"a\u{1b}[31m: down", shown)
    shown_changes = env.a.get("/tmp/changes").decode()
    ksft_eq(shown_changes, "a\\u{1b}[31m: mark 24 added\n")
    # The kernel escapes names in its messages, in another way.
    refused = tool.run("add_mark child1 24")
    ksft_eq(refused.ret, 1)
    ksft_in("is owned by a", refused.stderr)
    for text in (shown, shown_changes, refused.stderr):
        ksft_not_in("\x1b", text)
    main, = tool.show()
    ksft_eq(main["children"][0]["ifname"], "a\x1b[31m", "the unescaped name in JSON")


def test_names_of_any_bytes(env):
    tool = Tool(env)
    one, other = (rf"$(printf 'a\{byte}')" for byte in ("377", "376"))
    tool.does(f'add_child net0 "{one}"', f'add_child net0 "{other}"', f'add_mark "{one}" 1',
              f'add_mark "{other}" 2', f'move_mark "{one}" "{other}" 1')
    ksft_eq(tool.marks(), {(None, r"a\xff"): [], (None, r"a\xfe"): [1, 2]})
    text = tool.run("show").stdout
    for name in r"a\xff: down", r"a\xfe: down":
        ksft_in(name, text)
    ksft_eq([node["ifname"] for node in tool.show(f'"{other}"')], [r"a\xfe"])
    batch = tool.run("batch -", stdin=b"del_mark a\xfe 1\ndel_child a\xff\n")
    ksft_eq((batch.ret, batch.stderr), (0, ""))
    ksft_eq(tool.marks(), {(None, r"a\xfe"): [2]})


def test_papers(env):
    tool = Tool(env, loaded=False)
    for shell, check in (("bash", "bash -n"), ("zsh", "grep -q '^#compdef muennet_cfg'"),
                         ("fish", "grep -q 'complete -c muennet_cfg'")):
        result = tool.run(f"completions {shell}")
        ksft_eq((result.ret, result.stderr), (0, ""))
        ksft_in("move_mark", result.stdout)
        env.a.put("/tmp/completions", result.stdout.encode())
        ksft_eq(env.a.run(f"{check} /tmp/completions", fail=False).ret, 0, shell)
    page = tool.run("man").stdout
    for text in (".TH muennet_cfg 8", ".SH COMMANDS", "move_mark", ".SH \"EXIT STATUS\""):
        ksft_in(text, page)
