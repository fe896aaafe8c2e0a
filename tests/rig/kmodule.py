# SPDX-License-Identifier: GPL-2.0
"""
Kernel modules that only tests use, and other drivers of the checkout. They are built when a
test first needs them, and cached under a hash of their inputs.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import paths

# Copies the sources of the checkout for the kernel's build system.
SYNC = paths.TOP / "tests/setup/inside/sync.sh"


@functools.cache
def built(folder: str, name: str) -> bytes:
    """Returns the stripped module of a folder of tests/, built for the machines' kernel."""
    with tempfile.TemporaryDirectory() as copy:
        for source in (paths.TOP / "tests" / folder).iterdir():
            shutil.copy(source, copy)
        return _build(Path(copy), [Path(copy)], name)


@functools.cache
def built_driver(folder: str, name: str) -> bytes:
    """The same for a driver in a folder of the checkout, which may use abstractions/."""
    with tempfile.TemporaryDirectory() as copy:
        subprocess.run([SYNC, copy], check=True, env={**os.environ, "MUENNET_SRC": paths.TOP})
        where = Path(copy) / folder
        return _build(where, [where, Path(copy) / "abstractions"], name)


def _build(where: Path, folders: list, name: str) -> bytes:
    """Builds a module, whose sources are in `folders`, in the folder `where`."""
    build = paths.kernel_build()
    found = hashlib.sha256(str(build.resolve()).encode())
    sources = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    for path in (*sources, build / ".config", build / "Module.symvers"):
        found.update(path.name.encode() + path.read_bytes())
    cached = paths.cache() / f"{name}-{found.hexdigest()[:16]}.ko"
    if cached.exists():
        return cached.read_bytes()
    done = subprocess.run(["make", "-C", build, f"M={where}", "modules"],
                          capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name} does not build:\n{done.stdout}{done.stderr}")
    module = where / f"{name}.ko"
    subprocess.run(["llvm-strip", "--strip-debug", module], check=True)
    data = module.read_bytes()
    # Two runs may do this in parallel, with the same process id in their PID namespaces.
    with tempfile.NamedTemporaryFile(dir=paths.cache(), delete=False) as file:
        file.write(data)
    os.rename(file.name, cached)
    return data
