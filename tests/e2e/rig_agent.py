# SPDX-License-Identifier: GPL-2.0
"""The rig's agent: its own operations have the results of the programs that they replace."""

import json
import re

from e2e.single_subject import PARAMETERS
from rig import (LOOP, V4, End, Script, counters, defer, ksft_eq, ksft_ge, ksft_gt, load, ping,
                 stats, up, wait_counters)

SYSTEM = LOOP


def test_counters_and_files(env):
    load(env.a, PARAMETERS)
    env.a.run("ip netns add right && ip link set right netns right")
    defer(env.a.run, "ip netns del right")
    up(env.a, "left", quiet=True, side="a")
    up(env.a, "right", quiet=True, side="b", ns="right")
    ends = End(env.a, V4["a"]), End(env.a, V4["b"], "right")
    # A reader does not read what was sent before it joined.
    for dev, ns in (("left", ""), ("right", "right")):
        wait_counters(env.a, dev, ns, peer_active=1)
    ping(*ends, "-s 1000", count=2)
    ping(*ends, count=1)
    for dev, ns, end in (("left", "", ends[0]), ("right", "right", ends[1])):
        shown, = json.loads(end.run(f"ip -s -s -j link show {dev}").stdout)
        now, compared = stats(env.a, dev, ns), 0
        for way, counted in shown["stats64"].items():
            for name, value in counted.items():
                name = name if name in now else f"{way}_{name}"
                # ip also shows values that are no counters.
                if name in now:
                    ksft_eq(now[name], value, name)
                    compared += 1
        ksft_ge(compared, 20)
        ksft_eq([now[f"{way}_{what}"] for way in ("rx", "tx") for what in ("packets", "bytes")],
                [3, 2 * 1028 + 84, 3, 2 * 1036 + 92])
        listed = re.findall(r"^ +(\w+): (\d+)$", end.run(f"ethtool -S {dev}").stdout, re.M)
        now = counters(env.a, dev, ns)
        ksft_eq([*now], [name for name, _ in listed])
        # The number of polls changes all the time.
        ksft_eq({name: now[name] for name, _ in listed if "poll" not in name},
                {name: int(value) for name, value in listed if "poll" not in name})
        ksft_gt(now["rx_polls"], 0)
    ksft_eq(env.a.read_files("/proc/version", "/sys/class/net/left/address"),
            env.a.run("cat /proc/version /sys/class/net/left/address").stdout)
    ksft_eq(env.a.read_files("/sys/class/net"), env.a.run("ls /sys/class/net").stdout)


# A program, its exit status, its output, and the end of its standard error.
PROGRAMS = (
    ("import sys; sys.stdout.write('no line')", 0, "no line", ""),
    ("import sys; print(sys.argv[1:], sys.stdin.read())", 0, "['one', '2'] given\n", ""),
    ("import sys; sys.exit(3)", 3, "", ""),
    ("import sys; sys.exit('said')", 1, "", "said\n"),
    ("print('before'); raise ValueError('why')", 1, "before\n", "ValueError: why\n"),
    ("import os; os.kill(os.getpid(), 9)", -9, "", ""),
    ("file = open('/run/written', 'w'); file.write('all of it')", 0, "", ""),
    # Descriptors 0, 1 and 2, and the folder itself.
    ("import os; print(len(os.listdir('/proc/self/fd')))", 0, "4\n", ""),
    ("import os; print(os.getpgid(0) == os.getpid(), os.getcwd())", 0, "True /root\n", ""),
)


def test_scripts(env):
    for text, status, out, error in PROGRAMS:
        env.a.put("/run/program.py", text.encode())
        done = env.a.run(Script("/run/program.py", "one", 2, stdin=b"given"), fail=False)
        ksft_eq((done.ret, done.stdout), (status, out), text)
        # Only the last line of a traceback.
        ksft_eq(done.stderr[-len(error):] if error else done.stderr, error, text)
    ksft_eq(env.a.read_files("/run/written"), "all of it")


# Starts a program, prints the interfaces of its namespace, and waits for ever.
ENDLESS = """
import os, socket, subprocess
other = subprocess.Popen(["tail", "-f", "/dev/null"])
print(socket.if_nameindex(), flush=True)
open("/run/begun", "w").close()
other.wait()
"""
# Starts a program when a signal is already pending.
LATE = """
import os, signal, subprocess
term = {signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, term)
open("/run/begun", "w").close()
while not signal.sigpending():
    os.sched_yield()
subprocess.Popen(["tail", "-f", "/dev/null"],
                 preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, term))
signal.pthread_sigmask(signal.SIG_UNBLOCK, term)
"""
# Succeeds while the other program runs.
OTHER = "grep -qsx tail /proc/[0-9]*/comm"


def test_scripts_in_the_background(env):
    env.a.run("ip netns add blue && rm -f /run/begun")
    defer(env.a.run, "ip netns del blue")
    env.a.put("/run/program.py", ENDLESS.encode())
    with env.a.bkg(Script("/run/program.py", ns="blue"), fail=False) as running:
        env.a.wait("[ -e /run/begun ]", "begin of the program")
        env.a.run(OTHER)
    ksft_eq((running.ret, running.stdout), (-15, "[(1, 'lo')]\n"))
    # Its child has ended with it.
    env.a.wait(f"! {OTHER}", "end of the other program")
    # Programs that are ended as early as possible.
    for _ in range(10):
        with env.a.bkg(Script("/run/program.py"), fail=False) as running:
            pass
        ksft_eq(running.ret, -15)
    env.a.wait(f"! {OTHER}", "end of all programs")
    env.a.run("rm /run/begun")
    env.a.put("/run/program.py", LATE.encode())
    with env.a.bkg(Script("/run/program.py"), fail=False) as running:
        env.a.wait("[ -e /run/begun ]", "begin of the program")
    ksft_eq(running.ret, -15)
    env.a.wait(f"! {OTHER}", "end of the late child")
