# SPDX-License-Identifier: GPL-2.0
"""
Machines that run an installed Debian, made by tests/setup/debian.sh, from a disk. It keeps what
is written while the machine exists, also over a restart.

The Debian contains nothing of the rig: systemd gets the agent and its unit as credentials
(systemd.exec(5)) from QEMU.
"""

import base64
import subprocess
from pathlib import Path

from . import paths

AGENT = Path(__file__).parent / "guest" / "agent.py"
# The agent fails while its port does not exist. A dependency on the device of the port would fail
# for ever on a slow machine: systemd waits for devices only for a time.
UNIT = """
[Unit]
After=network.target
StartLimitIntervalSec=0
[Service]
ImportCredential=rig.agent
ExecStart=/usr/bin/python3 -I -S %d/rig.agent
Restart=on-failure
OOMScoreAdjust=-1000
KillMode=process
"""
OPTIONS = ("root=/dev/vda rw systemd.wants=rig-agent.service systemd.show_status=no "
           "systemd.default_timeout_start_sec=900")


def initrd() -> Path:
    """Returns Debian's initramfs."""
    return paths.debian() / "initrd.img"


def arguments(folder: Path, name: str) -> list:
    """Returns arguments of QEMU: the disk of a machine, which is in its folder, and the agent."""
    disk = folder / f"disk.{name}"
    if not disk.exists():
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw",
                        "-b", paths.debian() / "disk.img", disk], check=True)
    # Names in fw_cfg are short, and strings of the SMBIOS, too.
    unit = base64.b64encode(UNIT.encode()).decode()
    return ["-drive", f"file={disk},if=virtio,format=qcow2,cache=unsafe",
            "-smbios", "type=11,value=io.systemd.credential.binary:"
                       f"systemd.extra-unit.rig-agent.service={unit}",
            "-fw_cfg", f"name=opt/io.systemd.credentials/rig.agent,file={AGENT}"]
