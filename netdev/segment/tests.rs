// SPDX-License-Identifier: GPL-2.0

//! Tables for the segments of large packets.

#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_segment))]
mod cases {
    use super::super::*;

    const PREFIX: usize = 14;
    const FLAGS: u8 = tcp::FIN | tcp::PSH | tcp::CWR | 0x10;

    /// The headers of a packet: bytes before the IP header, its version, its options or extensions,
    /// what carries the payload and with how many bytes of options.
    fn start(
        prefix: usize,
        version: Version,
        between: usize,
        transport: Transport,
        options: usize,
    ) -> ([u8; HEADER_MAX], Cut) {
        let mut start = [0; HEADER_MAX];
        let ip = &mut start[prefix..];
        let network = match version {
            Version::V4 => {
                ip[0] = 0x45 + (between / 4) as u8;
                ip[4..6].copy_from_slice(&[0xff, 0xff]);
                ip[8..10].copy_from_slice(&[64, transport.protocol()]);
                ip[12..20].copy_from_slice(&[192, 0, 2, 1, 192, 0, 2, 2]);
                ipv4::SIZE
            }
            Version::V6 => {
                ip[0] = 0x60;
                ip[6..8].copy_from_slice(&[transport.protocol(), 64]);
                ip[8..12].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
                ip[39] = 2;
                ipv6::SIZE
            }
        } + between;
        let segment = &mut ip[network..];
        segment[0..4].copy_from_slice(&[0x12, 0x34, 0x56, 0x78]);
        if transport == Transport::Tcp {
            segment[4..8].copy_from_slice(&[0xff, 0xff, 0xff, 0xf0]);
            segment[12] = (((tcp::SIZE + options) / 4) << 4) as u8;
            segment[13] = FLAGS;
        }
        // What was there as a checksum does not matter.
        segment[transport.checksum()..][..2].copy_from_slice(&[0xde, 0xad]);
        let cut = Cut {
            transport,
            size: 100,
            network_at: prefix,
            transport_at: prefix + network,
        };
        (start, cut)
    }

