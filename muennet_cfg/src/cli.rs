// SPDX-License-Identifier: GPL-2.0

//! The command line. clap generates the help, the completions and most of the manual page from it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use clap::Subcommand;
use clap::ValueHint;
use clap_complete::Shell;

use crate::args::parser;
use crate::args::IfSpec;
use crate::change::Change;

/// Manage muennet interfaces, their child interfaces and marks
///
/// A main interface uses one or two channels of the subject. The parameters of the module, or add,
/// create it.
///
/// A child is a network interface that shares the channels of its parent, a main interface of mode
/// ip or ip-offload. An incoming packet goes to the child that owns its netfilter mark. A packet
/// whose mark no child owns goes to the parent.
///
/// An interface that commands take as [NETNS/]NAME is in the current network namespace if NETNS is
/// missing. NETNS is the name of another network namespace in `ip netns`, or its ID in the current
/// one. Use it for a child that is in another namespace than its parent.
#[derive(Debug, Parser)]
#[command(
    name = "muennet_cfg",
    version,
    max_term_width = 100,
    subcommand_value_name = "COMMAND"
)]
pub struct Cli {
    /// Print JSON instead of text
    #[arg(short, long, global = true)]
    pub json: bool,

    /// Network namespace to work in
    ///
    /// A name of `ip netns`, or an absolute path such as /proc/PID/ns/net.
    #[arg(short = 'n', long, global = true, value_name = "NETNS")]
    pub netns: Option<String>,

    /// Command.
    #[command(subcommand)]
    pub command: Command,
}

/// Commands.
#[derive(Debug, PartialEq, Eq, Subcommand)]
#[command(rename_all = "snake_case")]
pub enum Command {
    /// A command that changes interfaces, children or marks.
    #[command(flatten)]
    Change(Change),
    /// Show interfaces with their channels, counters, children and marks
    ///
    /// The mode of an interface follows from the parameter flags of the module: raw (no flags), ip
    /// (net_hdr), ip-offload (net_hdr+offload) or ethernet (eth_dev, eth_dev+vlan).
    ///
    /// In text output, control characters in names are printed as escapes (\u{1b}). JSON output
    /// has them unchanged. In both, a byte that is not valid UTF-8 is printed as an escape (\xff),
    /// and a backslash is doubled. Commands take names unescaped.
    Show {
        /// Show only this interface and its children, [NETNS/]NAME
        #[arg(value_parser = parser(IfSpec::parse), value_hint = ValueHint::Other)]
        interface: Option<IfSpec>,
    },
    /// Show the channels of the subject
    ///
    /// For each channel of the subject information: its name, whether the subject reads or writes
    /// it, its size, the event or vector of the same name, and the interfaces that use it, with the
    /// state of the peer on an in channel. The channels themselves are not accessed. Requires
    /// CAP_NET_ADMIN in the initial user namespace.
    Channels,
    /// Print the configuration in a form that sync brings about
    ///
    /// Prints the commands add, add_child and add_mark that make the main interfaces of the current
    /// network namespace, their children in it, and the marks of these. Whitespace, backslashes and
    /// invisible characters in names are printed as escapes (\x20, \\). With --json, prints a list
    /// of commands, each a list of words.
    Dump,
    /// Bring about the configuration in a file
    ///
    /// The file has commands add, add_child and add_mark, one per line, as dump prints them. A word
    /// that begins with # starts a comment. Main interfaces, children and marks that the file does
    /// not have are deleted; only what differs is changed. Without mac or poll in the file, any
    /// value is right.
    ///
    /// An interface is replaced if its channels, protocols, mode, pmtu or mac differ: it is deleted
    /// with its children and added again, down and without addresses. All others keep their state,
    /// addresses and routes. An interface with children in other network namespaces is neither
    /// deleted nor replaced.
    ///
    /// If the file is invalid or empty, or names channels that the subject does not have, nothing
    /// is changed. If the kernel rejects a change, those before it are reverted.
    Sync {
        /// File to read, - for standard input
        file: PathBuf,
        /// Print the commands that make the changes instead of changing anything
        #[arg(long = "dry-run")]
        dry_run: bool,
    },
    /// Show the rates of interfaces and children
    ///
    /// Prints, for each main interface and child, the packets and bytes per second in both
    /// directions, and the overruns, elements missed in them, errors and dropped packets per
    /// second, again and again. On a terminal each screen replaces the one before. With --json,
    /// prints one object per screen and line. Runs until it is interrupted.
    Top {
        /// Seconds between two screens, 0.1 to 3600
        #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
        interval: Duration,
        /// End after this many screens
        #[arg(short, long, value_name = "NUMBER")]
        count: Option<u64>,
    },
    /// Print changes of interfaces, children and marks as they happen
    ///
    /// Prints one line for each change, with --json one object per line. Renamed interfaces and
    /// those that move to another namespace are not reported; use `ip monitor link` for them.
    /// Changes of settings are reported if set or sync made them. Runs until it is interrupted or
    /// the module is unloaded.
    Monitor,
    /// Run commands from a file
    ///
    /// Each line holds one command as on the command line, without muennet_cfg: add, del, set,
    /// add_child, del_child, add_mark, del_mark, move_mark or show. A word that begins with #
    /// starts a comment. The batch stops at the first error; the lines after it are not run.
    Batch {
        /// File to read, - for standard input
        file: PathBuf,
        /// Continue after errors
        ///
        /// Also sends many commands at a time, which is faster.
        #[arg(short, long, visible_alias = "continue")]
        force: bool,
    },
    /// Print a completion script for a shell
    Completions {
        /// Shell
        shell: Shell,
    },
    /// Print the manual page
    #[command(hide = true)]
    Man,
}

