# SPDX-License-Identifier: GPL-2.0
"""Two Ethernet interfaces as one, in all modes of the kernel's bonding driver."""

from rig import (V4, Channel, End, KsftNamedVariant, System, defer, ksft_eq, ksft_variants,
                 load_all, ping, stats, stream, wait_answer, wait_for)

LINKS = ("one", "two")
SYSTEM = System("bonds", ("a", "b"), tuple(
    Channel(f"{writer}_{link}", writes={writer: f"{link}_out"}, reads={reader: f"{link}_in"})
    for link in LINKS for writer, reader in ("ab", "ba")))
PARAMETERS = ("name=one,two in=one_in,two_in out=one_out,two_out reader_protocol=2,2 "
              "writer_protocol=2,2 flags=eth_dev,eth_dev")
MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb",
         "balance-alb")


def bond(machine, mode: str):
    """Makes one of the two, and gives it the side's address."""
    more = "lacp_rate fast" if mode == "802.3ad" else ""
    # LACP asks for the speed, which memory does not have.
    machine.run("; ".join(f"ethtool -s {link} speed 10000 duplex full" for link in LINKS))
    machine.run("modprobe bonding max_bonds=0")
    machine.run(f"ip link add bond0 type bond mode {mode} miimon 100 {more} && "
                "ip link set one master bond0 && ip link set two master bond0 && "
                f"ip link set bond0 up && ip addr add {V4[machine.name]}/24 dev bond0")
    defer(machine.run, "ip link del bond0", fail=False)


def aggregated(machine) -> bool:
    """Whether LACP has found the other end, and both links are in use."""
    text = machine.run("cat /proc/net/bonding/bond0").stdout
    return "Number of ports: 2" in text and "Partner Mac Address: 00:00:00:00:00:00" not in text


@ksft_variants([KsftNamedVariant(mode, mode) for mode in MODES])
def test_mode(env, mode):
    machines = env.a, env.b
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
    # One link is enough; the other one is not missed.
    for machine in machines:
        machine.run("ip link set one down")
    for machine in machines:
        machine.wait("grep -c 'MII Status: up' /proc/net/bonding/bond0 | grep -q 2", "other link")
    wait_answer(*ends)
    before = stats(env.a, "two")["tx_packets"]
    ksft_eq(ping(*ends).received, 3)
    ksft_eq(stats(env.a, "two")["tx_packets"] >= before + 3, True)
