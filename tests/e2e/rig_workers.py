# SPDX-License-Identifier: GPL-2.0
"""The rig's workers: no result is lost if a worker dies or its machines fail."""

import contextlib
import io
import os
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from rig import KsftNamedVariant, ksft_eq, ksft_in, ksft_variants, runner, workers

SYSTEM = None

# A group of several files, and a group of a single one.
GROUPS = [[(Path(f"{name}.py"), None, None) for name in group] for group in ("abcdef", "g")]
EVERY = [*"abcdefg"]


class Shown(runner.Results):
    """Results that are also kept in a list, one line each."""

    def __init__(self):
        super().__init__()
        self.all = []

    def result(self, ok: bool, name: str, comment: str = ""):
        """Keeps one result."""
        self.all.append(f"{'' if ok else 'not '}ok {name}")
        print(self.all[-1])


def fake_run_group(kills: str, lacks: str):
    """
    Returns a fake run_group(): each file has two results and a line before them. The worker
    dies in files of `kills`; the machines fail in files of `lacks`.
    """
    def run_group(_group, files, _options) -> bool:
        for path, _, _ in files:
            def write(*lines: str):
                os.write(1, "".join(f"{line}\n" for line in lines).encode())
            write(f"{workers.MARK}{path.stem}", f"# {path.stem} begins", f"ok 1 - {path.stem}.one")
            if path.stem in kills:
                os._exit(9)
            if path.stem in lacks:
                write(f"not ok 2 - {path.stem} ended early")
                return False
            write(f"ok 2 - {path.stem}.two # a comment\x85", workers.MARK)
        return True
    return run_group


# The possible results of a file: all, those before its end, none.
def whole(name: str) -> list:
    """The results of a file that ends."""
    return [f"ok {name}.one", f"ok {name}.two"]


def ended_early(name: str) -> list:
    """The results of a file whose worker or machines fail."""
    return [f"ok {name}.one", f"not ok {name} ended early"]


def did_not_run(name: str) -> list:
    """The results of a file that no worker has run."""
    return [f"not ok {name} did not run"]


@ksft_variants([KsftNamedVariant(name, *rest) for name, *rest in (
    ("nothing_happens", "", ""), ("one_is_killed", "c", ""), ("one_lacks_machines", "", "c"),
    ("one_of_each_kind", "b", "e"), ("all_are_killed", "abcdefg", ""))])
def test_no_result_is_lost(_env, kills, lacks):
    lost = [*kills, *lacks]
    for jobs in (1, 2, 3):
        results, shown = Shown(), io.StringIO()
        with mock.patch.object(workers, "initramfs"), contextlib.redirect_stdout(shown):
            workers.run_groups(GROUPS, SimpleNamespace(jobs=jobs), results,
                               fake_run_group(kills, lacks))
        each = {name: [it for it in results.all if it.removeprefix("not ").startswith(f"ok {name}")]
                for name in EVERY}
        # A living worker runs the files that others did not run.
        left = jobs - min(jobs, len(lost))
        for name, found in each.items():
            if name in lost:
                ksft_in(found, (ended_early(name), did_not_run(name)))
            elif left:
                ksft_eq(found, whole(name))
            else:
                ksft_in(found, (whole(name), did_not_run(name)))
        ksft_eq(sum(map(len, each.values())), len(results.all))
        ksft_eq(sum(found == ended_early(name) for name, found in each.items()),
                min(jobs, len(lost)))
        # The output of a file is in one piece.
        for name, found in each.items():
            if found != did_not_run(name):
                ksft_in("\n".join([f"# {name} begins", *found, ""]), shown.getvalue())
