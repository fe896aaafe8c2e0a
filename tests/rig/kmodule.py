# SPDX-License-Identifier: GPL-2.0
"""
Kernel modules that only tests use. They are built when a test first needs them, and
cached under a hash of their inputs.
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
    """Returns the stripped module of a folder of tests/, built for the machines' kernel."""
    sources = sorted((paths.TOP / "tests" / folder).iterdir())
    build = paths.kernel_build()
    found = hashlib.sha256(str(build.resolve()).encode())
    for path in (*sources, build / ".config", build / "Module.symvers"):
        found.update(path.name.encode() + path.read_bytes())
    cached = paths.cache() / f"{name}-{found.hexdigest()[:16]}.ko"
    if cached.exists():
        return cached.read_bytes()
    with tempfile.TemporaryDirectory() as copy:
        for source in sources:
            shutil.copy(source, copy)
        done = subprocess.run(["make", "-C", build, f"M={copy}", "modules"],
                              capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{name} does not build:\n{done.stdout}{done.stderr}")
        module = Path(copy) / f"{name}.ko"
        subprocess.run(["llvm-strip", "--strip-debug", module], check=True)
        data = module.read_bytes()
    # Two runs may do this in parallel, with the same process id in their PID namespaces.
    with tempfile.NamedTemporaryFile(dir=paths.cache(), delete=False) as file:
        file.write(data)
    os.rename(file.name, cached)
    return data
