# SPDX-License-Identifier: GPL-2.0
"""Runs of the tool muennet_cfg in a machine."""

import json

from rig import defer, ksft_eq, ksft_in, ksft_true, load


class Tool:
    """The tool in machine a, with or without the module."""

    def __init__(self, env, loaded: bool = True):
        self.machine = env.a
        if loaded:
            load(self.machine)

    def run(self, words: str, before: str = "", stdin: bytes = b""):
        """Runs it with these arguments. `before` is put before the command."""
        return self.machine.run(f"{before} muennet_cfg {words}", fail=False, stdin=stdin)

    def does(self, *lines: str):
        """Runs commands that must succeed without output."""
        for words in lines:
            result = self.run(words)
            ksft_eq((result.ret, result.stdout, result.stderr), (0, "", ""), words)

    def refuses(self, words: str, status: int, *mentions: str, before: str = ""):
        """Checks that a command fails with one line that says why, and changes nothing."""
        shown = self.show()
        result = self.run(words, before)
        ksft_eq(result.ret, status, words)
        ksft_eq(result.stdout, "", words)
        ksft_true(result.stderr.startswith("muennet_cfg: "), result.stderr)
        ksft_eq(len(result.stderr.splitlines()), 1, result.stderr)
        for mention in mentions:
            ksft_in(mention, result.stderr)
        ksft_eq(self.show(), shown, "nothing has changed")

    def show(self, words: str = "", options: str = "") -> list:
        """Returns the output of show, without counters and peer states."""
        result = self.run(f"{options} --json show {words}")
        ksft_eq((result.ret, result.stderr), (0, ""), "show")

        def without_counters(nodes):
            for node in nodes:
                del node["stats"]
                del node["peer"]
                without_counters(node["children"])
            return nodes
        return without_counters(json.loads(result.stdout))

    def marks(self, options: str = "") -> dict:
        """Returns the marks of each child, by the names of its namespace and of the child."""
        return {(child["netns"], child["ifname"]): child["marks"]
                for main in self.show(options=options) for child in main["children"]}

    def netns(self, name: str):
        """Makes a namespace until the end of the test."""
        self.machine.run(f"ip netns add {name}")
        defer(self.machine.run, f"ip netns del {name}")
