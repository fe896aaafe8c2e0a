// SPDX-License-Identifier: GPL-2.0

//! Escaping of names for terminals. The kernel allows almost every character in interface names,
//! and the root user of a container chooses the names of the interfaces in it. Such a name must not
//! send control sequences to the terminal of the administrator.

use std::fmt;
use std::fmt::Write;

/// Converts a name to text. Escapes each byte that is not valid UTF-8 (`\xff`) and doubles each
/// backslash, so that different names have different texts.
pub fn name(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', r"\\"));
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

/// Converts a name to one word of a file for `sync`: as [`name`], and escapes whitespace, invisible
/// characters, and a `#` at the start, which would start a comment (`\x23`).
pub fn word(bytes: &[u8]) -> String {
    let mut word = String::new();
    for (index, character) in name(bytes).chars().enumerate() {
        let comment = index == 0 && character == '#';
        if comment || character.is_whitespace() || needs_escape(character) {
            let mut buffer = [0; 4];
            let encoded = character.encode_utf8(&mut buffer);
            word.extend(encoded.bytes().map(|byte| format!("\\x{byte:02x}")));
        } else {
            word.push(character);
        }
    }
    word
}

/// Converts a word of [`word`], or a name of [`name`], back to bytes. Returns `None` if an escape
/// is invalid.
pub fn unescape(word: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = word;
    loop {
        rest = match rest {
            [] => return Some(bytes),
            [b'\\', b'\\', rest @ ..] => {
                bytes.push(b'\\');
                rest
            }
            [b'\\', b'x', high, low, rest @ ..] => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                let value = digit(high)? * 16 + digit(low)?;
                bytes.push(u8::try_from(value).ok()?);
                rest
            }
            [b'\\', ..] => return None,
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
        }
    }
}

/// Displays a value with its invisible characters escaped (`\u{1b}`): control characters (also DEL
/// and the C1 set), directional marks, line separators, zero-width spaces and all spaces other than
/// the ASCII space.
pub struct Escaped<T>(pub T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(EscapeWriter(f), "{}", self.0)
    }
}

/// Returns whether a character is invisible or combines with others, by the tables of the standard
/// library.
fn needs_escape(character: char) -> bool {
    // `escape_debug()` also escapes quotes and backslashes, to two characters each. Exclude these.
    character.is_control() || character.escape_debug().count() > 2
}

/// Escapes invisible characters in the text written to it, and passes the text on.
pub struct EscapeWriter<'a, W: ?Sized>(pub &'a mut W);

impl<W: Write + ?Sized> Write for EscapeWriter<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if needs_escape(character) {
                write!(self.0, "{}", character.escape_unicode())?;
            } else {
                self.0.write_char(character)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let table: &[(&[u8], &str)] = &[
            (b"net0", "net0"),
            (b"#1", r"\x231"),
            (b"a#1", "a#1"),
            (b"a b", r"a\x20b"),
            (b"a\\b", r"a\\b"),
            (b"\xff\x1b", r"\xff\x1b"),
            ("\u{e4}\u{85}".as_bytes(), "\u{e4}\\xc2\\x85"),
            (b"", ""),
        ];
        for (bytes, text) in table {
            assert_eq!(word(bytes), *text);
            assert_eq!(unescape(text.as_bytes()).as_deref(), Some(*bytes));
        }
        for invalid in [&b"\\"[..], b"\\x", b"\\x1", b"\\xg0", b"\\n"] {
            assert_eq!(unescape(invalid), None);
        }
    }

    #[test]
    fn names() {
        for (given, expected) in [
            (&b""[..], ""),
            (b"child0", "child0"),
            ("äöü€".as_bytes(), "äöü€"),
            (b"\xff", r"\xff"),
            (br"\xff", r"\\xff"),
            (br"a\b", r"a\\b"),
            (b"a\xe4b\xffc", r"a\xe4b\xffc"),
            (b"\xe2\x82", r"\xe2\x82"),
            (b"\xed\xa0\x80", r"\xed\xa0\x80"),
        ] {
            assert_eq!(name(given), expected, "{given:?}");
        }
    }

    #[test]
    fn hidden_characters() {
        for (given, text) in [
            ("", ""),
            ("child0", "child0"),
            ("a b", "a b"),
            ("äöü€", "äöü€"),
            (r"\u{1b}", r"\u{1b}"),
            ("a\u{1b}[31m", r"a\u{1b}[31m"),
            ("\u{0}\u{7}\n\u{1f} ", r"\u{0}\u{7}\u{a}\u{1f} "),
            ("~\u{7f}", r"~\u{7f}"),
            (
                "\u{80}\u{9b}31m\u{9f}\u{a0}",
                r"\u{80}\u{9b}31m\u{9f}\u{a0}",
            ),
            // A right-to-left override, a zero-width space, a line separator, a tag.
            (
                "a\u{202e}b\u{200b}c\u{2028}d\u{e0041}",
                r"a\u{202e}b\u{200b}c\u{2028}d\u{e0041}",
            ),
            (r#"'"\"#, r#"'"\"#),
        ] {
            assert_eq!(Escaped(given).to_string(), text, "{given:?}");
        }
    }
}
