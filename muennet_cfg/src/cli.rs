// SPDX-License-Identifier: GPL-2.0

//! The command line. clap generates the help, the completions and most of the manual page from it.

use std::path::PathBuf;

use clap::Parser;
use clap::Subcommand;
use clap::ValueHint;
use clap_complete::Shell;

use crate::args::parser;
use crate::args::IfSpec;
use crate::change::Change;

/// Manage child interfaces and marks of muennet interfaces
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
    /// A command that changes children or marks.
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
    /// Print changes of children and marks as they happen
    ///
    /// Prints one line for each change, with --json one object per line. Renamed children and
    /// children that move to another namespace are not reported; use `ip monitor link` for them.
    /// Runs until it is interrupted or the module is unloaded.
    Monitor,
    /// Run commands from a file
    ///
    /// Each line holds one command as on the command line, without muennet_cfg: add_child,
    /// del_child, add_mark, del_mark, move_mark or show. A word that begins with # starts a
    /// comment. The batch stops at the first error; the lines after it are not run.
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
    fn names_of_any_bytes() {
        let words: [&[u8]; 3] = [b"add_mark", b"a\xff", b"1"];
        let line = [&b"muennet_cfg"[..]].into_iter().chain(words);
        let from_cli = Cli::try_parse_from(line.map(OsStr::from_bytes)).unwrap();
        let from_batch = Change::parse(&words).unwrap();
        assert_eq!(from_cli.command, Command::Change(from_batch));
    }
}
