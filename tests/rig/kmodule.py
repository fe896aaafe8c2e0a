# SPDX-License-Identifier: GPL-2.0
"""Kernel modules of the tests' own, which are built when a test first needs them."""

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import places


@functools.cache
def built(folder: str, name: str) -> bytes:
    """A module in a folder of tests/, for the kernel of the machines, without its symbols."""
    with tempfile.TemporaryDirectory() as copy:
        for source in (places.TOP / "tests" / folder).iterdir():
            shutil.copy(source, copy)
        done = subprocess.run(["make", "-C", places.kernel_build(), f"M={copy}", "modules"],
                              capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{name} does not build:\n{done.stdout}{done.stderr}")
        module = Path(copy) / f"{name}.ko"
        subprocess.run(["strip", "-g", module], check=True)
        return module.read_bytes()
