// SPDX-License-Identifier: GPL-2.0

//! The format of elements in Ethernet mode: the frame at the start, without FCS, and the length of
//! the frame in the last two bytes, little-endian. The bytes between them are those of earlier
//! frames.
//!
//! # Receiving
//!
//! The peer may write the element at any time. The length is apart from the frame, so a copy of the
//! frame does not contain it. It is read once and checked by [`frame_len`]. From then on it is only
//! the number of bytes that were copied. It is not read a second time, when it could differ.

use super::{
    EncodeError,
    Malformed, //
};

/// Size of an Ethernet header without tags, in bytes: the shortest frame.
pub(crate) const HEADER_SIZE: usize = 14;

/// Size in bytes of two VLAN tags, IEEE 802.1Q in 802.1ad. Frames usually have no more tags.
pub(crate) const TAGS_SIZE: usize = 8;

/// Size in bytes of the length behind the frame.
pub(crate) const TRAILER_SIZE: usize = 2;

/// Returns whether the frame that starts with `header` has a VLAN tag.
pub(crate) const fn is_tagged(header: &[u8; HEADER_SIZE]) -> bool {
    /// `ETH_P_8021Q`.
    const CUSTOMER: u16 = 0x8100;
    /// `ETH_P_8021AD`.
    const SERVICE: u16 = 0x88a8;

    let &[.., high, low] = header;
    matches!(u16::from_be_bytes([high, low]), CUSTOMER | SERVICE)
}

/// Returns the offset in bytes of the trailer in an element of `element_size` bytes; [`None`] if
/// the element is too small for a trailer.
pub(crate) const fn trailer_at(element_size: usize) -> Option<usize> {
    element_size.checked_sub(TRAILER_SIZE)
}

/// Returns the length of the frame in an element of `element_size` bytes that ends with `trailer`.
/// It is at least that of an Ethernet header, and at most what the element has in front of the
/// trailer.
///
/// # Errors
///
/// - [`Malformed::Length`]: the length is out of this range.
pub(crate) fn frame_len(
    trailer: [u8; TRAILER_SIZE],
    element_size: usize,
) -> Result<usize, Malformed> {
    let length = usize::from(u16::from_le_bytes(trailer));
    match trailer_at(element_size) {
        Some(room) if (HEADER_SIZE..=room).contains(&length) => Ok(length),
        _ => Err(Malformed::Length),
    }
}

/// Returns the trailer for a frame of `length` bytes, tags included, in an element of
/// `element_size` bytes.
///
/// # Errors
///
/// - [`EncodeError::TooShort`]: the frame is shorter than an Ethernet header.
/// - [`EncodeError::TooLong`]: the element has no room for the frame, or a `u16` cannot hold its
///   length.
pub(crate) fn encode(
    length: usize,
    element_size: usize,
) -> Result<[u8; TRAILER_SIZE], EncodeError> {
    if length < HEADER_SIZE {
        return Err(EncodeError::TooShort);
    }
    match (trailer_at(element_size), u16::try_from(length)) {
        (Some(room), Ok(stated)) if length <= room => Ok(stated.to_le_bytes()),
        _ => Err(EncodeError::TooLong),
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_wire_ethernet))]
mod tests {
    use super::*;

    #[test]
    fn received_length() {
        let bad = Err(Malformed::Length);
        // (trailer, size of the element, length of the frame)
        let table = [
            // From a header without payload to a full element of the usual size.
            ([0, 0], 1_516, bad),
            ([13, 0], 1_516, bad),
            ([14, 0], 1_516, Ok(14)),
            ([60, 0], 1_516, Ok(60)),
            ([0xea, 0x05], 1_516, Ok(1_514)),
            ([0xeb, 0x05], 1_516, bad),
            ([0xec, 0x05], 1_516, bad),
            ([0xff, 0xff], 1_516, bad),
            // The least significant byte comes first.
            ([0x00, 0x01], 1_516, Ok(256)),
            ([0x01, 0x00], 1_516, bad),
            // The largest possible element.
            ([0xff, 0xff], 65_537, Ok(65_535)),
            ([0xff, 0xff], 65_536, bad),
            ([0xfe, 0xff], 65_536, Ok(65_534)),
            // The smallest element with room for a frame, and elements without.
            ([14, 0], 16, Ok(14)),
            ([14, 0], 15, bad),
            ([0, 0], 2, bad),
            ([0, 0], 1, bad),
            ([0, 0], 0, bad),
        ];
        for (trailer, size, expected) in table {
            assert_eq!(
                (trailer, size, frame_len(trailer, size)),
                (trailer, size, expected)
            );
        }
    }

    #[test]
    fn sent_length() {
        use EncodeError::{
            TooLong,
            TooShort, //
        };

        // (length of the frame, size of the element, trailer)
        let table = [
            (0, 1_516, Err(TooShort)),
            (13, 1_516, Err(TooShort)),
            (14, 1_516, Ok([14, 0])),
            (1_514, 1_516, Ok([0xea, 0x05])),
            // A full frame with a tag added.
            (1_518, 1_516, Err(TooLong)),
            (1_515, 1_516, Err(TooLong)),
            (65_535, 65_537, Ok([0xff, 0xff])),
            (65_536, 65_538, Err(TooLong)),
            (usize::MAX, usize::MAX, Err(TooLong)),
            (14, 15, Err(TooLong)),
            (14, 1, Err(TooLong)),
            (14, 0, Err(TooLong)),
        ];
        for (length, size, expected) in table {
            assert_eq!(
                (length, size, encode(length, size)),
                (length, size, expected)
            );
        }
    }

    #[test]
    fn tags() {
        // (EtherType, whether it is that of a tag)
        let table = [
            ([0x81, 0x00], true),
            ([0x88, 0xa8], true),
            ([0x00, 0x81], false),
            ([0x08, 0x00], false),
            ([0x86, 0xdd], false),
            ([0x88, 0xb5], false),
        ];
        for (ethertype, expected) in table {
            let mut header = [0x81; HEADER_SIZE];
            header[HEADER_SIZE - 2..].copy_from_slice(&ethertype);
            assert_eq!((ethertype, is_tagged(&header)), (ethertype, expected));
        }
    }

    #[test]
    fn what_is_sent_is_received() {
        for size in [16, 84, 1_516, 65_537] {
            for length in 0..=size {
                if let Ok(trailer) = encode(length, size) {
                    assert_eq!((size, frame_len(trailer, size)), (size, Ok(length)));
                }
            }
        }
    }
}
