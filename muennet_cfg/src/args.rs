// SPDX-License-Identifier: GPL-2.0

//! The words of a command: names of interfaces and marks, checked before anything is sent.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::str::FromStr;

use clap::builder::OsStringValueParser;
use clap::builder::TypedValueParser;
use serde::Serialize;

use crate::escape;

/// The size of the name of an interface, with the zero that ends it.
const IFNAMSIZ: usize = 16;

/// The same of an alternative name.
const ALTIFNAMSIZ: usize = 128;

/// What the kernel's `isspace()` takes for a space, by the table of Latin-1, wherever it is.
const LATIN_SPACE: u8 = 0xa0;

/// The name of a network interface; in a request that of one that exists may be an alternative one.
///
/// To the kernel it is bytes, which need not be UTF-8.
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
    /// Takes the name of an interface that exists.
    ///
    /// # Errors
    ///
    /// What is wrong with the name.
    pub fn parse(word: &[u8]) -> Result<Self, ArgError> {
        if word.is_empty() {
            Err(ArgError::EmptyName)
        } else if word.len() >= ALTIFNAMSIZ {
            Err(ArgError::NameTooLong(word.len(), ALTIFNAMSIZ - 1))
        } else if word.contains(&0) {
            // It would end the name.
            Err(ArgError::InvalidCharacter('\0'))
        } else {
            Ok(IfName(word.to_owned()))
        }
    }

    /// Takes the name of an interface to be, by the kernel's rules (`dev_valid_name`).
    ///
    /// # Errors
    ///
    /// What is wrong with the name.
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

/// An interface, and the namespace where it lies if that is not the asker's: `[NETNS/]NAME`.
///
/// The kernel allows no `/` in the name of an interface, so this is unambiguous.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IfSpec {
    /// Name of the namespace, or the number that it has in the asker's.
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
    /// Takes an interface and its namespace.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
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

/// A mark: 1 to 2^32 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Mark(u32);

impl Mark {
    /// Takes a mark.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(word: &[u8]) -> Result<Self, ArgError> {
        std::str::from_utf8(word).map_or(Err(ArgError::InvalidMark), str::parse)
    }

    /// The number of the mark.
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
        // `from_str_radix` would also take a sign.
        if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
            return Err(ArgError::InvalidMark);
        }
        if radix == 10 && digits.len() > 1 && digits.starts_with('0') {
            return Err(ArgError::LeadingZero);
        }
        match u32::from_str_radix(digits, radix) {
            Ok(0) => Err(ArgError::ZeroMark),
            Ok(mark) => Ok(Mark(mark)),
            // All digits are digits, so it is too large.
            Err(_) => Err(ArgError::MarkTooLarge),
        }
    }
}

/// What is wrong with a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgError {
    /// A name without a character.
    EmptyName,
    /// A name of the first number of bytes, where the second is the limit.
    NameTooLong(usize, usize),
    /// `.` or `..`.
    ReservedName,
    /// A name with this character in it.
    InvalidCharacter(char),
    /// A name with the byte 0xa0 in it.
    SpaceByte,
    /// A name with more than one `%d`, or another `%`.
    Percent,
    /// Something else than the name of a namespace before the `/`.
    InvalidNetns,
    /// The name of a namespace that is no UTF-8.
    NetnsNotUtf8,
    /// A mark that is neither decimal nor hexadecimal.
    InvalidMark,
    /// A mark with leading zeros: iptables takes 010 for 8.
    LeadingZero,
    /// Mark 0: that of packets without a mark.
    ZeroMark,
    /// A mark of more than 32 bits.
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

/// Has clap hand a word over as it is: names need not be UTF-8.
pub fn parser<T: Clone + Send + Sync + 'static>(
    parse: fn(&[u8]) -> Result<T, ArgError>,
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
        // The word; as the name of an interface that exists; as that of one to be.
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
