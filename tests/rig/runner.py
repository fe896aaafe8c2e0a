# SPDX-License-Identifier: GPL-2.0
"""
Runs test files on machines.

A test file defines its SYSTEM (None if it needs no machine) and functions
`test_...(env)`. Files whose systems have the same System.hardware() share machines, which
boot once. Each file runs in a forked process, by the kernel's selftest library; its
results become part of one TAP stream. A test also fails if a kernel log has a line that
klog.py calls bad.

Workers run the files (workers.py).
"""

import fnmatch
import functools
import importlib.util
import os
import re
import sys
import time
import traceback
from pathlib import Path

from . import driver, klog, ksft, sample, workers
from .client import MachineDied
from .machine import Machines



class Env:
    """The argument of a test: the machines env.a and env.b, channels, the system."""

    def __init__(self, machines: Machines, long: bool):
        self.machines, self.system, self.long = machines, machines.system, long
        for name, machine in machines.machines.items():
            setattr(self, name, machine)

    def channel(self, name: str):
        """Maps a channel's memory."""
        return self.machines.channel(name)

    def sinfo(self, name: str):
        """Maps a machine's subject information, with all variants."""
        return self.machines.sinfo(name)

    def seed(self, usual: int) -> int:
        """Returns and prints the seed of random tests: MUENNET_SEED, or the usual one."""
        seed = int(os.environ.get("MUENNET_SEED") or usual)
        ksft.ksft_pr(f"seed {seed}")
        return seed

    def check_logs(self):
        """Raises an exception if a machine died or its log has a bad line."""
        for machine in self.machines.machines.values():
            if not machine.alive():
                raise MachineDied(f"machine {machine.name} died:\n{machine.console_tail(60)}")
            new = machine.new_log()
            # A test reads lines that it expects. None expects a report.
            bad = klog.excerpt(new) or klog.excerpt([str(line) for line in machine.log.unchecked])
            machine.log.unchecked.clear()
            if bad:
                raise AssertionError(f"kernel log of {machine.name}:\n{bad}")


