// SPDX-License-Identifier: GPL-2.0

//! The commands that change something.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use clap::Subcommand;
use clap::ValueHint;
use nix::errno::Errno;

use crate::args::bytes;
use crate::args::existing;
use crate::args::place;
use crate::args::IfName;
use crate::args::Mark;
use crate::args::Place;
use crate::args::WordError;
use crate::error::Error;
use crate::netlink::Refusal;
use crate::netlink::Request;
use crate::uapi::attribute;
use crate::uapi::command;
use crate::uapi::VERSION;

/// A change of children or marks.
// The documentation of variants and fields is the help of the commands.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[command(rename_all = "snake_case")]
pub enum Change {
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
}

/// What is wrong with the words of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WordsError {
    /// No such command.
    Unknown(OsString),
    /// Not as many words as it takes: how it is called.
    Count(&'static str),
    /// A word that makes no sense.
    Word(OsString, WordError),
}

impl fmt::Display for WordsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WordsError::Unknown(word) => write!(f, "there is no command {word:?} here"),
            WordsError::Count(usage) => write!(f, "usage: {usage}"),
            WordsError::Word(word, error) => write!(f, "{word:?}: {error}"),
        }
    }
}

impl std::error::Error for WordsError {}

impl WordsError {
    /// What is wrong with this word.
    pub fn of_word(word: &[u8], error: WordError) -> Self {
        WordsError::Word(OsStr::from_bytes(word).to_owned(), error)
    }
}

impl Change {
    /// Takes a change from its words, the first of which is the command.
    ///
    /// # Errors
    ///
    /// What is wrong with the words.
    pub fn parse<W: AsRef<[u8]>>(words: &[W]) -> Result<Self, WordsError> {
        let words: Vec<&[u8]> = words.iter().map(AsRef::as_ref).collect();
        Ok(match words.as_slice() {
            [b"add_child", parent, child] => Change::AddChild {
                parent: word(parent)?,
                child: IfName::for_new(child).map_err(|error| WordsError::of_word(child, error))?,
            },
            [b"del_child", child] => Change::DelChild {
                child: word(child)?,
            },
            [b"add_mark", child, mark] => Change::AddMark {
                child: word(child)?,
                mark: word(mark)?,
            },
            [b"del_mark", child, mark] => Change::DelMark {
                child: word(child)?,
                mark: word(mark)?,
            },
            [b"move_mark", from, to, mark] => Change::MoveMark {
                from: word(from)?,
                to: word(to)?,
                mark: word(mark)?,
            },
            [b"add_child", ..] => return Err(WordsError::Count("add_child PARENT CHILD")),
            [b"del_child", ..] => return Err(WordsError::Count("del_child CHILD")),
            [b"add_mark", ..] => return Err(WordsError::Count("add_mark CHILD MARK")),
            [b"del_mark", ..] => return Err(WordsError::Count("del_mark CHILD MARK")),
            [b"move_mark", ..] => return Err(WordsError::Count("move_mark FROM TO MARK")),
            [] => return Err(WordsError::Unknown(OsString::new())),
            [other, ..] => return Err(WordsError::Unknown(OsStr::from_bytes(other).to_owned())),
        })
    }

    /// Builds the request. `netnsid` looks up the number of a namespace.
    ///
    /// # Errors
    ///
    /// Those of `netnsid`.
    pub fn request(
        &self,
        family: u16,
        mut netnsid: impl FnMut(&str) -> Result<i32, Error>,
    ) -> Result<Request, Error> {
        let new = |command| Request::generic(family, command, VERSION);
        let mut place = |request: Request, place: &Place, name, number| {
            let request = request.text(name, &place.name);
            Ok::<_, Error>(match &place.netns {
                Some(netns) => request.i32(number, netnsid(netns)?),
                None => request,
            })
        };
        Ok(match self {
            Change::AddChild { parent, child } => new(command::ADD_CHILD)
                .text(attribute::PARENT_IFNAME, parent)
                .text(attribute::IFNAME, child),
            Change::DelChild { child } => place(
                new(command::DEL_CHILD),
                child,
                attribute::IFNAME,
                attribute::NETNSID,
            )?,
            Change::AddMark { child, mark } | Change::DelMark { child, mark } => {
                let command = match self {
                    Change::AddMark { .. } => command::ADD_MARK,
                    _ => command::DEL_MARK,
                };
                place(new(command), child, attribute::IFNAME, attribute::NETNSID)?
                    .u32(attribute::MARK, mark.get())
            }
            Change::MoveMark { from, to, mark } => {
                let request = place(
                    new(command::MOVE_MARK),
                    from,
                    attribute::FROM_IFNAME,
                    attribute::FROM_NETNSID,
                )?;
                place(request, to, attribute::IFNAME, attribute::NETNSID)?
                    .u32(attribute::MARK, mark.get())
            }
        })
    }

