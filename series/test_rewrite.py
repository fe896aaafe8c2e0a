# SPDX-License-Identifier: GPL-2.0
"""Tests of the rewriting. Prints what is wrong, and nothing else."""

import sys

import rewrite
import usetree

# (declaration, its paths)
USES = (
    ("use a;", [("a",)]),
    ("use a::{self, b, c::*};", [("a", "self"), ("a", "b"), ("a", "c", "*")]),
    ("use a::{\n    b as _,\n    c::{\n        d,\n        e, //\n    }, //\n};",
     [("a", "b as _"), ("a", "c", "d"), ("a", "c", "e")]),
)

# (path below abstractions/, text, text in the kernel crate)
KERNEL_CRATE = (
    ("napi/mod.rs", "use super::{\n    bindings,\n    irq, //\n};\nuse kernel::prelude::*;\n",
     "use crate::{\n    bindings,\n    irq::number as irq,\n    prelude::*, //\n};\n"),
    # Within an abstraction, paths stay as they are.
    ("netdevice/device.rs", "use super::ops::Adapter;\n", "use super::ops::Adapter;\n"),
    ("rtnl.rs", "pub(crate) fn a() {}\npub(super) fn b() {}\n", "pub fn a() {}\npub fn b() {}\n"),
    ("napi/complete.rs", "pub(super) fn a() {}\npub(in super::super) fn b() {}\n",
     "pub(super) fn a() {}\npub fn b() {}\n"),
    ("rtnl.rs", "unsafe { bindings::muennet_lock(super::netns::init()) }\n",
     "unsafe { bindings::lock(crate::net::netns::init()) }\n"),
    ("sync.rs", "macro_rules! m {\n    () => { $crate::abstractions::percpu::f() };\n}\n"
     "pub(crate) use m;\n",
     "#[macro_export]\nmacro_rules! m {\n    () => { $crate::percpu::f() };\n}\npub use m;\n"),
)

# (text of the driver, text in its folder in the kernel)
DRIVER = (
    ("use crate::{\n    abstractions::{\n        netns::Net,\n"
     "        platform::Platform, //\n    },\n    channel::Reader, //\n};\n",
     "use crate::{\n    channel::Reader,\n    platform::Platform, //\n};\n"
     "use kernel::net::netns::Net;\n"),
    ("    use crate::abstractions::rtnl;\n", "    use kernel::net::rtnl;\n"),
    ("use super::uapi;\n", "use kernel::uapi;\n"),
    ('#[cfg(any(test, CONFIG_KUNIT = "y"))]\n#[cfg_attr(CONFIG_KUNIT = "y", '
     "kernel::macros::kunit_tests(muennet_a))]\nmod tests {}\n",
     "#[kernel::macros::kunit_tests(muennet_a)]\nmod tests {}\n"),
)

# (file, text, text in rust/helpers)
HELPERS = (
    ("a.c", '#include "helpers.h"\n\nvoid muennet_a(int b)\n{\n}\n',
     "\n__rust_helper void rust_helper_a(int b)\n{\n}\n"),
    ("a.c", "void muennet_a(int b,\n\t       int c)\n{\n}\n",
     "__rust_helper\nvoid rust_helper_a(int b,\n\t\t   int c)\n{\n}\n"),
    ("skbuff.c", '#include "helpers.h"\n'
     "static int muennet_a(int b)\n{\n\treturn muennet_b(b);\n}\n",
     '#include "skbuff.h"\nstatic int rust_a(int b)\n{\n\treturn rust_helper_b(b);\n}\n'),
)

SOURCE = """\
/// The first.
struct A {
    a: u8,
    /// The second.
    #[attribute]
    b: Vec<
        u8,
    >,
}

fn f() {
    let text = "}";
    match x {
        A => g(
            1,
        ),
        B => {}
    }
}
"""

# (rules, what is left of SOURCE)
LEFT = (
    ({"units": ["struct A"]}, SOURCE[SOURCE.index("fn f"):]),
    ({"units": ["b: Vec<"]}, SOURCE.replace(
        "    /// The second.\n    #[attribute]\n    b: Vec<\n        u8,\n    >,\n", "")),
    ({"units": ["A => g("]}, SOURCE.replace("        A => g(\n            1,\n        ),\n", "")),
    ({"around": ["1,"]}, SOURCE.replace("        A => g(\n            1,\n        ),\n", "")),
    ({"replace": [["let text", "let other"]]}, SOURCE.replace("let text", "let other")),
    ({"between": [["    let text", "    match", ""]]}, SOURCE.replace('    let text = "}";\n', "")),
)

# Rules that do not match.
WRONG = ({"units": ["struct B"]}, {"around": ["2,"]}, {"replace": [["u8", "u16"]]},
         {"between": [["fn", "struct", ""]]})


def main():
    wrong = []

    def equal(row, found, expected):
        if found != expected:
            wrong.append(f"{row}: {found!r}, expected {expected!r}")

    for text, paths in USES:
        equal(text, usetree.parse(text), paths)
    for path, text, expected in KERNEL_CRATE:
        equal(path, rewrite.kernel_crate(path, text), expected)
    for text, expected in DRIVER:
        equal(text, rewrite.driver(text), expected)
    for name, text, expected in HELPERS:
        equal(name, rewrite.helper(name, text), expected)
    for rules, expected in LEFT:
        equal(rules, rewrite.leave_out("a.rs", SOURCE, rules).strip(), expected.strip())
    for rules in WRONG:
        try:
            rewrite.leave_out("a.rs", SOURCE, rules)
            wrong.append(f"{rules}: no error")
        except ValueError:
            pass
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
