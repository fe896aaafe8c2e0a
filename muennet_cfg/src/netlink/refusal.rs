// SPDX-License-Identifier: GPL-2.0

//! Why the kernel refused a request: the error number and the extended acknowledgement.

use std::fmt;

use nix::errno::Errno;

use super::Attributes;
use super::Malformed;

/// `enum nlmsgerr_attrs`: the message.
pub const NLMSGERR_ATTR_MSG: u16 = 1;
/// `enum nlmsgerr_attrs`: offset of the offending attribute in the request.
pub const NLMSGERR_ATTR_OFFS: u16 = 2;
/// `enum nlmsgerr_attrs`: kind of the attribute that is missing.
pub const NLMSGERR_ATTR_MISS_TYPE: u16 = 5;

/// A refusal, as the kernel tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The error number, positive.
    pub errno: i32,
    /// What the kernel says about it.
    pub message: Option<String>,
    /// Where in the request the offending attribute is, in bytes from its start.
    pub offset: Option<u32>,
    /// Kind of the attribute that the request lacks.
    pub missing: Option<u32>,
}

impl Refusal {
    /// Takes the error number and the attributes of an extended acknowledgement.
    ///
    /// # Errors
    ///
    /// The attributes are malformed.
    pub fn parse(errno: i32, attributes: Attributes<'_>) -> Result<Self, Malformed> {
        let mut refusal = Refusal {
            errno,
            ..Default::default()
        };
        for attribute in attributes.iter() {
            let (kind, value) = attribute?;
            match kind {
                NLMSGERR_ATTR_MSG => refusal.message = Some(value.text()),
                NLMSGERR_ATTR_OFFS => refusal.offset = Some(value.u32()?),
                NLMSGERR_ATTR_MISS_TYPE => refusal.missing = Some(value.u32()?),
                // The policy that was broken, a cookie: not for people.
                _ => {}
            }
        }
        Ok(refusal)
    }

    /// The error number by its name, `EPERM`.
    pub fn errno_name(&self) -> String {
        match Errno::from_raw(self.errno) {
            Errno::UnknownErrno => format!("error {}", self.errno),
            errno => format!("{errno:?}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match &self.message {
            Some(message) => message.trim_end_matches(['.', '\n']),
            None => Errno::from_raw(self.errno).desc(),
        };
        write!(f, "{text} ({})", self.errno_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (errno, message, text) in [
            (1, None, "Operation not permitted (EPERM)"),
            (
                17,
                Some("mark 24 is child1's"),
                "mark 24 is child1's (EEXIST)",
            ),
            (17, Some("ends with a dot."), "ends with a dot (EEXIST)"),
            (4095, Some("odd"), "odd (error 4095)"),
        ] {
            let refusal = Refusal {
                errno,
                message: message.map(str::to_owned),
                ..Default::default()
            };
            assert_eq!(refusal.to_string(), text);
        }
    }
}
