// SPDX-License-Identifier: GPL-2.0

//! Netlink attributes and their values.

use netlink_packet_core::NlasIterator;

use super::Malformed;
use crate::escape;

/// The attributes of a message, or nested attributes.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    /// Creates the list of the attributes in `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Attributes(bytes)
    }

    /// Returns the type and the value of each attribute.
    pub fn iter(self) -> impl Iterator<Item = Result<(u16, Value<'a>), Malformed>> {
        let mut rest = self.0;
        NlasIterator::new(self.0).map(move |attribute| {
            let attribute = attribute?;
            let length = usize::from(attribute.length());
            // The value that the crate returns borrows the iterator. Get the same bytes from
            // `self`.
            let value = rest.get(netlink_packet_core::NLA_HEADER_SIZE..length);
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            let value = value.ok_or_else(|| Malformed("truncated attribute".into()))?;
            Ok((attribute.kind(), Value(value)))
        })
    }

    /// Returns the type of the attribute that contains the byte at `offset`.
    pub fn type_at(self, offset: usize) -> Option<u16> {
        let mut start = 0;
        for attribute in NlasIterator::new(self.0) {
            let attribute = attribute.ok()?;
            let end = start + usize::from(attribute.length());
            if (start..end).contains(&offset) {
                return Some(attribute.kind());
            }
            start = end.next_multiple_of(4);
        }
        None
    }
}

/// Value of an attribute.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a>(&'a [u8]);

impl<'a> Value<'a> {
    /// Returns the nested attributes.
    pub fn nested(self) -> Attributes<'a> {
        Attributes(self.0)
    }

    /// # Errors
    ///
    /// The size is not 2 bytes.
    pub fn u16(self) -> Result<u16, Malformed> {
        self.bytes().map(u16::from_ne_bytes)
    }

    /// # Errors
    ///
    /// The size is not 4 bytes.
    pub fn u32(self) -> Result<u32, Malformed> {
        self.bytes().map(u32::from_ne_bytes)
    }

    /// # Errors
    ///
    /// The size is not 4 bytes.
    pub fn i32(self) -> Result<i32, Malformed> {
        self.bytes().map(i32::from_ne_bytes)
    }

    /// Returns a `uint`, which has 4 or 8 bytes.
    ///
    /// # Errors
    ///
    /// The size is neither 4 nor 8 bytes.
    pub fn uint(self) -> Result<u64, Malformed> {
        match self.0.len() {
            4 => self.u32().map(u64::from),
            _ => self.bytes().map(u64::from_ne_bytes),
        }
    }

    /// Returns a string. Replaces invalid UTF-8.
    pub fn string(self) -> String {
        String::from_utf8_lossy(self.until_nul()).into_owned()
    }

    /// Returns a name, which may have any bytes, converted by [`escape::name`].
    pub fn name(self) -> String {
        escape::name(self.until_nul())
    }

    fn until_nul(self) -> &'a [u8] {
        self.0.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// # Errors
    ///
    /// The size is not `N` bytes.
    pub fn bytes<const N: usize>(self) -> Result<[u8; N], Malformed> {
        self.0
            .try_into()
            .map_err(|_| Malformed(format!("attribute of {} bytes, expected {N}", self.0.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let four = [1, 0, 0, 0];
        let eight = [1, 0, 0, 0, 0, 0, 0, 128];
        assert_eq!(Value(&four).u32(), Ok(u32::from_ne_bytes(four)));
        assert_eq!(Value(&four).i32(), Ok(i32::from_ne_bytes(four)));
        assert_eq!(Value(&four).uint(), Ok(u64::from(u32::from_ne_bytes(four))));
        assert_eq!(Value(&eight).uint(), Ok(u64::from_ne_bytes(eight)));
        assert!(Value(&eight).u32().is_err());
        assert!(Value(&four[..3]).uint().is_err());
        assert!(Value(&[]).u32().is_err());
        assert!(Value(&four).u16().is_err());
    }

    #[test]
    fn strings() {
        for (bytes, text) in [
            (&b"net0\0"[..], "net0"),
            (b"net0", "net0"),
            (b"net0\0tail", "net0"),
            (b"\0", ""),
            (b"", ""),
            (b"a\xffb", "a\u{fffd}b"),
        ] {
            assert_eq!(Value(bytes).string(), text, "{bytes:?}");
        }
        assert_eq!(Value(b"a\xffb\0tail").name(), r"a\xffb");
    }

    #[test]
    fn attributes_of_any_length() {
        let mut bytes = Vec::new();
        for (kind, value) in [(1u16, &b"abc"[..]), (0x8002, b""), (3, b"abcd")] {
            bytes.extend((value.len() as u16 + 4).to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        let found: Vec<_> = Attributes::new(&bytes)
            .iter()
            .map(|a| a.map(|(kind, value)| (kind, value.string())))
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(
            found,
            [(1, "abc".into()), (2, String::new()), (3, "abcd".into())]
        );
        for (offset, kind) in [
            (0, Some(1)),
            (6, Some(1)),
            (7, None),
            (8, Some(2)),
            (12, Some(3)),
            (19, Some(3)),
            (20, None),
        ] {
            assert_eq!(Attributes::new(&bytes).type_at(offset), kind, "{offset}");
        }
        // A truncated list is an error.
        for length in [1, 3, 5, 17] {
            let cut = &bytes[..length];
            assert!(
                Attributes::new(cut).iter().any(|a| a.is_err()),
                "{length} bytes"
            );
        }
    }
}
