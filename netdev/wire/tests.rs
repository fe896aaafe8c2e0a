// SPDX-License-Identifier: GPL-2.0

//! Tests of the element format in IP mode.

#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_wire))]
mod cases {
    use super::super::*;

    /// Room for all packets of the tables.
    const ROOM: usize = 72;

    /// Returns an element of zeros with these changes: (offset, bytes).
    fn element(changes: &[(usize, &[u8])]) -> [u8; ROOM] {
        let mut element = [0; ROOM];
        for &(at, bytes) in changes {
            element[at..][..bytes.len()].copy_from_slice(bytes);
        }
        element
    }

    fn prefix(element: &[u8; ROOM]) -> &[u8; PREFIX_SIZE] {
        element.first_chunk().unwrap()
    }

    /// Returns an element with an IPv4 packet that states a length of `length` bytes, and a
    /// matching header.
    fn v4(length: u16) -> [u8; ROOM] {
        element(&[(6, &[4]), (8, &[0x45]), (10, &length.to_be_bytes())])
    }

    /// Returns an element with an IPv6 packet that states a payload of `length` bytes, and a
    /// matching header.
    fn v6(length: u16) -> [u8; ROOM] {
        element(&[(6, &[41]), (8, &[0x60]), (12, &length.to_be_bytes())])
    }

    /// Returns `element` with the byte at `at` changed.
    fn with(mut element: [u8; ROOM], at: usize, byte: u8) -> [u8; ROOM] {
        element[at] = byte;
        element
    }

    #[test]
    fn header_bytes() {
        let table = [
            (
                NetHdr {
                    mark: 0,
                    length: 0,
                    protocol: 0,
                    qos: 0,
                },
                [0; HEADER_SIZE],
            ),
            (
                NetHdr {
                    mark: 0x0403_0201,
                    length: 0x0605,
                    protocol: 7,
                    qos: 8,
                },
                [1, 2, 3, 4, 5, 6, 7, 8],
            ),
            (
                NetHdr {
                    mark: u32::MAX,
                    length: 1_500,
                    protocol: 41,
                    qos: 63,
                },
                [0xff, 0xff, 0xff, 0xff, 0xdc, 0x05, 0x29, 0x3f],
            ),
        ];
        for (header, bytes) in table {
            assert_eq!(header.encode(), bytes);
            assert_eq!(NetHdr::decode(bytes), header);
        }
    }

    #[test]
    fn versions() {
        for byte in 0..=u8::MAX {
            let version = match byte {
                0x40..=0x4f => Some(Version::V4),
                0x60..=0x6f => Some(Version::V6),
                _ => None,
            };
            assert_eq!((byte, Version::from_first_byte(byte)), (byte, version));
        }
        assert_eq!(Version::V4.ethertype(), 0x0800);
        assert_eq!(Version::V6.ethertype(), 0x86dd);
    }

    #[test]
    fn peeked_length() {
        use Malformed::*;

        // (number of the row, element, its size, number of bytes to copy)
        let table = [
            // IPv4: from a header without payload to a full element.
            (1, v4(0), 1_508, Err(Length)),
            (2, v4(19), 1_508, Err(Length)),
            (3, v4(20), 1_508, Ok(28)),
            (4, v4(1_500), 1_508, Ok(1_508)),
            (5, v4(1_501), 1_508, Err(Length)),
            (6, v4(u16::MAX), 1_508, Err(Length)),
            (7, v4(u16::MAX), 65_543, Ok(65_543)),
            (8, v4(u16::MAX), 65_542, Err(Length)),
            // IPv6: the stated length does not include the header.
            (9, v6(0), 1_508, Ok(48)),
            (10, v6(1_460), 1_508, Ok(1_508)),
            (11, v6(1_461), 1_508, Err(Length)),
            (12, v6(u16::MAX), 1_508, Err(Length)),
            (13, v6(65_495), 65_543, Ok(65_543)),
            (14, v6(65_496), 65_543, Err(Length)),
            // Elements that are too small for any packet, and the smallest with room for one.
            (15, v4(20), 27, Err(Length)),
            (16, v4(20), 28, Ok(28)),
            (17, v6(0), 47, Err(Length)),
            (18, v6(0), 48, Ok(48)),
            (19, v4(20), 0, Err(Length)),
            // The protocol alone decides which length counts. The version is checked in the copy.
            (20, with(v4(20), 6, 41), 1_508, Ok(48)),
            (21, with(v4(20), 8, 0x00), 1_508, Ok(28)),
            (22, with(v4(20), 6, 0), 1_508, Err(Protocol)),
            (23, with(v4(20), 6, 6), 1_508, Err(Protocol)),
            (24, with(v4(20), 6, 0xff), 1_508, Err(Protocol)),
            // The length in `net_hdr` does not count.
            (25, with(with(v4(20), 4, 0xff), 5, 0xff), 1_508, Ok(28)),
        ];
        for (row, element, size, expected) in table {
            assert_eq!((row, peek_len(prefix(&element), size)), (row, expected));
        }
    }

