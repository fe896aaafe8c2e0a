# SPDX-License-Identifier: GPL-2.0
"""
User-mode Linux, native speed, two namespaces: muennet against veth; the kernel's packet generator.

The kernel is one of this group's own (uml/config), without the checks of that
for unit tests. The generator's packets are Ethernet frames to nobody, so that
they end where the receiver's stack begins; there are no counters of cycles.
"""

import os
import re
import subprocess
from pathlib import Path

from figures import Figure, Target

HERE = Path(__file__).resolve().parents[1] / "uml"
KERNEL = Path(os.environ.get("MUENNET_KERNEL", "/kernel"))
UNITS = {"tcp1": "Mbit/s", "ping-flood": "us"}
# What a figure of muennet is compared with, where it is not veth.
AGAINST = {"tcp1": "veth-plain"}
TARGETS = {"tcp1": Target(">=", 1), "udp64": Target(">=", 0.7)}


def parameters(sinfo: str) -> list:
    """What would stand behind modprobe: a pair for IP, and one for Ethernet."""
    lists = {"name": "muen{}", "in": "in{}", "out": "out{}", "reader_protocol": "2",
             "writer_protocol": "2"}
    given = {key: ",".join(value.format(n) for n in range(4)) for key, value in lists.items()}
    given |= {"flags": "net_hdr,net_hdr,eth_dev,eth_dev", "sinfo": sinfo}
    return [f"muennet.{key}={value}" for key, value in given.items()]


def build(report, *variant: str) -> Path:
    """The kernel, with the driver's sources as they are."""
    binary = Path(os.environ["MUENNET_WORK"]) / "linux"
    report.say("  uml: building the kernel (the first time some minutes)")
    log = binary.with_suffix(".log")
    with log.open("w") as file:
        done = subprocess.run([HERE / "build", binary, *variant], stdout=file,
                              stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError("uml:\n" + "\n".join(log.read_text().splitlines()[-40:]))
    return binary


def boot(binary: Path, *more: str, shared: int = 33) -> subprocess.Popen:
    """Boots, with MiB of memory that the driver maps; the console is a pipe."""
    command = [binary, f"mem={223 + shared}M", "seccomp=on", "ncpus=2", "con=null",
               "con0=null,fd:1", "console=tty0", "panic=-1", f"reserve_mem={shared}M:4M:muennet",
               *more]
    return subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, errors="replace",
                            env={**os.environ, "TMPDIR": "/dev/shm"})


def address(binary: Path, **options) -> str:
    """Where the memory lies, which is the same in every boot."""
    with boot(binary, **options) as process:
        said = process.stdout.read()
    found = re.search(r"sinfo=(0x[0-9a-f]+)", said)
    if not found:
        raise RuntimeError("uml:\n" + said)
    return found.group(1)


def results(report, binary: Path, more: list) -> dict:
    """Boots and collects: (measure, contender) -> values."""
    process = boot(binary, *more, "rootfstype=hostfs", "rw", f"init={HERE}/init",
                   f"BENCH={HERE}", f"ROUNDS={report.rounds}", f"LENGTH={report.seconds(2)}")
    found: dict = {}
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            words = line.split()
            if words[:2] == ["result", "end"]:
                break
            if words[:1] == ["result"]:
                _, number, measure, name, value = words
                found.setdefault((measure, name), []).append(float(value))
                report.say(f"  uml {int(number) + 1}/{report.rounds} {measure}: {name} {value}")
    finally:
        process.kill()
        process.wait()
    if not found or {len(values) for values in found.values()} != {report.rounds}:
        raise RuntimeError("uml:\n" + "".join(said[-40:]))
    return found


def run(report):
    """Builds the kernel, boots it and takes what it measures."""
    binary = build(report)
    found = results(report, binary, parameters(address(binary)))
    figures = {(measure, name): Figure(f"uml.{measure}.{name}", UNITS.get(measure, "k/s"), "uml",
                                       values) for (measure, name), values in found.items()}
    for (measure, name), figure in figures.items():
        if name == "muennet":
            figure.against = figures[measure, AGAINST.get(measure, "veth")]
            figure.target = TARGETS.get(measure)
    report.figures += figures.values()
