# SPDX-License-Identifier: GPL-2.0
"""
Samples of the variants of a test. A run of all tests runs a few variants of tests with
many, chosen by the commit. A run of named files, such as each run of `make soak`, and a
run with MUENNET_ALL=1 run all variants.
"""

import os
import random
import subprocess

from . import ksft, paths


def sampled(most: int):
    """Decorates a test: a run of all tests runs at most so many of its variants."""
    def decorate(case):
        case.original_func.most = most
        return case
    return decorate


def seed() -> str:
    """
    Returns MUENNET_SEED or the commit. Returns an empty string in an archive, which has no
    commit, and with MUENNET_ALL, which asks for all variants.
    """
    if os.environ.get("MUENNET_ALL"):
        return ""
    command = ["git", "-c", "safe.directory=*", "-C", paths.TOP, "rev-parse", "HEAD"]
    return os.environ.get("MUENNET_SEED") or subprocess.run(
        command, check=False, capture_output=True, text=True).stdout.strip()


def choose(cases: list, by: str) -> list:
    """Returns the cases, each with the variants that the seed chooses, in their order."""
    chosen = []
    for case in cases:
        if isinstance(case, ksft.KsftCaseFunction):
            most, all_of_them = getattr(case.original_func, "most", None), [*case.variants]
            if most is not None and most < len(all_of_them):
                indices = random.Random(f"{by} {case.name}").sample(range(len(all_of_them)), most)
                case = case._replace(variants=[all_of_them[n] for n in sorted(indices)])
        chosen.append(case)
    return chosen
