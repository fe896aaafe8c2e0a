# SPDX-License-Identifier: GPL-2.0
"""
Shell scripts that were written for the driver before this one: load, addresses, ping, the
debugfs file, operstate, children and marks, iperf3. They use nothing that is new.
"""

from rig import (PAIR, defer, in_parallel, interfaces, ksft_eq, ksft_in, ksft_not_in, unload,
                 wait_peer)

SYSTEM = PAIR

# $OWN and $PEER are 1 and 2, or the other way round.
START = """
set -e
modprobe muennet name=net0 in=channel_in out=channel_out flags=net_hdr \
    reader_protocol=0xBEEFBEEFBEEF writer_protocol=0xBEEFBEEFBEEF mtu=1500 poll=1
ip addr add 192.0.2.$OWN/24 dev net0
ip link set net0 up
[ "$(cat /sys/class/net/net0/operstate)" = up ]
dmesg | grep -q 'net0: Interface added'
dmesg | grep -q 'net0: Using protocol 209936909844207, channel/element size 0x100000/0x5e4 bytes'
for parameter in name in out reader_protocol writer_protocol flags mtu poll; do
    [ "$(stat -c %a /sys/module/muennet/parameters/$parameter)" = 444 ]
done
"""

CHILDREN = """
set -e
for n in 0 1; do
    mark=$((24 + n))
    muennet_cfg add_child net0 child$n
    muennet_cfg add_mark child$n $mark
    ip addr add 10.0.$n.$OWN/24 dev child$n
    ip link set child$n up
    iptables -t mangle -A OUTPUT -o child$n -j MARK --set-mark $mark
    [ "$(cat /sys/class/net/child$n/operstate)" = up ]
done
"""

TRAFFIC = """
set -e
for address in 192.0.2.$PEER 10.0.0.$PEER 10.0.1.$PEER; do
    for number in 1 2 3 4 5; do
        ping -q -c 1 -W 100 $address | grep -q ' 0% packet loss'
    done
done
iperf3 -c 192.0.2.$PEER -t 1
"""

# The lines in their order. The first three are checked for each interface; those behind the
# fifteenth are new.
INFO = """
set -e
for dev in net0 child0 child1; do
    file=/sys/kernel/debug/muennet/$dev/info
    [ "$(sed -n 1p $file)" = "in/out: channel_in:channel_out" ]
    [ "$(sed -n 2p $file)" = "mtu: 1500" ]
    [ "$(sed -n 3p $file)" = "flags: net_hdr" ]
    [ "$(sed -n 's/^stats\\.rx_packets: //p' $file)" -ge 5 ]
    [ "$(sed -n 's/^stats\\.rx_frame_errors: //p' $file)" = 0 ]
    [ "$(sed -n 's/^stats\\.tx_packets: //p' $file)" -le \
      "$(cat /sys/class/net/$dev/statistics/tx_packets)" ]
done
file=/sys/kernel/debug/muennet/net0/info
cut -d : -f 1 $file | head -n 15 | tr '\\n' ,
sed -n '5p;7p' $file | grep -c enabled
"""
NAMES = ("in/out,mtu,flags,poll,writer is enabled,writer.element_size,reader is enabled,"
         "reader.element_size,stats.rx_packets,stats.rx_bytes,stats.rx_errors,"
         "stats.rx_over_errors,stats.rx_frame_errors,stats.tx_packets,stats.tx_bytes,2\n")

STOP = """
set -e
iptables -t mangle -F OUTPUT
muennet_cfg del_mark child0 24
! muennet_cfg del_mark child0 24 2>/dev/null
muennet_cfg del_child child0
ip link set net0 down
[ "$(cat /sys/class/net/net0/operstate)" = down ]
rmmod muennet
! ls /sys/class/net | grep -q '^net0\\|^child'
"""


def test_runs_unchanged(env):
    machines = (env.a, env.b)

    def on_both_sides(script: str) -> list:
        """Runs it on both sides in parallel: polling each microsecond makes machines slow."""
        host = {"a": "OWN=1; PEER=2", "b": "OWN=2; PEER=1"}
        return in_parallel(lambda machine: machine.run(f"{host[machine.name]}\n{script}"), machines)
    for machine in machines:
        machine.run("dmesg -c >/dev/null")
        defer(unload, machine)
        defer(machine.run, "iptables -t mangle -F OUTPUT")
    on_both_sides(START)
    on_both_sides(CHILDREN)
    with env.a.bkg("exec iperf3 -s >/dev/null"), env.b.bkg("exec iperf3 -s >/dev/null"):
        for machine in machines:
            machine.wait_listens(5201)
            # A receiver does not read what was sent before it joined.
            wait_peer(machine)
        on_both_sides(TRAFFIC)
    for result in on_both_sides(INFO):
        ksft_eq(result.stdout, NAMES)
    on_both_sides(STOP)
    for machine in machines:
        ksft_not_in("net0", interfaces(machine))
        ksft_in("lo", interfaces(machine))
