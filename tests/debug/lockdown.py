# SPDX-License-Identifier: GPL-2.0
"""
A locked-down kernel refuses the parameter sinfo=: a user who may load modules there must
not choose physical memory for the kernel to read.

This file must be the last one, because lockdown cannot be undone; it also closes debugfs.
"""

from rig import (README, cmd, defer, driver, errno_of, ksft_eq, ksft_in, ksft_not_in, load, paths,
                 unload)

import leaks

SYSTEM = leaks.SYSTEM

# The address of the subject information, and another address.
DEFAULT, ELSEWHERE = "0xe00000000", "0x1300000000"
ONE = README.replace("channel_", "left_")


def sign(path: str):
    """Signs a module, as `make deb` does, with the key that the debug kernel knows."""
    certs = paths.kernel_build() / "certs"
    cmd(f"{paths.TOP}/tests/setup/inside/sign.sh {path} {certs}/signing_key.pem "
        f"{certs}/signing_key.x509")


def test_hardware_parameter(env):
    env.a.run("mount -t securityfs none /sys/kernel/security")
    defer(env.a.run, "umount /sys/kernel/security")
    defer(driver.install, env.a)
    driver.install(env.a, sign)
    # Without lockdown the driver reads at this address.
    env.a.new_log()
    ksft_eq(errno_of(load(env.a, f"{ONE} sinfo={ELSEWHERE}", fail=False)), "ENODEV")
    ksft_in(f"at {ELSEWHERE}", "\n".join(env.a.new_log()))
    load(env.a, f"{ONE} sinfo={DEFAULT}")
    unload(env.a)
    env.a.run("echo integrity >/sys/kernel/security/lockdown")
    for address in DEFAULT, ELSEWHERE:
        env.a.new_log()
        ksft_eq(errno_of(load(env.a, f"{ONE} sinfo={address}", fail=False)), "EPERM", address)
        log = "\n".join(env.a.new_log())
        ksft_in("Lockdown: modprobe: unsafe module parameters is restricted", log)
        # The kernel refuses it before the driver reads anything.
        ksft_not_in(f"at {address}", log)
    # Everything else works as before.
    load(env.a, ONE)
    ksft_in("net0", env.a.run("ls /sys/class/net").stdout)
    # Without the signature the kernel refuses the module.
    unload(env.a)
    driver.install(env.a)
    env.a.new_log()
    ksft_eq(errno_of(load(env.a, ONE, fail=False)), "EPERM")
    ksft_in("unsigned module loading is restricted", "\n".join(env.a.new_log()))
