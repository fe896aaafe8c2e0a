// SPDX-License-Identifier: GPL-2.0

//! The command line. The help, the completions and the manual page all come from here.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::builder::OsStringValueParser;
use clap::builder::TypedValueParser;
use clap::Parser;
use clap::Subcommand;
use clap::ValueHint;
use clap_complete::Shell;

use crate::args::IfName;
use crate::args::Mark;
use crate::args::Place;
use crate::args::WordError;
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
#[derive(Debug, Subcommand)]
#[command(rename_all = "snake_case")]
pub enum Command {
    /// Add a child to a main interface
    ///
    /// The child is down at first and lies in the network namespace where the command works.
    AddChild {
        /// The main interface
        #[arg(value_parser = bytes(existing), value_hint = ValueHint::Other)]
        parent: IfName,
        /// Name of the child to be, 15 bytes at most
        #[arg(value_parser = bytes(IfName::for_new), value_hint = ValueHint::Other)]
        child: IfName,
    },
    /// Delete a child
    ///
    /// Its marks are nobody's then.
    DelChild {
        /// The child, [NETNS/]NAME
        #[arg(value_parser = bytes(place), value_hint = ValueHint::Other)]
        child: Place,
    },
    /// Let a child own a mark
    ///
    /// Incoming packets with this mark go to the child then. No other child of the parent may own
    /// the mark.
    AddMark {
        /// The child, [NETNS/]NAME
        #[arg(value_parser = bytes(place), value_hint = ValueHint::Other)]
        child: Place,
        /// The mark, 1 to 4294967295, decimal or hexadecimal with 0x
        mark: Mark,
    },
    /// Take a mark from the child that owns it
    ///
    /// Incoming packets with this mark go to the parent then.
    DelMark {
        /// The child, [NETNS/]NAME
        #[arg(value_parser = bytes(place), value_hint = ValueHint::Other)]
        child: Place,
        /// The mark, 1 to 4294967295, decimal or hexadecimal with 0x
        mark: Mark,
    },
    /// Give a mark from one child to another child of the same parent
    ///
    /// At every moment one of the two owns it: no packet goes astray meanwhile.
    MoveMark {
        /// The child that owns the mark, [NETNS/]NAME
        #[arg(value_parser = bytes(place), value_hint = ValueHint::Other)]
        from: Place,
        /// The child that is to own it, [NETNS/]NAME
        #[arg(value_parser = bytes(place), value_hint = ValueHint::Other)]
        to: Place,
        /// The mark, 1 to 4294967295, decimal or hexadecimal with 0x
        mark: Mark,
    },
    /// Show interfaces, their channels, counters, children and marks
    ///
    /// Control characters in names stand there as escapes, \u{1b}; with --json names are as they are.
    /// In both, a byte that is no UTF-8 is an escape, \xff, and a backslash is two. Commands take
    /// names as they are.
    Show {
        /// Only this interface and its children, [NETNS/]NAME
        #[arg(value_parser = bytes(place), value_hint = ValueHint::Other)]
        interface: Option<Place>,
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

/// Has clap hand a word over as it is: names need not be UTF-8.
fn bytes<T: Clone + Send + Sync + 'static>(
    parse: fn(&[u8]) -> Result<T, WordError>,
) -> impl TypedValueParser<Value = T> {
    OsStringValueParser::new().try_map(move |word| parse(word.as_bytes()))
}

fn existing(word: &[u8]) -> Result<IfName, WordError> {
    word.try_into()
}

fn place(word: &[u8]) -> Result<Place, WordError> {
    word.try_into()
}

impl Command {
    /// The change that a command asks for, if it does; otherwise the command.
    ///
    /// # Errors
    ///
    /// The command is given back where it changes nothing.
    pub fn into_change(self) -> Result<Change, Command> {
        Ok(match self {
            Command::AddChild { parent, child } => Change::AddChild { parent, child },
            Command::DelChild { child } => Change::DelChild { child },
            Command::AddMark { child, mark } => Change::AddMark { child, mark },
            Command::DelMark { child, mark } => Change::DelMark { child, mark },
            Command::MoveMark { from, to, mark } => Change::MoveMark { from, to, mark },
            other => return Err(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

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
            let here = Cli::try_parse_from(line).ok();
            let here = here.and_then(|cli| cli.command.into_change().ok());
            assert_eq!(here, Change::parse(words).ok(), "{words:?}");
        }
    }

    #[test]
    fn names_of_any_bytes() {
        let words: [&[u8]; 3] = [b"add_mark", b"a\xff", b"1"];
        let line = [&b"muennet_cfg"[..]].into_iter().chain(words);
        let here = Cli::try_parse_from(line.map(OsStr::from_bytes)).unwrap();
        assert_eq!(here.command.into_change().ok(), Change::parse(&words).ok());
    }
}
