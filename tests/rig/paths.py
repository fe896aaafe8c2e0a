# SPDX-License-Identifier: GPL-2.0
"""
Where things are: the kernel, its source, the module under test, the cache.

The test environment (tests/setup/README.md) sets the variables.
"""

import os
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


def _path(variable: str, default) -> Path:
    return Path(os.environ.get(variable) or default)


def _kernel() -> Path:
    return _path("MUENNET_KERNEL", "/kernel")


def kernel_image() -> Path:
    """The stock kernel."""
    return _kernel() / "vmlinuz"


def kernel_modules() -> Path:
    """Its modules: .../lib/modules/VERSION."""
    version = (_kernel() / "version").read_text().strip()
    return _kernel() / "modules/lib/modules" / version


def kernel_source() -> Path:
    """The kernel's source, for its selftest library."""
    return _kernel() / "source"


def kernel_build() -> Path:
    """Its prepared build folder, for modules of the tests' own."""
    return _kernel() / "build"


def module() -> Path:
    """The module under test."""
    return _path("MUENNET_MODULE", TOP / "muennet.ko")


def tool():
    """The tool under test, if there is one."""
    path = os.environ.get("MUENNET_CFG")
    return Path(path) if path else None


def cache() -> Path:
    """A folder for what is made once and used by many runs."""
    where = _path("MUENNET_CACHE", "/cache") / "rig"
    where.mkdir(parents=True, exist_ok=True)
    return where
