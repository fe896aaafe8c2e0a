// SPDX-License-Identifier: GPL-2.0

//! An IPv4 packet in several pieces: RFC 791, section 3.2.
//!
//! This plans which header and which bytes of the payload each fragment has. The payload itself is
//! copied by whoever has it, straight to where the fragment goes.

/// Size of an IPv4 header without options, in bytes.
const HEADER_MIN: usize = 20;

/// Size of the longest IPv4 header in bytes.
pub(crate) const HEADER_MAX: usize = 60;

/// The unit of fragment offsets in bytes.
const UNIT: usize = 8;

/// "More fragments" in the field with the fragment offset.
const MORE_FRAGMENTS: u16 = 0x2000;

/// The bits of the fragment offset in its field.
const OFFSET_MASK: u16 = 0x1fff;

/// Offsets of fields in the header.
mod at {
    use core::ops::Range;

    pub(super) const LENGTH: Range<usize> = 2..4;
    pub(super) const FRAGMENT: Range<usize> = 6..8;
    pub(super) const CHECKSUM: Range<usize> = 10..12;
}

/// An IPv4 header with its options: 20 to 60 bytes.
///
/// # Invariants
///
/// `len` is 20 to 60.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    bytes: [u8; HEADER_MAX],
    len: usize,
}

impl Header {
    /// The header at the start of `packet`, of which the first [`HEADER_MAX`] bytes are enough;
    /// [`None`] if that is no IPv4 header.
    fn new(packet: &[u8]) -> Option<Self> {
        let len = usize::from(packet.first()? & 0x0f) * 4;
        if len < HEADER_MIN {
            return None;
        }
        let mut bytes = [0; HEADER_MAX];
        bytes.get_mut(..len)?.copy_from_slice(packet.get(..len)?);
        // INVARIANT: At least 20 as checked, and four bits times four are at most 60.
        Some(Self { bytes, len })
    }

    /// The bytes of the header.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn field(&self, at: core::ops::Range<usize>) -> u16 {
        match self.bytes.get(at) {
            Some(&[high, low]) => u16::from_be_bytes([high, low]),
            _ => 0,
        }
    }

    fn set_field(&mut self, at: core::ops::Range<usize>, value: u16) {
        if let Some(field) = self.bytes.get_mut(at) {
            field.copy_from_slice(&value.to_be_bytes());
        }
    }

    /// Puts "no operation" in the place of options that only the first fragment has: those without
    /// the "copied" bit in their type.
    fn drop_options_of_first(&mut self) {
        const END: u8 = 0;
        const NO_OPERATION: u8 = 1;
        const COPIED: u8 = 0x80;

        let mut rest = self.bytes.get_mut(HEADER_MIN..self.len).unwrap_or_default();
        loop {
            let skip = match *rest {
                [] | [END, ..] => return,
                [NO_OPERATION, ..] => 1,
                // An option that is none ends them, as it does for a receiver.
                [_, length, ..] if length >= 2 => usize::from(length),
                _ => return,
            };
            let Some((option, behind)) = rest.split_at_mut_checked(skip) else {
                return;
            };
            if option.first().is_some_and(|kind| kind & COPIED == 0) {
                option.fill(NO_OPERATION);
            }
            rest = behind;
        }
    }

    fn update_checksum(&mut self) {
        self.set_field(at::CHECKSUM, 0);
        // Thirty words at most, so the sum of words does not wrap.
        let sum = self
            .bytes()
            .chunks_exact(2)
            .map(|word| match *word {
                [high, low] => u32::from(u16::from_be_bytes([high, low])),
                _ => 0,
            })
            .fold(0u32, u32::wrapping_add);
        let folded = (sum & 0xffff) + (sum >> 16);
        let folded = (folded & 0xffff) + (folded >> 16);
        self.set_field(at::CHECKSUM, !(folded as u16));
    }
}

/// One piece of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// Its header.
    pub(crate) header: Header,
    /// Where its payload begins, in bytes from the start of the packet.
    pub(crate) start: usize,
    /// Bytes of its payload.
    pub(crate) length: usize,
}

impl Fragment {
    /// Bytes of header and payload.
    pub(crate) fn len(&self) -> usize {
        self.header.len + self.length
    }
}

/// The pieces of a packet, from its start to its end.
#[derive(Clone, Debug)]
pub(crate) struct Fragments {
    /// The header for the next fragment.
    header: Header,
    /// The field with flags and fragment offset in the packet itself.
    original: u16,
    /// Bytes of payload in each fragment but the last one: a multiple of 8.
    step: usize,
    /// Bytes of payload of the packet.
    payload: usize,
    /// Bytes of payload in the fragments so far.
    done: usize,
}

impl Fragments {
    /// Plans the fragments of at most `mtu` bytes, 68 or more, for a packet of `length` bytes that
    /// starts with `start`: its first [`HEADER_MAX`] bytes, or all if it is shorter.
    ///
    /// [`None`]: it is no IPv4 packet, is shorter than it says, or reaches beyond what a fragment
    /// offset can tell.
    pub(crate) fn new(start: &[u8], length: usize, mtu: u32) -> Option<Self> {
        let header = Header::new(start)?;
        let stated = usize::from(header.field(at::LENGTH));
        if stated > length {
            return None;
        }
        let payload = stated.checked_sub(header.len)?;
        let room = usize::try_from(mtu).ok()?.checked_sub(header.len)?;
        let step = room - room % UNIT;
        let original = header.field(at::FRAGMENT);
        let before = usize::from(original & OFFSET_MASK) * UNIT;
        if step == 0 || before + payload > usize::from(u16::MAX) {
            return None;
        }
        Some(Self {
            header,
            original,
            step,
            payload,
            done: 0,
        })
    }
}

impl Iterator for Fragments {
    type Item = Fragment;

    fn next(&mut self) -> Option<Fragment> {
        let left = self.payload - self.done;
        if left == 0 {
            return None;
        }
        let length = left.min(self.step);
        let mut field = self.original & (OFFSET_MASK | MORE_FRAGMENTS);
        // The end of the payload is below 2^16, so that this neither wraps nor reaches the flags.
        field = field.wrapping_add((self.done / UNIT) as u16);
        if length < left {
            field |= MORE_FRAGMENTS;
        }
        let mut header = self.header;
        header.set_field(at::LENGTH, (header.len + length) as u16);
        header.set_field(at::FRAGMENT, field);
        header.update_checksum();

        let start = header.len + self.done;
        if self.done == 0 {
            self.header.drop_options_of_first();
        }
        self.done += length;
        Some(Fragment {
            header,
            start,
            length,
        })
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod tests;
