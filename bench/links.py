# SPDX-License-Identifier: GPL-2.0
"""Pairs of interfaces, of which one at a time is up."""

from dataclasses import dataclass

from rig import End


@dataclass(frozen=True)
class Link:
    """Two ends and their interfaces, which are connected."""
    ends: tuple
    devices: tuple


def netns_link(machine, number: int, *names: str) -> Link:
    """Moves two interfaces of a machine to network namespaces of the same names."""
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
    """Sets the interfaces of a link down."""
    for end, device in zip(link.ends, link.devices):
        end.run(f"ip link set {device} down")


class LinkActivator:
    """Sets one link up and all others down, so that idle interfaces take no processor time."""

    def __init__(self, links: dict):
        self.links, self.active = links, None

    def __call__(self, link: Link):
        if self.active is link:
            return
        others = [self.active] if self.active else [o for o in self.links.values() if o != link]
        for other in others:
            down(other)
        for end, device in zip(link.ends, link.devices):
            end.run(f"ip link set {device} up")
        source, target = link.ends
        source.run(f"sh -c 'i=0; until ping -q -c 1 -W 1 {target.address} || [ $i = 20 ]; "
                   "do i=$((i+1)); done'")
        self.active = link
