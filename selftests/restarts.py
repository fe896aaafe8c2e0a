#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0

"""
Restarts of either end. Each one starts an epoch of the channel, which the other end follows.
"""

import json
import socket

from lib.py import DEADLINE, NetDrvEpEnv, counters, defer_restore, peer_addresses, restore, \
    settings_of, wait_answer, wait_counters
from lib.py import KsftSkipEx, bkg, cmd, defer, ethtool, ip, rand_port, wait_file, \
    wait_port_listen
from lib.py import ksft_busy_wait, ksft_disruptive, ksft_eq, ksft_exit, ksft_ge, ksft_run

RESTARTS = 3


def _remote_up(cfg, commands):
    """ Returns the command that sets the remote interface up, with its addresses. """
    return " && ".join(f"ip {it}" for it in (f"link set dev {cfg.remote_ifname} up", *commands))


def _answers(cfg):
    for remote, local in peer_addresses(cfg):
        wait_answer(remote)
        wait_answer(local, host=cfg.remote)


def _require_other_path(cfg):
    """ Skips a test that cannot reach the remote end while its interface is down. """
    if cfg.env["REMOTE_TYPE"] != "ssh":
        return
    name = cfg.env["REMOTE_ARGS"].split()[-1].split("@")[-1]
    try:
        address = socket.getaddrinfo(name, None)[0][4][0]
        route = json.loads(cmd(f"ip -json route get {address}").stdout)
    except (OSError, ValueError):
        # Not a host name: only the user's configuration knows the path.
        return
    if route[0].get("dev") == cfg.ifname:
        raise KsftSkipEx("The remote end is reached through the interface under test")


@ksft_disruptive
def local_restart(cfg) -> None:
    """ Each restart of the interface is one epoch, which the remote end follows. """
    commands = defer_restore(cfg)
    for _ in range(RESTARTS):
        epochs = counters(cfg.ifname)["tx_epochs"]
        followed = counters(cfg.remote_ifname, host=cfg.remote)["rx_epochs"]
        ip(f"link set dev {cfg.ifname} down")
        restore(cfg.ifname, commands)
        _answers(cfg)
        ksft_eq(counters(cfg.ifname)["tx_epochs"], epochs + 1)
        ksft_eq(counters(cfg.remote_ifname, host=cfg.remote)["rx_epochs"], followed + 1)


@ksft_disruptive
def remote_restart(cfg) -> None:
    """ Each restart of the remote interface is one epoch, which this end follows. """
    commands = settings_of(cfg.remote_ifname, host=cfg.remote)
    up = _remote_up(cfg, commands)
    defer(cmd, up, shell=True, host=cfg.remote)
    for _ in range(RESTARTS):
        before = counters(cfg.ifname)
        # One command, because the remote end may be reached through the interface.
        cmd(f"ip link set dev {cfg.remote_ifname} down && {up}", shell=True, host=cfg.remote)
        _answers(cfg)
        after = counters(cfg.ifname)
        ksft_eq(after["rx_epochs"], before["rx_epochs"] + 1)
        ksft_eq(after["rx_broken"], before["rx_broken"])
        ksft_eq(after["rx_incompatible"], before["rx_incompatible"])


@ksft_disruptive
def restart_under_load(cfg) -> None:
    """ A TCP connection continues after restarts of its end. """
    # IPv4, because an interface that is down loses its IPv6 addresses.
    cfg.require_ipver("4")
    cfg.require_cmd("iperf3", local=True, remote=True)
    commands = defer_restore(cfg)
    malformed = counters(cfg.remote_ifname, host=cfg.remote)["rx_malformed"]

    def flows():
        """ Waits until the remote end has received more. """
        def received():
            return counters(cfg.remote_ifname, host=cfg.remote)["rx_packets"]
        before = received()
        ksft_busy_wait(lambda: received() >= before + 200, sleep=0.05, deadline=DEADLINE,
                       comment="packets of the connection")

    port = rand_port()
    # The server ends with its only client.
    with bkg(f"iperf3 -s -1 -p {port}", host=cfg.remote, exit_wait=True, fail=False):
        wait_port_listen(port, host=cfg.remote, deadline=DEADLINE)
        # The end of the test ends it.
        with bkg(f"iperf3 -c {cfg.remote_addr_v['4']} -p {port} -t 86400", fail=False):
            flows()
            for _ in range(RESTARTS):
                ip(f"link set dev {cfg.ifname} down")
                restore(cfg.ifname, commands)
                flows()
    ksft_eq(counters(cfg.remote_ifname, host=cfg.remote)["rx_malformed"], malformed)


@ksft_disruptive
def peer_states(cfg) -> None:
    """ The interface shows whether the remote one is up, and keeps its carrier. """
    _require_other_path(cfg)
    up = _remote_up(cfg, settings_of(cfg.remote_ifname, host=cfg.remote))
    defer(cmd, up, shell=True, host=cfg.remote)
    for _ in range(RESTARTS):
        cmd(f"ip link set dev {cfg.remote_ifname} down", host=cfg.remote)
        wait_counters(cfg.ifname, peer_inactive=1, peer_active=0)
        with open(f"/sys/class/net/{cfg.ifname}/carrier", encoding="ascii") as file:
            ksft_eq(file.read(), "1\n")
        cmd(up, shell=True, host=cfg.remote)
        wait_counters(cfg.ifname, peer_inactive=0, peer_active=1)
    _answers(cfg)


@ksft_disruptive
def carrier_follows_peer(cfg) -> None:
    """ With this flag, the interface has a carrier only while the remote one is up. """
    _require_other_path(cfg)
    flag = f"--set-priv-flags {cfg.ifname} carrier-follows-peer"
    shown = ethtool(f"--show-priv-flags {cfg.ifname}").stdout
    before = "on" if "carrier-follows-peer: on" in shown else "off"
    up = _remote_up(cfg, settings_of(cfg.remote_ifname, host=cfg.remote))
    defer_restore(cfg)
    defer(ethtool, f"{flag} {before}")
    defer(cmd, up, shell=True, host=cfg.remote)

    def wait_carrier(value):
        wait_file(f"/sys/class/net/{cfg.ifname}/carrier", lambda text: text == f"{value}\n",
                  sleep=0.05, deadline=DEADLINE)

    def changes():
        path = f"/sys/class/net/{cfg.ifname}/carrier_changes"
        with open(path, encoding="ascii") as file:
            return int(file.read())

    ethtool(f"{flag} on")
    wait_carrier(1)
    count = changes()
    for _ in range(RESTARTS):
        cmd(f"ip link set dev {cfg.remote_ifname} down", host=cfg.remote)
        wait_carrier(0)
        cmd(up, shell=True, host=cfg.remote)
        wait_carrier(1)
    ksft_ge(changes(), count + 2 * RESTARTS)
    _answers(cfg)


def main() -> None:
    """ Ksft boiler plate main """
    with NetDrvEpEnv(__file__, nsim_test=False) as cfg:
        ksft_run([local_restart, remote_restart, restart_under_load, peer_states,
                  carrier_follows_peer], args=(cfg, ))
    ksft_exit()


if __name__ == "__main__":
    main()
