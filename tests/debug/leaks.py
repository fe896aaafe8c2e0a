# SPDX-License-Identifier: GPL-2.0
"""Nothing is left of a module that has been used and unloaded."""

from rig import LOOP, V4, End, ksft_eq, load, ping, unload, up

SYSTEM = LOOP

PARAMETERS = ("name=left,right in=left_in,right_in out=left_out,right_out "
              "reader_protocol=2,2 writer_protocol=2,2 flags=net_hdr,net_hdr")
KMEMLEAK = "/sys/kernel/debug/kmemleak"


def scan(machine) -> str:
    """What kmemleak finds. Memory has to be of some age to count as leaked."""
    machine.run(f"sleep 6; echo scan >{KMEMLEAK}; sleep 1; echo scan >{KMEMLEAK}", timeout=600)
    return machine.run(f"cat {KMEMLEAK}").stdout


def test_used_and_unloaded(env):
    scan(env.a)
    env.a.run(f"echo clear >{KMEMLEAK}")
    for _ in range(2):
        load(env.a, PARAMETERS)
        for name, side in (("left", "a"), ("right", "b")):
            env.a.run(f"ip netns add {name} && ip link set {name} netns {name}")
            up(env.a, name, side=side, ns=name)
        left, right = End(env.a, V4["a"], "left"), End(env.a, V4["b"], "right")
        ksft_eq(ping(left, right, "-c 20 -i 0.05 -s 1400").received, 20)
        env.a.run("ip netns del left; ip netns del right; sleep 1", timeout=120)
        unload(env.a)
    ksft_eq(scan(env.a), "")
