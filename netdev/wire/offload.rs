// SPDX-License-Identifier: GPL-2.0

//! The format of elements in IP mode with offloads: a header of 28 bytes, then an IP packet or a
//! fragment of one.
//!
//! ```text
//!   offset  type   field
//!   0       u32    mark
//!   4       u16    length: bytes of the packet in this element
//!   6       u8     protocol: 4 = IPv4, 41 = IPv6
//!   7       u8     qos, as in IP mode
//!   8       u32    total: bytes of the packet
//!   12      u32    at: the offset of these bytes in the packet
//!   16      10     offloads for its checksum and its segments: `struct virtio_net_hdr`
//!   26      u16    0
//! ```
//!
//! All numbers are little-endian. A packet is in consecutive elements, all of which are filled to
//! their end except the last one. All of them have the same mark, protocol, qos, total and
//! offloads. The fragments of a packet in elements are not those of IP.
//!
//! # Receiving
//!
//! The header is read once, and from then on only this copy of it counts. It determines how many
//! bytes to copy, and where to, within bounds that are checked here.
//! [`reassembly`](super::super::reassembly) checks whether all fragments of a packet are there. The
//! kernel's own virtio code checks the offloads: it does not trust the hosts of virtual machines
//! either.

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

/// Size of the offloads of a packet in bytes.
pub(crate) const VNET_HDR_SIZE: usize = 10;

/// Length of the longest packet in bytes: an IPv6 packet that is no jumbogram.
pub(crate) const PACKET_MAX: usize = IPV6_HEADER + u16::MAX as usize;

/// The offloads of a packet, work that the sender has left to others: a `struct virtio_net_hdr` in
/// little-endian byte order.
pub(crate) type Offloads = [u8; VNET_HDR_SIZE];

/// The decoded header of an element: which fragment of a packet it holds. Each header is valid by
/// itself. Whether it belongs to those of other elements is not checked.
///
/// # Invariants
///
/// `length` is not zero. `at + length` is at most `total`, which is at most [`PACKET_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OffloadFragment {
    /// Netfilter mark of the packet.
    pub(crate) mark: u32,
    /// Version of the IP packet.
    pub(crate) version: Version,
    /// The length of the packet in bytes.
    pub(crate) total: usize,
    /// The offset of this fragment in the packet, in bytes.
    pub(crate) at: usize,
    /// The length of this fragment in bytes.
    pub(crate) length: usize,
    /// The offloads of the packet.
    pub(crate) offloads: Offloads,
}

impl OffloadFragment {
    /// Decodes the header of an element of `element_size` bytes.
    ///
    /// # Errors
    ///
    /// - [`Malformed::Protocol`]: the protocol is neither that of IPv4 nor that of IPv6.
    /// - [`Malformed::Length`]: the lengths are not those of a fragment in such an element.
    pub(crate) fn decode(
        bytes: &[u8; HEADER_SIZE],
        element_size: usize,
    ) -> Result<Self, Malformed> {
        let (net_hdr, rest) = bytes.split_first_chunk().ok_or(Malformed::Length)?;
        let header = NetHdr::decode(*net_hdr);
        let version = Version::from_protocol(header.protocol).ok_or(Malformed::Protocol)?;
        let (total, rest) = rest.split_first_chunk().ok_or(Malformed::Length)?;
        let (at, rest) = rest.split_first_chunk().ok_or(Malformed::Length)?;
        let offloads = *rest.first_chunk().ok_or(Malformed::Length)?;

        // A `usize` has at least 32 bits on supported machines.
        let total = u32::from_le_bytes(*total) as usize;
        let at = u32::from_le_bytes(*at) as usize;
        let room = element_size.saturating_sub(HEADER_SIZE);
        let left = total.checked_sub(at).ok_or(Malformed::Length)?;
        let length = left.min(room);
        let possible = (version.min_len()..=PACKET_MAX).contains(&total);
        if !possible || length == 0 || usize::from(header.length) != length {
            return Err(Malformed::Length);
        }
        // INVARIANT: Checked above; `length` is at most `total - at`.
        Ok(Self {
            mark: header.mark,
            version,
            total,
            at,
            length,
            offloads,
        })
    }

    /// Checks the reassembled packet, which starts with `ip`, against the header of its fragments.
    ///
    /// # Errors
    ///
    /// - [`Malformed::Version`]: the packet has another IP version.
    /// - [`Malformed::Length`]: the IP header states another length.
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

/// The iterator over the fragments of a packet that is sent.
pub(crate) struct OffloadFragments {
    /// The encoded [`NetHdr`], which each fragment repeats except for its length.
    net_hdr: [u8; NET_HDR_SIZE],
    offloads: Offloads,
    total: usize,
    /// The number of bytes of the packet in each element but the last one.
    room: usize,
    at: usize,
}

/// A fragment of a packet that is sent: the header of its element, and the bytes of the packet that
/// follow the header.
pub(crate) struct TxFragment {
    /// The header of the element.
    pub(crate) header: [u8; HEADER_SIZE],
    /// The offset of the bytes in the packet.
    pub(crate) at: usize,
    /// The number of bytes.
    pub(crate) length: usize,
}

impl OffloadFragments {
    /// Returns the fragments of an IP packet in elements of `element_size` bytes. The packet starts
    /// with `ip` and has `length` bytes, of which those behind the length that its IP header states
    /// are not sent.
    ///
    /// # Errors
    ///
    /// - [`EncodeError`]: a reader would accept no such fragments.
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
            net_hdr: header.encode(),
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

        let [m0, m1, m2, m3, _, _, protocol, qos] = self.net_hdr;
        // `length` is at most `u16::MAX`, as `new` has checked. The others are at most
        // `PACKET_MAX`.
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
        // (start of the packet, its length, size of the elements, bytes of the packet in each)
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
            let fragments = OffloadFragments::new(7, &ip, length, OFFLOADS, size);
            assert_eq!((row, fragments.is_ok()), (row, true));
            let (mut count, mut at) = (0, 0);
            for out in fragments.into_iter().flatten() {
                let fragment = OffloadFragment::decode(&out.header, size);
                let Ok(fragment) = fragment else {
                    return assert_eq!((row, fragment.is_ok()), (row, true));
                };
                assert_eq!((row, Some(&fragment.length)), (row, expected.get(count)));
                assert_eq!((row, fragment.at, out.at), (row, at, at));
                assert_eq!((row, fragment.mark, fragment.offloads), (row, 7, OFFLOADS));
                assert_eq!((row, fragment.check(&ip)), (row, Ok(())));
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
        // (length, protocol, total, at, error) in elements of 128 bytes, which have room for 100
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
        let fragment = OffloadFragment {
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
            assert_eq!((ip, fragment.check(&ip)), (ip, expected));
        }
    }
}
