// SPDX-License-Identifier: GPL-2.0

//! Text for a terminal. The kernel allows nearly every character in the name of an interface, and
//! whoever rules a container names those in it: what he puts there must not reach the terminal of
//! who looks, as a sequence that the terminal obeys.

use std::fmt;
use std::fmt::Write;

/// A name as text, each byte that is no UTF-8 as an escape (`\xff`) and each backslash as two: so
/// two names that differ do not look alike.
pub fn name(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', r"\\"));
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

/// Displays what it holds with characters as escapes (`\u{1b}`) that are not to be seen, or change
/// what is: controls (also DEL and those of C1), marks of direction, separators of lines, spaces of
/// other kinds and none.
pub struct Escaped<T>(pub T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(EscapeWriter(f), "{}", self.0)
    }
}

/// Whether a character is not printed as itself alone, by the tables of the standard library.
fn needs_escape(character: char) -> bool {
    // Of quotes and backslashes, which that also escapes, two characters are made.
    character.is_control() || character.escape_debug().count() > 2
}

/// What is written to it goes on, with hidden characters as escapes.
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
            // A right-to-left override, a space of no width, a separator of lines, a tag.
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
