# SPDX-License-Identifier: GPL-2.0
"""
Paths: the kernel, its source, the module under test, the cache.

The test environment (tests/setup/README.md) sets the variables that are read here.
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
    """The kernel's modules: .../lib/modules/VERSION."""
    version = (_kernel() / "version").read_text().strip()
    return _kernel() / "modules/lib/modules" / version


def kernel_source() -> Path:
    """The kernel's source, for its selftest library."""
    return _kernel() / "source"


def kernel_build() -> Path:
    """The kernel's build folder, to build modules of the tests."""
    return _kernel() / "build"


def debian() -> Path:
    """An installed Debian with the kernel: a disk and an initramfs."""
    return _kernel() / "debian"


def module() -> Path:
    """The module under test."""
    return _path("MUENNET_MODULE", TOP / "muennet.ko")


def tool():
    """muennet_cfg, if it was built."""
    path = os.environ.get("MUENNET_CFG")
    return Path(path) if path else None


def cache() -> Path:
    """A folder for files that many runs use."""
    where = _path("MUENNET_CACHE", "/cache") / "rig"
    where.mkdir(parents=True, exist_ok=True)
    return where
