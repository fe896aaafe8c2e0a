# SPDX-License-Identifier: GPL-2.0
"""Packets of the largest MTU while only allocations of single pages succeed."""

from rig import KsftNamedVariant, counters, defer, ksft_eq, ksft_lt, ksft_variants, load, ping

import leaks

SYSTEM = leaks.SYSTEM

FAULTS = "/sys/kernel/debug/fail_page_alloc"
MANY = 1_000_000
# Fault injection: allocations of two pages and more fail, if they must not wait.
FAIL = {"min-order": 1, "probability": 100, "times": MANY, "verbose": 0, "ignore-gfp-wait": "Y"}
NO_FAILURE = {"probability": 0, "min-order": 1, "times": 0}


def inject(machine, settings: dict):
    """Changes the settings of fault injection into page allocations."""
    machine.run("; ".join(f"echo {value} >{FAULTS}/{name}" for name, value in settings.items()))


@ksft_variants([KsftNamedVariant("ip", "net_hdr", 65535), KsftNamedVariant("raw", "", 65535),
                KsftNamedVariant("ethernet", "eth_dev", 65521),
                KsftNamedVariant("offload", "net_hdr+offload", 65535)])
def test_fragmented_memory(env, flags, mtu):
    load(env.a, leaks.parameters(flags=flags, more=f"mtu={mtu},{mtu}"))
    left, right = leaks.ends(env.a, quiet=True)
    size = min(mtu, 65535) - 28
    if flags:
        ksft_eq(ping(left, right, f"-M do -s {size}", count=2).received, 2)
    defer(inject, env.a, NO_FAILURE)
    inject(env.a, FAIL)
    if flags:
        ksft_eq(ping(left, right, f"-M do -s {size}", count=5).received, 5)
    else:
        # A raw element, which always has the full size, gets no answer.
        env.a.run("python3 -c \"import socket; s = socket.socket(socket.AF_PACKET, "
                  "socket.SOCK_DGRAM); [s.sendto(b'x', ('left', 0x88b5)) for _ in range(5)]\"")
        env.a.wait("[ $(ip netns exec right cat /sys/class/net/right/statistics/rx_packets) = 5 ]",
                   "elements")
    found = int(env.a.run(f"cat {FAULTS}/times").stdout)
    ksft_lt(found, MANY, "allocations of more than a page failed")
    for dev, ns in (("left", ""), ("right", "right")):
        ksft_eq(counters(env.a, dev, ns)["rx_no_memory"], 0)
