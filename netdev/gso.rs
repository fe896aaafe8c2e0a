// SPDX-License-Identifier: GPL-2.0

//! Segmentation of large TCP and UDP packets (GSO). Each segment is a packet of its own, as with a
//! network card that has segmentation offload, and as from `tcp_gso_segment()` and
//! `__udp_gso_segment()`.
//!
//! [`GsoSegments`] determines the headers and the bytes of the payload of each segment, and
//! computes the checksums. The caller copies the payload directly to its destination, and sums it
//! during the copy.

use super::wire::Version;

/// The longest headers in bytes, from the start of the packet to the payload, that can be repeated
/// for each segment. There is room for Ethernet with two tags, IPv6 with extension headers, and TCP
/// with options.
pub(crate) const HEADER_MAX: usize = 192;

/// Offsets of fields in the IPv4 header.
mod ipv4 {
    pub(super) const LENGTH: usize = 2;
    pub(super) const ID: usize = 4;
    pub(super) const CHECKSUM: usize = 10;
    pub(super) const ADDRESSES: usize = 12;
    pub(super) const SIZE: usize = 20;
}

/// Offsets of fields in the IPv6 header.
mod ipv6 {
    pub(super) const LENGTH: usize = 4;
    pub(super) const ADDRESSES: usize = 8;
    pub(super) const SIZE: usize = 40;
}

/// Offsets of fields in the TCP header, and flags.
mod tcp {
    pub(super) const SEQUENCE: usize = 4;
    pub(super) const DATA_OFFSET: usize = 12;
    pub(super) const FLAGS: usize = 13;
    pub(super) const CHECKSUM: usize = 16;
    pub(super) const SIZE: usize = 20;

    pub(super) const FIN: u8 = 0x01;
    pub(super) const PSH: u8 = 0x08;
    pub(super) const CWR: u8 = 0x80;
}

/// Offsets of fields in the UDP header.
mod udp {
    pub(super) const LENGTH: usize = 4;
    pub(super) const CHECKSUM: usize = 6;
    pub(super) const SIZE: usize = 8;
}

/// The transport protocol of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// TCP: each segment has a sequence number.
    Tcp,
    /// UDP: each segment is a datagram with its own length.
    Udp,
}

impl Transport {
    /// Returns the protocol number in the pseudo header of the checksum: `IPPROTO_TCP` or
    /// `IPPROTO_UDP`.
    const fn protocol(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }

    /// Returns the offset of the checksum in the transport header, in bytes.
    const fn checksum(self) -> usize {
        match self {
            Self::Tcp => tcp::CHECKSUM,
            Self::Udp => udp::CHECKSUM,
        }
    }
}

/// How a packet is to be segmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GsoParams {
    /// The transport protocol.
    pub(crate) transport: Transport,
    /// The payload in bytes of each segment but the last one.
    pub(crate) size: usize,
    /// The offset of the IP header from the start of the packet, in bytes.
    pub(crate) network_at: usize,
    /// The offset of the TCP or UDP header from the start of the packet, in bytes.
    pub(crate) transport_at: usize,
}

/// One segment of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The offset of its payload from the start of the packet, in bytes.
    pub(crate) offset: usize,
    /// The length of its payload in bytes.
    pub(crate) length: usize,
    /// The number of segments before it.
    number: usize,
    /// Whether it is the last segment.
    last: bool,
}

/// The iterator over the segments of a packet, from its start to its end.
///
/// # Invariants
///
/// - `network_at`, `transport_at` and `header_len` are in ascending order. Each header in between
///   has at least its minimal size, and `header_len` is at most [`HEADER_MAX`].
/// - `step` is not zero. A segment with its headers, without the bytes before the IP header, is at
///   most 65,535 bytes long.
pub(crate) struct GsoSegments {
    /// The headers of the packet. [`headers`](Self::headers) updates them for each segment.
    header: [u8; HEADER_MAX],
    header_len: usize,
    network_at: usize,
    transport_at: usize,
    version: Version,
    transport: Transport,
    /// The payload in bytes of each segment but the last one.
    step: usize,
    /// The payload of the packet in bytes.
    payload: usize,
    /// The payload in bytes of the segments so far.
    done: usize,
    /// The number of segments so far.
    count: usize,
    /// The IPv4 identification of the first segment.
    id: u16,
    /// The TCP sequence number of the first segment.
    sequence: u32,
    /// The TCP flags of the packet.
    flags: u8,
}

