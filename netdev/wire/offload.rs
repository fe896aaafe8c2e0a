// SPDX-License-Identifier: GPL-2.0

//! What an element holds in IP mode with offloads: a header of 28 bytes, then an IP packet or a
//! piece of one.
//!
//! ```text
//!   offset  type   field
//!   0       u32    mark
//!   4       u16    length: bytes of the packet in this element
//!   6       u8     protocol: 4 = IPv4, 41 = IPv6
//!   7       u8     qos, as in IP mode
//!   8       u32    total: bytes of the packet
//!   12      u32    at: the place of these bytes in the packet
//!   16      10     what is left to do for its checksum and its segments: `struct virtio_net_hdr`
//!   26      u16    0
//! ```
//!
//! All numbers are little-endian. A packet lies in consecutive elements, each filled to its end but
//! for the last one; all of them have the same mark, protocol, qos, total and offloads.
//!
//! # Receiving
//!
//! The header is read once, and from then on only that copy of it counts. It says how many bytes to
//! copy where, within bounds that are checked here. Whether the pieces of a packet are all there is
//! for [`assembly`](super::super::assembly) to say; what the offloads ask for is checked by the
//! kernel's own code for virtual machines, whose hosts are not trusted either.

use super::{
    EncodeError,
    Malformed,
    NetHdr,
    Version,
    HEADER_SIZE as NET_HDR_SIZE,
    IPV6_HEADER,
    IP_PREFIX_SIZE, //
};

/// Size of the header in bytes.
pub(crate) const HEADER_SIZE: usize = 28;

/// Size in bytes of what is left to do for a packet.
pub(crate) const OFFLOADS_SIZE: usize = 10;

/// The longest packet in bytes: that of IPv6, without extensions for more.
pub(crate) const PACKET_MAX: usize = IPV6_HEADER + u16::MAX as usize;

/// What is left to do for a packet: a `struct virtio_net_hdr` in little-endian order.
pub(crate) type Offloads = [u8; OFFLOADS_SIZE];

/// The header of an element, checked for itself.
///
/// # Invariants
///
/// `length` is not zero, and `at + length` at most `total`, which is at most [`PACKET_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OffloadFragment {
    /// Netfilter mark of the packet.
    pub(crate) mark: u32,
    /// Version of the IP packet.
    pub(crate) version: Version,
    /// Bytes of the packet.
    pub(crate) total: usize,
    /// The place of the bytes of this piece in the packet.
    pub(crate) at: usize,
    /// Bytes of this piece.
    pub(crate) length: usize,
    /// What is left to do for the packet.
    pub(crate) offloads: Offloads,
}

impl OffloadFragment {
    /// The header at the start of an element of `element_size` bytes.
    ///
    /// # Errors
    ///
    /// - [`Malformed::Protocol`]: it is that of no packet.
    /// - [`Malformed::Length`]: no writer cuts a packet so.
    pub(crate) fn decode(
        bytes: &[u8; HEADER_SIZE],
        element_size: usize,
    ) -> Result<Self, Malformed> {
        let (start, rest) = bytes.split_first_chunk().ok_or(Malformed::Length)?;
        let header = NetHdr::decode(*start);
        let version = Version::from_protocol(header.protocol).ok_or(Malformed::Protocol)?;
        let (total, rest) = rest.split_first_chunk().ok_or(Malformed::Length)?;
        let (at, rest) = rest.split_first_chunk().ok_or(Malformed::Length)?;
        let offloads = *rest.first_chunk().ok_or(Malformed::Length)?;

        // A `usize` has at least 32 bits here.
        let total = u32::from_le_bytes(*total) as usize;
        let at = u32::from_le_bytes(*at) as usize;
        let room = element_size.saturating_sub(HEADER_SIZE);
        let left = total.checked_sub(at).ok_or(Malformed::Length)?;
        let length = left.min(room);
        let possible = (version.min_len()..=PACKET_MAX).contains(&total);
        if !possible || length == 0 || usize::from(header.length) != length {
            return Err(Malformed::Length);
        }
        // INVARIANT: As just checked; `length` is at most `total - at`.
        Ok(Self {
            mark: header.mark,
            version,
            total,
            at,
            length,
            offloads,
        })
    }

