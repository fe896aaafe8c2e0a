# SPDX-License-Identifier: GPL-2.0
"""
ethtool, `ip -s` and the debugfs file of an interface: what they show and change. The test
is the peer, so it knows the correct values.
"""

import re
import struct

from rig import (PAIR, README, V4, KsftNamedVariant, Peer, counters, defer, ip_element,
                 ksft_eq, ksft_ge, ksft_in, ksft_ne, ksft_true, ksft_variants, load, pair, ping,
                 sim, stats, up, wait_counters, wait_for)
from rig.packets import udp4

SYSTEM = PAIR

SIZE = 1508
RING = ((1 << 20) - 64) // SIZE
# To an address without a host, so that there is no answer.
GOOD = ip_element(udp4(V4["b"], "192.0.2.77", 9, bytes(100)))
PAYLOAD = 20 + 8 + 100
PEERS = ("inactive", "active", "incompatible", "broken")


def info(machine, folder: str = "net0") -> list:
    """Returns the lines of the debugfs file."""
    return machine.read_files(f"/sys/kernel/debug/muennet/{folder}/info").splitlines()


def joined_peer(env, epoch: int) -> Peer:
    """The driver in a, and its peer in an epoch that the driver follows."""
    peer = Peer(env, parameters=README)
    peer.join(epoch)
    return peer


def test_driver(env):
    load(env.a)
    text = env.a.run("ethtool -i net0").stdout
    ksft_in("driver: muennet\n", text)
    ksft_in("bus-info: channel_in:channel_out\n", text)
    ksft_in("supports-statistics: yes\n", text)
    ksft_in("supports-priv-flags: yes\n", text)


def test_link(env):
    load(env.a)
    ksft_in("Link detected: no", env.a.run("ethtool net0").stdout)
    up(env.a, quiet=True)
    text = env.a.run("ethtool net0").stdout
    for line in ("Link detected: yes", "Speed: Unknown!", "Duplex: Unknown!"):
        ksft_in(line, text)
    ksft_eq(env.a.run("cat /sys/class/net/net0/operstate").stdout, "up\n")
    env.a.run("ethtool -s net0 speed 10000 duplex full")
    text = env.a.run("ethtool net0").stdout
    for line in ("Speed: 10000Mb/s", "Duplex: Full", "Port: Other"):
        ksft_in(line, text)
    for more in ("autoneg on", "port tp"):
        ksft_ne(env.a.run(f"ethtool -s net0 {more}", fail=False).ret, 0, more)
    ksft_eq(env.a.run("ethtool net0").stdout, text)
    ksft_eq(env.a.run("cat /sys/class/net/net0/speed").stdout, "10000\n")


def rings(machine) -> dict:
    """Returns the ring sizes of ethtool -g, maximum and current, for RX and TX."""
    text = machine.run("ethtool -g net0").stdout
    return {name: set(re.findall(rf"^{name}:\s+(\S+)$", text, re.M)) for name in ("RX", "TX")}


def test_ring(env):
    peer = joined_peer(env, 3)
    ksft_eq(rings(env.a), {"RX": {str(RING)}, "TX": {str(RING)}})
    peer.stop()
    wait_counters(env.a, peer_inactive=1)
    # Without an epoch the size is 0, which ethtool shows as "n/a" for the maximum.
    ksft_true(rings(env.a)["RX"] <= {"0", "n/a"})
    ksft_eq(rings(env.a)["TX"], {str(RING)})
    peer.start(4)
    wait_counters(env.a, peer_active=1)
    ksft_eq(rings(env.a)["RX"], {str(RING)})
    env.a.run("ip link set net0 down")
    ksft_true(rings(env.a)["RX"] <= {"0", "n/a"}, "unknown while down")
    ksft_true(rings(env.a)["TX"] <= {"0", "n/a"})


# A counter, and an element that increments it.
BAD = [KsftNamedVariant(name, name, data) for name, data in (
    ("rx_bad_protocol", GOOD[:6] + b"\x06" + GOOD[7:]),
    ("rx_bad_length", GOOD[:10] + struct.pack(">H", 1501) + GOOD[12:]),
    ("rx_bad_header", GOOD[:8] + b"\x65" + GOOD[9:]))]
