// SPDX-License-Identifier: GPL-2.0

//! What can go wrong, how it is said, and the exit status that tells it.

use std::fmt;
use std::fmt::Write;
use std::io;

use crate::escape::Escaping;
use crate::netlink::Failure;
use crate::netlink::Refusal;
use crate::netlink::Request;
use crate::uapi::attribute;
use crate::uapi::name_of;

/// Exit status: refused, or failed in any other way than those below.
pub const STATUS_FAILED: u8 = 1;
/// Exit status: called in a way that makes no sense.
pub const STATUS_USAGE: u8 = 2;
/// Exit status: the module is not loaded.
pub const STATUS_NOT_LOADED: u8 = 3;

/// Why a command did not do what it should.
#[derive(Debug)]
pub enum Error {
    /// The kernel does not know the family.
    NotLoaded,
    /// What the user wrote makes no sense.
    Usage(String),
    /// The kernel said no.
    Refused {
        /// What was asked for, as it is typed.
        what: String,
        /// What the kernel says.
        refusal: String,
        /// What to do about it.
        advice: Option<String>,
    },
    /// The conversation with the kernel failed.
    Netlink(Failure),
    /// Something else that the system refused.
    System {
        /// What was tried.
        what: String,
        /// What came of it.
        error: io::Error,
    },
    /// A line of a batch.
    Line {
        /// File and number of the line.
        place: String,
        /// What is wrong with it.
        error: Box<Error>,
    },
    /// This many lines of a batch that went on.
    Lines(usize),
}

impl Error {
    /// The exit status that tells this error.
    pub fn status(&self) -> u8 {
        match self {
            Error::NotLoaded => STATUS_NOT_LOADED,
            Error::Usage(_) => STATUS_USAGE,
            Error::Line { error, .. } => error.status(),
            Error::Refused { .. } | Error::Netlink(_) | Error::System { .. } | Error::Lines(_) => {
                STATUS_FAILED
            }
        }
    }

    /// Says what the kernel refused.
    pub fn refused(
        what: String,
        request: &Request,
        refusal: &Refusal,
        advice: Option<String>,
    ) -> Self {
        Error::Refused {
            what,
            refusal: describe(request, refusal),
            advice,
        }
    }

    /// Says what the system refused.
    pub fn system(what: impl Into<String>, error: impl Into<io::Error>) -> Self {
        Error::System {
            what: what.into(),
            error: error.into(),
        }
    }
}

/// The refusal; where the kernel has no words for it, also what in the request it is about.
fn describe(request: &Request, refusal: &Refusal) -> String {
    let wrong = refusal
        .offset
        .and_then(|offset| request.attribute_at(offset));
    let missing = refusal.missing.and_then(|kind| u16::try_from(kind).ok());
    let named = |kind| name_of(attribute::ALL, kind);
    match (missing.and_then(named), wrong.and_then(named)) {
        (Some(name), _) => format!("{refusal}: {name} is missing"),
        (None, Some(name)) if refusal.message.is_none() => format!("{refusal}: {name} is wrong"),
        _ => refusal.to_string(),
    }
}

/// A line for a terminal: names of others are in it, also in what the kernel says.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut Escaping(f);
        match self {
            Error::NotLoaded => write!(
                f,
                "the kernel does not know muennet, its module is not loaded; try: modprobe muennet"
            ),
            Error::Usage(text) => f.write_str(text),
            Error::Refused {
                what,
                refusal,
                advice,
            } => {
                write!(f, "{what}: {refusal}")?;
                match advice {
                    Some(advice) => write!(f, "; {advice}"),
                    None => Ok(()),
                }
            }
            Error::Netlink(failure) => write!(f, "{failure}"),
            Error::System { what, error } => write!(f, "{what}: {error}"),
            Error::Line { place, error } => write!(f, "{place}: {error}"),
            Error::Lines(1) => write!(f, "one command failed"),
            Error::Lines(count) => write!(f, "{count} commands failed"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Error::Netlink(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Malformed;

    #[test]
    fn status_and_text() {
        let refused = || Error::Refused {
            what: "add_mark child0 24".into(),
            refusal: "mark 24 is owned (EEXIST)".into(),
            advice: None,
        };
        let line = |error| Error::Line {
            place: "marks:3".into(),
            error: Box::new(error),
        };
        let table = [
            (
                Error::NotLoaded,
                3,
                "the kernel does not know muennet, its module is not loaded; try: modprobe muennet",
            ),
            (Error::Usage("no".into()), 2, "no"),
            (
                refused(),
                1,
                "add_mark child0 24: mark 24 is owned (EEXIST)",
            ),
            (
                Error::Refused {
                    what: "add_mark a\u{7f} 24".into(),
                    refusal: "mark 24 is owned by a\u{1b}[31m (EBUSY)".into(),
                    advice: Some("move_mark a\u{7f}".into()),
                },
                1,
                r"add_mark a\u{7f} 24: mark 24 is owned by a\u{1b}[31m (EBUSY); move_mark a\u{7f}",
            ),
            (
                Error::Refused {
                    what: "del_child x".into(),
                    refusal: "Operation not permitted (EPERM)".into(),
                    advice: Some("try sudo".into()),
                },
                1,
                "del_child x: Operation not permitted (EPERM); try sudo",
            ),
            (
                line(refused()),
                1,
                "marks:3: add_mark child0 24: mark 24 is owned (EEXIST)",
            ),
            (line(Error::Usage("no".into())), 2, "marks:3: no"),
            (
                line(Error::Usage("a\u{9b}\n".into())),
                2,
                r"marks:3: a\u{9b}\u{a}",
            ),
            (Error::Lines(1), 1, "one command failed"),
            (Error::Lines(2), 1, "2 commands failed"),
            (
                Error::Netlink(Failure::Malformed(Malformed("x".into()))),
                1,
                "the kernel's answer is malformed: x",
            ),
        ];
        for (error, status, text) in table {
            assert_eq!(error.to_string(), text);
            assert_eq!(error.status(), status, "{text}");
        }
    }
}
