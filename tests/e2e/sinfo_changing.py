# SPDX-License-Identifier: GPL-2.0
"""
The subject information changes while the driver reads it. The driver must load, or
refuse, what its copy says, and must not read the original again after the load.
"""

import collections
import json
import random
import struct
import threading
import time
from pathlib import Path

from e2e import param_errors
from e2e.param_errors import GOOD, IN, MIB, NOWHERE, RAM
from rig import (V4, Peer, Reader, ip_element, ksft_eq, ksft_ge, ksft_in, ksft_pr, load, up,
                 wait_counters, wait_for, wait_stats)
from rig.packets import udp4
from rig.sinfo import (ENTRIES_AT, ENTRY_SIZE, entry_offset, parse, patched, region_patched)

SYSTEM = param_errors.SYSTEM

PARAMETERS = " ".join(f"{key}={value}" for key, value in GOOD.items())
ADDRESS = SYSTEM.address("second")
# The addresses and sizes of the channel in the images. A load may map any of these
# addresses with any of these sizes, because a copy may have the address of one image and
# the size of another one. (Both are words of eight bytes, which are not split.)
ADDRESSES = {ADDRESS, SYSTEM.address("fourth"), NOWHERE + 4 * MIB, RAM, ADDRESS + 8,
             SYSTEM.address("third") + MIB - 4096, (1 << 64) - 4096, 1 << 60}
SIZES = {MIB, 65536, 2 * 4096, 0, 4096 + 8, 1 << 62}
ECHO_REQUEST = 8
REFUSED = {"ENODEV", "ENXIO", "EPERM", "EFAULT"}


def images() -> list:
    """Returns the valid image and others."""
    good = SYSTEM.image("a")
    name = entry_offset(good, IN) + 4
    found = [region_patched(good, IN, address, size) for address in sorted(ADDRESSES)
             for size in sorted(SIZES)]
    found += [patched(good, 0, magic) for magic in (b"muinfO", b"muinfo\0\6", b"muinfo\0\5",
                                                    bytes(8), b"\xff" * 8)]
    found += [patched(good, 77, struct.pack("<H", count)) for count in (0, 1, 3, 65535)]
    found += [patched(good, name, change) for change in (b"\0", b"\xff", b"\7good_iN")]
    swapped = region_patched(good, IN, SYSTEM.address("fourth"), MIB)
    found += [region_patched(swapped, "second_in", ADDRESS, MIB), bytes(len(good))]
    return found


class Changes(threading.Thread):
    """A thread that changes a machine's subject information, as a context."""

    def __init__(self, memory, seed: int):
        super().__init__()
        self.memory, self.rng, self.ended = memory, random.Random(seed), threading.Event()
        self.good = SYSTEM.image("a")
        self.images, self.made = images(), 0
        # Behind the entries all images are equal.
        self.used = ENTRIES_AT + ENTRY_SIZE * len(parse(self.good).resources)
        self.words = memoryview(memory)[:self.used].cast("Q")

    def run(self):
        while not self.ended.is_set():
            if self.rng.random() < 0.4:
                image = self.good
            else:
                image = self.rng.choice(self.images)
            if self.rng.random() < 0.5:
                self.memory[:self.used] = image[:self.used]
            else:
                self.tear(memoryview(image)[:self.used].cast("Q"))
            self.made += 1
            time.sleep(self.rng.choice((0, 0, 0.0001, 0.001)))  # sleep: the pace of changes

    def tear(self, image):
        """Writes some words of an image, or all of them, in random order."""
        share = self.rng.choice((0.1, 0.5, 1))
        for at in self.rng.sample(range(len(image)), int(len(image) * share)):
            self.words[at] = image[at]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()
        self.words.release()
        self.memory[:self.used] = self.good[:self.used]


def changes(env) -> Changes:
    """Returns a context in which the subject information of a changes."""
    return Changes(env.sinfo("a"), env.seed(8))


def reload(env, count: int, most: int) -> list:
    """Loads the module `count` times, at most `most`, and returns guest/reload.py's results."""
    env.a.put("/run/reload.py", (Path(__file__).parent / "guest/reload.py").read_bytes())
    release = env.a.run("uname -r").stdout.strip()
    out = env.a.run(f"python3 -I -S /run/reload.py /usr/lib/modules/{release}/updates/muennet.ko "
                    f"'{PARAMETERS}' {count} {most}").stdout
    return json.loads(out)


def test_while_it_is_read(env):
    # The first load loads the modules that it depends on.
    load(env.a, PARAMETERS)
    env.a.run("rmmod muennet")
    count = 300 if env.long else 20
    with changes(env) as changing:
        results = reload(env, count, 40 * count)
    ksft_pr(f"{changing.made} changes, {len(results)} loads: "
            f"{dict(collections.Counter(it['errno'] or 'done' for it in results))}")
    ksft_ge(len(results), count)
    ksft_eq({not it["errno"] for it in results}, {True, False}, "some loads succeed, others fail")
    output = (SYSTEM.address("first"), MIB)
    for it in results:
        ksft_eq(it["left"], [], "nothing is left behind")
        if it["errno"]:
            ksft_in(it["errno"], REFUSED)
            ksft_eq(len(it["errors"]), 1, f"one line of the log: {it['errors']}")
            ksft_in("muennet", it["errors"][0])
            ksft_eq(it["maps"], [], "nothing is mapped")
        else:
            ksft_eq(it["errors"], [])
            ksft_eq(len(it["maps"]), 2)
            ksft_in(output, [tuple(one) for one in it["maps"]])
            (address, size), = (one for one in it["maps"] if tuple(one) != output)
            ksft_in(address, ADDRESSES)
            ksft_in(size, SIZES)
    once, = reload(env, 1, 1)
    ksft_eq((once["errno"], once["maps"]), ("", sorted([[ADDRESS, MIB], [*output]])))


def test_after_it_was_read(env):
    load(env.a, PARAMETERS)
    up(env.a, quiet=True)
    mapped = env.a.run("grep -E '(mem|io)remap' /proc/vmallocinfo").stdout
    ksft_in(f"phys=0x{ADDRESS:016x}", mapped)
    peer = Peer(env, "second")
    packet = ip_element(udp4(V4["b"], V4["a"], 9, b"hello"))
    rounds = 60 if env.long else 4
    env.a.new_log()
    with changes(env) as changing:
        for number in range(rounds):
            # After down and up, the driver uses what it mapped at the load.
            peer.stop()
            env.a.run("ip link set net0 down; ip link set net0 mtu 1400; "
                      "ip link set net0 mtu 1500; ip link set net0 up")
            reader = Reader(env.channel("first"))
            peer.start(1 + number)
            wait_counters(env.a, rx_epochs=1 + number)
            peer.write(*[packet] * 10)
            wait_stats(env.a, rx_packets=10 * (number + 1))
            # No host answers.
            env.a.run("ping -q -c 10 -i 0.01 -W 0.01 192.0.2.9", fail=False)
            # The driver also sends ICMP errors for the peer's datagrams.
            requests = [element for element in reader.read() if element[8 + 20] == ECHO_REQUEST]
            ksft_eq(len(requests), 10)
            ksft_eq(reader.lost, 0)
        wait_for(lambda: changing.made >= 100, "100 changes")
    ksft_eq(env.a.run("grep -E '(mem|io)remap' /proc/vmallocinfo").stdout, mapped)
    ksft_eq([line for line in env.a.new_log() if line.level <= 3], [])
