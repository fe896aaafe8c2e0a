// SPDX-License-Identifier: GPL-2.0

//! Numbers in parameters.

/// Why a word is not the number that it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberError {
    /// It has no digits, or something that is no digit: a sign or a space for example.
    NoNumber,
    /// It is a number, but one that does not fit.
    TooLarge,
}

/// Reads a number of decimal digits.
pub(super) fn decimal(word: &[u8]) -> Result<u64, NumberError> {
    digits(word, 10)
}

/// Reads a number of hexadecimal digits, with or without `0x` before them.
pub(super) fn hexadecimal(word: &[u8]) -> Result<u64, NumberError> {
    let word = word
        .strip_prefix(b"0x")
        .or_else(|| word.strip_prefix(b"0X"))
        .unwrap_or(word);
    digits(word, 16)
}

fn digits(word: &[u8], base: u32) -> Result<u64, NumberError> {
    if word.is_empty() {
        return Err(NumberError::NoNumber);
    }

    // The whole word is read, so that the answer for "99999999999999999999x" is "no number".
    let mut number = Some(0u64);
    for &byte in word {
        let digit = char::from(byte)
            .to_digit(base)
            .ok_or(NumberError::NoNumber)?;
        number = number
            .and_then(|number| number.checked_mul(u64::from(base)))
            .and_then(|number| number.checked_add(u64::from(digit)));
    }
    number.ok_or(NumberError::TooLarge)
}