/// Parses a number of seconds.
fn interval(word: &str) -> Result<Duration, String> {
    let seconds = word.parse().ok();
    let seconds = seconds.filter(|seconds: &f64| (0.1..=3600.0).contains(seconds));
    let seconds = seconds.ok_or_else(|| "expected a number, 0.1 to 3600".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

impl Command {
    /// Returns whether the command needs no communication with the kernel.
    pub fn is_offline(&self) -> bool {
        matches!(self, Command::Completions { .. } | Command::Man)
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// A batch and the command line parse commands in the same way.
    #[test]
    fn parses_commands_like_a_batch() {
        let table: &[&[&str]] = &[
            &["add", "net0", "in=a", "reader_protocol=2"],
            &["add", "net0", "in"],
            &["add"],
            &["del", "net0"],
            &["set", "net0", "mtu=1400", "poll=50"],
            &["set", "net0"],
            &["add_child", "net0", "child0"],
            &["add_child", "net0", "a/b"],
            &["del_child", "blue/child0"],
            &["del_child"],
            &["add_mark", "child0", "0x18"],
            &["add_mark", "child0", "0"],
            &["del_mark", "child0", "24"],
            &["del_mark", "child0", "-1"],
            &["move_mark", "a", "b", "4294967295"],
            &["move_mark", "a", "b", "4294967296"],
            &["move_mark", "a", "b"],
        ];
        for words in table {
            let line = ["muennet_cfg"].iter().chain(*words);
            let from_cli = Cli::try_parse_from(line).ok().map(|cli| cli.command);
            let from_batch = Change::parse(words).ok().map(Command::Change);
            assert_eq!(from_cli, from_batch, "{words:?}");
        }
    }

    #[test]
    fn intervals() {
        for (word, expected) in [
            ("1", Some(1000)),
            ("0.1", Some(100)),
            ("3600", Some(3_600_000)),
            ("0.09", None),
            ("3601", None),
            ("-1", None),
            ("NaN", None),
            ("inf", None),
            ("1s", None),
            ("", None),
        ] {
            let expected = expected.map(Duration::from_millis);
            assert_eq!(interval(word).ok(), expected, "{word}");
        }
    }

    #[test]
    fn names_of_any_bytes() {
        let words: [&[u8]; 3] = [b"add_mark", b"a\xff", b"1"];
        let line = [&b"muennet_cfg"[..]].into_iter().chain(words);
        let from_cli = Cli::try_parse_from(line.map(OsStr::from_bytes)).unwrap();
        let from_batch = Change::parse(&words).unwrap();
        assert_eq!(from_cli.command, Command::Change(from_batch));
    }
}
