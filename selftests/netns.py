#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0

"""
The interface in another network namespace, and after the end of that namespace.
"""

import os

from lib.py import DEADLINE, NetDrvEpEnv, counters, peer_addresses, restore, settings_of, \
    wait_answer
from lib.py import KsftSkipEx, NetNS, defer, ip
from lib.py import ksft_busy_wait, ksft_disruptive, ksft_eq, ksft_exit, ksft_run, ksft_true


def _here(cfg):
    return os.path.exists(f"/sys/class/net/{cfg.ifname}")


def _return(cfg, ns, commands):
    """ Moves the interface back if it is not here, and restores its addresses. """
    if not _here(cfg):
        ip(f"link set dev {cfg.ifname} netns {os.getpid()}", ns=ns)
    restore(cfg.ifname, commands)


def _move(cfg):
    """ Moves the interface to a new namespace, sets it up there, and waits for its peer. """
    commands = settings_of(cfg.ifname)
    ns = NetNS()
    # The namespace ends after the interface has left it.
    undo = defer(ns.__del__), defer(_return, cfg, ns, commands)
    ip(f"link set dev {cfg.ifname} netns {ns}")
    ksft_true(not _here(cfg))
    ip(f"link set dev {cfg.ifname} up", ns=ns)
    for command in commands:
        ip(command, ns=ns)
    for address, _ in peer_addresses(cfg):
        wait_answer(address, ns=ns)
    return ns, undo


@ksft_disruptive
def move_and_return(cfg) -> None:
    """ The interface works in another namespace, and after its return. """
    before = counters(cfg.ifname)["rx_packets"]
    ns, (_, back) = _move(cfg)
    inside = counters(cfg.ifname, ns=ns)
    ksft_eq(inside["peer_active"], 1)
    ksft_true(inside["rx_packets"] > before, "counters survive")
    back.exec()
    for remote, local in peer_addresses(cfg):
        wait_answer(remote)
        wait_answer(local, host=cfg.remote)


@ksft_disruptive
def namespace_ends(cfg) -> None:
    """ The interface outlives its namespace: it returns to the initial one. """
    if os.stat("/proc/self/ns/net").st_ino != os.stat("/proc/1/ns/net").st_ino:
        raise KsftSkipEx("This is not the initial namespace, to which the interface returns")
    _, (end, back) = _move(cfg)
    end.exec()
    # The kernel cleans namespaces up in a workqueue.
    ksft_busy_wait(lambda: _here(cfg), sleep=0.05, deadline=DEADLINE,
                   comment="return of the interface")
    ksft_true("UP" not in ip(f"link show dev {cfg.ifname}", json=True)[0]["flags"], "it is down")
    back.exec()
    for remote, local in peer_addresses(cfg):
        wait_answer(remote)
        wait_answer(local, host=cfg.remote)


def main() -> None:
    """ Ksft boiler plate main """
    with NetDrvEpEnv(__file__, nsim_test=False) as cfg:
        ksft_run([move_and_return, namespace_ends], args=(cfg, ))
    ksft_exit()


if __name__ == "__main__":
    main()
