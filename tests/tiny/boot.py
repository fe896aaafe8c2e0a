# SPDX-License-Identifier: GPL-2.0
"""A small kernel with the driver, and an initramfs with busybox only."""

import os
import shutil
from pathlib import Path

from rig import (PAIR, README, V4, End, defer, klog, ksft_eq, load, paths, ping, up, wait_answer,
                 wait_peer)
from rig.initramfs import Cpio
from rig.machine import Machine

SYSTEM = PAIR
KERNEL = Path("/kernel", os.environ["MUENNET_TINY"], "arch/x86/boot/bzImage")
INIT = paths.TOP / "docs/examples/init"
PARAMETERS = " ".join(f"muennet.{parameter}" for parameter in README.split())


class Small(Machine):
    """A machine with the small kernel, without the agent."""

    def _arguments(self, agent: int, terminal: int) -> list:
        found = super()._arguments(agent, terminal)
        initrd = self.folder / "initrd.small"
        with initrd.open("wb") as file:
            archive = Cpio(file)
            archive.folder("dev")
            archive.data("init", INIT.read_bytes(), 0o755)
            archive.data("bin/busybox", Path(shutil.which("busybox")).read_bytes(), 0o755)
            archive.close()
        for option, value in (("-kernel", KERNEL), ("-initrd", initrd),
                              ("-append", f"console=ttyS0 panic=-1 oops=panic {PARAMETERS}")):
            found[found.index(option) + 1] = str(value)
        return found


def test_ping(env):
    machines = env.machines
    env.a.stop()
    defer(env.a.wait_up)
    defer(env.a.start)
    small = Small(SYSTEM, "a", machines._folder, machines._sizes)
    small.console = small.console.with_suffix(".small")
    small.start()
    defer(small.stop)
    load(env.b)
    up(env.b, quiet=True)
    wait_peer(env.b)
    ends = End(env.b, V4["b"]), End(small, V4["a"])
    # It reads nothing that was sent before its first poll.
    wait_answer(*ends)
    ksft_eq(ping(*ends).received, 3)
    ksft_eq(klog.excerpt(small.console.read_text(errors="replace").splitlines()), "")
