# SPDX-License-Identifier: GPL-2.0
"""Pairs of interfaces that take turns."""

from dataclasses import dataclass

from rig import End


@dataclass(frozen=True)
class Link:
    """Two ends, and the interfaces with which they reach each other."""
    ends: tuple
    devices: tuple


def in_namespaces(machine, number: int, *names: str) -> Link:
    """Moves two interfaces of a machine to namespaces that are called as they are."""
    ends = []
    for index, name in enumerate(names):
        address = f"10.0.{number}.{index + 1}"
        machine.run(f"ip netns add {name}; ip link set {name} netns {name}; "
                    f"ip netns exec {name} sh -c 'echo 1 "
                    f">/proc/sys/net/ipv6/conf/all/disable_ipv6; ip link set lo up; "
                    f"ip addr add {address}/24 dev {name}'")
        ends.append(End(machine, address, name))
    return Link(tuple(ends), names)


def down(link: Link):
    """Sets a link down."""
    for end, device in zip(link.ends, link.devices):
        end.run(f"ip link set {device} down")


class Turns:
    """Sets up the link whose turn it is, and down the others."""

    def __init__(self, links: dict):
        self.links, self.now = links, None

    def __call__(self, link: Link):
        if self.now is link:
            return
        for other in [self.now] if self.now else [o for o in self.links.values() if o != link]:
            down(other)
        for end, device in zip(link.ends, link.devices):
            end.run(f"ip link set {device} up")
        source, target = link.ends
        source.run(f"sh -c 'i=0; until ping -q -c 1 -W 1 {target.address} || [ $i = 20 ]; "
                   "do i=$((i+1)); done'")
        self.now = link
