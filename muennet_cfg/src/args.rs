// SPDX-License-Identifier: GPL-2.0

//! The words of a command: names of interfaces and marks, checked before anything is sent.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::str::FromStr;

use clap::builder::OsStringValueParser;
use clap::builder::TypedValueParser;
use serde::Serialize;

use crate::escape;

/// The longest name of an interface, in bytes: `IFNAMSIZ` - 1.
const LONGEST_NAME: usize = 15;

/// The longest alternative name of an interface, in bytes: `ALTIFNAMSIZ` - 1.
const LONGEST_ALTERNATIVE: usize = 127;

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

impl TryFrom<&[u8]> for IfName {
    type Error = WordError;

    /// Takes the name of an interface that exists.
    fn try_from(word: &[u8]) -> Result<Self, WordError> {
        if word.is_empty() {
            Err(WordError::EmptyName)
        } else if word.len() > LONGEST_ALTERNATIVE {
            Err(WordError::LongName(word.len(), LONGEST_ALTERNATIVE))
        } else if word.contains(&0) {
            // It would end the name.
            Err(WordError::Character('\0'))
        } else {
            Ok(IfName(word.to_owned()))
        }
    }
}

impl IfName {
    /// Takes the name of an interface to be, by the kernel's rules (`dev_valid_name`).
    ///
    /// # Errors
    ///
    /// What is wrong with the name.
    pub fn for_new(word: &[u8]) -> Result<Self, WordError> {
        let text = escape::name(word);
        if word.is_empty() {
            Err(WordError::EmptyName)
        } else if word.len() > LONGEST_NAME {
            Err(WordError::LongName(word.len(), LONGEST_NAME))
        } else if text == "." || text == ".." {
            Err(WordError::Dots)
        } else if let Some(bad) = text
            .chars()
            .find(|c| matches!(c, '/' | ':') || c.is_whitespace() || c.is_control())
        {
            Err(WordError::Character(bad))
        } else if text.replacen("%d", "", 1).contains('%') {
            Err(WordError::Percent)
        } else if word.contains(&LATIN_SPACE) {
            Err(WordError::Space)
        } else {
            Ok(IfName(word.to_owned()))
        }
    }
}

/// An interface, and the namespace where it lies if that is not the asker's: `[NETNS/]NAME`.
///
/// The kernel allows no `/` in the name of an interface, so this is unambiguous.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Name of the namespace, or the number that it has in the asker's.
    pub netns: Option<String>,
    /// Name of the interface.
    pub name: IfName,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.netns {
            Some(netns) => write!(f, "{netns}/{}", self.name),
            None => self.name.fmt(f),
        }
    }
}

impl TryFrom<&[u8]> for Place {
    type Error = WordError;

    fn try_from(word: &[u8]) -> Result<Self, WordError> {
        let mut parts = word.splitn(2, |byte| *byte == b'/');
        let (netns, name) = match (parts.next().unwrap_or_default(), parts.next()) {
            (name, None) => (None, name),
            (netns, Some(name)) => match std::str::from_utf8(netns) {
                Ok("" | "." | "..") => return Err(WordError::Namespace),
                Ok(netns) => (Some(netns.to_owned()), name),
                Err(_) => return Err(WordError::NamespaceBytes),
            },
        };
        Ok(Place {
            netns,
            name: name.try_into()?,
        })
    }
}

/// A mark: 1 to 2^32 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Mark(u32);

impl Mark {
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

impl TryFrom<&[u8]> for Mark {
    type Error = WordError;

    fn try_from(word: &[u8]) -> Result<Self, WordError> {
        std::str::from_utf8(word).map_or(Err(WordError::NotANumber), str::parse)
    }
}

impl FromStr for Mark {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        let (digits, radix) = match word.strip_prefix("0x").or(word.strip_prefix("0X")) {
            Some(digits) => (digits, 16),
            None => (word, 10),
        };
        // `from_str_radix` would also take a sign.
        if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
            return Err(WordError::NotANumber);
        }
        if radix == 10 && digits.len() > 1 && digits.starts_with('0') {
            return Err(WordError::Octal);
        }
        match u32::from_str_radix(digits, radix) {
            Ok(0) => Err(WordError::MarkZero),
            Ok(mark) => Ok(Mark(mark)),
            // All digits are digits, so it is too large.
            Err(_) => Err(WordError::LargeMark),
        }
    }
}