REASONS = ("rx_bad_protocol", "rx_bad_length", "rx_bad_header", "rx_changed")


@ksft_variants(BAD)
def test_bad_elements(env, name, data):
    peer = joined_peer(env, 4)
    peer.write(GOOD, data, GOOD, data, data)
    wait_counters(env.a, rx_elements=5)
    got = counters(env.a)
    ksft_eq({key: got[key] for key in REASONS}, dict.fromkeys(REASONS, 0) | {name: 3})
    ksft_eq(got["rx_malformed"], 3)
    ksft_eq(got["rx_packets"], 2)
    ksft_eq(got["rx_bytes"], 2 * PAYLOAD)
    ksft_eq(got["rx_elements"], 5)
    ksft_eq(got["rx_overruns"], 0)
    shown = stats(env.a)
    ksft_eq(shown["rx_errors"], 3)
    ksft_eq(shown["rx_frame_errors"], 3)


def test_polls_and_batches(env):
    peer = joined_peer(env, 5)
    before = counters(env.a)
    for number in range(1, 5):
        peer.write(*[GOOD] * 10)
        wait_counters(env.a, rx_elements=10 * number)
    got = counters(env.a)
    ksft_eq(got["rx_elements"] - before["rx_elements"], 40)
    ksft_eq(got["rx_batches"] - before["rx_batches"], 4)
    ksft_ge(got["rx_copied_bytes"], 40 * PAYLOAD)
    ksft_ge(got["rx_polls"] - before["rx_polls"], 4)

    def balance() -> bool:
        now = counters(env.a)
        return now["rx_polls"] - before["rx_polls"] == \
            4 + now["rx_empty_polls"] - before["rx_empty_polls"]
    # A poll in progress may be in one of the counters only.
    wait_for(balance, "balance of polls")
    ksft_eq(got["rx_interrupts"], 0)


def test_overrun(env):
    peer = joined_peer(env, 6)
    # All become visible at once: the reader gets the newest ring of elements.
    content = GOOD.ljust(SIZE, b"\0") * RING
    written = 2 * RING + 10
    peer.channel.wsc = written
    peer.channel.map[64:64 + len(content)] = content
    peer.channel.wc = written
    wait_counters(env.a, rx_elements=RING, rx_missed=RING + 10)
    got, shown = counters(env.a), stats(env.a)
    ksft_eq(got["rx_overruns"], 1)
    ksft_eq(got["rx_missed"], RING + 10)
    ksft_eq(got["rx_packets"], RING)
    ksft_eq(shown["rx_over_errors"], 1)
    ksft_eq(shown["rx_missed_errors"], RING + 10)
    ksft_eq(shown["rx_errors"], 1)


def test_epochs_and_states_of_the_peer(env):
    peer = Peer(env)
    load(env.a)
    ksft_in("peer: unknown (down)", info(env.a))
    up(env.a, quiet=True)

    def state(word: str, **counts):
        wait_counters(env.a, **{f"peer_{name}": int(name == word) for name in PEERS}, **counts)
        ksft_in(f"peer: {word}", info(env.a))

    state("inactive", rx_epochs=0, rx_incompatible=0, rx_broken=0)
    peer.start(7)
    state("active", rx_epochs=1, rx_incompatible=0, rx_broken=0)
    peer.start(8)
    state("active", rx_epochs=2, rx_incompatible=0, rx_broken=0)
    other = Peer(env, protocol=3)
    other.start(9)
    state("incompatible", rx_epochs=2, rx_incompatible=1, rx_broken=0)
    other.start(10)
    state("incompatible", rx_epochs=2, rx_incompatible=2, rx_broken=0)
    peer.start(11)
    state("active", rx_epochs=3, rx_incompatible=2, rx_broken=0)
    peer.channel.wc = 5
    state("broken", rx_epochs=3, rx_incompatible=2, rx_broken=1)
    peer.start(12)
    state("active", rx_epochs=4, rx_incompatible=2, rx_broken=1)
    peer.stop()
    state("inactive", rx_epochs=4)
    env.a.run("ip link set net0 down")
    got = counters(env.a)
    ksft_eq([got[f"peer_{name}"] for name in PEERS], [0] * 4)
    ksft_in("peer: unknown (down)", info(env.a))


