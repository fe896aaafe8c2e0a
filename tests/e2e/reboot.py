# SPDX-License-Identifier: GPL-2.0
"""A reboot ends the epochs of all out channels, as setting the interfaces down does."""

from rig import Channel, System, ksft_eq, ksft_ne, wait_for
from rig.driver import install
from rig.machine import Machines

# The test boots its own machine, which does not come back.
SYSTEM = None
ALONE = System("reboot", ("a",), (
    Channel("first", writes={"a": "first_out"}), Channel("second", writes={"a": "second_out"})))
PARAMETERS = ("name=one,two out=first_out,second_out writer_protocol=2,2 "
              "flags=net_hdr,eth_dev")
RESTART = "python3 -c 'import ctypes; ctypes.CDLL(None).reboot(0x1234567)'"


def test_epochs_end(_env):
    with Machines(ALONE) as machines:
        machine = machines["a"]
        install(machine)
        machine.run(f"modprobe muennet {PARAMETERS} && ip link set one up && "
                    "ip netns add other && ip link set two netns other && "
                    "ip -n other link set two up")
        channels = [machines.channel(name) for name in ("first", "second")]
        for channel in channels:
            ksft_ne(channel.epoch, 0)
        machine.cmd(RESTART)
        wait_for(lambda: not machine.alive(), "end of the machine")
        ksft_eq([channel.epoch for channel in channels], [0, 0])