    /// Whether the packet that these pieces make up, which starts with `ip`, is what they say.
    ///
    /// # Errors
    ///
    /// - [`Malformed::Version`]: it is of another version.
    /// - [`Malformed::Length`]: its own header states another length.
    pub(crate) fn check(&self, ip: &[u8; IP_PREFIX_SIZE]) -> Result<(), Malformed> {
        let &[first, ..] = ip;
        if Version::from_first_byte(first) != Some(self.version) {
            return Err(Malformed::Version);
        }
        if self.version.stated_len(ip) != self.total {
            return Err(Malformed::Length);
        }
        Ok(())
    }
}

/// The pieces of a packet that is sent, one after the other.
pub(crate) struct OffloadFragments {
    start: [u8; NET_HDR_SIZE],
    offloads: Offloads,
    total: usize,
    /// Bytes of the packet in each element.
    room: usize,
    at: usize,
}

/// One of them: the header of its element, and which bytes of the packet follow it.
pub(crate) struct TxFragment {
    /// The header.
    pub(crate) header: [u8; HEADER_SIZE],
    /// The place of the bytes in the packet.
    pub(crate) at: usize,
    /// Their number.
    pub(crate) length: usize,
}

impl OffloadFragments {
    /// Plans the pieces of an IP packet that starts with `ip` and has `length` bytes, or more behind
    /// what its header states, in elements of `element_size` bytes.
    ///
    /// # Errors
    ///
    /// - [`EncodeError`]: there are no pieces that a reader would accept.
    pub(crate) fn new(
        mark: u32,
        ip: &[u8; IP_PREFIX_SIZE],
        length: usize,
        offloads: Offloads,
        element_size: usize,
    ) -> Result<Self, EncodeError> {
        let &[first, ..] = ip;
        let version = Version::from_first_byte(first).ok_or(EncodeError::Protocol)?;
        let total = version.stated_len(ip);
        if total < version.min_len() || length < total {
            return Err(EncodeError::TooShort);
        }
        let room = element_size.saturating_sub(HEADER_SIZE);
        if room == 0 || room.min(total) > usize::from(u16::MAX) {
            return Err(EncodeError::TooLong);
        }
        let header = NetHdr {
            mark,
            length: 0,
            protocol: version.protocol(),
            qos: version.qos(ip),
        };
        Ok(Self {
            start: header.encode(),
            offloads,
            total,
            room,
            at: 0,
        })
    }
}

impl Iterator for OffloadFragments {
    type Item = TxFragment;

    #[inline]
    fn next(&mut self) -> Option<TxFragment> {
        let left = self.total - self.at;
        if left == 0 {
            return None;
        }
        let at = self.at;
        let length = left.min(self.room);
        self.at += length;

        let [m0, m1, m2, m3, _, _, protocol, qos] = self.start;
        // At most `u16::MAX`, as checked, and both others at most `PACKET_MAX`.
        let [l0, l1] = (length as u16).to_le_bytes();
        let [t0, t1, t2, t3] = (self.total as u32).to_le_bytes();
        let [a0, a1, a2, a3] = (at as u32).to_le_bytes();
        let [o0, o1, o2, o3, o4, o5, o6, o7, o8, o9] = self.offloads;
        let header = [
            m0, m1, m2, m3, l0, l1, protocol, qos, t0, t1, t2, t3, a0, a1, a2, a3, o0, o1, o2, o3,
            o4, o5, o6, o7, o8, o9, 0, 0,
        ];
        Some(TxFragment { header, at, length })
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_wire_offload))]
mod tests {
    use super::*;

    const OFFLOADS: Offloads = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

    fn ipv4(stated: u16) -> [u8; IP_PREFIX_SIZE] {
        let [high, low] = stated.to_be_bytes();
        [0x45, 0xb8, high, low, 0, 0, 0, 0]
    }

    fn ipv6(stated: u16) -> [u8; IP_PREFIX_SIZE] {
        let [high, low] = stated.to_be_bytes();
        [0x6b, 0x80, 0, 0, high, low, 6, 64]
    }

