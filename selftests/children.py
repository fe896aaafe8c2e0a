#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0

"""
Children of the interface, and the marks by which they receive packets.

Only this end has children. The remote end gets an address in the network of each child, and
answers a request with the mark of the request. It receives packets of all marks on its interface.
"""

import errno

from lib.py import DEADLINE, IP_MODES, MuennetFamily, NetDrvEpEnv, counters, interface, ping
from lib.py import KsftSkipEx, NetNS, NlError, cmd, defer, ip
from lib.py import ksft_busy_wait, ksft_eq, ksft_exit, ksft_in, ksft_raises, ksft_run, ksft_true

PINGS = 5
# Children: name, mark, this end's address and the remote one's (RFC 5737).
FIRST = ("muchild0", 24, "198.51.100.1", "198.51.100.2")
SECOND = ("muchild1", 0xffffffff, "203.0.113.1", "203.0.113.2")
REFLECT = "/proc/sys/net/ipv4/fwmark_reflect"


def _family(cfg):
    """ Returns the family. Skips the test if the interface cannot have children. """
    if interface(cfg)["mode"] not in IP_MODES:
        raise KsftSkipEx("Only an interface in IP mode has children")
    return MuennetFamily()


def _delete(name):
    """ Deletes a child if it is in this namespace. """
    cmd(f"ip link del dev {name}", fail=False)


def _add(cfg, child, ns=None):
    """ Adds a child with its address, and the address of the remote end. """
    name, _, local, remote = child
    ip(f"link add link {cfg.ifname} name {name} type muennet")
    defer(_delete, name)
    if ns:
        ip(f"link set dev {name} netns {ns}")
    ip(f"addr add {local}/24 dev {name}", ns=ns)
    ip(f"link set dev {name} up", ns=ns)
    ip(f"addr add {remote}/24 dev {cfg.remote_ifname}", host=cfg.remote)
    defer(ip, f"addr del {remote}/24 dev {cfg.remote_ifname}", host=cfg.remote)


def _reflect_marks(cfg):
    """ The remote end answers with the marks of the requests, until the end of the test. """
    before = cmd(f"cat {REFLECT}", host=cfg.remote).stdout.strip()
    defer(cmd, f"echo {before} > {REFLECT}", shell=True, host=cfg.remote)
    cmd(f"echo 1 > {REFLECT}", shell=True, host=cfg.remote)


def _two_children(cfg, family):
    _reflect_marks(cfg)
    for child in (FIRST, SECOND):
        _add(cfg, child)
        family.mark_add({"ifname": child[0], "mark": child[1]})


def _received(*devs):
    """ Returns the numbers of packets that these interfaces have received. """
    return [counters(dev)["rx_packets"] for dev in devs]


def _ping_both_ways(child, host, ns=None):
    """ The packets of both directions have the mark of the child. """
    name, mark, local, remote = child
    for _ in range(PINGS):
        ping(remote, f"-m {mark} -I {name}", ns=ns)
        ping(local, f"-m {mark}", host=host)


def add_and_delete(cfg) -> None:
    """ Children are added and deleted by iproute2 and by the netlink family. """
    family = _family(cfg)
    name = FIRST[0]
    defer(_delete, name)
    for by_family in (False, True):
        if by_family:
            family.child_add({"parent-ifname": cfg.ifname, "ifname": name})
        else:
            ip(f"link add link {cfg.ifname} name {name} type muennet")
        shown = ip(f"-d link show dev {name}", json=True)[0]
        ksft_eq(shown["linkinfo"]["info_kind"], "muennet")
        ksft_eq(shown["link"], cfg.ifname)
        got = family.dev_get({"ifname": name})
        ksft_eq((got["parent-ifname"], got["mark-count"], got["mtu"]),
                (cfg.ifname, 0, cfg.dev["mtu"]))
        if by_family:
            ip(f"link del dev {name}")
        else:
            family.child_del({"ifname": name})
        ksft_true(name not in [it["ifname"] for it in family.dev_get({}, dump=True)])


def refused(cfg) -> None:
    """ Requests that are invalid change nothing. """
    family = _family(cfg)
    _two_children(cfg, family)
    first, second = FIRST[0], SECOND[0]
    before = family.mark_get({}, dump=True)
    for error, request, attrs in (
            (errno.EINVAL, family.child_add, {"parent-ifname": first, "ifname": "x"}),
            (errno.EEXIST, family.child_add, {"parent-ifname": cfg.ifname, "ifname": first}),
            (errno.EBUSY, family.mark_add, {"ifname": second, "mark": FIRST[1]}),
            (errno.EBUSY, family.mark_del, {"ifname": second, "mark": FIRST[1]}),
            (errno.ENOENT, family.mark_del, {"ifname": second, "mark": 1}),
            (errno.ENODEV, family.child_del, {"ifname": "x"})):
        with ksft_raises(NlError) as raised:
            request(attrs)
        if raised.exception:
            ksft_eq(raised.exception.error, error, attrs)
    failed = cmd(f"ip link del dev {cfg.ifname}", fail=False)
    ksft_in("not supported", failed.stderr)
    ksft_eq(family.mark_get({}, dump=True), before)