/// What is wrong with a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordError {
    /// A name without a character.
    EmptyName,
    /// A name of the first number of bytes, where the second is the limit.
    LongName(usize, usize),
    /// `.` or `..`.
    Dots,
    /// A name with this character in it.
    Character(char),
    /// A name with the byte 0xa0 in it.
    Space,
    /// A name with more than one `%d`, or another `%`.
    Percent,
    /// Something else than the name of a namespace before the `/`.
    Namespace,
    /// The name of a namespace that is no UTF-8.
    NamespaceBytes,
    /// A mark that is neither decimal nor hexadecimal.
    NotANumber,
    /// A mark with leading zeros: iptables takes 010 for 8.
    Octal,
    /// Mark 0: that of packets without a mark.
    MarkZero,
    /// A mark of more than 32 bits.
    LargeMark,
}

impl fmt::Display for WordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WordError::EmptyName => write!(f, "the name of an interface is empty"),
            WordError::LongName(bytes, most) => write!(
                f,
                "the name of an interface has at most {most} bytes here, this one has {bytes}"
            ),
            WordError::Dots => write!(f, "no interface can have this name"),
            WordError::Character(bad) => {
                write!(f, "the name of an interface can not contain {bad:?}")
            }
            WordError::Space => write!(
                f,
                "the name of an interface can not contain the byte 0xa0, a space to the kernel"
            ),
            WordError::Percent => write!(
                f,
                "in the name of an interface % stands only in one %d, for which the kernel takes \
                 a free number"
            ),
            WordError::Namespace => write!(f, "no namespace can have this name"),
            WordError::NamespaceBytes => {
                write!(f, "the name of a namespace has to be UTF-8 here")
            }
            WordError::NotANumber => {
                write!(
                    f,
                    "a mark is a decimal number, or a hexadecimal one with 0x"
                )
            }
            WordError::Octal => write!(
                f,
                "a decimal mark has no leading zeros (iptables takes such a number for octal)"
            ),
            WordError::MarkZero => write!(
                f,
                "mark 0 belongs to packets without a mark; marks are 1 to {}",
                u32::MAX
            ),
            WordError::LargeMark => write!(f, "the largest mark is {} (0xffffffff)", u32::MAX),
        }
    }
}

impl std::error::Error for WordError {}

/// Has clap hand a word over as it is: names need not be UTF-8.
pub fn bytes<T: Clone + Send + Sync + 'static>(
    parse: fn(&[u8]) -> Result<T, WordError>,
) -> impl TypedValueParser<Value = T> {
    OsStringValueParser::new().try_map(move |word| parse(word.as_bytes()))
}

/// The name of an interface that exists.
pub fn existing(word: &[u8]) -> Result<IfName, WordError> {
    word.try_into()
}

