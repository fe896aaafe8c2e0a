// SPDX-License-Identifier: GPL-2.0

//! Errors, their messages and their exit status.

use std::fmt;
use std::fmt::Write;
use std::io;

use crate::escape::EscapeWriter;
use crate::netlink::Extack;
use crate::netlink::NetlinkError;
use crate::netlink::Request;
use crate::uapi::attribute;
use crate::uapi::name_of;

/// Exit status: the kernel rejected the command, or another error occurred.
pub const EXIT_FAILED: u8 = 1;
/// Exit status: invalid command line.
pub const EXIT_USAGE: u8 = 2;
/// Exit status: the module is not loaded.
pub const EXIT_NOT_LOADED: u8 = 3;

/// The reason why a command failed.
#[derive(Debug)]
pub enum Error {
    /// The netlink family does not exist in the kernel.
    NotLoaded,
    /// Invalid command line, or invalid line in a batch.
    Usage(String),
    /// The kernel rejected the command.
    Rejected {
        /// The command as the user types it, or the object that the error is about.
        what: String,
        /// Reason that the kernel gives.
        reason: String,
        /// Hint on how to avoid the error.
        hint: Option<String>,
    },
    /// The communication with the kernel failed.
    Netlink(NetlinkError),
    /// Another system call failed.
    Io {
        /// File or object that the error is about.
        what: String,
        /// The error.
        error: io::Error,
    },
    /// A line of a batch failed.
    Line {
        /// File name and line number.
        location: String,
        /// The error of the line.
        error: Box<Error>,
    },
    /// This many lines of a batch failed, which continued after errors.
    BatchFailed(usize),
}

impl Error {
    /// Returns the exit status for this error.
    pub fn exit_status(&self) -> u8 {
        match self {
            Error::NotLoaded => EXIT_NOT_LOADED,
            Error::Usage(_) => EXIT_USAGE,
            Error::Line { error, .. } => error.exit_status(),
            Error::Rejected { .. }
            | Error::Netlink(_)
            | Error::Io { .. }
            | Error::BatchFailed(_) => EXIT_FAILED,
        }
    }

    /// Creates the error for a request that the kernel rejected.
    pub fn rejected(
        what: String,
        request: &Request,
        extack: &Extack,
        hint: Option<String>,
    ) -> Self {
        Error::Rejected {
            what,
            reason: describe(request, extack),
            hint,
        }
    }

    /// Creates the error for a system call that failed.
    pub fn io(what: impl Into<String>, error: impl Into<io::Error>) -> Self {
        Error::Io {
            what: what.into(),
            error: error.into(),
        }
    }
}

/// Formats the reason of a rejection. Names the missing attribute, and the invalid one if the
/// kernel gives no message.
fn describe(request: &Request, extack: &Extack) -> String {
    let invalid = extack
        .offset
        .and_then(|offset| request.attribute_at(offset));
    let missing = extack
        .missing_type
        .and_then(|kind| u16::try_from(kind).ok());
    let name = |kind| name_of(attribute::ALL, kind);
    match (missing.and_then(name), invalid.and_then(name)) {
        (Some(name), _) => format!("{extack}: attribute {name} is missing"),
        (None, Some(name)) if extack.message.is_none() => {
            format!("{extack}: attribute {name} is invalid")
        }
        _ => extack.to_string(),
    }
}

/// Formats the error as one line for a terminal. Escapes it, because names of interfaces are in it,
/// and in messages of the kernel.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut EscapeWriter(f);
        match self {
            Error::NotLoaded => write!(f, "module muennet: not loaded; try: modprobe muennet"),
            Error::Usage(text) => f.write_str(text),
            Error::Rejected { what, reason, hint } => {
                write!(f, "{what}: {reason}")?;
                match hint {
                    Some(hint) => write!(f, "; {hint}"),
                    None => Ok(()),
                }
            }
            Error::Netlink(error) => write!(f, "{error}"),
            Error::Io { what, error } => write!(f, "{what}: {error}"),
            Error::Line { location, error } => write!(f, "{location}: {error}"),
            Error::BatchFailed(1) => write!(f, "1 command failed"),
            Error::BatchFailed(count) => write!(f, "{count} commands failed"),
        }
    }
}

impl std::error::Error for Error {}

impl From<NetlinkError> for Error {
    fn from(error: NetlinkError) -> Self {
        Error::Netlink(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Malformed;

    #[test]
    fn status_and_text() {
        let rejected = || Error::Rejected {
            what: "add_mark child0 24".into(),
            reason: "mark 24 is owned (EEXIST)".into(),
            hint: None,
        };
        let line = |error| Error::Line {
            location: "marks:3".into(),
            error: Box::new(error),
        };
        let table = [
            (
                Error::NotLoaded,
                3,
                "module muennet: not loaded; try: modprobe muennet",
            ),
            (Error::Usage("no".into()), 2, "no"),
            (
                rejected(),
                1,
                "add_mark child0 24: mark 24 is owned (EEXIST)",
            ),
            (
                Error::Rejected {
                    what: "add_mark a\u{7f} 24".into(),
                    reason: "mark 24 is owned by a\u{1b}[31m (EBUSY)".into(),
                    hint: Some("move_mark a\u{7f}".into()),
                },
                1,
                r"add_mark a\u{7f} 24: mark 24 is owned by a\u{1b}[31m (EBUSY); move_mark a\u{7f}",
            ),
            (
                Error::Rejected {
                    what: "del_child x".into(),
                    reason: "Operation not permitted (EPERM)".into(),
                    hint: Some("try sudo".into()),
                },
                1,
                "del_child x: Operation not permitted (EPERM); try sudo",
            ),
            (
                line(rejected()),
                1,
                "marks:3: add_mark child0 24: mark 24 is owned (EEXIST)",
            ),
            (line(Error::Usage("no".into())), 2, "marks:3: no"),
            (
                line(Error::Usage("a\u{9b}\n".into())),
                2,
                r"marks:3: a\u{9b}\u{a}",
            ),
            (Error::BatchFailed(1), 1, "1 command failed"),
            (Error::BatchFailed(2), 1, "2 commands failed"),
            (
                Error::Netlink(NetlinkError::Malformed(Malformed("x".into()))),
                1,
                "malformed netlink message: x",
            ),
        ];
        for (error, status, text) in table {
            assert_eq!(error.to_string(), text);
            assert_eq!(error.exit_status(), status, "{text}");
        }
    }
}