    /// What to do about a refusal, where it does not say so itself.
    pub fn advice(&self, refusal: &Refusal) -> Option<String> {
        match (self, Errno::from_raw(refusal.errno)) {
            (Change::AddMark { child, mark }, Errno::EBUSY) => Some(format!(
                "to take it from its owner: move_mark OWNER {child} {mark}"
            )),
            // The kernel has said whose namespace it is about.
            (_, Errno::EPERM) if refusal.message.is_some() => None,
            (Change::DelChild { .. }, Errno::EPERM) => {
                Some("this takes CAP_NET_ADMIN, try sudo".to_owned())
            }
            (_, Errno::EPERM) => Some(
                "this takes CAP_NET_ADMIN over the network namespace of the parent, try sudo there"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// As it is typed.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::AddChild { parent, child } => write!(f, "add_child {parent} {child}"),
            Change::DelChild { child } => write!(f, "del_child {child}"),
            Change::AddMark { child, mark } => write!(f, "add_mark {child} {mark}"),
            Change::DelMark { child, mark } => write!(f, "del_mark {child} {mark}"),
            Change::MoveMark { from, to, mark } => write!(f, "move_mark {from} {to} {mark}"),
        }
    }
}

fn word<'a, T: TryFrom<&'a [u8], Error = WordError>>(word: &'a [u8]) -> Result<T, WordsError> {
    word.try_into()
        .map_err(|error| WordsError::of_word(word, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        // The words, and how the change they mean is written, or what is wrong with them.
        let table: &[(&[&str], Result<&str, &str>)] = &[
            (
                &["add_child", "net0", "child0"],
                Ok("add_child net0 child0"),
            ),
            (&["del_child", "child0"], Ok("del_child child0")),
            (&["add_mark", "child0", "0x18"], Ok("add_mark child0 24")),
            (&["del_mark", "child0", "24"], Ok("del_mark child0 24")),
            (&["move_mark", "a", "b/c", "1"], Ok("move_mark a b/c 1")),
            (&[], Err("there is no command \"\" here")),
            (
                &["add-child"],
                Err("there is no command \"add-child\" here"),
            ),
            (&["add_child", "net0"], Err("usage: add_child PARENT CHILD")),
            (&["del_child"], Err("usage: del_child CHILD")),
            (&["del_child", "a", "b"], Err("usage: del_child CHILD")),
            (&["add_mark", "a"], Err("usage: add_mark CHILD MARK")),
            (&["del_mark", "1"], Err("usage: del_mark CHILD MARK")),
            (
                &["move_mark", "a", "1"],
                Err("usage: move_mark FROM TO MARK"),
            ),
            (
                &["add_child", "net0", "a/b"],
                Err("\"a/b\": the name of an interface can not contain '/'"),
            ),
            (
                &["add_child", "net0", "\u{7f}"],
                Err("\"\\u{7f}\": the name of an interface can not contain '\\u{7f}'"),
            ),
            (
                &["add_mark", "child0", "x"],
                Err("\"x\": a mark is a decimal number, or a hexadecimal one with 0x"),
            ),
        ];
        for (words, expected) in table {
            let found = Change::parse(words).map(|change| change.to_string());
            let found = found.map_err(|error| error.to_string());
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(found, expected, "{words:?}");
        }
    }

    #[test]
    fn requests() {
        let netnsid = |name: &str| match name {
            "blue" => Ok(3),
            _ => Err(Error::Usage(format!("no namespace {name}"))),
        };
        let new = |command| Request::generic(29, command, 1);
        let table: &[(&[&str], Request)] = &[
            (
                &["add_child", "net0", "child0"],
                new(3).text(5, "net0").text(2, "child0"),
            ),
            (&["del_child", "child0"], new(4).text(2, "child0")),
            (
                &["del_child", "blue/child0"],
                new(4).text(2, "child0").i32(3, 3),
            ),
            (
                &["add_mark", "child0", "24"],
                new(5).text(2, "child0").u32(10, 24),
            ),
            (
                &["del_mark", "child0", "24"],
                new(6).text(2, "child0").u32(10, 24),
            ),
            (
                &["move_mark", "blue/child0", "child1", "24"],
                new(7)
                    .text(8, "child0")
                    .i32(9, 3)
                    .text(2, "child1")
                    .u32(10, 24),
            ),
        ];
        for (words, expected) in table {
            let mut request = Change::parse(words).unwrap().request(29, netnsid).unwrap();
            let mut expected = expected.clone();
            assert_eq!(request.seal(4, 1), expected.seal(4, 1), "{words:?}");
        }
        let bytes = Change::parse(&[&b"del_child"[..], b"a\xff"]).unwrap();
        let mut request = bytes.request(29, netnsid).unwrap();
        let mut expected = new(4).text(2, b"a\xff");
        assert_eq!(request.seal(4, 1), expected.seal(4, 1));
        let unknown = Change::parse(&["del_child", "red/child0"]).unwrap();
        assert!(unknown.request(29, netnsid).is_err());
    }
}