impl GsoSegments {
    /// Returns the segments of a packet of `length` bytes that starts with `headers`: its first
    /// [`HEADER_MAX`] bytes, or all if it is shorter.
    ///
    /// [`None`]: the headers do not match `gso` or are too long, or there is no payload.
    pub(crate) fn new(headers: &[u8], length: usize, gso: &GsoParams) -> Option<Self> {
        let GsoParams {
            transport,
            size: step,
            network_at,
            transport_at,
        } = *gso;
        let version = Version::from_first_byte(*headers.get(network_at)?)?;
        let between = transport_at.checked_sub(network_at)?;
        let ip_header = match version {
            Version::V4 => ipv4::SIZE,
            Version::V6 => ipv6::SIZE,
        };
        let transport_header = match transport {
            Transport::Tcp => {
                let field = headers.get(transport_at.checked_add(tcp::DATA_OFFSET)?)?;
                let size = usize::from(field >> 4) * 4;
                (size >= tcp::SIZE).then_some(size)?
            }
            Transport::Udp => udp::SIZE,
        };
        let header_len = transport_at.checked_add(transport_header)?;
        let payload = length.checked_sub(header_len).filter(|&bytes| bytes > 0)?;
        let longest = between
            .checked_add(transport_header)?
            .checked_add(step.min(payload))?;
        if between < ip_header || step == 0 || longest > usize::from(u16::MAX) {
            return None;
        }

        let mut header = [0; HEADER_MAX];
        header
            .get_mut(..header_len)?
            .copy_from_slice(headers.get(..header_len)?);
        // INVARIANT: Checked above; `header_len` bytes fit the array.
        let mut this = Self {
            header,
            header_len,
            network_at,
            transport_at,
            version,
            transport,
            step,
            payload,
            done: 0,
            count: 0,
            id: 0,
            sequence: 0,
            flags: 0,
        };
        if version == Version::V4 {
            this.id = this.field(network_at + ipv4::ID).map(u16::from_be_bytes)?;
        }
        if transport == Transport::Tcp {
            this.sequence = this
                .field(transport_at + tcp::SEQUENCE)
                .map(u32::from_be_bytes)?;
            let [flags] = this.field(transport_at + tcp::FLAGS)?;
            this.flags = flags;
        }
        Some(this)
    }

    /// Returns the length of the headers of each segment in bytes.
    pub(crate) fn header_len(&self) -> usize {
        self.header_len
    }

    /// Returns the headers of `segment`. `payload_sum` is the sum of the 16-bit words of its
    /// payload in native byte order, as `csum_partial()` returns it.
    #[inline]
    pub(crate) fn headers(&mut self, segment: &Segment, payload_sum: u32) -> &[u8] {
        // By the type invariant both lengths are at most 65,535.
        let transport_len = self.header_len - self.transport_at + segment.length;
        let packet_len = self.header_len - self.network_at + segment.length;

        let network = self.network_at;
        match self.version {
            Version::V4 => {
                self.set(network + ipv4::LENGTH, (packet_len as u16).to_be_bytes());
                let id = self.id.wrapping_add(segment.number as u16);
                self.set(network + ipv4::ID, id.to_be_bytes());
                self.set(network + ipv4::CHECKSUM, [0; 2]);
                let sum = sum_of(self.part(network, self.transport_at));
                self.set(network + ipv4::CHECKSUM, fold_checksum(sum));
            }
            Version::V6 => {
                let length = packet_len - ipv6::SIZE;
                self.set(network + ipv6::LENGTH, (length as u16).to_be_bytes());
            }
        }

        let transport = self.transport_at;
        match self.transport {
            Transport::Tcp => {
                // A packet is at most `u32::MAX` bytes long. Sequence numbers wrap.
                let before = (segment.offset - self.header_len) as u32;
                let sequence = self.sequence.wrapping_add(before);
                self.set(transport + tcp::SEQUENCE, sequence.to_be_bytes());
                let mut flags = self.flags;
                if segment.number > 0 {
                    flags &= !tcp::CWR;
                }
                if !segment.last {
                    flags &= !(tcp::FIN | tcp::PSH);
                }
                self.set(transport + tcp::FLAGS, [flags]);
            }
            Transport::Udp => {
                let length = transport_len as u16;
                self.set(transport + udp::LENGTH, length.to_be_bytes());
            }
        }
        let field = transport + self.transport.checksum();
        self.set(field, [0; 2]);
        let sum = u64::from(payload_sum)
            + sum_of(self.part(transport, self.header_len))
            + self.pseudo_header(transport_len as u16);
        let checksum = match (self.transport, fold_checksum(sum)) {
            // RFC 768: zero means that there is no checksum.
            (Transport::Udp, [0, 0]) => [0xff, 0xff],
            (_, checksum) => checksum,
        };
        self.set(field, checksum);
        self.part(0, self.header_len)
    }

