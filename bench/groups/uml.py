# SPDX-License-Identifier: GPL-2.0
"""
User-mode Linux, native speed, two namespaces: muennet against veth, and the packet generator.

"pause" and "pause-extension" are muennet with flow control (docs/muennet.rst), the latter with the
flag `offload`. All rings have 1 MiB.

The kernel is built for this group (uml/config), without the debug options of the kernel for unit
tests. The packet generator (pktgen) sends Ethernet frames to an address that no interface has, so
the receiver's stack drops them. User-mode Linux has no counters of cycles.
"""

import os
import re
import subprocess
from pathlib import Path

from figures import Figure, Target

HERE = Path(__file__).resolve().parents[1] / "uml"
KERNEL = Path(os.environ.get("MUENNET_KERNEL", "/kernel"))
UNITS = {"tcp1": "Mbit/s", "ping-flood": "us"}
# The flags of both interfaces of each pair.
FLAGS = ("net_hdr", "eth_dev", "net_hdr+pause", "net_hdr+offload+pause")
# References other than veth.
REFERENCES = {("tcp1", "muennet"): "veth-plain", ("tcp1", "pause"): "veth-plain"}
TARGETS = {("tcp1", "muennet"): Target(">=", 1), ("tcp1", "pause"): Target(">=", 1),
           ("tcp1", "pause-extension"): Target(">=", 0.7), ("udp64", "muennet"): Target(">=", 0.7),
           ("udp64", "pause"): Target(">=", 0.7)}


def parameters(sinfo: str) -> list:
    """Returns the module parameters."""
    lists = {"name": "muen{}", "in": "in{}", "out": "out{}", "reader_protocol": "2",
             "writer_protocol": "2"}
    given = {key: ",".join(value.format(n) for n in range(2 * len(FLAGS)))
             for key, value in lists.items()}
    given |= {"flags": ",".join(flags for flags in FLAGS for _ in range(2)), "sinfo": sinfo}
    return [f"muennet.{key}={value}" for key, value in given.items()]


def build(report, *variant: str) -> Path:
    """Builds the kernel with the current sources of the driver and returns its path."""
    binary = Path(os.environ["MUENNET_WORK"]) / "linux"
    report.log("  uml: building the kernel (the first build takes some minutes)")
    log = binary.with_suffix(".log")
    with log.open("w") as file:
        done = subprocess.run([HERE / "build", binary, *variant], stdout=file,
                              stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError("uml:\n" + "\n".join(log.read_text().splitlines()[-40:]))
    return binary


def boot(binary: Path, *more: str, shared: int = 33) -> subprocess.Popen:
    """Boots with `shared` MiB of reserved memory that the driver maps. The console is a pipe."""
    command = [binary, f"mem={223 + shared}M", "seccomp=on", "ncpus=2", "con=null",
               "con0=null,fd:1", "console=tty0", "panic=-1", f"reserve_mem={shared}M:4M:muennet",
               *more]
    return subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, errors="replace",
                            env={**os.environ, "TMPDIR": "/dev/shm"})


def address(binary: Path, **options) -> str:
    """Returns the address of the reserved memory, which is the same in each boot."""
    with boot(binary, **options) as process:
        console = process.stdout.read()
    found = re.search(r"sinfo=(0x[0-9a-f]+)", console)
    if not found:
        raise RuntimeError("uml:\n" + console)
    return found.group(1)


def results(report, binary: Path, more: list) -> dict:
    """Boots and measures. Returns (measure, link) -> values."""
    process = boot(binary, *more, "rootfstype=hostfs", "rw", f"init={HERE}/init",
                   f"BENCH={HERE}", f"ROUNDS={report.rounds}", f"LENGTH={report.seconds(2)}")
    values: dict = {}
    console = []
    try:
        for line in process.stdout:
            console.append(line)
            words = line.split()
            if words[:2] == ["result", "end"]:
                break
            if words[:1] == ["result"]:
                _, number, measure, name, value = words
                values.setdefault((measure, name), []).append(float(value))
                report.log(f"  uml {int(number) + 1}/{report.rounds} {measure}: {name} {value}")
    finally:
        process.kill()
        process.wait()
    if not values or {len(runs) for runs in values.values()} != {report.rounds}:
        raise RuntimeError("uml:\n" + "".join(console[-40:]))
    return values


def run(report):
    """Builds and boots the kernel, and adds its results."""
    binary = build(report)
    values = results(report, binary, parameters(address(binary)))
    figures = {(measure, name): Figure(f"uml.{measure}.{name}", UNITS.get(measure, "k/s"), "uml",
                                       runs) for (measure, name), runs in values.items()}
    for (measure, name), figure in figures.items():
        if not name.startswith("veth"):
            figure.against = figures[measure, REFERENCES.get((measure, name), "veth")]
            figure.target = TARGETS.get((measure, name))
    report.figures += figures.values()