def marks_separate_flows(cfg) -> None:
    """ A child receives the packets with its mark, and no others. """
    family = _family(cfg)
    _two_children(cfg, family)
    for child, other in ((FIRST, SECOND), (SECOND, FIRST)):
        owner = family.mark_get({"parent-ifname": cfg.ifname, "mark": child[1]})
        ksft_eq(owner["ifname"], child[0])
        before = _received(child[0], other[0])
        _ping_both_ways(child, cfg.remote)
        # A packet is counted before it is answered.
        ksft_eq(_received(child[0], other[0]), [before[0] + 2 * PINGS, before[1]])
    # Without a mark, all of it is for the parent.
    before = _received(FIRST[0], SECOND[0])
    ping(cfg.remote_addr)
    ping(cfg.addr, host=cfg.remote)
    ksft_eq(_received(FIRST[0], SECOND[0]), before)


def mark_moves(cfg) -> None:
    """ Packets follow their mark to its new owner, and without an owner to the parent. """
    family = _family(cfg)
    _two_children(cfg, family)
    (first, mark, local, _), second = FIRST, SECOND[0]

    def growth(packets):
        """ Returns how many packets each interface has received for some with the mark. """
        before = _received(cfg.ifname, first, second)
        for _ in range(packets):
            ping(local, f"-m {mark}", host=cfg.remote)
        return [new - old for new, old in zip(_received(cfg.ifname, first, second), before)]

    ksft_eq(growth(PINGS)[1:], [PINGS, 0])
    family.mark_move({"from-ifname": first, "ifname": second, "mark": mark})
    ksft_eq(family.mark_get({"parent-ifname": cfg.ifname, "mark": mark})["ifname"], second)
    ksft_eq(growth(PINGS)[1:], [0, PINGS])
    family.mark_del({"ifname": second, "mark": mark})
    parent, *children = growth(PINGS)
    # The parent may receive others.
    ksft_true(parent >= PINGS, parent)
    ksft_eq(children, [0, 0])


def down_child(cfg) -> None:
    """ A child that is down receives nothing, and counts what comes. """
    family = _family(cfg)
    _two_children(cfg, family)
    name, mark, local, _ = FIRST
    ip(f"link set dev {name} down")
    before = counters(name)
    for _ in range(PINGS):
        # Without an answer: the deadline of ping is of no importance.
        cmd(f"ping -q -c 1 -W 0.1 -m {mark} {local}", fail=False, host=cfg.remote)
    ksft_busy_wait(lambda: counters(name)["rx_down"] == before["rx_down"] + PINGS,
                   sleep=0.05, deadline=DEADLINE, comment="packets for a child that is down")
    ksft_eq(counters(name)["rx_packets"], before["rx_packets"])
    ip(f"link set dev {name} up")
    _ping_both_ways(FIRST, cfg.remote)


def child_in_namespace(cfg) -> None:
    """ A child works in another namespace, and ends with it. """
    family = _family(cfg)
    _reflect_marks(cfg)
    ns = NetNS()
    end = defer(ns.__del__)
    _add(cfg, FIRST, ns=ns)
    name, mark = FIRST[:2]
    netnsid, = [it["netnsid"] for it in family.dev_get({}, dump=True) if it["ifname"] == name]
    family.mark_add({"ifname": name, "netnsid": netnsid, "mark": mark})
    _ping_both_ways(FIRST, cfg.remote, ns=ns)
    ksft_eq(counters(name, ns=ns)["rx_packets"], 2 * PINGS)
    end.exec()
    ksft_busy_wait(lambda: not family.mark_get({}, dump=True), sleep=0.05, deadline=DEADLINE,
                   comment="end of the child and its mark")
    ksft_true(name not in [it["ifname"] for it in family.dev_get({}, dump=True)])


def notifications(cfg) -> None:
    """ Each change of children and marks has a notification. """
    family = _family(cfg)
    first, second = FIRST[0], SECOND[0]
    defer(_delete, first)
    defer(_delete, second)
    family.ntf_subscribe("changes")
    by = MuennetFamily()
    by.child_add({"parent-ifname": cfg.ifname, "ifname": first})
    ip(f"link add link {cfg.ifname} name {second} type muennet")
    by.mark_add({"ifname": first, "mark": 7})
    by.mark_move({"from-ifname": first, "ifname": second, "mark": 7})
    by.mark_del({"ifname": second, "mark": 7})
    ip(f"link del dev {second}")
    by.child_del({"ifname": first})
    got = []
    for message in family.poll_ntf(duration=DEADLINE):
        got.append((message["name"], message["msg"]["ifname"]))
        if got[-1] == ("child-del-ntf", first):
            break
    ksft_eq(got, [("child-add-ntf", first), ("child-add-ntf", second), ("mark-add-ntf", first),
                  ("mark-move-ntf", second), ("mark-del-ntf", second), ("child-del-ntf", second),
                  ("child-del-ntf", first)])


def main() -> None:
    """ Ksft boiler plate main """
    with NetDrvEpEnv(__file__, nsim_test=False) as cfg:
        ksft_run([add_and_delete, refused, marks_separate_flows, mark_moves, down_child,
                  child_in_namespace, notifications], args=(cfg, ))
    ksft_exit()


if __name__ == "__main__":
    main()
