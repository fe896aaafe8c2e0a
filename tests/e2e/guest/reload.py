# SPDX-License-Identifier: GPL-2.0
"""
Loads and unloads the module by system calls. It runs in a machine. Arguments: the file of
the module, its parameters, the number of loads, and the maximum number of loads until one
has succeeded and one has failed. Prints a list of results: {"errno": NAME or "",
"errors": lines of the log, "maps": [[address, bytes], ...] while it was loaded, "left":
differences of the traces before and after}.
"""

import ctypes
import errno
import json
import os
import re
import sys
import time

# asm/unistd.h of the architecture.
SYS_FINIT_MODULE, SYS_DELETE_MODULE = {"x86_64": (313, 176),
                                       "aarch64": (273, 106)}[os.uname().machine]
LIBC = ctypes.CDLL(None, use_errno=True)
GUARD = 4096
# As in rig/wait.py: seconds until remaining traces are permanent.
DEADLINE = 900


def call(number: int, *arguments) -> str:
    """Makes a system call. Returns the name of its errno, or an empty string."""
    return errno.errorcode[ctypes.get_errno()] if LIBC.syscall(number, *arguments) < 0 else ""


def text(path: str) -> str:
    """Returns the contents of a file."""
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


def maps() -> list:
    """Returns all memory mapped by memremap(), also by the kernel itself."""
    # memremap() calls __ioremap_prot() on arm64.
    lines = re.findall(r" (\d+) (?:mem|__io)remap\S* phys=(0x\w+)", text("/proc/vmallocinfo"))
    return sorted([int(phys, 16), int(size) - GUARD] for size, phys in lines)


def traces() -> set:
    """Returns everything that a module can leave behind."""
    found = set(text("/proc/iomem").splitlines()) | {str(one) for one in maps()}
    for folder in ("/sys/class/net", "/sys/kernel/debug", "/sys/module"):
        found |= {f"{folder}/{name}" for name in os.listdir(folder)}
    return found | {line for line in text("/proc/vmallocinfo").splitlines() if "muennet" in line}


class Log:
    """The kernel log from now on."""

    def __init__(self):
        self.file = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.file, 0, os.SEEK_END)

    def errors(self) -> list:
        """Returns new lines of level error or worse."""
        found = []
        while True:
            try:
                head, _, line = os.read(self.file, 8192).decode(errors="replace").partition(";")
            except BlockingIOError:
                return found
            if int(head.split(",")[0]) & 7 <= 3:
                found.append(line.splitlines()[0])


def main(path: str, parameters: str, count: str, most: str):
    """Loads and unloads the module."""
    module = os.open(path, os.O_RDONLY)
    log, before, others, results = Log(), traces(), maps(), []
    while len(results) < int(count) or \
            (len({not it["errno"] for it in results}) < 2 and len(results) < int(most)):
        failed = call(SYS_FINIT_MODULE, module, parameters.encode(), 0)
        result = {"errno": failed, "errors": log.errors(),
                  "maps": [one for one in maps() if one not in others]}
        if not failed and (failure := call(SYS_DELETE_MODULE, b"muennet", 0)):
            sys.exit(f"unloading: {failure}")
        # Traces that are freed after a grace period may be visible until then.
        until = time.monotonic() + DEADLINE
        while (now := traces()) != before and time.monotonic() < until:
            time.sleep(0.01)  # sleep: the interval of the checks
        results.append({**result, "left": sorted(now ^ before)})
        if now != before:
            break
    print(json.dumps(results))


main(*sys.argv[1:])
