# SPDX-License-Identifier: GPL-2.0
"""The runner's workers: no result is lost, whatever becomes of one."""

import contextlib
import io
import os
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from rig import KsftNamedVariant, ksft_eq, ksft_in, ksft_variants, runner, workers

SYSTEM = None

# A group of files, and one of a single file.
GROUPS = [[(Path(f"{name}.py"), None, None) for name in group] for group in ("abcdef", "g")]
EVERY = [*"abcdefg"]


class Shown(runner.Results):
    """Results, also in a list, as one line each."""

    def __init__(self):
        super().__init__()
        self.all = []

    def result(self, ok: bool, name: str, comment: str = ""):
        """Keeps one result."""
        self.all.append(f"{'' if ok else 'not '}ok {name}")
        print(self.all[-1])


def played(kills: str, lacks: str):
    """
    A run_group() that plays files: two results each, with a line before them. The worker is
    killed within those of `kills`; of `lacks` the machines fail.
    """
    def run_group(_group, files, _options) -> bool:
        for path, _, _ in files:
            def say(*lines: str):
                os.write(1, "".join(f"{line}\n" for line in lines).encode())
            say(f"{workers.MARK}{path.stem}", f"# {path.stem} begins", f"ok 1 - {path.stem}.one")
            if path.stem in kills:
                os._exit(9)
            if path.stem in lacks:
                say(f"not ok 2 - {path.stem} ended early")
                return False
            say(f"ok 2 - {path.stem}.two # a comment\x85", workers.MARK)
        return True
    return run_group


# What becomes of a file's results: all, those until its end, none.
def whole(name: str) -> list:
    """A file that ends."""
    return [f"ok {name}.one", f"ok {name}.two"]


def ended_early(name: str) -> list:
    """A file that does not."""
    return [f"ok {name}.one", f"not ok {name} ended early"]


def did_not_run(name: str) -> list:
    """A file that nobody has taken."""
    return [f"not ok {name} did not run"]


@ksft_variants([KsftNamedVariant(name, *rest) for name, *rest in (
    ("nothing_happens", "", ""), ("one_is_killed", "c", ""), ("one_lacks_machines", "", "c"),
    ("one_of_each_kind", "b", "e"), ("all_are_killed", "abcdefg", ""))])
def test_no_result_is_lost(_env, kills, lacks):
    lost = [*kills, *lacks]
    for jobs in (1, 2, 3):
        results, shown = Shown(), io.StringIO()
        with mock.patch.object(workers, "initramfs"), contextlib.redirect_stdout(shown):
            workers.run_groups(GROUPS, SimpleNamespace(jobs=jobs), results, played(kills, lacks))
        each = {name: [it for it in results.all if it.removeprefix("not ").startswith(f"ok {name}")]
                for name in EVERY}
        # A worker that is there takes what another one has left.
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