    #[test]
    fn checked_copy() {
        use Malformed::{
            Changed,
            HeaderLength,
            Length,
            Protocol, //
        };

        let ok = |version, mark| Ok(Checked { version, mark });
        // (number of the row, start of the element, number of bytes copied, result)
        let table = [
            (1, v4(20), 28, ok(Version::V4, 0)),
            (2, v4(64), ROOM, ok(Version::V4, 0)),
            (3, v6(0), 48, ok(Version::V6, 0)),
            (4, v6(24), ROOM, ok(Version::V6, 0)),
            // The mark, least significant byte first.
            (5, with(v4(20), 0, 7), 28, ok(Version::V4, 7)),
            (6, with(v6(0), 3, 0x80), 48, ok(Version::V6, 0x8000_0000)),
            // The length has changed since it was peeked.
            (7, v4(20), 29, Err(Changed)),
            (8, v4(21), 28, Err(Changed)),
            (9, v4(u16::MAX), ROOM, Err(Changed)),
            (10, v6(0), 47, Err(Changed)),
            (11, v6(1), 48, Err(Changed)),
            (12, v6(u16::MAX), ROOM, Err(Changed)),
            // The length has become too short for a packet.
            (13, v4(19), 27, Err(Length)),
            (14, v4(0), 28, Err(Length)),
            // The protocol has changed since it was peeked.
            (15, with(v4(20), 6, 41), 28, Err(Changed)),
            (16, with(v4(20), 6, 6), 28, Err(Protocol)),
            // Copies that are too short for the headers.
            (17, v4(20), 0, Err(Length)),
            (18, v4(20), PREFIX_SIZE - 1, Err(Length)),
            (19, v4(20), PREFIX_SIZE, Err(Changed)),
            // The version in the packet.
            (20, with(v4(20), 8, 0x65), 28, Err(Malformed::Version)),
            (21, with(v4(20), 8, 0x05), 28, Err(Malformed::Version)),
            (22, with(v4(20), 8, 0xf5), 28, Err(Malformed::Version)),
            (23, with(v6(0), 8, 0x40), 48, Err(Malformed::Version)),
            (24, with(v6(0), 8, 0x6f), 48, ok(Version::V6, 0)),
            // The length of the IPv4 header: at least 5 words, at most the length of the packet.
            (25, with(v4(20), 8, 0x40), 28, Err(HeaderLength)),
            (26, with(v4(20), 8, 0x44), 28, Err(HeaderLength)),
            (27, with(v4(20), 8, 0x46), 28, Err(HeaderLength)),
            (28, with(v4(23), 8, 0x46), 31, Err(HeaderLength)),
            (29, with(v4(24), 8, 0x46), 32, ok(Version::V4, 0)),
            (30, with(v4(59), 8, 0x4f), 67, Err(HeaderLength)),
            (31, with(v4(60), 8, 0x4f), 68, ok(Version::V4, 0)),
        ];
        for (row, element, copied, expected) in table {
            assert_eq!(
                (row, check(&element[..copied.min(PREFIX_SIZE)], copied)),
                (row, expected)
            );
        }
    }

