#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Prints names, versions and licences of the crates that muennet_cfg is linked with."""

import json
import re
import subprocess
from pathlib import Path

MANIFEST = ["--manifest-path", "/src/muennet_cfg/Cargo.toml", "--locked", "--offline"]


def run(*command) -> str:
    """Returns the output of cargo."""
    return subprocess.run(["cargo", *command, *MANIFEST], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def main():
    """Prints a line for each crate, and each text of a licence once."""
    tree = run("tree", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}",
               "--target", "x86_64-unknown-linux-gnu")
    linked = {tuple(re.match(r"(\S+) v(\S+)", line).groups())
              for line in tree.splitlines() if "(/" not in line}
    metadata = json.loads(run("metadata", "--format-version", "1"))
    packages = [package for package in metadata["packages"]
                if (package["name"], package["version"]) in linked]
    print("""\
muennet_cfg is linked with the GNU C library (LGPL-2.1-or-later, see
/usr/share/common-licenses/LGPL-2.1), the standard library of Rust (MIT OR Apache-2.0), and these
crates:
""")
    texts = {}
    for package in sorted(packages, key=lambda it: it["name"]):
        name = f"{package['name']} {package['version']}"
        print(f"{name}: {package['license']}")
        for path in sorted(Path(package["manifest_path"]).parent.glob("LICENSE*")):
            # The text of this licence is in /usr/share/common-licenses.
            if path.is_file() and "APACHE" not in path.name.upper():
                texts.setdefault(path.read_text(), []).append(name)
    for text, names in texts.items():
        print(f"\n{'-' * 75}\n{', '.join(names)}:\n\n{text.strip()}")


main()
