# SPDX-License-Identifier: GPL-2.0

"""
The netlink family, counters and pings of muennet interfaces, and addresses that outlive a change
of the interface.

The tests wait for events. Their deadlines only end a run that hangs, so that the tests also work
in emulated and busy machines.
"""

import re

from lib.py import SPEC_PATH, KsftFailEx, YnlFamily
from lib.py import cmd, defer, ethtool, ip, ksft_busy_wait

# Seconds until the event of a wait counts as missing, and an answer as lost.
DEADLINE = 100

# The modes in which elements carry IP packets with their marks.
IP_MODES = ("ip", "ip-offload")


class MuennetFamily(YnlFamily):
    """ The generic netlink family of the driver. """
    def __init__(self):
        super().__init__((SPEC_PATH / 'muennet.yaml').as_posix(), schema='')


def interface(cfg):
    """ Returns the reply to dev-get for the interface under test. """
    return MuennetFamily().dev_get({"ifname": cfg.ifname})


def counters(dev, host=None, ns=None):
    """ Returns the counters of ethtool -S. """
    out = ethtool(f"-S {dev}", host=host, ns=ns).stdout
    return {name: int(value) for name, value in re.findall(r"^\s+(\S+): (\d+)$", out, re.M)}


def wait_counters(dev, host=None, **wanted):
    """ Waits until counters of ethtool -S have these values. """
    ksft_busy_wait(lambda: wanted.items() <= counters(dev, host=host).items(),
                   sleep=0.05, deadline=DEADLINE, comment=f"{wanted} of {dev}")


def peer_addresses(cfg):
    """ Returns, for each IP version, the address of the remote end and that of this end. """
    return [(cfg.remote_addr_v[version], cfg.addr_v[version]) for version in ("4", "6")
            if cfg.addr_v[version]]


def ping(address, options="", host=None, ns=None):
    """ Sends one request, and raises an exception if it is not answered. """
    cmd(f"ping -q -c 1 -W {DEADLINE} {options} {address}", host=host, ns=ns,
        timeout=DEADLINE + 20)


def wait_answer(address, host=None, ns=None):
    """
    Pings until a request is answered: an interface does not read what was sent before it joined
    the epoch of its peer. Each request waits twice as long as the last one for its answer.
    """
    for doubled in range(7):
        if cmd(f"ping -q -c 1 -W {1 << doubled} {address}", fail=False, host=host, ns=ns,
               timeout=DEADLINE).ret == 0:
            return
    raise KsftFailEx(f"No answer of {address}")


def settings_of(dev, host=None):
    """
    Returns the commands of ip that restore the addresses and routes of an interface. It loses
    them in another namespace; it loses IPv6 addresses when it goes down, or when its MTU is
    below the minimum of IPv6.
    """
    commands = []
    for info in ip(f"addr show dev {dev} scope global", json=True, host=host):
        for address in info.get("addr_info", []):
            # ip shows addresses of other scopes as empty objects.
            if "local" not in address or address.get("dynamic"):
                continue
            peer = f" peer {address['address']}" if "address" in address else ""
            nodad = " nodad" if address["family"] == "inet6" else ""
            commands.append(f"addr replace {address['local']}{peer}/{address['prefixlen']} "
                            f"dev {dev}{nodad}")
    for version in ("4", "6"):
        for line in ip(f"-{version} route show dev {dev}", host=host).stdout.splitlines():
            if not re.search(r"\bproto (kernel|ra)\b", line):
                route = re.sub(r" (dead|linkdown)\b", "", line).strip()
                commands.append(f"-{version} route replace {route} dev {dev}")
    return commands


def restore(dev, commands):
    """ Sets a local interface up, and restores its addresses and routes. """
    ip(f"link set dev {dev} up")
    for command in commands:
        ip(command)


def defer_restore(cfg):
    """ Restores the addresses and routes of the interface under test at the end of the test. """
    commands = settings_of(cfg.ifname)
    defer(restore, cfg.ifname, commands)
    return commands
