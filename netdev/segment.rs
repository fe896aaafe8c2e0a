// SPDX-License-Identifier: GPL-2.0

//! A large TCP or UDP packet in several segments, each a packet of its own: what a network card
//! with segmentation offload does, and what `tcp_gso_segment()` and `__udp_gso_segment()` do.
//!
//! This plans which header and which bytes of the payload each segment has, and computes the
//! checksums of the headers. The payload itself is copied, and summed on the way, by whoever has
//! it, straight to where the segment goes.

use super::frame::Version;

mod sum;

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
pub(crate) struct Cut {
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
pub(crate) struct Segments {
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

impl Segments {
    /// Plans the segments of a packet of `length` bytes that starts with `start`: its first
    /// [`HEADER_MAX`] bytes, or all if it is shorter.
    ///
    /// [`None`]: its headers are not what `cut` says, or are too long, or no payload follows.
    pub(crate) fn new(start: &[u8], length: usize, cut: &Cut) -> Option<Self> {
        let Cut {
            transport,
            size: step,
            network_at,
            transport_at,
        } = *cut;
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
                let sum = sum::of(self.part(network, self.transport_at));
                self.set(network + ipv4::CHECKSUM, sum::checksum(sum));
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
            + sum::of(self.part(transport, self.header_len))
            + self.pseudo_header(transport_len as u16);
        let checksum = match (self.transport, sum::checksum(sum)) {
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
        sum::of(self.part(addresses.start, addresses.end))
            + sum::of(&[0, self.transport.protocol(), high, low])
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

impl Iterator for Segments {
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

#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod tests;