    #[test]
    fn sent_header() {
        use EncodeError::*;

        /// Returns the IP packet in an element.
        fn ip(element: &[u8; ROOM]) -> &[u8] {
            &element[HEADER_SIZE..]
        }
        let ok = |length: u16, protocol, qos| {
            Ok(NetHdr {
                mark: 0x1234_5678,
                length,
                protocol,
                qos,
            }
            .encode())
        };
        // (number of the row, element with the packet, length of the packet, size of the element,
        // header)
        let table = [
            (1, v4(20), 20, 1_508, ok(20, 4, 0)),
            (2, v4(1_500), 1_500, 1_508, ok(1_500, 4, 0)),
            (3, v4(1_501), 1_501, 1_508, Err(TooLong)),
            (4, v4(u16::MAX), 65_535, 65_543, ok(65_535, 4, 0)),
            (5, v4(u16::MAX), 65_536, 65_544, Err(TooLong)),
            (6, v6(0), 40, 1_508, ok(40, 41, 0)),
            (7, v6(1_460), 1_500, 1_508, ok(1_500, 41, 0)),
            (8, v6(1_461), 1_501, 1_508, Err(TooLong)),
            (9, v6(65_495), 65_535, 65_543, ok(65_535, 41, 0)),
            (10, v6(65_496), 65_536, 65_544, Err(TooLong)),
            // Padding behind the packet is allowed, a missing part is not.
            (11, v4(20), 46, 1_508, ok(46, 4, 0)),
            (12, v4(21), 20, 1_508, Err(TooShort)),
            (13, v4(19), 20, 1_508, Err(TooShort)),
            (14, v4(0), 20, 1_508, Err(TooShort)),
            (15, v4(20), 19, 1_508, Err(TooShort)),
            (16, v6(1), 40, 1_508, Err(TooShort)),
            (17, v6(0), 39, 1_508, Err(TooShort)),
            (18, v6(u16::MAX), 1_500, 1_508, Err(TooShort)),
            // An element that is just large enough, elements that are too small, and a length that
            // no `u16` can hold.
            (19, v4(20), 20, 28, ok(20, 4, 0)),
            (20, v4(20), 20, 27, Err(TooLong)),
            (21, v4(20), 20, 7, Err(TooLong)),
            (22, v4(20), usize::MAX, usize::MAX, Err(TooLong)),
            // TOS and traffic class, without the ECN bits.
            (23, with(v4(20), 9, 0xff), 20, 1_508, ok(20, 4, 0x3f)),
            (24, with(v4(20), 9, 0xb8), 20, 1_508, ok(20, 4, 46)),
            (25, with(v4(20), 9, 0x03), 20, 1_508, ok(20, 4, 0)),
            (
                26,
                with(with(v6(0), 8, 0x6b), 9, 0x8f),
                40,
                1_508,
                ok(40, 41, 46),
            ),
            (
                27,
                with(with(v6(0), 8, 0x60), 9, 0x3f),
                40,
                1_508,
                ok(40, 41, 0),
            ),
            (
                28,
                with(with(v6(0), 8, 0x6f), 9, 0xff),
                40,
                1_508,
                ok(40, 41, 63),
            ),
            // Neither IPv4 nor IPv6.
            (29, with(v4(20), 8, 0x00), 20, 1_508, Err(Protocol)),
            (30, with(v4(20), 8, 0x55), 20, 1_508, Err(Protocol)),
            (31, with(v4(20), 8, 0xff), 20, 1_508, Err(Protocol)),
        ];
        for (row, element, length, size, expected) in table {
            let header = encode(0x1234_5678, ip(&element), length, size);
            assert_eq!((row, header), (row, expected));
        }

        // Packets that are shorter than the 8 bytes that `encode()` needs.
        assert_eq!(encode(0, &[], 0, 1_508), Err(Protocol));
        assert_eq!(encode(0, &[0x45; 7], 7, 1_508), Err(TooShort));
    }

    /// The receiver accepts what the sender writes.
    #[test]
    fn round_trip() {
        for mark in [0, 1, 0xffff_ffff] {
            for (version, packet, length) in [
                (Version::V4, v4(20), 20),
                (Version::V4, v4(64), 64),
                (Version::V6, v6(0), 40),
                (Version::V6, v6(24), 64),
            ] {
                let mut element = packet;
                let header = encode(mark, &packet[HEADER_SIZE..], length, ROOM).unwrap();
                element[..HEADER_SIZE].copy_from_slice(&header);

                assert_eq!(peek_len(prefix(&element), ROOM), Ok(HEADER_SIZE + length));
                let copy = &element[..HEADER_SIZE + length];
                assert_eq!(check(copy, copy.len()), Ok(Checked { version, mark }));
                assert_eq!(
                    NetHdr::decode(*copy.first_chunk().unwrap()).length,
                    length as u16
                );
            }
        }
    }
}
