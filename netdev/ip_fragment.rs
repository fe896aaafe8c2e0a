// SPDX-License-Identifier: GPL-2.0

//! IPv4 fragmentation: RFC 791, section 3.2.
//!
//! [`Fragments`] determines the header and the bytes of the payload of each fragment. The caller
//! copies the payload directly to its destination.

/// Size of an IPv4 header without options, in bytes.
const HEADER_MIN: usize = 20;

/// Size of the longest IPv4 header in bytes.
pub(crate) const HEADER_MAX: usize = 60;

/// The unit of fragment offsets in bytes.
const UNIT: usize = 8;

/// "More fragments" in the field with the fragment offset.
const MORE_FRAGMENTS: u16 = 0x2000;

/// The bits of the fragment offset in the same field.
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
    /// Returns the header at the start of `packet`, of which the first [`HEADER_MAX`] bytes are
    /// enough; [`None`] if it is no IPv4 header.
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

    /// Returns the bytes of the header.
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

    /// Replaces the options that only the first fragment has by "no operation": those without the
    /// "copied" bit in their type.
    fn drop_options_of_first(&mut self) {
        const END: u8 = 0;
        const NO_OPERATION: u8 = 1;
        const COPIED: u8 = 0x80;

        let mut rest = self.bytes.get_mut(HEADER_MIN..self.len).unwrap_or_default();
        loop {
            let skip = match *rest {
                [] | [END, ..] => return,
                [NO_OPERATION, ..] => 1,
                // An invalid option ends the options, as it does for a receiver.
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
        // The header has at most 30 words, so the sum does not wrap.
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

/// One fragment of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// The header of the fragment.
    pub(crate) header: Header,
    /// The offset of its payload from the start of the packet, in bytes.
    pub(crate) offset: usize,
    /// The length of its payload in bytes.
    pub(crate) length: usize,
}

impl Fragment {
    /// Returns the length of header and payload in bytes.
    pub(crate) fn len(&self) -> usize {
        self.header.len + self.length
    }
}

/// The iterator over the fragments of a packet, from its start to its end.
#[derive(Clone, Debug)]
pub(crate) struct Fragments {
    /// The header for the next fragment.
    header: Header,
    /// The field with flags and fragment offset in the packet itself.
    original: u16,
    /// The payload in bytes of each fragment but the last one: a multiple of 8.
    step: usize,
    /// The payload of the packet in bytes.
    payload: usize,
    /// The payload in bytes of the fragments so far.
    done: usize,
}

impl Fragments {
    /// Returns the fragments of at most `mtu` bytes, 68 or more, of a packet of `length` bytes that
    /// starts with `header`: its first [`HEADER_MAX`] bytes, or all if it is shorter.
    ///
    /// [`None`]: it is no IPv4 packet, is shorter than its header states, or ends beyond the range
    /// of fragment offsets.
    pub(crate) fn new(header: &[u8], length: usize, mtu: u32) -> Option<Self> {
        let header = Header::new(header)?;
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

impl Fragments {
    /// Returns how many bytes of payload each fragment of at most `mtu` bytes has at least, except
    /// for the last one, whatever the header.
    pub(crate) fn least_payload(mtu: u32) -> usize {
        let room = usize::try_from(mtu).map_or(0, |mtu| mtu.saturating_sub(HEADER_MAX));
        (room & !(UNIT - 1)).max(UNIT)
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
        // The payload ends below 2^16, so this neither wraps nor reaches the flags.
        field = field.wrapping_add((self.done / UNIT) as u16);
        if length < left {
            field |= MORE_FRAGMENTS;
        }
        let mut header = self.header;
        header.set_field(at::LENGTH, (header.len + length) as u16);
        header.set_field(at::FRAGMENT, field);
        header.update_checksum();

        let offset = header.len + self.done;
        if self.done == 0 {
            self.header.drop_options_of_first();
        }
        self.done += length;
        Some(Fragment {
            header,
            offset,
            length,
        })
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_ip_fragment))]
mod tests {
    use super::*;

    /// Returns the header of a packet of `length` bytes with these options. `field` has its flags
    /// and its fragment offset.
    fn header(length: u16, field: u16, options: &[u8]) -> [u8; HEADER_MAX] {
        let mut header = [0; HEADER_MAX];
        header[0] = 0x40 | (5 + options.len() / 4) as u8;
        header[1] = 0xb8;
        header[2..4].copy_from_slice(&length.to_be_bytes());
        header[4..6].copy_from_slice(&[0x12, 0x34]);
        header[6..8].copy_from_slice(&field.to_be_bytes());
        header[8..10].copy_from_slice(&[64, 17]);
        header[10..12].copy_from_slice(&[0xde, 0xad]);
        header[12..20].copy_from_slice(&[192, 0, 2, 1, 192, 0, 2, 2]);
        header[20..][..options.len()].copy_from_slice(options);
        header
    }

    /// Returns whether the checksum is right: the ones' complement sum of the header is all ones.
    fn checksum_is_right(header: &Header) -> bool {
        let sum: u32 = header
            .bytes()
            .chunks_exact(2)
            .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
            .sum();
        (sum & 0xffff) + (sum >> 16) == 0xffff
    }

    #[test]
    fn plans() {
        // (length of the packet, its field, bytes of options, MTU, fragments), with fragments as
        // (offset of the payload, its length, field)
        type Row<'a> = (u16, u16, usize, u32, &'a [(usize, usize, u16)]);
        let table: [Row<'_>; 12] = [
            // The packet fits: one fragment, which is the packet as it is.
            (100, 0, 0, 100, &[(20, 80, 0)]),
            // One byte too long.
            (101, 0, 0, 100, &[(20, 80, 0x2000), (100, 1, 10)]),
            // The payload of all but the last is a multiple of 8.
            (101, 0, 0, 99, &[(20, 72, 0x2000), (92, 9, 9)]),
            (
                1_500,
                0,
                0,
                1_400,
                &[(20, 1_376, 0x2000), (1_396, 104, 172)],
            ),
            (
                1_500,
                0,
                0,
                1_396,
                &[(20, 1_376, 0x2000), (1_396, 104, 172)],
            ),
            // The least MTU, with and without the longest header.
            (116, 0, 0, 68, &[(20, 48, 0x2000), (68, 48, 6)]),
            (76, 0, 40, 68, &[(60, 8, 0x2000), (68, 8, 1)]),
            // A middle fragment: its last fragment is not the last one of the packet either.
            (116, 0x2064, 0, 68, &[(20, 48, 0x2064), (68, 48, 0x206a)]),
            // The last one stays the last one.
            (116, 0x0064, 0, 68, &[(20, 48, 0x2064), (68, 48, 0x006a)]),
            // "Don't fragment" and the reserved bit are ignored: the caller checks them.
            (116, 0xc000, 0, 68, &[(20, 48, 0x2000), (68, 48, 6)]),
            // The end of the range of fragment offsets.
            (35, 0x1ffe, 0, 68, &[(20, 15, 0x1ffe)]),
            // No payload to send.
            (20, 0, 0, 68, &[]),
        ];
        for (length, field, options, mtu, expected) in table {
            let original = header(length, field, &[1; 40][..options]);
            let row = (length, field, options, mtu);
            let mut fragments = Fragments::new(&original, length.into(), mtu).unwrap();
            for &(at, bytes, field) in expected {
                let fragment = fragments.next().unwrap();
                assert_eq!((row, fragment.offset, fragment.length), (row, at, bytes));
                let header = fragment.header;
                assert_eq!((row, header.field(at::FRAGMENT)), (row, field));
                assert_eq!(usize::from(header.field(at::LENGTH)), fragment.len());
                assert_eq!(header.bytes().len(), 20 + options);
                assert!(fragment.len() <= mtu as usize);
                assert!(checksum_is_right(&header));
                // The rest of the header is that of the packet.
                assert_eq!(header.bytes()[..2], original[..2]);
                assert_eq!(header.bytes()[4..6], original[4..6]);
                assert_eq!(header.bytes()[8..10], original[8..10]);
                assert_eq!(header.bytes()[12..], original[12..20 + options]);
            }
            assert!(fragments.next().is_none());
        }
    }

    #[test]
    fn not_to_be_fragmented() {
        let good = header(1_500, 0, &[]);
        let with = |at: usize, bytes: &[u8]| {
            let mut header = good;
            header[at..][..bytes.len()].copy_from_slice(bytes);
            header
        };
        // (number of the row, header, available bytes of the header, length of the packet, MTU)
        let table = [
            // Headers that are too short or truncated.
            (1, with(0, &[0x40]), 60, 1_500, 68),
            (2, with(0, &[0x44]), 60, 1_500, 68),
            (3, good, 19, 1_500, 68),
            (4, good, 0, 1_500, 68),
            (5, with(0, &[0x4f]), 59, 1_500, 68),
            // Lengths that are shorter than the header or longer than the packet.
            (6, with(2, &[0, 19]), 60, 1_500, 68),
            (7, with(2, &[0, 0]), 60, 1_500, 68),
            (8, good, 60, 1_499, 68),
            // Beyond the range of fragment offsets.
            (9, with(6, &[0x1f, 0xff]), 60, 1_500, 68),
            (10, header(36, 0x1ffe, &[]), 60, 36, 68),
            // No room for any payload.
            (11, good, 60, 1_500, 27),
            (12, good, 60, 1_500, 0),
        ];
        for (row, header, have, length, mtu) in table {
            let refused = Fragments::new(&header[..have], length, mtu).is_none();
            assert_eq!((row, refused), (row, true));
        }
        // Bytes behind the packet are not sent.
        let fragments = Fragments::new(&good, 1_600, 1_000).unwrap();
        let sent = fragments.map(|fragment| fragment.length).sum::<usize>();
        assert_eq!(sent, 1_480);
    }

    #[test]
    fn options() {
        // "Record route" (7) is only in the first fragment, the security option (130) in all.
        // (options of the packet, options of its second fragment)
        let table: [(&[u8], &[u8]); 9] = [
            (&[7, 3, 4, 0], &[1, 1, 1, 0]),
            (&[130, 4, 9, 9], &[130, 4, 9, 9]),
            (&[1, 7, 3, 4], &[1, 1, 1, 1]),
            (&[130, 3, 9, 7, 3, 4, 1, 1], &[130, 3, 9, 1, 1, 1, 1, 1]),
            (&[7, 4, 5, 6, 130, 4, 9, 9], &[1, 1, 1, 1, 130, 4, 9, 9]),
            // Bytes behind "end of options" are no options.
            (&[0, 7, 3, 4], &[0, 7, 3, 4]),
            // Options with invalid lengths.
            (&[7, 0, 0, 0], &[7, 0, 0, 0]),
            (&[7, 1, 0, 0], &[7, 1, 0, 0]),
            (&[7, 5, 0, 0], &[7, 5, 0, 0]),
        ];
        for (options, expected) in table {
            let header = header(200, 0, options);
            let mut fragments = Fragments::new(&header, 200, 100).unwrap();
            let first = fragments.next().unwrap().header;
            assert_eq!((options, &first.bytes()[20..]), (options, options));
            for fragment in fragments {
                let header = fragment.header;
                assert_eq!((options, &header.bytes()[20..]), (options, expected));
                assert!(checksum_is_right(&header));
            }
        }
        // A type without a length at the very end.
        let header = header(200, 0, &[1, 1, 1, 7]);
        let fragment = Fragments::new(&header, 200, 100).unwrap().nth(1).unwrap();
        assert_eq!(fragment.header.bytes()[20..], [1, 1, 1, 7]);
    }

    #[test]
    fn longest() {
        // The largest possible number of fragments.
        let header = header(u16::MAX, 0, &[1; 40]);
        let fragments = Fragments::new(&header, 65_535, 68).unwrap();
        let (mut count, mut end) = (0, 60);
        for fragment in fragments {
            assert_eq!(fragment.offset, end);
            end += fragment.length;
            count += 1;
        }
        assert_eq!((count, end), (8_185, 65_535));
    }
}
