#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0

"""
Traffic in both directions. The counters of the two ends must agree: what one end has sent, the
other one has received, or has counted as missed because it was too slow.
"""

import json

from lib.py import DEADLINE, NetDrvEpEnv, counters, interface, ping
from lib.py import bkg, cmd, rand_port, wait_port_listen
from lib.py import KsftSkipEx, ksft_busy_wait, ksft_eq, ksft_exit, ksft_ge, ksft_run

PINGS = 5
STREAM = 4 << 20
# What tx_bytes has for each element and rx_bytes has not: the header.
HEADERS = {"ip": 8, "ip-offload": 28, "ethernet": 0}


def _counters(cfg):
    """
    Returns the counters of the two ends while no packet is on its way. A channel keeps the order
    of packets: what was sent before a ping has been read when the ping is answered.
    """
    ping(cfg.remote_addr)
    readings = [None]

    def quiet():
        readings.append([{name: value for name, value in end.items()
                          if not name.endswith("_polls")}
                         for end in (counters(cfg.ifname),
                                     counters(cfg.remote_ifname, host=cfg.remote))])
        return readings[-1] == readings[-2]

    # The two ends are not read at the same time, so both must have stopped counting.
    ksft_busy_wait(quiet, sleep=0.05, deadline=DEADLINE, comment="ends without traffic")
    return readings[-1]


def _check_growth(cfg, before):
    """
    Returns by how much the counters of the two ends have grown. What one end has sent, the other
    one has received or missed.
    """
    ends = [{name: new[name] - old[name] for name in new}
            for new, old in zip(_counters(cfg), before)]
    mode = interface(cfg)["mode"]
    if mode not in HEADERS:
        raise KsftSkipEx(f"no traffic of the stack in mode {mode}")
    for sender, receiver in (ends, ends[::-1]):
        for name in ("tx_dropped", "tx_no_channel", "rx_malformed", "rx_no_memory"):
            ksft_eq(sender[name], 0, name)
        if not receiver["rx_missed"]:
            ksft_eq(sender["tx_packets"], receiver["rx_packets"])
            ksft_eq(sender["tx_bytes"] - receiver["rx_bytes"],
                    HEADERS[mode] * receiver["rx_elements"])
        elif mode != "ip-offload":
            # With offloads, several of the missed elements may hold one packet.
            ksft_eq(sender["tx_packets"], receiver["rx_packets"] + receiver["rx_missed"])
    return ends


def _ping(cfg, version, options=""):
    cfg.require_ipver(version)
    before = _counters(cfg)
    for _ in range(PINGS):
        ping(cfg.remote_addr_v[version], options)
        ping(cfg.addr_v[version], options, host=cfg.remote)
    for end in _check_growth(cfg, before):
        # IPv6 sends packets of its own.
        ksft_ge(end["tx_packets"], 2 * PINGS)
        ksft_eq(end["rx_missed"], 0)


def ping_v4(cfg) -> None:
    """ Each end answers the other one by IPv4. """
    _ping(cfg, "4")


def ping_v6(cfg) -> None:
    """ Each end answers the other one by IPv6. """
    _ping(cfg, "6")


def ping_full(cfg) -> None:
    """ Packets of the smaller MTU of the two ends are not fragmented. """
    mtu = min(cfg.dev["mtu"], cfg.remote_dev["mtu"])
    _ping(cfg, "4", f"-M do -s {mtu - 28}")


def _stream(cfg, server, client, address):
    """ Sends bytes by TCP. `server` and `client` are hosts. """
    cfg.require_cmd("iperf3", local=True, remote=True)
    before = _counters(cfg)
    port = rand_port()
    with bkg(f"iperf3 -s -1 -p {port}", host=server, exit_wait=True):
        wait_port_listen(port, host=server, deadline=DEADLINE)
        out = cmd(f"iperf3 -c {address} -p {port} -n {STREAM} -J", host=client, timeout=DEADLINE)
    end = json.loads(out.stdout)["end"]
    ksft_ge(end["sum_sent"]["bytes"], STREAM)
    ksft_eq(end["sum_received"]["bytes"], end["sum_sent"]["bytes"])
    local, remote = _check_growth(cfg, before)
    sender, receiver = (remote, local) if client else (local, remote)
    ksft_ge(sender["tx_bytes"], STREAM)
    ksft_ge(receiver["rx_bytes"], STREAM)


def tcp_to_remote(cfg) -> None:
    """ A TCP connection that sends to the remote end. """
    _stream(cfg, cfg.remote, None, cfg.remote_addr)


def tcp_from_remote(cfg) -> None:
    """ A TCP connection that sends from the remote end. """
    _stream(cfg, None, cfg.remote, cfg.addr)


def main() -> None:
    """ Ksft boiler plate main """
    with NetDrvEpEnv(__file__, nsim_test=False) as cfg:
        ksft_run([ping_v4, ping_v6, ping_full, tcp_to_remote, tcp_from_remote], args=(cfg, ))
    ksft_exit()


if __name__ == "__main__":
    main()
