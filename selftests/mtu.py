#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0

"""
The MTU: its range, the elements of the channel that follow it, and packets of full size. The
remote end keeps its MTU, because the MTUs of the two ends may differ.
"""

from lib.py import NetDrvEpEnv, counters, defer_restore, interface, ping, wait_answer
from lib.py import cmd, defer, ip
from lib.py import ksft_disruptive, ksft_eq, ksft_exit, ksft_in, ksft_ne, ksft_run

# IPv6 needs an MTU of 1280.
MTUS = (1280, 1400, 1500, 4000, 9000)


def _mtu(cfg):
    return ip(f"link show dev {cfg.ifname}", json=True)[0]["mtu"]


def _set_mtu(cfg, mtu):
    ip(f"link set dev {cfg.ifname} mtu {mtu}")


def _prepare(cfg):
    """ Restores the MTU, and then the addresses, at the end of the test. """
    defer_restore(cfg)
    defer(_set_mtu, cfg, cfg.dev["mtu"])


def _range(cfg):
    return cfg.dev["min_mtu"], cfg.dev["max_mtu"]


@ksft_disruptive
def mtu_range(cfg) -> None:
    """ All MTUs of the range can be set, and no others. """
    _prepare(cfg)
    lowest, highest = _range(cfg)
    for mtu in (lowest, highest):
        _set_mtu(cfg, mtu)
        ksft_eq(_mtu(cfg), mtu)
    for mtu, reason in ((lowest - 1, "less than device minimum"),
                        (highest + 1, "greater than device maximum")):
        refused = cmd(f"ip link set dev {cfg.ifname} mtu {mtu}", fail=False)
        ksft_ne(refused.ret, 0, mtu)
        ksft_in(reason, refused.stderr)
        ksft_eq(_mtu(cfg), highest, "nothing has changed")


@ksft_disruptive
def elements(cfg) -> None:
    """ A change of the MTU starts an epoch with elements of another size. """
    _prepare(cfg)
    channel = interface(cfg)["out-channel"]
    header = channel["element-size"] - cfg.dev["mtu"]
    lowest, highest = _range(cfg)
    epochs = counters(cfg.ifname)["tx_epochs"]
    for mtu in (lowest, lowest + 1, *MTUS, highest):
        if mtu > highest:
            continue
        if mtu != _mtu(cfg):
            epochs += 1
        _set_mtu(cfg, mtu)
        ksft_eq(counters(cfg.ifname)["tx_epochs"], epochs, mtu)
        channel = interface(cfg)["out-channel"]
        ksft_eq(channel["element-size"], mtu + header)
        # The header of a channel has 64 bytes.
        ksft_eq(channel["elements"], (channel["region-size"] - 64) // (mtu + header))


@ksft_disruptive
def full_packets(cfg) -> None:
    """ Packets of the MTU are sent, and longer ones only in fragments. """
    cfg.require_ipver("4")
    _prepare(cfg)
    malformed = counters(cfg.ifname)["rx_malformed"]
    for mtu in MTUS:
        if mtu > cfg.dev["max_mtu"]:
            continue
        _set_mtu(cfg, mtu)
        # The peer must have joined the new epoch.
        wait_answer(cfg.remote_addr_v["4"])
        # Headers of IPv4 and ICMP.
        payload = mtu - 28
        ping(cfg.remote_addr_v["4"], f"-M do -s {payload}")
        refused = cmd(f"ping -c 1 -M do -s {payload + 1} {cfg.remote_addr_v['4']}", fail=False)
        ksft_in("message too long", (refused.stdout + refused.stderr).lower())
        ping(cfg.remote_addr_v["4"], f"-M dont -s {payload + 1}")
        ping(cfg.addr_v["4"], "-s 1000", host=cfg.remote)
        if cfg.addr_v["6"]:
            ping(cfg.remote_addr_v["6"], f"-M do -s {mtu - 48}")
    ksft_eq(counters(cfg.ifname)["rx_malformed"], malformed)


def main() -> None:
    """ Ksft boiler plate main """
    with NetDrvEpEnv(__file__, nsim_test=False) as cfg:
        ksft_run([mtu_range, elements, full_packets], args=(cfg, ))
    ksft_exit()


if __name__ == "__main__":
    main()
