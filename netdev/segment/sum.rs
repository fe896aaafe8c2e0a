// SPDX-License-Identifier: GPL-2.0

//! The checksum of the internet protocols: RFC 1071.
//!
//! Words are added up in the machine's own order, as the kernel does: the ones' complement sum of
//! swapped words is the swapped sum.

/// The sum of the 16-bit words of at most 64 KiB, of which an odd last byte is the first one of a
/// word. It is not folded yet; many of them may be added up.
#[inline]
pub(super) fn of(bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks_exact(4);
    // No more than 2^14 words of less than 2^32 each.
    let sum = words
        .by_ref()
        .filter_map(|word| word.first_chunk())
        .fold(0u64, |sum, &word| {
            sum.wrapping_add(u64::from(u32::from_ne_bytes(word)))
        });
    let mut last = [0; 4];
    for (to, from) in last.iter_mut().zip(words.remainder()) {
        *to = *from;
    }
    sum.wrapping_add(u64::from(u32::from_ne_bytes(last)))
}

/// The bytes of a checksum field over words that add up to `sum`.
#[inline]
pub(super) fn checksum(sum: u64) -> [u8; 2] {
    // Each step leaves the value as it is modulo 2^16 - 1. Three are enough for what is below
    // 2^34 by then.
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    (!(sum as u16)).to_ne_bytes()
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_segment_sum))]
mod tests {
    use super::*;

    #[test]
    fn sums() {
        // What is summed, the checksum. The second is the example of RFC 1071, section 3.
        let table: [(&[u8], [u8; 2]); 7] = [
            (&[], [0xff, 0xff]),
            (
                &[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7],
                [0x22, 0x0d],
            ),
            (&[0xff, 0xff], [0x00, 0x00]),
            (&[0xff, 0xff, 0x00, 0x01], [0xff, 0xfe]),
            (&[0xff; 64], [0x00, 0x00]),
            (&[0x12], [0xed, 0xff]),
            (&[0x00, 0x01, 0xf2], [0x0d, 0xfe]),
        ];
        for (bytes, expected) in table {
            assert_eq!((bytes, checksum(of(bytes))), (bytes, expected));
        }
        // However large, a sum folds to its value modulo 2^16 - 1.
        for sum in [u64::MAX, u64::MAX - 1, 1 << 63, 0xffff_ffff, 0x1_0000_0000] {
            let residue = (sum % 0xffff) as u16;
            let folded = !u16::from_ne_bytes(checksum(sum)) % 0xffff;
            assert_eq!((sum, folded), (sum, residue));
        }
    }
}
