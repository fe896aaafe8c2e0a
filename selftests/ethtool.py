#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0

"""
What ethtool shows of an interface, and what it changes.
"""

import re

from lib.py import DEADLINE, NetDrvEpEnv, counters, interface, peer_addresses, ping
from lib.py import KsftSkipEx, cmd, defer, ethtool, ip
from lib.py import ksft_busy_wait, ksft_disruptive, ksft_eq, ksft_exit, ksft_in, ksft_ne, \
    ksft_run, ksft_true

# The bounds of the poll period in microseconds.
POLL_MIN, POLL_MAX = 50, 1000000
PEER_STATES = ("peer_inactive", "peer_active", "peer_incompatible", "peer_broken")
# Counters of ip -s, and those of ethtool -S that have the same value.
SAME = (("rx", "packets"), ("rx", "bytes"), ("tx", "packets"), ("tx", "bytes"),
        ("tx", "dropped"))


def driver(cfg) -> None:
    """ ethtool -i names the driver and the channels. """
    out = ethtool(f"-i {cfg.ifname}").stdout
    ksft_in("driver: muennet\n", out)
    dev = interface(cfg)
    names = [dev.get(channel, {}).get("name", "") for channel in ("in-channel", "out-channel")]
    ksft_in(f"bus-info: {':'.join(names)}\n", out)
    ksft_in("supports-statistics: yes\n", out)
    ksft_in("supports-priv-flags: yes\n", out)


def link(cfg) -> None:
    """ An interface that is up has a link, and no speed unless the user sets one. """
    out = ethtool(cfg.ifname).stdout
    ksft_in("Link detected: yes", out)
    refused = cmd(f"ethtool -s {cfg.ifname} autoneg on", fail=False)
    ksft_ne(refused.ret, 0, "autoneg on")
    ksft_eq(ethtool(cfg.ifname).stdout, out)


def statistics(cfg) -> None:
    """ ethtool -S and ip -s agree, and the peer has one state. """
    for remote, local in peer_addresses(cfg):
        ping(remote)
        ping(local, host=cfg.remote)

    def agree():
        # Between two equal readings of ethtool -S nothing was counted.
        before = counters(cfg.ifname)
        stats = ip(f"-s link show dev {cfg.ifname}", json=True)[0]["stats64"]
        after = counters(cfg.ifname)
        names = [f"{way}_{name}" for way, name in SAME]
        return [before[name] for name in names] == [after[name] for name in names] == \
            [stats[way][name] for way, name in SAME]

    ksft_busy_wait(agree, sleep=0.05, deadline=DEADLINE, comment="ip -s and ethtool -S agree")
    own = counters(cfg.ifname)
    ksft_eq([own[name] for name in PEER_STATES], [0, 1, 0, 0])
    reasons = ("rx_bad_protocol", "rx_bad_length", "rx_bad_header", "rx_changed")
    ksft_eq(own["rx_malformed"], sum(own[name] for name in reasons))


