// SPDX-License-Identifier: GPL-2.0

//! Arguments of commands: interface names and marks. They are validated before a request is sent.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::str::FromStr;

use clap::builder::OsStringValueParser;
use clap::builder::TypedValueParser;
use serde::Serialize;

use crate::escape;

/// Size of an interface name, with the terminating NUL.
const IFNAMSIZ: usize = 16;

/// Size of an alternative interface name, with the terminating NUL.
const ALTIFNAMSIZ: usize = 128;

/// The kernel's `isspace()` uses a Latin-1 table, in which this byte is a space. It does so also
/// within a UTF-8 sequence.
const LATIN_SPACE: u8 = 0xa0;

/// Name of a network interface. For an existing interface it may be an alternative name.
///
/// The kernel treats a name as bytes, which need not be valid UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IfName(Vec<u8>);

impl AsRef<[u8]> for IfName {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&escape::name(&self.0))
    }
}

impl IfName {
    /// Parses the name of a new interface by nothing but the rules of the kernel's
    /// `dev_valid_name()`. `%d` is not allowed.
    ///
    /// # Errors
    ///
    /// The name is invalid.
    pub fn parse_exact(word: &[u8]) -> Result<Self, ArgError> {
        if word.is_empty() {
            return Err(ArgError::EmptyName);
        }
        if word.len() >= IFNAMSIZ {
            return Err(ArgError::NameTooLong(word.len(), IFNAMSIZ - 1));
        }
        if matches!(word, b"." | b"..") {
            return Err(ArgError::ReservedName);
        }
        let invalid = |byte: &&u8| matches!(byte, b'/' | b':' | 0 | b'\t'..=b'\r' | b' ' | b'%');
        match word.iter().find(invalid) {
            Some(byte) => Err(ArgError::InvalidCharacter(char::from(*byte))),
            None if word.contains(&LATIN_SPACE) => Err(ArgError::SpaceByte),
            None => Ok(IfName(word.to_owned())),
        }
    }

    /// Creates the name of an interface that the kernel has reported.
    pub fn of_kernel(bytes: Vec<u8>) -> Self {
        IfName(bytes)
    }

    /// Parses the name of an existing interface.
    ///
    /// # Errors
    ///
    /// The name is invalid.
    pub fn parse(word: &[u8]) -> Result<Self, ArgError> {
        if word.is_empty() {
            Err(ArgError::EmptyName)
        } else if word.len() >= ALTIFNAMSIZ {
            Err(ArgError::NameTooLong(word.len(), ALTIFNAMSIZ - 1))
        } else if word.contains(&0) {
            // A NUL would terminate the name.
            Err(ArgError::InvalidCharacter('\0'))
        } else {
            Ok(IfName(word.to_owned()))
        }
    }

    /// Parses the name of a new interface. Applies the rules of the kernel's `dev_valid_name()`,
    /// and allows no control characters and no spaces of Unicode.
    ///
    /// # Errors
    ///
    /// The name is invalid.
    pub fn parse_new(word: &[u8]) -> Result<Self, ArgError> {
        let text = escape::name(word);
        if word.is_empty() {
            Err(ArgError::EmptyName)
        } else if word.len() >= IFNAMSIZ {
            Err(ArgError::NameTooLong(word.len(), IFNAMSIZ - 1))
        } else if text == "." || text == ".." {
            Err(ArgError::ReservedName)
        } else if let Some(bad) = text
            .chars()
            .find(|c| matches!(c, '/' | ':') || c.is_whitespace() || c.is_control())
        {
            Err(ArgError::InvalidCharacter(bad))
        } else if text.replacen("%d", "", 1).contains('%') {
            Err(ArgError::Percent)
        } else if word.contains(&LATIN_SPACE) {
            Err(ArgError::SpaceByte)
        } else {
            Ok(IfName(word.to_owned()))
        }
    }
}

