// SPDX-License-Identifier: GPL-2.0

//! A large TCP or UDP packet in several segments, each a packet of its own: what a network card
//! with segmentation offload does, and what `tcp_gso_segment()` and `__udp_gso_segment()` do.
//!
//! This plans which header and which bytes of the payload each segment has, and computes the
//! checksums of the headers. The payload itself is copied, and summed on the way, by whoever has
//! it, straight to where the segment goes.

use super::wire::Version;

/// The longest headers in bytes, from the start of the packet to the payload, that can be repeated
/// for each segment: those of Ethernet with two tags, IPv6 with extensions, and TCP with options.
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

/// What carries the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// A stream, whose segments are numbered.
    Tcp,
    /// Datagrams, each with a length of its own.
    Udp,
}

impl Transport {
    /// The number of the protocol in the checksum's pseudo header: `IPPROTO_TCP` or `IPPROTO_UDP`.
    const fn protocol(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }

    const fn checksum(self) -> usize {
        match self {
            Self::Tcp => tcp::CHECKSUM,
            Self::Udp => udp::CHECKSUM,
        }
    }
}

/// How a packet is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GsoParams {
    /// What carries the payload.
    pub(crate) transport: Transport,
    /// Bytes of payload in each segment but the last one.
    pub(crate) size: usize,
    /// Where the IP header begins, in bytes from the start of the packet.
    pub(crate) network_at: usize,
    /// Where the TCP or UDP header begins, in bytes from the start of the packet.
    pub(crate) transport_at: usize,
}

/// One segment of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Where its payload begins, in bytes from the start of the packet.
    pub(crate) start: usize,
    /// Bytes of its payload.
    pub(crate) length: usize,
    /// How many segments come before it.
    number: usize,
    /// Whether no other one follows.
    last: bool,
}

/// The segments of a packet, from its start to its end.
///
/// # Invariants
///
/// - `network_at`, `transport_at` and `header_len` are in ascending order, each header in between
///   has its minimal size, and `header_len` is at most [`HEADER_MAX`].
/// - `step` is not zero; a segment with headers, but for what precedes the IP header, is no longer
///   than 65,535 bytes.
pub(crate) struct GsoSegments {
    /// The headers of the packet, in which each segment's numbers are written.
    header: [u8; HEADER_MAX],
    header_len: usize,
    network_at: usize,
    transport_at: usize,
    version: Version,
    transport: Transport,
    /// Bytes of payload in each segment but the last one.
    step: usize,
    /// Bytes of payload of the packet.
    payload: usize,
    /// Bytes of payload in the segments so far.
    done: usize,
    /// Segments so far.
    count: usize,
    /// The identification of the first segment: IPv4.
    id: u16,
    /// The sequence number of the first segment: TCP.
    sequence: u32,
    /// The flags of the packet: TCP.
    flags: u8,
}

impl GsoSegments {
    /// Plans the segments of a packet of `length` bytes that starts with `start`: its first
    /// [`HEADER_MAX`] bytes, or all if it is shorter.
    ///
    /// [`None`]: its headers are not what `cut` says, or are too long, or no payload follows.
    pub(crate) fn new(start: &[u8], length: usize, gso: &GsoParams) -> Option<Self> {
        let GsoParams {
            transport,
            size: step,
            network_at,
            transport_at,
        } = *gso;
        let version = Version::from_first_byte(*start.get(network_at)?)?;
        let between = transport_at.checked_sub(network_at)?;
        let ip_header = match version {
            Version::V4 => ipv4::SIZE,
            Version::V6 => ipv6::SIZE,
        };
        let transport_header = match transport {
            Transport::Tcp => {
                let field = start.get(transport_at.checked_add(tcp::DATA_OFFSET)?)?;
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
            .copy_from_slice(start.get(..header_len)?);
        // INVARIANT: As just checked, and `header_len` bytes fitted the array.
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

    /// Bytes of the headers of each segment.
    pub(crate) fn header_len(&self) -> usize {
        self.header_len
    }

    /// The headers of `segment`, whose payload adds up to `payload_sum`: the sum of its 16-bit words
    /// in the machine's order as `csum_partial()` returns it.
    #[inline]
    pub(crate) fn headers(&mut self, segment: &Segment, payload_sum: u32) -> &[u8] {
        // By the type invariant all of these are at most 65,535.
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
                // A packet is at most `u32::MAX` bytes long; sequence numbers wrap.
                let before = (segment.start - self.header_len) as u32;
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
            // RFC 768: zero says that there is no checksum.
            (Transport::Udp, [0, 0]) => [0xff, 0xff],
            (_, checksum) => checksum,
        };
        self.set(field, checksum);
        self.part(0, self.header_len)
    }

    /// The sum of the pseudo header for `length` bytes of header and payload: RFC 9293, section
    /// 3.1, and RFC 8200, section 8.1.
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

    /// Bytes of the headers.
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
            start: self.header_len + self.done,
            length,
            number: self.count,
            last: length == left,
        };
        self.done += length;
        self.count += 1;
        Some(segment)
    }
}