    /// Returns the sum of the pseudo header for `length` bytes of transport header and payload: RFC
    /// 9293, section 3.1, and RFC 8200, section 8.1.
    #[inline]
    fn pseudo_header(&self, length: u16) -> u64 {
        let addresses = match self.version {
            Version::V4 => self.network_at + ipv4::ADDRESSES..self.network_at + ipv4::SIZE,
            Version::V6 => self.network_at + ipv6::ADDRESSES..self.network_at + ipv6::SIZE,
        };
        let [high, low] = length.to_be_bytes();
        sum_of(self.part(addresses.start, addresses.end))
            + sum_of(&[0, self.transport.protocol(), high, low])
    }

    /// Returns the bytes `from..to` of the headers.
    #[inline]
    fn part(&self, from: usize, to: usize) -> &[u8] {
        self.header.get(from..to).unwrap_or_default()
    }

    fn field<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.header.get(at..)?.first_chunk().copied()
    }

    #[inline]
    fn set<const N: usize>(&mut self, at: usize, value: [u8; N]) {
        let field = self
            .header
            .get_mut(at..)
            .and_then(|it| it.first_chunk_mut());
        if let Some(field) = field {
            *field = value;
        }
    }
}

impl Iterator for GsoSegments {
    type Item = Segment;

    #[inline]
    fn next(&mut self) -> Option<Segment> {
        let left = self.payload - self.done;
        if left == 0 {
            return None;
        }
        let length = left.min(self.step);
        let segment = Segment {
            offset: self.header_len + self.done,
            length,
            number: self.count,
            last: length == left,
        };
        self.done += length;
        self.count += 1;
        Some(segment)
    }
}

// The internet checksum: RFC 1071. Words are added in native byte order, as the kernel does: the
// ones' complement sum of byte-swapped words is the byte-swapped sum.

/// Returns the sum of the 16-bit words of at most 64 KiB. An odd last byte is the first byte of a
/// word. The sum is not folded, and many such sums may be added up.
#[inline]
fn sum_of(bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks_exact(4);
    // At most 2^14 words of less than 2^32 each.
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

/// Returns the bytes of the checksum field for words that add up to `sum`.
#[inline]
fn fold_checksum(sum: u64) -> [u8; 2] {
    // Each step keeps the value modulo 2^16 - 1. After the first step the sum is below 2^34, for
    // which three more steps are enough.
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    (!(sum as u16)).to_ne_bytes()
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_gso))]
mod tests {
    use super::*;

    const PREFIX: usize = 14;
    const FLAGS: u8 = tcp::FIN | tcp::PSH | tcp::CWR | 0x10;

    /// Returns the headers of a packet: `prefix` bytes before the IP header, `between` bytes of IP
    /// options or extension headers, and `options` bytes of options in the transport header.
    fn headers(
        prefix: usize,
        version: Version,
        between: usize,
        transport: Transport,
        options: usize,
    ) -> ([u8; HEADER_MAX], GsoParams) {
        let mut headers = [0; HEADER_MAX];
        let ip = &mut headers[prefix..];
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
        // The old value of the checksum does not matter.
        segment[transport.checksum()..][..2].copy_from_slice(&[0xde, 0xad]);
        let gso = GsoParams {
            transport,
            size: 100,
            network_at: prefix,
            transport_at: prefix + network,
        };
        (headers, gso)
    }