def test_sending(env):
    a, b = pair(env, quiet=True)
    before = [counters(machine) for machine in (env.a, env.b)]
    ping(a, b, "-s 100", count=20)
    # An answer may arrive before its request is counted.
    for machine, old in zip((env.a, env.b), before):
        wait_counters(machine, rx_elements=old["rx_elements"] + 20,
                      **{name: old[name] + 20 for name in ("tx_packets", "tx_batches")})
    for machine, old in zip((env.a, env.b), before):
        new = counters(machine)
        grown = {name: new[name] - old[name] for name in new}
        ksft_eq(grown["tx_packets"], 20)
        ksft_eq(grown["tx_bytes"], 20 * (8 + 20 + 8 + 100))
        ksft_eq(grown["tx_batches"], 20)
        ksft_eq(grown["rx_packets"], 20)
        ksft_eq(grown["rx_bytes"], 20 * (20 + 8 + 100))
        ksft_eq(new["tx_epochs"], 1)
        ksft_eq(new["tx_events"], 0, "no event configured")
        ksft_eq(new["tx_dropped"], 0)
        shown = stats(machine)
        for name in ("rx_packets", "rx_bytes", "tx_packets", "tx_bytes", "tx_dropped"):
            ksft_eq(shown[name], new[name], name)


def test_sending_without_out_channel(env):
    load(env.a, "name=net0 in=channel_in reader_protocol=2 flags=net_hdr")
    up(env.a, quiet=True)
    env.a.run("ping -q -c 3 -i 0.01 -W 0.1 192.0.2.2", fail=False)
    got = counters(env.a)
    ksft_eq((got["tx_dropped"], got["tx_no_channel"], got["tx_packets"]), (3, 3, 0))
    ksft_eq(stats(env.a)["tx_dropped"], 3)


def rx_usecs(machine) -> str:
    """Returns the poll period that ethtool shows."""
    return re.search(r"^rx-usecs:\s+(\S+)$", machine.run("ethtool -c net0").stdout, re.M).group(1)


def test_period(env):
    Peer(env, parameters=README + " poll=2000")
    ksft_eq(rx_usecs(env.a), "2000")
    env.a.run("ethtool -C net0 rx-usecs 500000")
    ksft_eq(rx_usecs(env.a), "500000")
    ksft_in("poll: every 500000 µs", info(env.a))
    def due() -> int:
        """Returns after how many µs the poller's timer expires, at most, of 20 observations."""
        return max((us for _ in range(20) for us in sim.expiries(env.a)), default=0)
    # The period is a thousandth of the time without traffic.
    wait_for(lambda: due() > 3000, "slow pace")
    env.a.run("ethtool -C net0 rx-usecs 1000")
    wait_for(lambda: 0 < due() <= 1000, "fast pace")
    env.a.run("ethtool -C net0 rx-usecs 1")
    ksft_eq(rx_usecs(env.a), "50", "the shortest period")
    env.a.run("ethtool -C net0 rx-usecs 1000000")
    failed = env.a.run("ethtool -C net0 rx-usecs 1000001", fail=False)
    ksft_ne(failed.ret, 0)
    ksft_in("1000000", failed.stderr)
    ksft_eq(rx_usecs(env.a), "1000000", "nothing has changed")


def test_carrier_follows_peer(env):
    peer = Peer(env, parameters=README)
    def reaches(state: str, comment: str = ""):
        """Waits for an operstate. It follows the carrier late: linkwatch delays its events."""
        wait_for(lambda: env.a.run("cat /sys/class/net/net0/operstate").stdout.strip() == state,
                 comment or state)

    ksft_in("carrier-follows-peer: off", env.a.run("ethtool --show-priv-flags net0").stdout)
    reaches("up", "the default, with any peer")
    env.a.run("ethtool --set-priv-flags net0 carrier-follows-peer on")
    reaches("down")
    for epoch in (1, 2):
        peer.start(epoch)
        reaches("up")
        peer.stop()
        reaches("down")
    other = Peer(env, protocol=3)
    other.start(3)
    wait_counters(env.a, peer_incompatible=1)
    reaches("down", "an incompatible peer")
    env.a.run("ip link set net0 down; ip link set net0 up")
    wait_counters(env.a, peer_incompatible=1)
    reaches("down")
    env.a.run("ethtool --set-priv-flags net0 carrier-follows-peer off")
    reaches("up")


