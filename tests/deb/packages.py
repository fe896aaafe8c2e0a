# SPDX-License-Identifier: GPL-2.0
"""
The Debian packages in a Debian with the stock kernel: installation, boot, upgrade, removal.

A boot takes a minute under emulation, so each test continues where the one before it ended.
"""

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from rig import (PAIR, README, V4, End, counters, interfaces, ksft_eq, ksft_in, ksft_ne,
                 ksft_not_in, ping, up, wait_for, wait_peer)

SYSTEM = replace(PAIR, name="debian", debian=("a",))

PACKAGES = sorted(Path("/packages").glob("*.deb"))
EXAMPLES = "/usr/share/doc/muennet-tools/examples"
# Files that other programs write: logs, lists of packages, caches.
VARIABLE = ("/var/log/", "/var/lib/dpkg/", "/var/lib/apt/", "/var/cache/", "/var/lib/systemd/",
            "/var/lib/private/", "/etc/.pwd.lock", "/var/lib/logrotate/")
TREE = "find / -xdev -not -type d | sort"
state = {}


def tree(machine) -> set:
    """Returns the files of the installation."""
    return {path for path in machine.run(TREE).stdout.splitlines()
            if not path.startswith(VARIABLE)}


def put_packages(machine, paths) -> str:
    """Copies packages to the machine. Returns their paths there."""
    for path in paths:
        machine.put(f"/run/{path.name}", path.read_bytes())
    return " ".join(f"/run/{path.name}" for path in paths)


def newer(package: Path, folder: str) -> Path:
    """Returns the package with a newer version, without other changes."""
    content, path = f"{folder}/content", Path(folder) / f"newer-{package.name}"
    subprocess.run(["dpkg-deb", "-R", package, content], check=True)
    subprocess.run(["sed", "-i", "/^Version: /s/$/.1/", f"{content}/DEBIAN/control"], check=True)
    subprocess.run(["dpkg-deb", "-b", content, path], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["rm", "-r", content], check=True)
    return path


def both_ways(env):
    """Waits until net0 of both machines is up and connected, and pings."""
    wait_for(lambda: "net0" in interfaces(env.a), "net0")
    wait_for(lambda: V4["a"] in env.a.run("ip addr show net0").stdout, "address of net0")
    for machine in (env.a, env.b):
        wait_peer(machine)
    ksft_eq(ping(End(env.a, V4["a"]), End(env.b, V4["b"])).received, 3)


def test_install(env):
    """Nothing is loaded, enabled or configured."""
    env.b.run(f"modprobe muennet {README}")
    up(env.b, quiet=True)
    state["before"] = tree(env.a)
    before = env.a.run("ls /sys/class/net; systemctl list-unit-files --state=enabled").stdout
    env.a.run("apt-get install -y " + put_packages(env.a, PACKAGES))
    ksft_eq(env.a.run("ls /sys/class/net; systemctl list-unit-files --state=enabled").stdout,
            before)
    ksft_not_in("muennet", env.a.run("cat /proc/modules").stdout)
    ksft_eq(env.a.run("systemctl is-enabled muennet.service", fail=False).stdout, "disabled\n")
    # What the user finds.
    ksft_in("updates/muennet.ko", env.a.run("modinfo -F filename muennet").stdout)
    ksft_eq(env.a.run("modinfo -F signer muennet").stdout, "a key for one test\n")
    ksft_in("muennet_cfg", env.a.run("muennet_cfg --version").stdout)
    files = env.a.run("dpkg -L muennet-tools").stdout
    for name in ("man4/muennet.4.gz", "man8/muennet_cfg.8.gz", "completions/muennet_cfg",
                 "_muennet_cfg", "muennet_cfg.fish", "ynl/specs/muennet.yaml",
                 "examples/muennet.conf", "system/muennet.service"):
        ksft_in(name, files)


def identity(env) -> tuple:
    """Returns what changes if net0 of a is replaced or restarted."""
    return env.a.run("cat /sys/class/net/net0/ifindex").stdout, counters(env.a)["tx_epochs"]


