// SPDX-License-Identifier: GPL-2.0

//! The command line. The help, the completions and the manual page all come from here.

use std::path::PathBuf;

use clap::Parser;
use clap::Subcommand;
use clap::ValueHint;
use clap_complete::Shell;

use crate::args::parser;
use crate::args::IfSpec;
use crate::change::Change;

/// Manage the children and marks of muennet interfaces
///
/// A child is a network interface of its own over the channels of a main interface of mode ip.
/// Incoming packets whose mark a child owns go to that child, all others to the main interface.
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

    /// Work in this network namespace
    ///
    /// The name of one that `ip netns` made, or the path of any.
    #[arg(short = 'n', long, global = true, value_name = "NETNS")]
    pub netns: Option<String>,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, PartialEq, Eq, Subcommand)]
#[command(rename_all = "snake_case")]
pub enum Command {
    /// A command that changes something.
    #[command(flatten)]
    Change(Change),
    /// Show interfaces, their channels, counters, children and marks
    ///
    /// Control characters in names stand there as escapes, \u{1b}; with --json names are as they are.
    /// In both, a byte that is no UTF-8 is an escape, \xff, and a backslash is two. Commands take
    /// names as they are.
    Show {
        /// Only this interface and its children, [NETNS/]NAME
        #[arg(value_parser = parser(IfSpec::parse), value_hint = ValueHint::Other)]
        interface: Option<IfSpec>,
    },
    /// Tell of children that are added or deleted and of changes of marks, as it happens
    ///
    /// A line for each, with --json an object a line. Children that move to another namespace or get
    /// another name are for `ip monitor link` to tell. Runs until it is interrupted, or the module is
    /// unloaded.
    Monitor,
    /// Carry out commands from a file
    ///
    /// Each line holds a command as it is written after muennet_cfg: add_child, del_child,
    /// add_mark, del_mark, move_mark or show. A word that begins with # begins a comment. The first
    /// error ends the batch; nothing after it is carried out.
    Batch {
        /// The file, - for standard input
        file: PathBuf,
        /// Go on after errors
        ///
        /// Also sends many commands at a time, which is faster.
        #[arg(short, long, visible_alias = "continue")]
        force: bool,
    },
    /// Print a script that lets a shell complete commands
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    #[command(hide = true)]
    Man,
}

impl Command {
    /// It asks the kernel for nothing.
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
    fn consistent() {
        Cli::command().debug_assert();
    }

    /// A batch and the command line understand the same words.
    #[test]
    fn changes_as_in_a_batch() {
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