def lines(parameters: dict) -> list:
    """Returns the expected lines of the debugfs file."""
    p = {"mtu": 1500, "flags": "net_hdr", "writer": None, "reader": None, "packets": 0,
         "bytes": 0, "after": []} | parameters
    def direction(name, size):
        return [f"{name} is enabled", f"{name}.element_size: {size}"] if size else \
            [f"{name} is disabled"]
    return ["in/out: channel_in:channel_out", f"mtu: {p['mtu']}", f"flags: {p['flags']}",
            "poll: every 4000 µs", *direction("writer", p["writer"]),
            *direction("reader", p["reader"]), f"stats.rx_packets: {p['packets']}",
            f"stats.rx_bytes: {p['bytes']}", "stats.rx_errors: 0", "stats.rx_over_errors: 0",
            "stats.rx_frame_errors: 0", "stats.tx_packets: 0", "stats.tx_bytes: 0", *p["after"],
            "pause: rx off, tx off", "peer told: no"]


def test_info(env):
    peer = Peer(env, size=1008)
    load(env.a)
    ksft_eq(env.a.run("stat -c %a /sys/kernel/debug/muennet/net0/info").stdout, "400\n")
    ksft_eq(info(env.a), lines({"after": ["peer: unknown (down)"]}))
    up(env.a, quiet=True)
    ksft_eq(info(env.a), lines({"writer": 1508, "reader": 1508, "after": ["peer: inactive"]}))
    peer.start(2)
    wait_counters(env.a, rx_epochs=1)
    peer.write(GOOD, GOOD)
    wait_counters(env.a, rx_packets=2)
    running = {"writer": 1508, "reader": 1008, "packets": 2, "bytes": 2 * PAYLOAD,
               "after": ["peer: active", f"peer.elements: {((1 << 20) - 64) // 1008}"]}
    ksft_eq(info(env.a), lines(running))
    env.a.run("ip link set net0 mtu 1400")
    ksft_eq(info(env.a), lines(running | {"mtu": 1400, "writer": 1408}))
    env.a.run("ip link set net0 down")
    ksft_eq(info(env.a), lines({"mtu": 1400, "packets": 2, "bytes": 2 * PAYLOAD,
                                "after": ["peer: unknown (down)"]}))


def test_info_of_the_modes(env):
    for flags, shown, size in (("", "(none)", 1500), ("flags=eth_dev", "eth_dev", 1516),
                               ("flags=eth_dev+vlan", "eth_dev+vlan", 1524)):
        load(env.a, README.replace("flags=net_hdr", flags))
        up(env.a, quiet=True, addresses=False)
        ksft_eq(info(env.a), lines({"flags": shown, "writer": size, "reader": size,
                                    "after": ["peer: inactive"]}))
        env.a.run("rmmod muennet")


def test_info_follows_the_interface(env):
    load(env.a)
    where = "/sys/kernel/debug/muennet"
    env.a.run("ip link set net0 name muen5")
    ksft_eq(env.a.run(f"ls {where}").stdout.split(), ["muen5"])
    env.a.run("ip netns add other && ip link set muen5 netns other")
    defer(env.a.run, "ip netns del other")
    inode = env.a.run("stat -Lc %i /run/netns/other").stdout.strip()
    ksft_eq(env.a.run(f"ls {where}").stdout.split(), [f"muen5@{inode}"])
    ksft_eq(info(env.a, f"muen5@{inode}")[0], "in/out: channel_in:channel_out")
    env.a.run("ip -n other link set muen5 name muen6")
    ksft_eq(env.a.run(f"ls {where}").stdout.split(), [f"muen6@{inode}"])
    env.a.run("ip -n other link set muen6 netns 1 name net0")
    ksft_eq(env.a.run(f"ls {where}").stdout.split(), ["net0"])
