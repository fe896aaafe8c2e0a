# SPDX-License-Identifier: GPL-2.0
"""
The rig of the end-to-end tests: virtual machines that play Muen subjects.

A complete test file of tests/e2e:

    # SPDX-License-Identifier: GPL-2.0
    \"\"\"Both subjects answer.\"\"\"
    from rig import PAIR, ksft_eq, pair, ping

    SYSTEM = PAIR

    def test_answers(env):
        a, b = pair(env)
        ksft_eq(ping(a, b).received, 3)
"""

from . import klog, kmodule, paths, session, sinfo
from .channel import ChannelFile, Reader, Writer, ip_element
from .driver import (README, V4, V6, batch, counters, errno_of, in_parallel, interfaces, load,
                     load_all, messages, pair, stats, unload, up, wait_counters, wait_peer,
                     wait_stats)
from .ksft import (KsftNamedVariant, KsftSkipEx, bkg, cmd, defer, ip, ksft_busy_wait, ksft_eq,
                   ksft_ge, ksft_gt, ksft_in, ksft_lt, ksft_ne, ksft_not_in, ksft_pr, ksft_raises,
                   ksft_true, ksft_variants)
from .machine import Script
from .peer import Peer
from .sample import sampled
from .system import Channel, System
from .systems import LOOP, OUTWARD, PAIR
from .traffic import (ANSWER_SECONDS, End, Ping, Stream, Streaming, iperf3, ping, ping_at_once,
                      pingpong, stream, unanswered, wait_answer)
from .wait import DEADLINE, TimedOut, until, wait_for

__all__ = [
    "klog", "kmodule", "paths", "session", "sinfo",
    "ChannelFile", "Reader", "Writer", "ip_element",
    "README", "V4", "V6", "batch", "counters", "errno_of", "in_parallel", "interfaces", "load",
    "load_all", "messages", "pair", "stats", "unload", "up", "wait_counters", "wait_peer",
    "wait_stats",
    "KsftNamedVariant", "KsftSkipEx", "bkg", "cmd", "defer", "ip", "ksft_busy_wait", "ksft_eq",
    "ksft_ge", "ksft_gt", "ksft_in", "ksft_lt", "ksft_ne", "ksft_not_in", "ksft_pr", "ksft_raises",
    "ksft_true", "ksft_variants",
    "Peer", "sampled",
    "Channel", "Script", "System", "LOOP", "OUTWARD", "PAIR",
    "ANSWER_SECONDS", "End", "Ping", "Stream", "Streaming", "iperf3", "ping", "ping_at_once",
    "pingpong", "stream", "unanswered", "wait_answer",
    "DEADLINE", "TimedOut", "until", "wait_for",
]