    fn be16(bytes: &[u8], at: usize) -> usize {
        usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]))
    }

    #[test]
    fn segments_are_packets() {
        use Transport::{Tcp, Udp};
        use Version::{V4, V6};
        // (bytes before the IP header, version, bytes after it, what carries it, bytes of options,
        // payload, payloads of the segments)
        type Row<'a> = (usize, Version, usize, Transport, usize, usize, &'a [usize]);
        let table: [Row<'_>; 10] = [
            (0, V4, 0, Tcp, 12, 250, &[100, 100, 50]),
            (0, V6, 0, Tcp, 12, 200, &[100, 100]),
            (0, V4, 0, Udp, 0, 101, &[100, 1]),
            (0, V6, 0, Udp, 0, 99, &[99]),
            (PREFIX, V4, 40, Tcp, 40, 250, &[100, 100, 50]),
            (PREFIX, V6, 8, Tcp, 0, 250, &[100, 100, 50]),
            (PREFIX + 4, V4, 0, Udp, 0, 250, &[100, 100, 50]),
            (PREFIX, V6, 64, Udp, 0, 1, &[1]),
            (0, V4, 0, Tcp, 0, 1, &[1]),
            (0, V6, 0, Tcp, 0, 301, &[100, 100, 100, 1]),
        ];
        for row in table {
            let (prefix, version, between, transport, options, payload, expected) = row;
            let (start, cut) = start(prefix, version, between, transport, options);
            let size = match transport {
                Tcp => tcp::SIZE + options,
                Udp => udp::SIZE,
            };
            let header = cut.transport_at + size;
            let plan = Segments::new(&start, header + payload, &cut);
            assert_eq!((row, plan.is_some()), (row, true));
            let Some(mut plan) = plan else { continue };

            let (mut count, mut done) = (0, 0);
            while let Some(segment) = plan.next() {
                assert_eq!((row, expected.get(count)), (row, Some(&segment.length)));
                assert_eq!((row, segment.start), (row, header + done));
                // A payload of which each word is 0x0102, but for an odd last byte.
                let mut bytes = [1; 128];
                bytes.iter_mut().skip(1).step_by(2).for_each(|it| *it = 2);
                let data = &bytes[..segment.length];
                let mut sum = sum::of(data);
                while sum > u64::from(u32::MAX) {
                    sum = (sum & 0xffff_ffff) + (sum >> 32);
                }
                let headers = plan.headers(&segment, sum as u32);
                assert_eq!((row, headers.len()), (row, header));

                let ip = &headers[prefix..];
                let transport_len = size + segment.length;
                let network = cut.transport_at - prefix;
                match version {
                    V4 => {
                        assert_eq!((row, be16(ip, 2)), (row, network + transport_len));
                        assert_eq!((row, be16(ip, 4)), (row, (0xffff + count) & 0xffff));
                        assert_eq!((row, sum::checksum(sum::of(&ip[..network]))), (row, [0, 0]));
                    }
                    V6 => {
                        let stated = network - ipv6::SIZE + transport_len;
                        assert_eq!((row, be16(ip, 4)), (row, stated));
                    }
                }
                let carried = &ip[network..];
                match transport {
                    Tcp => {
                        let sequence = 0xffff_fff0u32.wrapping_add(done as u32);
                        assert_eq!(carried[4..8], sequence.to_be_bytes());
                        let last = count + 1 == expected.len();
                        let mut flags = FLAGS;
                        if count > 0 {
                            flags &= !tcp::CWR;
                        }
                        if !last {
                            flags &= !(tcp::FIN | tcp::PSH);
                        }
                        assert_eq!((row, carried[13]), (row, flags));
                    }
                    Udp => assert_eq!((row, be16(carried, 4)), (row, transport_len)),
                }
                let addresses = match version {
                    V4 => &ip[12..20],
                    V6 => &ip[8..40],
                };
                let pseudo = (transport_len + usize::from(transport.protocol())) as u16;
                let all = sum::of(addresses)
                    + sum::of(&pseudo.to_be_bytes())
                    + sum::of(carried)
                    + sum::of(data);
                assert_eq!((row, sum::checksum(all)), (row, [0, 0]));
                done += segment.length;
                count += 1;
            }
            assert_eq!((row, count, done), (row, expected.len(), payload));
        }
    }

    #[test]
    fn no_checksum_is_not_stated() {
        let (mut start, cut) = start(0, Version::V4, 0, Transport::Udp, 0);
        // With this port, the header and a payload of no words add up to all ones.
        let first = Segments::new(&start, 29, &cut).and_then(|mut plan| {
            let segment = plan.next()?;
            plan.headers(&segment, 0)
                .get(26..28)?
                .first_chunk()
                .copied()
        });
        let [high, low] = first.unwrap_or_default();
        let port = u16::from_be_bytes([0x12, 0x34]);
        let (sum, carry) = port.overflowing_add(u16::from_be_bytes([high, low]));
        start[20..22].copy_from_slice(&(sum + u16::from(carry)).to_be_bytes());
        let stated = Segments::new(&start, 29, &cut).and_then(|mut plan| {
            let segment = plan.next()?;
            plan.headers(&segment, 0)
                .get(26..28)?
                .first_chunk()
                .copied()
        });
        assert_eq!(stated, Some([0xff, 0xff]));
    }

    #[test]
    fn what_is_refused() {
        let (tcp4, cut) = start(0, Version::V4, 0, Transport::Tcp, 12);
        let whole = cut.transport_at + 32;
        // (changed byte and its value, change of the cut, length of the packet, is there a plan?)
        type Change = fn(&mut Cut);
        let same: Change = |_| {};
        let table: [(usize, u8, Change, usize, bool); 14] = [
            (0, 0x45, same, whole + 1, true),
            (0, 0x45, same, whole, false),
            (0, 0x45, same, 0, false),
            (0, 0x35, same, whole + 100, false),
            (0, 0x00, same, whole + 100, false),
            (32, 0x40, same, whole + 100, false),
            (32, 0x50, same, whole + 100, true),
            (32, 0xf0, same, whole + 100, true),
            (0, 0x45, |cut| cut.size = 0, whole + 100, false),
            (0, 0x45, |cut| cut.network_at = 8, whole + 100, false),
            (0, 0x45, |cut| cut.network_at = 21, whole + 100, false),
            (
                0,
                0x45,
                |cut| cut.transport_at = HEADER_MAX,
                whole + 200,
                false,
            ),
            (
                0,
                0x45,
                |cut| cut.transport_at = usize::MAX,
                whole + 100,
                false,
            ),
            (0, 0x45, |cut| cut.size = 65_500, 200_000, false),
        ];
        for (at, value, change, length, expected) in table {
            let mut start = tcp4;
            start[at] = value;
            let mut cut = cut;
            change(&mut cut);
            let found = Segments::new(&start, length, &cut).is_some();
            assert_eq!(
                (at, value, cut, length, found),
                (at, value, cut, length, expected)
            );
        }
    }
}