/// An interface: `[NETNS/]NAME`. Without `NETNS` it is in the current network namespace.
///
/// This is unambiguous, because the kernel does not allow `/` in interface names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IfSpec {
    /// Name of the network namespace, or its ID in the current one.
    pub netns: Option<String>,
    /// Name of the interface.
    pub ifname: IfName,
}

impl fmt::Display for IfSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.netns {
            Some(netns) => write!(f, "{netns}/{}", self.ifname),
            None => self.ifname.fmt(f),
        }
    }
}

impl IfSpec {
    /// Parses `[NETNS/]NAME`.
    ///
    /// # Errors
    ///
    /// The namespace or the name is invalid.
    pub fn parse(word: &[u8]) -> Result<Self, ArgError> {
        let mut parts = word.splitn(2, |byte| *byte == b'/');
        let (netns, ifname) = match (parts.next().unwrap_or_default(), parts.next()) {
            (ifname, None) => (None, ifname),
            (netns, Some(ifname)) => match std::str::from_utf8(netns) {
                Ok("" | "." | "..") => return Err(ArgError::InvalidNetns),
                Ok(netns) => (Some(netns.to_owned()), ifname),
                Err(_) => return Err(ArgError::NetnsNotUtf8),
            },
        };
        Ok(IfSpec {
            netns,
            ifname: IfName::parse(ifname)?,
        })
    }
}

/// A netfilter mark: 1 to 2^32 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Mark(u32);

impl Mark {
    /// Parses a mark, decimal or hexadecimal with `0x`.
    ///
    /// # Errors
    ///
    /// The mark is invalid.
    pub fn parse(word: &[u8]) -> Result<Self, ArgError> {
        std::str::from_utf8(word).map_or(Err(ArgError::InvalidMark), str::parse)
    }

    /// Creates a mark; `None` for 0.
    pub fn new(mark: u32) -> Option<Self> {
        (mark != 0).then_some(Mark(mark))
    }

    /// Returns the mark as a number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Mark {
    type Err = ArgError;

    fn from_str(word: &str) -> Result<Self, ArgError> {
        let (digits, radix) = match word.strip_prefix("0x").or(word.strip_prefix("0X")) {
            Some(digits) => (digits, 16),
            None => (word, 10),
        };
        // `from_str_radix()` also accepts a sign.
        if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
            return Err(ArgError::InvalidMark);
        }
        if radix == 10 && digits.len() > 1 && digits.starts_with('0') {
            return Err(ArgError::LeadingZero);
        }
        match u32::from_str_radix(digits, radix) {
            Ok(0) => Err(ArgError::ZeroMark),
            Ok(mark) => Ok(Mark(mark)),
            // All characters are digits, so the only possible error is an overflow.
            Err(_) => Err(ArgError::MarkTooLarge),
        }
    }
}

/// The reason why an argument is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgError {
    /// Empty interface name.
    EmptyName,
    /// Interface name of this many bytes, and the maximum.
    NameTooLong(usize, usize),
    /// The interface name is `.` or `..`.
    ReservedName,
    /// Interface name with an invalid character.
    InvalidCharacter(char),
    /// Interface name with byte 0xa0.
    SpaceByte,
    /// Interface name with more than one `%d`, or with another `%`.
    Percent,
    /// The part before `/` cannot be the name of a network namespace.
    InvalidNetns,
    /// Network namespace name that is not valid UTF-8.
    NetnsNotUtf8,
    /// Mark that is neither a decimal nor a hexadecimal number.
    InvalidMark,
    /// Decimal mark with leading zeros. iptables reads 010 as 8.
    LeadingZero,
    /// Mark 0, which is the mark of packets without a mark.
    ZeroMark,
    /// Mark of more than 32 bits.
    MarkTooLarge,
}