// The checksum of the internet protocols: RFC 1071. Words are added in the byte order of the machine,
// as the kernel does: the ones' complement sum of swapped words is the swapped sum.

/// The sum of the 16-bit words of at most 64 KiB, of which an odd last byte is the first one of a
/// word. It is not folded yet; many of them may be added up.
#[inline]
fn sum_of(bytes: &[u8]) -> u64 {
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
fn fold_checksum(sum: u64) -> [u8; 2] {
    // Each step leaves the value as it is modulo 2^16 - 1. Three are enough for what is below
    // 2^34 by then.
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

    /// The headers of a packet: bytes before the IP header, its version, its options or extensions,
    /// what carries the payload and with how many bytes of options.
    fn start(
        prefix: usize,
        version: Version,
        between: usize,
        transport: Transport,
        options: usize,
    ) -> ([u8; HEADER_MAX], GsoParams) {
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
        let gso = GsoParams {
            transport,
            size: 100,
            network_at: prefix,
            transport_at: prefix + network,
        };
        (start, gso)
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
            let (start, gso) = start(prefix, version, between, transport, options);
            let size = match transport {
                Tcp => tcp::SIZE + options,
                Udp => udp::SIZE,
            };
            let header = gso.transport_at + size;
            let plan = GsoSegments::new(&start, header + payload, &gso);
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
                let mut sum = sum_of(data);
                while sum > u64::from(u32::MAX) {
                    sum = (sum & 0xffff_ffff) + (sum >> 32);
                }
                let headers = plan.headers(&segment, sum as u32);
                assert_eq!((row, headers.len()), (row, header));

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
        let (mut start, gso) = start(0, Version::V4, 0, Transport::Udp, 0);
        // With this port, the header and a payload of no words add up to all ones.
        let first = GsoSegments::new(&start, 29, &gso).and_then(|mut plan| {
            let segment = plan.next()?;
            plan.headers(&segment, 0)
                .get(26..28)?
                .first_chunk()
                .copied()
        });
        let [high, low] = first.unwrap_or_default();
        let endpoint = u16::from_be_bytes([0x12, 0x34]);
        let (sum, carry) = endpoint.overflowing_add(u16::from_be_bytes([high, low]));
        start[20..22].copy_from_slice(&(sum + u16::from(carry)).to_be_bytes());
        let stated = GsoSegments::new(&start, 29, &gso).and_then(|mut plan| {
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
        let (tcp4, gso) = start(0, Version::V4, 0, Transport::Tcp, 12);
        let complete = gso.transport_at + 32;
        // (changed byte and its value, change of the cut, length of the packet, is there a plan?)
        type Change = fn(&mut GsoParams);
        let same: Change = |_| {};
        let table: [(usize, u8, Change, usize, bool); 14] = [
            (0, 0x45, same, complete + 1, true),
            (0, 0x45, same, complete, false),
            (0, 0x45, same, 0, false),
            (0, 0x35, same, complete + 100, false),
            (0, 0x00, same, complete + 100, false),
            (32, 0x40, same, complete + 100, false),
            (32, 0x50, same, complete + 100, true),
            (32, 0xf0, same, complete + 100, true),
            (0, 0x45, |gso| gso.size = 0, complete + 100, false),
            (0, 0x45, |gso| gso.network_at = 8, complete + 100, false),
            (0, 0x45, |gso| gso.network_at = 21, complete + 100, false),
            (
                0,
                0x45,
                |gso| gso.transport_at = HEADER_MAX,
                complete + 200,
                false,
            ),
            (
                0,
                0x45,
                |gso| gso.transport_at = usize::MAX,
                complete + 100,
                false,
            ),
            (0, 0x45, |gso| gso.size = 65_500, 200_000, false),
        ];
        for (at, value, change, length, expected) in table {
            let mut start = tcp4;
            start[at] = value;
            let mut gso = gso;
            change(&mut gso);
            let found = GsoSegments::new(&start, length, &gso).is_some();
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
            assert_eq!((bytes, fold_checksum(sum_of(bytes))), (bytes, expected));
        }
        // However large, a sum folds to its value modulo 2^16 - 1.
        for sum in [u64::MAX, u64::MAX - 1, 1 << 63, 0xffff_ffff, 0x1_0000_0000] {
            let residue = (sum % 0xffff) as u16;
            let folded = !u16::from_ne_bytes(fold_checksum(sum)) % 0xffff;
            assert_eq!((sum, folded), (sum, residue));
        }
    }
}