/// An interface and its namespace.
pub fn place(word: &[u8]) -> Result<Place, WordError> {
    word.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks() {
        let table: &[(&str, Result<u32, WordError>)] = &[
            ("1", Ok(1)),
            ("24", Ok(24)),
            ("0x18", Ok(24)),
            ("0X18", Ok(24)),
            ("0x0018", Ok(24)),
            ("4294967295", Ok(u32::MAX)),
            ("0xffffffff", Ok(u32::MAX)),
            ("0xFFFFFFFF", Ok(u32::MAX)),
            ("0", Err(WordError::MarkZero)),
            ("0x0", Err(WordError::MarkZero)),
            ("00", Err(WordError::Octal)),
            ("010", Err(WordError::Octal)),
            ("4294967296", Err(WordError::LargeMark)),
            ("0x100000000", Err(WordError::LargeMark)),
            ("99999999999999999999999", Err(WordError::LargeMark)),
            ("", Err(WordError::NotANumber)),
            ("0x", Err(WordError::NotANumber)),
            ("+1", Err(WordError::NotANumber)),
            ("-1", Err(WordError::NotANumber)),
            ("0x+1", Err(WordError::NotANumber)),
            ("1f", Err(WordError::NotANumber)),
            ("0x1g", Err(WordError::NotANumber)),
            ("1 ", Err(WordError::NotANumber)),
            ("24/0xff", Err(WordError::NotANumber)),
        ];
        for (word, expected) in table {
            assert_eq!(word.parse::<Mark>().map(Mark::get), *expected, "{word:?}");
        }
    }

    #[test]
    fn names() {
        type Expected = Result<(), WordError>;
        // The word; as the name of an interface that exists; as that of one to be.
        let table: &[(&[u8], Expected, Expected)] = &[
            (b"net0", Ok(()), Ok(())),
            (b"a", Ok(()), Ok(())),
            (b"abcdefghijklmno", Ok(()), Ok(())),
            (b"child%d", Ok(()), Ok(())),
            (b"a.b", Ok(()), Ok(())),
            (b"...", Ok(()), Ok(())),
            (b"#1", Ok(()), Ok(())),
            (b"", Err(WordError::EmptyName), Err(WordError::EmptyName)),
            (
                b"abcdefghijklmnop",
                Ok(()),
                Err(WordError::LongName(16, 15)),
            ),
            (
                "äöüäöüäö".as_bytes(),
                Ok(()),
                Err(WordError::LongName(16, 15)),
            ),
            (&[b'x'; 127], Ok(()), Err(WordError::LongName(127, 15))),
            (
                &[b'x'; 128],
                Err(WordError::LongName(128, 127)),
                Err(WordError::LongName(128, 15)),
            ),
            (b"child%s", Ok(()), Err(WordError::Percent)),
            (b"%d%d", Ok(()), Err(WordError::Percent)),
            (b"100%", Ok(()), Err(WordError::Percent)),
            (b".", Ok(()), Err(WordError::Dots)),
            (b"..", Ok(()), Err(WordError::Dots)),
            (b"a/b", Ok(()), Err(WordError::Character('/'))),
            (b"a:b", Ok(()), Err(WordError::Character(':'))),
            (b"a b", Ok(()), Err(WordError::Character(' '))),
            (b"a\tb", Ok(()), Err(WordError::Character('\t'))),
            (
                b"a\0b",
                Err(WordError::Character('\0')),
                Err(WordError::Character('\0')),
            ),
            (b"a\xff", Ok(()), Ok(())),
            ("à".as_bytes(), Ok(()), Err(WordError::Space)),
            (b"a\xa0b", Ok(()), Err(WordError::Space)),
            (b"\xff \xff", Ok(()), Err(WordError::Character(' '))),
        ];
        for (word, existing, new) in table {
            assert_eq!(IfName::try_from(*word).map(|_| ()), *existing, "{word:?}");
            assert_eq!(IfName::for_new(word).map(|_| ()), *new, "{word:?}");
        }
    }

    #[test]
    fn places() {
        type Expected = Result<(Option<&'static str>, &'static [u8]), WordError>;
        let table: &[(&[u8], Expected)] = &[
            (b"child0", Ok((None, b"child0"))),
            (b"blue/child0", Ok((Some("blue"), b"child0"))),
            (b"3/child0", Ok((Some("3"), b"child0"))),
            (b"/child0", Err(WordError::Namespace)),
            (b"../child0", Err(WordError::Namespace)),
            (b"./child0", Err(WordError::Namespace)),
            (b"blue/", Err(WordError::EmptyName)),
            (b"", Err(WordError::EmptyName)),
            (b"blue/\xff", Ok((Some("blue"), b"\xff"))),
            (b"\xff/child0", Err(WordError::NamespaceBytes)),
        ];
        for (word, expected) in table {
            let place = Place::try_from(*word);
            let place = place
                .as_ref()
                .map(|p| (p.netns.as_deref(), p.name.as_ref()));
            assert_eq!(place, expected.as_ref().map(|e| *e), "{word:?}");
        }
    }
}