    #[test]
    fn what_is_sent_is_received() {
        // (start of the packet, its length, size of elements, bytes in each)
        type Row<'a> = ([u8; IP_PREFIX_SIZE], usize, usize, &'a [usize]);
        let table: [Row<'_>; 7] = [
            (ipv4(20), 20, 1_528, &[20]),
            (ipv4(1_500), 1_500, 1_528, &[1_500]),
            (ipv4(1_501), 1_501, 1_528, &[1_500, 1]),
            (ipv4(1_400), 1_500, 1_528, &[1_400]),
            (ipv6(5), 45, 48, &[20, 20, 5]),
            (ipv6(0), 40, 29, &[1; 40]),
            (ipv6(u16::MAX), PACKET_MAX, 65_563, &[65_535, 40]),
        ];
        for row in table {
            let (ip, length, size, expected) = row;
            let pieces = OffloadFragments::new(7, &ip, length, OFFLOADS, size);
            assert_eq!((row, pieces.is_ok()), (row, true));
            let (mut count, mut at) = (0, 0);
            for out in pieces.into_iter().flatten() {
                let piece = OffloadFragment::decode(&out.header, size);
                let Ok(piece) = piece else {
                    return assert_eq!((row, piece.is_ok()), (row, true));
                };
                assert_eq!((row, Some(&piece.length)), (row, expected.get(count)));
                assert_eq!((row, piece.at, out.at), (row, at, at));
                assert_eq!((row, piece.mark, piece.offloads), (row, 7, OFFLOADS));
                assert_eq!((row, piece.check(&ip)), (row, Ok(())));
                at += out.length;
                count += 1;
            }
            assert_eq!((row, count), (row, expected.len()));
        }
    }

    #[test]
    fn what_is_not_sent() {
        let table = [
            ([0; 8], 100, 1_528, EncodeError::Protocol),
            (ipv4(19), 100, 1_528, EncodeError::TooShort),
            (ipv4(101), 100, 1_528, EncodeError::TooShort),
            (ipv4(100), 100, 28, EncodeError::TooLong),
            (ipv6(u16::MAX), PACKET_MAX, 65_564, EncodeError::TooLong),
        ];
        for (ip, length, size, reason) in table {
            let found = OffloadFragments::new(0, &ip, length, OFFLOADS, size).err();
            assert_eq!((ip, length, size, found), (ip, length, size, Some(reason)));
        }
    }

    #[test]
    fn what_is_rejected() {
        use Malformed::{
            Length,
            Protocol, //
        };
        const MAX: u32 = u32::MAX;
        // (length, protocol, total, at, what is wrong) in elements of 128 bytes: room for 100
        let table = [
            (100, 4, 1_000, 0, None),
            (100, 4, 1_000, 900, None),
            (100, 41, 1_000, 850, None),
            (50, 41, 1_000, 950, None),
            (100, 0, 1_000, 0, Some(Protocol)),
            (100, 255, 1_000, 0, Some(Protocol)),
            (0, 4, 1_000, 0, Some(Length)),
            (99, 4, 1_000, 0, Some(Length)),
            (101, 4, 1_000, 0, Some(Length)),
            (u16::MAX, 4, 1_000, 0, Some(Length)),
            (0, 4, 1_000, 1_000, Some(Length)),
            (1, 4, 1_000, 1_000, Some(Length)),
            (100, 4, 1_000, 1_001, Some(Length)),
            (100, 4, 1_000, MAX, Some(Length)),
            (19, 4, 19, 0, Some(Length)),
            (39, 41, 39, 0, Some(Length)),
            (0, 4, 0, 0, Some(Length)),
            (100, 4, PACKET_MAX as u32, 0, None),
            (100, 4, PACKET_MAX as u32 + 1, 0, Some(Length)),
            (100, 4, MAX, 0, Some(Length)),
            (100, 4, MAX, MAX - 100, Some(Length)),
        ];
        for row in table {
            let (length, protocol, total, at, wrong) = row;
            let mut bytes = [0; HEADER_SIZE];
            bytes[4..6].copy_from_slice(&length.to_le_bytes());
            bytes[6] = protocol;
            bytes[8..12].copy_from_slice(&total.to_le_bytes());
            bytes[12..16].copy_from_slice(&at.to_le_bytes());
            let found = OffloadFragment::decode(&bytes, 128);
            assert_eq!((row, found.err()), (row, wrong));
            for size in [0, 1, 27, 28] {
                assert!(OffloadFragment::decode(&bytes, size).is_err());
            }
        }
    }

    #[test]
    fn packets_are_what_their_pieces_say() {
        use Malformed::{
            Length,
            Version as Wrong, //
        };
        let piece = OffloadFragment {
            mark: 0,
            version: super::super::Version::V4,
            total: 100,
            at: 0,
            length: 100,
            offloads: OFFLOADS,
        };
        let table = [
            (ipv4(100), Ok(())),
            (ipv4(99), Err(Length)),
            (ipv4(101), Err(Length)),
            (ipv6(60), Err(Wrong)),
            ([0; 8], Err(Wrong)),
        ];
        for (ip, expected) in table {
            assert_eq!((ip, piece.check(&ip)), (ip, expected));
        }
    }
}