def ring(cfg) -> None:
    """ ethtool -g shows the numbers of elements of the two rings. """
    out = ethtool(f"-g {cfg.ifname}").stdout
    dev = interface(cfg)
    for name, channel in (("RX", "in-channel"), ("TX", "out-channel")):
        # The maximum and the current value.
        elements = dev[channel]["elements"]
        ksft_eq(re.findall(rf"^{name}:\s+(\S+)$", out, re.M), [str(elements)] * 2)
        # The header of a channel has 64 bytes.
        ksft_eq(elements, (dev[channel]["region-size"] - 64) // dev[channel]["element-size"])


def _rx_usecs(cfg):
    out = ethtool(f"-c {cfg.ifname}").stdout
    return int(re.search(r"^rx-usecs:\s+(\d+)$", out, re.M).group(1))


def coalesce(cfg) -> None:
    """ ethtool -C changes the longest poll period. """
    period = _rx_usecs(cfg)
    if not period:
        raise KsftSkipEx("The interface is not polled")
    defer(ethtool, f"-C {cfg.ifname} rx-usecs {period}")
    for asked, shown in ((500, 500), (POLL_MAX, POLL_MAX), (1, POLL_MIN), (2000, 2000)):
        ethtool(f"-C {cfg.ifname} rx-usecs {asked}")
        ksft_eq(_rx_usecs(cfg), shown)
        ksft_eq(interface(cfg)["poll"], shown)
    refused = cmd(f"ethtool -C {cfg.ifname} rx-usecs {POLL_MAX + 1}", fail=False)
    ksft_ne(refused.ret, 0)
    ksft_in(str(POLL_MAX), refused.stderr)
    ksft_eq(_rx_usecs(cfg), 2000, "nothing has changed")


def pause(cfg) -> None:
    """ ethtool -A changes flow control, which does not disturb traffic. """
    if not all(it in interface(cfg) for it in ("in-channel", "out-channel")):
        raise KsftSkipEx("Flow control needs both channels")

    def shown():
        found = ethtool(f"-a {cfg.ifname}", json=True)[0]
        ksft_eq(found["autonegotiate"], False)
        return found["rx"], found["tx"]

    def change(rx, tx):
        word = {True: "on", False: "off"}
        # ethtool fails if nothing changes.
        if shown() != (rx, tx):
            ethtool(f"-A {cfg.ifname} rx {word[rx]} tx {word[tx]}")

    defer(change, *shown())
    for rx, tx in ((True, False), (True, True), (False, True), (False, False)):
        change(rx, tx)
        ksft_eq(shown(), (rx, tx))
        for remote, local in peer_addresses(cfg):
            ping(remote)
            ping(local, host=cfg.remote)
    stats = ethtool(f"-I -a {cfg.ifname}", json=True)[0]["statistics"]
    own = counters(cfg.ifname)
    ksft_eq((stats["rx_pause_frames"], stats["tx_pause_frames"]),
            (own["tx_paused"], own["rx_pauses"]))
    refused = cmd(f"ethtool -A {cfg.ifname} autoneg on", fail=False)
    ksft_ne(refused.ret, 0, "autoneg on")


def _private_flags(cfg):
    out = ethtool(f"--show-priv-flags {cfg.ifname}").stdout
    return dict(re.findall(r"^(\S+)\s*: (on|off)$", out, re.M))


@ksft_disruptive
def private_flags(cfg) -> None:
    """ The private flags can be set in the modes that have them. """
    found = _private_flags(cfg)
    ksft_eq(sorted(found), ["carrier-follows-peer", "restart-with-peer"])
    # Solo5 unikernels, for which this flag is, use Ethernet.
    works = {"carrier-follows-peer": True,
             "restart-with-peer": interface(cfg)["mode"] == "ethernet"}
    for name, value in found.items():
        other = "off" if value == "on" else "on"
        defer(cmd, f"ethtool --set-priv-flags {cfg.ifname} {name} {value}", fail=False)
        done = cmd(f"ethtool --set-priv-flags {cfg.ifname} {name} {other}", fail=False)
        ksft_eq(done.ret == 0, works[name], name)
        ksft_eq(_private_flags(cfg)[name], other if works[name] else value)
        ksft_eq(name in interface(cfg)["settings"], _private_flags(cfg)[name] == "on")
    # The peer is active, so the carrier stays in any case.
    with open(f"/sys/class/net/{cfg.ifname}/carrier", encoding="ascii") as file:
        ksft_true(file.read().strip() == "1", "carrier")


def main() -> None:
    """ Ksft boiler plate main """
    with NetDrvEpEnv(__file__, nsim_test=False) as cfg:
        ksft_run([driver, link, statistics, ring, coalesce, pause, private_flags], args=(cfg, ))
    ksft_exit()


if __name__ == "__main__":
    main()