impl fmt::Display for ArgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArgError::EmptyName => write!(f, "interface name is empty"),
            ArgError::NameTooLong(length, max) => write!(
                f,
                "interface name is too long: {length} bytes, at most {max} bytes allowed"
            ),
            ArgError::ReservedName => write!(f, "not allowed as an interface name"),
            ArgError::InvalidCharacter(character) => {
                write!(f, "invalid character {character:?} in interface name")
            }
            ArgError::SpaceByte => write!(
                f,
                "invalid byte 0xa0 in interface name: the kernel treats it as a space"
            ),
            ArgError::Percent => write!(
                f,
                "invalid % in interface name: only one %d is allowed, for which the kernel \
                 inserts a free number"
            ),
            ArgError::InvalidNetns => write!(f, "invalid network namespace name"),
            ArgError::NetnsNotUtf8 => write!(f, "network namespace name is not valid UTF-8"),
            ArgError::InvalidMark => write!(
                f,
                "not a mark: expected a decimal number, or a hexadecimal number with 0x"
            ),
            ArgError::LeadingZero => write!(
                f,
                "leading zeros are not allowed in a decimal mark: iptables reads it as octal"
            ),
            ArgError::ZeroMark => write!(f, "mark 0 means no mark; marks are 1 to {}", u32::MAX),
            ArgError::MarkTooLarge => write!(
                f,
                "mark is too large: the maximum is {} (0xffffffff)",
                u32::MAX
            ),
        }
    }
}

impl std::error::Error for ArgError {}