def test_boot(env):
    """The unit brings about what the file says, and networkd configures it."""
    env.a.run(f"cp {EXAMPLES}/muennet.conf /etc/ && "
              f"cp {EXAMPLES}/50-*.network /etc/systemd/network/ && "
              "systemctl enable muennet.service systemd-networkd.service")
    env.a.restart()
    both_ways(env)
    ksft_eq(env.a.run("systemctl --failed --plain --no-legend").stdout, "")
    ksft_eq(env.a.run("systemctl is-active muennet.service").stdout, "active\n")
    wait_for(lambda: "198.51.100.1" in env.a.run("ip addr show child0").stdout,
             "address of child0")
    ksft_in("add_mark child0 24", env.a.run("muennet_cfg dump").stdout)


def test_reload(env):
    """A reload changes only what differs, and nothing if the file is invalid."""
    before = identity(env)
    env.a.run("sed -i s/child0/child1/ /etc/muennet.conf && systemctl reload muennet.service")
    dump = env.a.run("muennet_cfg dump").stdout
    ksft_in("add_mark child1 24", dump)
    ksft_not_in("child0", interfaces(env.a))
    env.a.run("echo add_child net0 >>/etc/muennet.conf")
    ksft_ne(env.a.run("systemctl reload muennet.service", fail=False).ret, 0)
    ksft_eq(env.a.run("muennet_cfg dump").stdout, dump)
    ksft_eq(identity(env), before)
    env.a.run("journalctl --sync")
    ksft_in("/etc/muennet.conf:", env.a.run("journalctl -u muennet.service").stdout)
    env.a.run("sed -i '$d' /etc/muennet.conf")


def test_upgrade(env):
    """Interfaces stay, with their traffic."""
    before = identity(env)
    version = env.a.run("dpkg-query -W -f '${Version}' muennet-tools").stdout
    with tempfile.TemporaryDirectory() as folder:
        packages = [newer(path, folder) for path in PACKAGES]
        env.a.run("apt-get install -y " + put_packages(env.a, packages))
    ksft_eq(env.a.run("dpkg-query -W -f '${Version}' muennet-tools").stdout, f"{version}.1")
    ksft_eq(identity(env), before)
    ksft_eq(env.a.run("systemctl is-enabled muennet.service").stdout, "enabled\n")
    both_ways(env)


def test_ifupdown(env):
    """At boot, with the unit and without; ifdown deletes what ifup has added."""
    env.a.run("systemctl disable systemd-networkd.socket systemd-networkd.service && "
              f"grep -v muennet_cfg {EXAMPLES}/interfaces >/etc/network/interfaces.d/net0")
    env.a.restart()
    both_ways(env)
    env.a.run("systemctl disable muennet.service && "
              f"cp {EXAMPLES}/interfaces /etc/network/interfaces.d/net0")
    env.a.restart()
    both_ways(env)
    env.a.run("ifdown net0")
    ksft_not_in("net0", interfaces(env.a))
    env.a.run("ifup net0")
    both_ways(env)


def test_purge(env):
    """Nothing of the packages is left. The user's own files and the interfaces stay."""
    env.a.run("systemctl start muennet.service")
    before = identity(env)
    env.a.run("apt-get purge -y 'muennet-*'")
    ksft_eq(identity(env), before)
    ksft_eq(env.a.run("systemctl list-units --all 'muennet*' --plain --no-legend").stdout, "")
    env.a.run("ip link set net0 down && rmmod muennet")
    env.a.run("test -e /etc/muennet.conf && rm /etc/muennet.conf /etc/systemd/network/50-*.network "
              "/etc/network/interfaces.d/net0")
    left = tree(env.a)
    ksft_eq(sorted(left - state["before"]), [])
    ksft_eq(sorted(state["before"] - left), [])
    ksft_ne(env.a.run("modinfo muennet", fail=False).ret, 0)
    ksft_eq(env.a.run("dpkg-query -W 'muennet*'", fail=False).stdout, "")
    ksft_eq(env.a.run("find /var/lib/systemd /etc/systemd -name '*muennet*'").stdout, "")
