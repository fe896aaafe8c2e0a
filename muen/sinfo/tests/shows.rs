// SPDX-License-Identifier: GPL-2.0

//! Compares what a value displays with a text, without memory for a string: tests in the kernel
//! have none at hand.

use core::fmt::{
    Display,
    Write, //
};

/// What is left of the text that is expected.
struct Rest<'a>(&'a str);

impl Write for Rest<'_> {
    fn write_str(&mut self, piece: &str) -> core::fmt::Result {
        self.0 = self.0.strip_prefix(piece).ok_or(core::fmt::Error)?;
        Ok(())
    }
}

/// Whether `value` displays exactly as `text`.
pub(crate) fn shows(value: &dyn Display, text: &str) -> bool {
    let mut rest = Rest(text);
    write!(rest, "{value}").is_ok() && rest.0.is_empty()
}
