# SPDX-License-Identifier: GPL-2.0
"""Two Ethernet interfaces under the kernel's bonding and team drivers, in all modes."""

import functools
import re

from rig import (V4, Channel, End, KsftNamedVariant, KsftSkipEx, Script, System, defer, ksft_eq,
                 ksft_gt, ksft_variants, load_all, ping, paths, sampled, stats, stream,
                 wait_answer, wait_for)

LINKS = ("one", "two")
SYSTEM = System("bonds", ("a", "b"), tuple(
    Channel(f"{writer}_{link}", writes={writer: f"{link}_out"}, reads={reader: f"{link}_in"})
    for link in LINKS for writer, reader in ("ab", "ba")))
PARAMETERS = ("name=one,two in=one_in,two_in out=one_out,two_out reader_protocol=2,2 "
              "writer_protocol=2,2 flags=eth_dev,eth_dev")
MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb",
         "balance-alb")
# LACP_STATE_SYNCHRONIZATION, _COLLECTING and _DISTRIBUTING of linux/if_bonding.h.
IN_USE = 0x8 | 0x10 | 0x20
TEAM_MODES = ("broadcast", "roundrobin", "random", "activebackup", "loadbalance")

# The options of a team can be set by netlink only, with the kernel's specification. The
# type numbers are those of linux/netlink.h, NLA_STRING and NLA_U32.
SET_OPTION = """
import errno, socket, sys
sys.path += ["/usr/lib/python3/dist-packages", "/usr/share/ynl"]
from lib import NlError, YnlFamily
name, value = sys.argv[1:]
if name == "activeport":
    option = {"type": 3, "data": socket.if_nametoindex(value).to_bytes(4, sys.byteorder)}
else:
    option = {"type": 5, "data": value.encode() + bytes(1)}
try:
    YnlFamily("/run/team.yaml", schema="").do("options-set", {
        "team-ifindex": socket.if_nametoindex("team0"),
        "list-option": {"option": {"name": name, **option}}})
except NlError as error:
    # The option is set, but the notification has no listener.
    if error.error != errno.ESRCH:
        raise
"""


def needs(machine, module: str):
    """Skips the test if the kernel has no such module, as the debug kernel."""
    if machine.run(f"modinfo {module}", fail=False).ret:
        raise KsftSkipEx(f"this kernel has no {module}")


def bond(machine, mode: str):
    """Makes a bond of both links, with the address of the machine."""
    # With the fast rate of LACP, a machine that stands still for 3 s would lose its partner.
    # LACP requires a link speed, which the driver does not have by itself.
    machine.run("; ".join(f"ethtool -s {link} speed 10000 duplex full" for link in LINKS))
    machine.run("modprobe bonding max_bonds=0")
    machine.run(f"ip link add bond0 type bond mode {mode} miimon 100 && "
                "ip link set one master bond0 && ip link set two master bond0 && "
                f"ip link set bond0 up && ip addr add {V4[machine.name]}/24 dev bond0")
    defer(machine.run, "ip link del bond0", fail=False)


def aggregated(machine) -> bool:
    """Returns whether both links are in use at both ends, as far as LACP knows."""
    text = machine.run("cat /proc/net/bonding/bond0").stdout
    # Of each link, that of this end and of its partner. Until both collect and distribute, a
    # packet may be sent on a link on which the other end receives none yet.
    states = re.findall(r"port state: (\d+)", text)
    return len(states) == 2 * len(LINKS) and all(int(state) & IN_USE == IN_USE
                                                 for state in states)


@sampled(3)
@ksft_variants([KsftNamedVariant(mode, mode) for mode in MODES])
def test_mode(env, mode):
    machines = env.a, env.b
    needs(env.a, "bonding")
    load_all(machines, PARAMETERS, lambda machine: bond(machine, mode))
    ends = End(env.a, V4["a"]), End(env.b, V4["b"])
    for machine in machines:
        if mode == "802.3ad":
            wait_for(lambda: aggregated(machine), "partner of LACP")  # noqa: B023
        else:
            machine.wait("grep -c 'MII Status: up' /proc/net/bonding/bond0 | grep -q 3", "links")
    wait_answer(*ends)
    ksft_eq(ping(*ends).received, 3)
    stream(*ends)
    # The bond works with one link.
    for machine in machines:
        machine.run("ip link set one down")
    for machine in machines:
        machine.wait("grep -c 'MII Status: up' /proc/net/bonding/bond0 | grep -q 2", "other link")
    wait_answer(*ends)
    before = stats(env.a, "two")["tx_packets"]
    ksft_eq(ping(*ends).received, 3)
    ksft_eq(stats(env.a, "two")["tx_packets"] >= before + 3, True)


def set_option(machine, name: str, value: str):
    """Sets an option of team0."""
    machine.run(Script("/run/set_option.py", name, value))


def team(machine, mode: str):
    """Makes a team of both links, with the address of the machine."""
    specification = paths.kernel_source() / "Documentation/netlink/specs/team.yaml"
    machine.put("/run/team.yaml", specification.read_bytes())
    machine.put("/run/set_option.py", SET_OPTION.encode())
    machine.run("ip link add team0 type team")
    defer(machine.run, "ip link del team0", fail=False)
    # The mode must be set before the team has ports.
    set_option(machine, "mode", mode)
    # In some modes teamd sets the address, and not the kernel.
    machine.run("".join(f"ip link set {link} address $(cat /sys/class/net/team0/address); "
                        for link in LINKS))
    machine.run("ip link set one master team0 && ip link set two master team0 && "
                f"ip link set team0 up && ip addr add {V4[machine.name]}/24 dev team0")


@sampled(2)
@ksft_variants([KsftNamedVariant(mode, mode) for mode in TEAM_MODES])
def test_team(env, mode):
    machines = env.a, env.b
    needs(env.a, "team")
    load_all(machines, PARAMETERS, functools.partial(team, mode=mode))
    ends = End(env.a, V4["a"]), End(env.b, V4["b"])
    if mode == "activebackup":
        for machine in machines:
            set_option(machine, "activeport", "one")
    wait_answer(*ends)
    ksft_eq(ping(*ends).received, 3)
    stream(*ends)
    if mode == "loadbalance":
        # In this mode a user space program assigns flows to links. There is none here, so the
        # test does not remove a link.
        return
    # The team works with one link. In mode activebackup, user space must select it.
    for machine in machines:
        machine.run("ip link set one down")
        if mode == "activebackup":
            set_option(machine, "activeport", "two")
    wait_answer(*ends)
    before = stats(env.a, "two")["tx_packets"]
    ksft_eq(ping(*ends).received, 3)
    ksft_gt(stats(env.a, "two")["tx_packets"], before + 2)
