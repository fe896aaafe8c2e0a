# SPDX-License-Identifier: GPL-2.0
"""
Tests of whose many variants a run of everything takes some, others with each commit. A run of
files that are named, as each of `make soak` is, takes all, and so does one with MUENNET_ALL=1.
"""

import os
import random
import subprocess

from . import ksft, paths


def sampled(most: int):
    """Decorates a test with variants: a run of everything takes at most so many of them."""
    def decorate(case):
        case.original_func.most = most
        return case
    return decorate


def seed() -> str:
    """
    MUENNET_SEED, or the commit; empty in an archive, which has none, and where MUENNET_ALL asks
    for all variants.
    """
    if os.environ.get("MUENNET_ALL"):
        return ""
    command = ["git", "-c", "safe.directory=*", "-C", paths.TOP, "rev-parse", "HEAD"]
    return os.environ.get("MUENNET_SEED") or subprocess.run(
        command, check=False, capture_output=True, text=True).stdout.strip()


def choose(cases: list, by: str) -> list:
    """The cases, each with the variants that a seed chooses, in their order."""
    chosen = []
    for case in cases:
        if isinstance(case, ksft.KsftCaseFunction):
            most, all_of_them = getattr(case.original_func, "most", None), [*case.variants]
            if most is not None and most < len(all_of_them):
                places_of = random.Random(f"{by} {case.name}").sample(range(len(all_of_them)), most)
                case = case._replace(variants=[all_of_them[n] for n in sorted(places_of)])
        chosen.append(case)
    return chosen
