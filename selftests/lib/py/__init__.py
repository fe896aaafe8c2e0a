# SPDX-License-Identifier: GPL-2.0

"""
Driver test environment of muennet: the parts of net/lib/py and drivers/net/lib/py that the tests
use, and what only they need.
"""

import sys
from pathlib import Path

KSFT_DIR = (Path(__file__).parent / "../../../../..").resolve()

try:
    sys.path.append(KSFT_DIR.as_posix())

    # drivers/net/lib/py and .muennet import these from this package.
    from net.lib.py import NetNS, NetdevSimDev, UserNetNS
    from net.lib.py import NlError, YnlFamily
    from net.lib.py import CmdExitFailure
    from net.lib.py import bkg, cmd, defer, ethtool, ip, rand_port, wait_file, wait_port_listen
    from net.lib.py import KsftFailEx, KsftSkipEx, KsftXfailEx
    from net.lib.py import ksft_busy_wait, ksft_disruptive, ksft_exit, ksft_pr, ksft_run, ksft_setup
    from net.lib.py import ksft_eq, ksft_ge, ksft_in, ksft_ne, ksft_not_in, ksft_raises, ksft_true
    from net.lib.py.ynl import SPEC_PATH
    from drivers.net.lib.py import NetDrvEpEnv

    from .muennet import DEADLINE, IP_MODES, MuennetFamily, counters, defer_restore, interface, \
        peer_addresses, ping, restore, settings_of, wait_answer, wait_counters

    __all__ = ["NetNS", "NetdevSimDev", "UserNetNS", "NlError", "YnlFamily", "CmdExitFailure",
               "bkg", "cmd", "defer", "ethtool", "ip", "rand_port", "wait_file",
               "wait_port_listen", "KsftFailEx", "KsftSkipEx", "KsftXfailEx",
               "ksft_busy_wait", "ksft_disruptive", "ksft_exit", "ksft_pr", "ksft_run",
               "ksft_setup", "ksft_eq", "ksft_ge", "ksft_in", "ksft_ne", "ksft_not_in",
               "ksft_raises", "ksft_true", "SPEC_PATH", "NetDrvEpEnv",
               "DEADLINE", "IP_MODES", "MuennetFamily", "counters", "defer_restore", "interface",
               "peer_addresses", "ping", "restore", "settings_of", "wait_answer",
               "wait_counters"]
except ModuleNotFoundError as e:
    print("Failed importing `net` library from kernel sources")
    print(str(e))
    sys.exit(4)