    fn be16(bytes: &[u8], at: usize) -> usize {
        usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]))
    }

    #[test]
    fn segments_are_packets() {
        use Transport::{
            Tcp,
            Udp, //
        };
        use Version::{
            V4,
            V6, //
        };
        // (bytes before the IP header, version, bytes between IP and transport header, transport,
        // bytes of its options, payload, payloads of the segments)
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
            let (headers, gso) = headers(prefix, version, between, transport, options);
            let size = match transport {
                Tcp => tcp::SIZE + options,
                Udp => udp::SIZE,
            };
            let header_len = gso.transport_at + size;
            let segments = GsoSegments::new(&headers, header_len + payload, &gso);
            assert_eq!((row, segments.is_some()), (row, true));
            let Some(mut segments) = segments else {
                continue;
            };

            let (mut count, mut done) = (0, 0);
            while let Some(segment) = segments.next() {
                assert_eq!((row, expected.get(count)), (row, Some(&segment.length)));
                assert_eq!((row, segment.offset), (row, header_len + done));
                // Each word of the payload is 0x0102, except an odd last byte.
                let mut bytes = [1; 128];
                bytes.iter_mut().skip(1).step_by(2).for_each(|it| *it = 2);
                let data = &bytes[..segment.length];
                let mut sum = sum_of(data);
                while sum > u64::from(u32::MAX) {
                    sum = (sum & 0xffff_ffff) + (sum >> 32);
                }
                let headers = segments.headers(&segment, sum as u32);
                assert_eq!((row, headers.len()), (row, header_len));

                let ip = &headers[prefix..];
                let transport_len = size + segment.length;
                let network = gso.transport_at - prefix;
                match version {
                    V4 => {
                        assert_eq!((row, be16(ip, 2)), (row, network + transport_len));
                        assert_eq!((row, be16(ip, 4)), (row, (0xffff + count) & 0xffff));
                        assert_eq!((row, fold_checksum(sum_of(&ip[..network]))), (row, [0, 0]));
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
                let all = sum_of(addresses)
                    + sum_of(&pseudo.to_be_bytes())
                    + sum_of(carried)
                    + sum_of(data);
                assert_eq!((row, fold_checksum(all)), (row, [0, 0]));
                done += segment.length;
                count += 1;
            }
            assert_eq!((row, count, done), (row, expected.len(), payload));
        }
    }

    #[test]
    fn no_checksum_is_not_stated() {
        let (mut headers, gso) = headers(0, Version::V4, 0, Transport::Udp, 0);
        // The checksum with source port 0x1234 is added to the port. With the new port, the sum of
        // the header and a payload of zeros is all ones.
        let first = GsoSegments::new(&headers, 29, &gso).and_then(|mut segments| {
            let segment = segments.next()?;
            segments
                .headers(&segment, 0)
                .get(26..28)?
                .first_chunk()
                .copied()
        });
        let [high, low] = first.unwrap_or_default();
        let port = u16::from_be_bytes([0x12, 0x34]);
        let (sum, carry) = port.overflowing_add(u16::from_be_bytes([high, low]));
        headers[20..22].copy_from_slice(&(sum + u16::from(carry)).to_be_bytes());
        let stated = GsoSegments::new(&headers, 29, &gso).and_then(|mut segments| {
            let segment = segments.next()?;
            segments
                .headers(&segment, 0)
                .get(26..28)?
                .first_chunk()
                .copied()
        });
        assert_eq!(stated, Some([0xff, 0xff]));
    }

    #[test]
    fn what_is_refused() {
        let (tcp4, gso) = headers(0, Version::V4, 0, Transport::Tcp, 12);
        let header_len = gso.transport_at + 32;
        // (offset of the changed byte, its value, change of the parameters, length of the packet,
        // whether it can be segmented)
        type Change = fn(&mut GsoParams);
        let same: Change = |_| {};
        let table: [(usize, u8, Change, usize, bool); 14] = [
            (0, 0x45, same, header_len + 1, true),
            (0, 0x45, same, header_len, false),
            (0, 0x45, same, 0, false),
            (0, 0x35, same, header_len + 100, false),
            (0, 0x00, same, header_len + 100, false),
            (32, 0x40, same, header_len + 100, false),
            (32, 0x50, same, header_len + 100, true),
            (32, 0xf0, same, header_len + 100, true),
            (0, 0x45, |gso| gso.size = 0, header_len + 100, false),
            (0, 0x45, |gso| gso.network_at = 8, header_len + 100, false),
            (0, 0x45, |gso| gso.network_at = 21, header_len + 100, false),
            (
                0,
                0x45,
                |gso| gso.transport_at = HEADER_MAX,
                header_len + 200,
                false,
            ),
            (
                0,
                0x45,
                |gso| gso.transport_at = usize::MAX,
                header_len + 100,
                false,
            ),
            (0, 0x45, |gso| gso.size = 65_500, 200_000, false),
        ];
        for (at, value, change, length, expected) in table {
            let mut headers = tcp4;
            headers[at] = value;
            let mut gso = gso;
            change(&mut gso);
            let found = GsoSegments::new(&headers, length, &gso).is_some();
            assert_eq!(
                (at, value, gso, length, found),
                (at, value, gso, length, expected)
            );
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_gso_sum))]
mod sum_tests {
    use super::*;

    #[test]
    fn sums() {
        // (bytes, checksum). The second row is the example of RFC 1071, section 3.
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
            assert_eq!((bytes, fold_checksum(sum_of(bytes))), (bytes, expected));
        }
        // Sums of any size fold to their value modulo 2^16 - 1.
        for sum in [u64::MAX, u64::MAX - 1, 1 << 63, 0xffff_ffff, 0x1_0000_0000] {
            let residue = (sum % 0xffff) as u16;
            let folded = !u16::from_ne_bytes(fold_checksum(sum)) % 0xffff;
            assert_eq!((sum, folded), (sum, residue));
        }
    }
}
