# SPDX-License-Identifier: GPL-2.0
"""
Kernel modules of the tests' own, which are built when a test first needs them and
kept in the cache under a hash of all that went into them.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import paths


@functools.cache
def built(folder: str, name: str) -> bytes:
    """A module in a folder of tests/, for the kernel of the machines, without its symbols."""
    sources = sorted((paths.TOP / "tests" / folder).iterdir())
    build = paths.kernel_build()
    found = hashlib.sha256(str(build.resolve()).encode())
    for path in (*sources, build / ".config", build / "Module.symvers"):
        found.update(path.name.encode() + path.read_bytes())
    kept = paths.cache() / f"{name}-{found.hexdigest()[:16]}.ko"
    if kept.exists():
        return kept.read_bytes()
    with tempfile.TemporaryDirectory() as copy:
        for source in sources:
            shutil.copy(source, copy)
        done = subprocess.run(["make", "-C", build, f"M={copy}", "modules"],
                              capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{name} does not build:\n{done.stdout}{done.stderr}")
        module = Path(copy) / f"{name}.ko"
        subprocess.run(["strip", "-g", module], check=True)
        data = module.read_bytes()
    # Two runs may do this at a time, with the same process id in their namespaces.
    with tempfile.NamedTemporaryFile(dir=paths.cache(), delete=False) as file:
        file.write(data)
    os.rename(file.name, kept)
    return data
