// SPDX-License-Identifier: GPL-2.0

//! Exit status, standard output and standard error of the command. These tests need no module.

#![allow(
    clippy::unwrap_used,
    reason = "this is a test, also outside of its functions"
)]

use std::process::Command;
use std::process::Output;

fn run(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_muennet_cfg"))
        .args(words)
        .output()
        .unwrap()
}

/// Returns whether the module is not loaded.
fn not_loaded() -> bool {
    let modules = std::fs::read_to_string("/proc/modules").unwrap_or_default();
    !modules.lines().any(|line| line.starts_with("muennet "))
}

#[test]
fn usage_errors() {
    // Arguments, and a part of the message.
    let table: &[(&[&str], &str)] = &[
        (&[], "Usage: muennet_cfg"),
        (&["frobnicate"], "unrecognized subcommand"),
        (&["add-child", "net0", "child0"], "unrecognized subcommand"),
        (&["add_child"], "<PARENT>"),
        (&["add_child", "net0"], "<CHILD>"),
        (&["add_child", "net0", "a", "b"], "unexpected argument 'b'"),
        (
            &["add_child", "net0", "abcdefghijklmnop"],
            "at most 15 bytes",
        ),
        (&["add_child", "net0", "a/b"], "invalid character '/'"),
        (&["add_child", "", "a"], "is empty"),
        (&["del_child"], "<CHILD>"),
        (&["add_mark", "child0"], "<MARK>"),
        (&["add_mark", "child0", "0"], "mark 0 means no mark"),
        (
            &["add_mark", "child0", "4294967296"],
            "the maximum is 4294967295",
        ),
        (&["add_mark", "child0", "many"], "expected a decimal number"),
        (
            &["add_mark", "child0", "010"],
            "leading zeros are not allowed",
        ),
        (&["del_mark", "child0", "-1"], "unexpected argument"),
        (&["move_mark", "a", "b"], "<MARK>"),
        (&["show", "a", "b"], "unexpected argument 'b'"),
        (&["batch"], "<FILE>"),
        (&["completions", "tcsh"], "invalid value 'tcsh'"),
        (
            &["--netns", "a/b", "show"],
            "neither a network namespace name",
        ),
        (&["--netns", "..", "show"], "invalid network namespace name"),
        (&["--netns"], "a value is required"),
    ];
    for (words, text) in table {
        let output = run(words);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {errors}");
        assert!(errors.contains(text), "{words:?}: {errors}");
        assert!(output.stdout.is_empty(), "{words:?}");
    }
}

#[test]
fn other_errors() {
    let table: &[(&[&str], &str)] = &[
        (
            &["--netns", "there-is-none", "show"],
            "muennet_cfg: network namespace there-is-none: no such namespace",
        ),
        (
            &["batch", "/there/is/none"],
            "muennet_cfg: /there/is/none: ",
        ),
    ];
    for (words, text) in table {
        let output = run(words);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {errors}");
        assert!(errors.starts_with(text), "{words:?}: {errors}");
        assert!(output.stdout.is_empty(), "{words:?}");
    }
}

#[test]
fn without_the_module() {
    assert!(not_loaded(), "this test needs a kernel without the module");
    let table: &[&[&str]] = &[
        &["add_child", "net0", "child0"],
        &["del_child", "child0"],
        &["add_mark", "child0", "24"],
        &["del_mark", "child0", "0x18"],
        &["move_mark", "child0", "child1", "24"],
        &["show"],
        &["--json", "show", "net0"],
        &["show", "-j"],
        &["monitor"],
        &["batch", "/dev/null"],
    ];
    for words in table {
        let output = run(words);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{words:?}: {errors}");
        assert!(errors.contains("try: modprobe muennet"), "{words:?}");
        assert_eq!(errors.lines().count(), 1, "{words:?}: {errors}");
        assert!(output.stdout.is_empty(), "{words:?}");
    }
}

#[test]
fn prints() {
    let table: &[(&[&str], &str)] = &[
        (&["--help"], "\n  move_mark "),
        (&["-h"], "\n  add_child "),
        (&["add_mark", "--help"], "hexadecimal with 0x"),
        (
            &["--version"],
            concat!("muennet_cfg ", env!("CARGO_PKG_VERSION")),
        ),
        (&["completions", "bash"], "complete -F _muennet_cfg"),
        (&["completions", "zsh"], "#compdef muennet_cfg"),
        (&["completions", "fish"], "complete -c muennet_cfg"),
        (&["man"], ".TH muennet_cfg 8"),
    ];
    for (words, text) in table {
        let output = run(words);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        assert!(printed.contains(text), "{words:?}: {printed}");
        assert!(output.stderr.is_empty(), "{words:?}");
    }
}
