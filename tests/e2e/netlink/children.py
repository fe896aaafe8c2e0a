# SPDX-License-Identifier: GPL-2.0
"""The usual set-up: two children on each side, whose packets iptables and nftables mark."""

from e2e import netlink
from rig import End, batch, defer, in_parallel, ksft_eq, pair, ping

# A child, the mark of its packets, and its network.
CHILDREN = {"child0": (24, "10.0.0."), "child1": (0xffffffff, "10.0.1.")}
SIDES = {"a": "1", "b": "2"}


def add_children(machine, forms=("iptables", "nft")) -> set:
    """Adds both children to net0, with their marks, and returns the errnos."""
    netlink.install(machine)
    defer(machine.run, "iptables -t mangle -F OUTPUT; nft delete table ip marks 2>/dev/null; true")
    requests, script = [], ["set -e"]
    for (child, (mark, network)), form in zip(CHILDREN.items(), forms):
        requests += [{"do": "child-add", "attrs": {"parent-ifname": "net0", "ifname": child}},
                     {"do": "mark-add", "attrs": {"ifname": child, "mark": mark}}]
        if form == "iptables":
            script += [f"iptables -t mangle -A OUTPUT -o {child} -j MARK --set-mark {mark}"]
        else:
            script += ["nft add table ip marks", "nft 'add chain ip marks out "
                       "{ type route hook output priority mangle; }'",
                       f"nft add rule ip marks out oifname {child} meta mark set {mark}"]
        script += [f"echo 1 >/proc/sys/net/ipv6/conf/{child}/disable_ipv6",
                   batch([f"addr add {network}{SIDES[machine.name]}/24 dev {child}",
                          f"link set {child} up"])]
    errors = {answer["errno"] for answer in netlink.ask(machine, *requests)}
    machine.run("\n".join(script))
    return errors


def both(env):
    """Sets up both machines with net0 and the children."""
    pair(env, quiet=True)
    ksft_eq(in_parallel(add_children, (env.a, env.b)), [{""}, {""}])


def ends(env, child: str) -> tuple:
    """Returns the ends of the children of this name in a and b."""
    network = CHILDREN[child][1]
    return End(env.a, network + "1"), End(env.b, network + "2")


def ping_children(env, child: str, count: int = 20):
    """Pings from a to b by the children of this name."""
    return ping(*ends(env, child), count=count)
