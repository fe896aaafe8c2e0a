# SPDX-License-Identifier: GPL-2.0
"""
The kernel's own selftest library, from the kernel's source.

Its package imports modules that need more than Python's standard library, so the two
modules that tests use are loaded without it.
"""

import importlib
import sys
import types

from . import paths

_PACKAGE = "muennet_ksft"


def _load(name: str):
    if _PACKAGE not in sys.modules:
        package = types.ModuleType(_PACKAGE)
        package.__path__ = [str(paths.kernel_source() / "tools/testing/selftests/net/lib/py")]
        sys.modules[_PACKAGE] = package
    return importlib.import_module(f"{_PACKAGE}.{name}")


_ksft, _utils = _load("ksft"), _load("utils")

for _module in (_ksft, _utils):
    for _name in vars(_module):
        if _name.lower().startswith(("ksft", "cmd")) or _name in (
                "bkg", "defer", "ip", "ethtool", "tc", "wait_port_listen"):
            globals()[_name] = getattr(_module, _name)


def set_main_name(name: str):
    """Sets the prefix of all test names in the results."""
    _ksft.KSFT_MAIN_NAME = name