/// Returns a clap parser that passes the argument as bytes. Names need not be valid UTF-8.
pub fn parser<T: Clone + Send + Sync + 'static, E: std::error::Error + Send + Sync + 'static>(
    parse: fn(&[u8]) -> Result<T, E>,
) -> impl TypedValueParser<Value = T> {
    OsStringValueParser::new().try_map(move |word| parse(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks() {
        let table: &[(&str, Result<u32, ArgError>)] = &[
            ("1", Ok(1)),
            ("24", Ok(24)),
            ("0x18", Ok(24)),
            ("0X18", Ok(24)),
            ("0x0018", Ok(24)),
            ("4294967295", Ok(u32::MAX)),
            ("0xffffffff", Ok(u32::MAX)),
            ("0xFFFFFFFF", Ok(u32::MAX)),
            ("0", Err(ArgError::ZeroMark)),
            ("0x0", Err(ArgError::ZeroMark)),
            ("00", Err(ArgError::LeadingZero)),
            ("010", Err(ArgError::LeadingZero)),
            ("4294967296", Err(ArgError::MarkTooLarge)),
            ("0x100000000", Err(ArgError::MarkTooLarge)),
            ("99999999999999999999999", Err(ArgError::MarkTooLarge)),
            ("", Err(ArgError::InvalidMark)),
            ("0x", Err(ArgError::InvalidMark)),
            ("+1", Err(ArgError::InvalidMark)),
            ("-1", Err(ArgError::InvalidMark)),
            ("0x+1", Err(ArgError::InvalidMark)),
            ("1f", Err(ArgError::InvalidMark)),
            ("0x1g", Err(ArgError::InvalidMark)),
            ("1 ", Err(ArgError::InvalidMark)),
            ("24/0xff", Err(ArgError::InvalidMark)),
        ];
        for (word, expected) in table {
            assert_eq!(word.parse::<Mark>().map(Mark::get), *expected, "{word:?}");
        }
    }

    #[test]
    fn names() {
        type Expected = Result<(), ArgError>;
        // Argument, result as the name of an existing interface, result as the name of a new one.
        let table: &[(&[u8], Expected, Expected)] = &[
            (b"net0", Ok(()), Ok(())),
            (b"a", Ok(()), Ok(())),
            (b"abcdefghijklmno", Ok(()), Ok(())),
            (b"child%d", Ok(()), Ok(())),
            (b"a.b", Ok(()), Ok(())),
            (b"...", Ok(()), Ok(())),
            (b"#1", Ok(()), Ok(())),
            (b"", Err(ArgError::EmptyName), Err(ArgError::EmptyName)),
            (
                b"abcdefghijklmnop",
                Ok(()),
                Err(ArgError::NameTooLong(16, 15)),
            ),
            (
                "äöüäöüäö".as_bytes(),
                Ok(()),
                Err(ArgError::NameTooLong(16, 15)),
            ),
            (&[b'x'; 127], Ok(()), Err(ArgError::NameTooLong(127, 15))),
            (
                &[b'x'; 128],
                Err(ArgError::NameTooLong(128, 127)),
                Err(ArgError::NameTooLong(128, 15)),
            ),
            (b"child%s", Ok(()), Err(ArgError::Percent)),
            (b"%d%d", Ok(()), Err(ArgError::Percent)),
            (b"100%", Ok(()), Err(ArgError::Percent)),
            (b".", Ok(()), Err(ArgError::ReservedName)),
            (b"..", Ok(()), Err(ArgError::ReservedName)),
            (b"a/b", Ok(()), Err(ArgError::InvalidCharacter('/'))),
            (b"a:b", Ok(()), Err(ArgError::InvalidCharacter(':'))),
            (b"a b", Ok(()), Err(ArgError::InvalidCharacter(' '))),
            (b"a\tb", Ok(()), Err(ArgError::InvalidCharacter('\t'))),
            (
                b"a\0b",
                Err(ArgError::InvalidCharacter('\0')),
                Err(ArgError::InvalidCharacter('\0')),
            ),
            (b"a\xff", Ok(()), Ok(())),
            ("à".as_bytes(), Ok(()), Err(ArgError::SpaceByte)),
            (b"a\xa0b", Ok(()), Err(ArgError::SpaceByte)),
            (b"\xff \xff", Ok(()), Err(ArgError::InvalidCharacter(' '))),
        ];
        for (word, existing, new) in table {
            assert_eq!(IfName::parse(word).map(|_| ()), *existing, "{word:?}");
            assert_eq!(IfName::parse_new(word).map(|_| ()), *new, "{word:?}");
            // What a new name may be is exact, except for a pattern.
            if new.is_ok() && !word.contains(&b'%') {
                assert!(IfName::parse_exact(word).is_ok(), "{word:?}");
            }
        }
        for word in [&b"a\x1b"[..], "a\u{2003}".as_bytes(), b"\x7f", b"\x85"] {
            assert!(IfName::parse_exact(word).is_ok(), "{word:?}");
        }
        for word in [
            &b""[..],
            b".",
            b"..",
            b"%d",
            b"a\n",
            b"a\0",
            b"a\xa0",
            &[b'x'; 16],
        ] {
            assert!(IfName::parse_exact(word).is_err(), "{word:?}");
        }
    }

    #[test]
    fn specs() {
        type Expected = Result<(Option<&'static str>, &'static [u8]), ArgError>;
        let table: &[(&[u8], Expected)] = &[
            (b"child0", Ok((None, b"child0"))),
            (b"blue/child0", Ok((Some("blue"), b"child0"))),
            (b"3/child0", Ok((Some("3"), b"child0"))),
            (b"/child0", Err(ArgError::InvalidNetns)),
            (b"../child0", Err(ArgError::InvalidNetns)),
            (b"./child0", Err(ArgError::InvalidNetns)),
            (b"blue/", Err(ArgError::EmptyName)),
            (b"", Err(ArgError::EmptyName)),
            (b"blue/\xff", Ok((Some("blue"), b"\xff"))),
            (b"\xff/child0", Err(ArgError::NetnsNotUtf8)),
        ];
        for (word, expected) in table {
            let spec = IfSpec::parse(word);
            let spec = spec
                .as_ref()
                .map(|s| (s.netns.as_deref(), s.ifname.as_ref()));
            assert_eq!(spec, expected.as_ref().map(|e| *e), "{word:?}");
        }
    }
}