def load_file(path: Path):
    """Imports a test file."""
    spec = importlib.util.spec_from_file_location("e2e_" + path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _with_log_check(function):
    """Returns the test with a check of the kernel logs after everything that it deferred."""
    @functools.wraps(function)
    def wrapper(env, *args):
        if env is None:
            function(env, *args)
            return
        if not all(machine.alive() for machine in env.machines.machines.values()):
            ksft.ksft_true(False, "a machine died in an earlier test of this file")
            return
        ksft.defer(env.check_logs)
        function(env, *args)
    return wrapper


def cases(module) -> list:
    """Returns the tests of a file, in its order."""
    found = []
    for name, value in vars(module).items():
        if not name.startswith("test_"):
            continue
        if isinstance(value, ksft.KsftCaseFunction):
            found.append(value._replace(original_func=_with_log_check(value.original_func)))
        else:
            found.append(_with_log_check(value))
    return found


class Results:
    """The TAP stream of the run."""

    def __init__(self):
        self.count = self.failed = self.skipped = 0

    def result(self, ok: bool, name: str, comment: str = ""):
        """Prints one result."""
        self.count += 1
        self.failed += not ok
        self.skipped += "SKIP" in comment
        print(f"{'' if ok else 'not '}ok {self.count} - {name}"
              f"{' # ' + comment if comment else ''}", flush=True)

    def line(self, line: str) -> str:
        """Handles a line of a test file or a worker. Returns the test's name for a result."""
        match = re.match(r"(not )?ok \d+ (?:- )?(.*?)(?: # (.*))?$", line)
        if match:
            self.result(not match.group(1), match.group(2), match.group(3) or "")
        elif not re.match(r"TAP version|1\.\.\d|# Totals", line):
            print(line if line.startswith("#") else "# " + line, flush=True)
        return match.group(2) if match else ""

    def end(self, seconds: float) -> int:
        """Prints the plan and the totals, and returns the exit status."""
        print(f"# Totals: pass:{self.count - self.failed - self.skipped} fail:{self.failed} "
              f"skip:{self.skipped}, {seconds:.0f} s")
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed or not self.count else 0


def _child(module, path: Path, machines: Machines, options):
    """Runs a file in this forked process. Never returns."""
    status = 1
    try:
        sys.argv = [str(path)]
        for test in options.share.get(path.stem, ()):
            for pattern in patterns(test):
                sys.argv += ["-t", pattern]
        ksft.set_main_name(path.stem)
        env = Env(machines, options.long) if machines else None
        found = cases(module)
        ksft.ksft_run(sample.choose(found, options.by) if options.by else found, args=(env,))
        status = 0
    except BaseException:
        traceback.print_exc(file=sys.stdout)
    finally:
        try:
            sys.stdout.flush()
        finally:
            os._exit(status)


def run_file(module, path: Path, machines: Machines, options, results: Results):
    """Runs a file and collects its results."""
    begin = time.monotonic()
    receive, send = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.dup2(send, 1)
        os.close(receive)
        _child(module, path, machines, options)
    os.close(send)
    # The seconds of each test, by its name.
    took, last = {}, begin
    with os.fdopen(receive, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            name = results.line(line.rstrip("\n"))
            if name:
                took[name], last = time.monotonic() - last, time.monotonic()
    _, status = os.waitpid(pid, 0)
    if status or not took:
        results.result(False, f"{path.stem} ended early")
    slowest = max(took, key=took.get, default="")
    print(f"# {path.stem}: {time.monotonic() - begin:.1f} s" +
          (f", {took[slowest]:.1f} s of them for {slowest}" if len(took) > 1 else ""), flush=True)


class Watch:
    """Checks of a system's machines in addition to its tests. A complaint is a failure."""

    def booted(self, machines: Machines):
        """Called after the boot."""

    def file_done(self, machines: Machines) -> list:
        """Called after the tests of a file. Returns complaints."""
        return []

    def group_done(self, machines: Machines) -> list:
        """Called before the machines end. Returns complaints."""
        return []


def unload_all(machines: Machines) -> bool:
    """Unloads the modules that a test left in machines. Returns whether that succeeded."""
    return all(machine.run("for module in muennet muensim; do "
                           "! grep -q ^$module /proc/modules || rmmod $module || exit 1; done",
                           fail=False).ret == 0 for machine in machines.machines.values())


def run_group(group, files, options):
    """
    Boots machines for the systems of a group of files, (path, module, system) each, and runs
    some of the group's files. Returns false if the machines failed.
    """
    watch, results = options.watch, Results()
    systems = list({system.name: system for _, _, system in group}.values())
    title = "+".join(system.name for system in systems)

    def complain(name: str, complaints: list):
        for complaint in complaints:
            print(f"# {complaint}", flush=True)
        if complaints:
            results.result(False, name)

    machines, stem = None, title
    try:
        for path, module, system in files:
            stem = path.stem
            print(f"{workers.MARK}{stem}", flush=True)
            if machines and not (machines.healthy() and unload_all(machines)):
                print(f"# {title}: booting again", flush=True)
                machines.__exit__()
                machines = None
            if not machines:
                machines = Machines(system, systems).__enter__()
                for machine in machines.machines.values():
                    if machine.name not in system.debian:
                        driver.install(machine)
                print(f"# {title}: booted in {machines.boot_seconds:.1f} s", flush=True)
                watch.booted(machines)
            elif machines.system is not system:
                machines.switch_system(system)
            run_file(module, path, machines, options, results)
            if machines.healthy():
                complain(f"{path.stem} leaves nothing behind", watch.file_done(machines))
            print(workers.MARK, flush=True)
        if machines and machines.healthy():
            complain(f"{title} leaks nothing", watch.group_done(machines))
    except MachineDied as error:
        for line in str(error).splitlines():
            print("# " + line)
        results.result(False, f"{stem} ended early")
        return False
    finally:
        if machines:
            machines.__exit__()
    return True


def select_files(names, folders) -> tuple:
    """
    Returns the files that names of the form FILE or FILE.TEST choose, and the patterns of
    their tests. FILE is in one of the folders; TEST includes all of its variants.
    """
    files, share = [], {}
    for name in names:
        stem, _, test = name.partition(".")
        path = next((folder / f"{stem}.py" for folder in folders
                     if (folder / f"{stem}.py").exists()), None)
        if not path:
            sys.exit(f"there is no test file {stem}.py")
        if path not in files:
            files.append(path)
        share.setdefault(stem, []).append(test)
    # FILE alone means all of its tests.
    return files, {stem: tests for stem, tests in share.items() if "" not in tests}


def patterns(test: str) -> tuple:
    """Returns the patterns of a test and of all its variants."""
    return test, f"{test}.*"


def unmatched(module, tests) -> list:
    """Returns those of the names that match no test of a file."""
    names = []
    for case in cases(module):
        if isinstance(case, ksft.KsftCaseFunction):
            for variant in case.variants:
                if not isinstance(variant, ksft.KsftNamedVariant):
                    params = variant if isinstance(variant, tuple) else (variant,)
                    variant = ksft.KsftNamedVariant(None, *params)
                names.append(f"{case.name}.{variant.name}")
        else:
            names.append(case.__name__)
    return [test for test in tests
            if not any(fnmatch.filter(names, pattern) for pattern in patterns(test))]


def run(paths, options, share=None, watch=None, by: str = "") -> int:
    """
    Runs test files, grouped by the machines that they need, and returns the exit status.
    `share` maps the name of a file to the tests, or patterns, that are to run; other files
    run as a whole. `watch` checks the machines in addition to the tests. `by` is the seed
    that chooses variants of sampled tests; without a seed all variants run. `options.jobs`
    is the number of workers.
    """
    options.share, options.watch, options.by = share or {}, watch or Watch(), by
    begin = time.monotonic()
    results = Results()
    groups: dict = {}
    print("TAP version 13", flush=True)
    for path in paths:
        module = load_file(path)
        for test in unmatched(module, options.share.get(path.stem, ())):
            results.result(False, f"{path.stem}.{test} is the name of a test")
        if module.SYSTEM is None:
            run_file(module, path, None, options, results)
        else:
            groups.setdefault(module.SYSTEM.hardware(), []).append((path, module, module.SYSTEM))
    if groups:
        workers.run_groups([*groups.values()], options, results, run_group)
    return results.end(time.monotonic() - begin)
