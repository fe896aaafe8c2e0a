// SPDX-License-Identifier: GPL-2.0

//! The format of elements in IP mode: a header of 8 bytes (`net_hdr`), then the IP packet. The
//! modules [`ethernet`] and [`offload`] have the formats of the other modes.
//!
//! ```text
//!   offset  type  field
//!   0       u32   mark
//!   4       u16   length of the IP packet
//!   6       u8    protocol: 4 = IPv4, 41 = IPv6
//!   7       u8    qos: IPv4 TOS >> 2, or IPv6 traffic class >> 2
//! ```
//!
//! The fields of the header are little-endian. The IP packet is in network byte order.
//!
//! # Receiving
//!
//! The peer may write the element at any time. [`peek_len`] gets a few bytes of it and returns how
//! many bytes to copy. That is all that these bytes decide. [`check`] decodes everything else from
//! the private copy, including the length again, which must be the number of bytes that were
//! copied. The length in the IP header counts. The length in `net_hdr` is zero with some peers, and
//! is not used.

pub(crate) mod ethernet;
pub(crate) mod offload;

#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod tests;

/// Size of the header in front of the IP packet, in bytes.
pub(crate) const HEADER_SIZE: usize = 8;

/// Number of bytes at the start of an element from which the length of its packet follows. Every
/// element that a reader accepts is longer.
pub(crate) const PREFIX_SIZE: usize = HEADER_SIZE + IP_PREFIX_SIZE;

/// Number of bytes at the start of an IP packet that contain the version, the TOS or traffic class,
/// and the length, in both versions.
const IP_PREFIX_SIZE: usize = 8;

/// Size of an IPv4 header without options, in bytes.
const IPV4_HEADER_MIN: usize = 20;

/// Size of an IPv6 header in bytes.
const IPV6_HEADER: usize = 40;

/// Version of an IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Version {
    /// Returns the version in the first byte of an IP packet.
    pub(crate) const fn from_first_byte(first_byte: u8) -> Option<Self> {
        match first_byte >> 4 {
            4 => Some(Self::V4),
            6 => Some(Self::V6),
            _ => None,
        }
    }

    /// Returns the EtherType in host byte order: `ETH_P_IP` or `ETH_P_IPV6`.
    pub(crate) const fn ethertype(self) -> u16 {
        match self {
            Self::V4 => 0x0800,
            Self::V6 => 0x86dd,
        }
    }

    /// Returns the version for the `protocol` of a [`NetHdr`].
    const fn from_protocol(protocol: u8) -> Option<Self> {
        match protocol {
            4 => Some(Self::V4),
            41 => Some(Self::V6),
            _ => None,
        }
    }

    /// Returns the `protocol` of a [`NetHdr`]: `IPPROTO_IPIP` or `IPPROTO_IPV6`.
    const fn protocol(self) -> u8 {
        match self {
            Self::V4 => 4,
            Self::V6 => 41,
        }
    }

    /// Returns the smallest possible length of a packet in bytes.
    const fn min_len(self) -> usize {
        match self {
            Self::V4 => IPV4_HEADER_MIN,
            Self::V6 => IPV6_HEADER,
        }
    }

    /// Returns the length in bytes that the header of a packet states. `ip` is the start of the
    /// packet.
    fn stated_len(self, ip: &[u8; IP_PREFIX_SIZE]) -> usize {
        match (self, ip) {
            (Self::V4, &[_, _, high, low, ..]) => usize::from(u16::from_be_bytes([high, low])),
            (Self::V6, &[_, _, _, _, high, low, ..]) => {
                IPV6_HEADER + usize::from(u16::from_be_bytes([high, low]))
            }
        }
    }

    /// Returns the DSCP of a packet: the upper six bits of the TOS or traffic class. `ip` is the
    /// start of the packet.
    fn qos(self, ip: &[u8; IP_PREFIX_SIZE]) -> u8 {
        let &[first, second, ..] = ip;
        match self {
            Self::V4 => second >> 2,
            Self::V6 => ((first & 0x0f) << 2) | (second >> 6),
        }
    }
}

/// The header in front of an IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NetHdr {
    /// Netfilter mark of the packet.
    pub(crate) mark: u32,
    /// Length of the IP packet in bytes, or zero with peers that do not fill it in.
    pub(crate) length: u16,
    /// Version of the IP packet as an IP protocol number: 4 or 41.
    pub(crate) protocol: u8,
    /// DSCP of the packet.
    pub(crate) qos: u8,
}

impl NetHdr {
    /// Returns the bytes of the header in an element.
    pub(crate) const fn encode(self) -> [u8; HEADER_SIZE] {
        let [m0, m1, m2, m3] = self.mark.to_le_bytes();
        let [l0, l1] = self.length.to_le_bytes();
        [m0, m1, m2, m3, l0, l1, self.protocol, self.qos]
    }

    /// Returns the header in `bytes` of an element.
    pub(crate) const fn decode(bytes: [u8; HEADER_SIZE]) -> Self {
        let [m0, m1, m2, m3, l0, l1, protocol, qos] = bytes;
        Self {
            mark: u32::from_le_bytes([m0, m1, m2, m3]),
            length: u16::from_le_bytes([l0, l1]),
            protocol,
            qos,
        }
    }
}

/// Why an element holds no valid packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// The header's protocol is neither that of IPv4 nor that of IPv6.
    Protocol,
    /// The length of the packet is shorter than its header, or exceeds the element.
    Length,
    /// The version of the packet does not match the protocol in the header.
    Version,
    /// The IPv4 header is shorter than 20 bytes or longer than the packet.
    HeaderLength,
    /// The offloads do not fit the packet.
    Offloads,
    /// The packet in the copy is not as long as the copy: the peer has changed it in between.
    Changed,
}

/// An IP packet that has passed [`check`]. It starts at [`HEADER_SIZE`] of the copy and ends at the
/// end of the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Version of the IP packet.
    pub(crate) version: Version,
    /// Netfilter mark of the packet.
    pub(crate) mark: u32,
}

/// Returns how many bytes to copy out of an element of `element_size` bytes that starts with
/// `prefix`: header and IP packet together.
///
/// The result is at most `element_size` and at least enough for both headers. Use it only for
/// allocating and copying, because the element may change at any time.
///
/// # Errors
///
/// - [`Malformed::Protocol`] or [`Malformed::Length`]: there is nothing to copy.
pub(crate) fn peek_len(
    prefix: &[u8; PREFIX_SIZE],
    element_size: usize,
) -> Result<usize, Malformed> {
    Packet::decode(prefix)?.len(element_size)
}

/// Checks a private copy of header and IP packet. `copy` is the start of the copy, which has
/// `copied` bytes.
///
/// # Errors
///
/// - [`Malformed`]: the element holds no valid packet. Nothing of it may be used.
pub(crate) fn check(copy: &[u8], copied: usize) -> Result<Checked, Malformed> {
    let prefix = copy.first_chunk().ok_or(Malformed::Length)?;
    let packet = Packet::decode(prefix)?;
    let Packet {
        header,
        version,
        ip,
    } = packet;
    let len = packet.len(usize::MAX)?;
    if len != copied {
        return Err(Malformed::Changed);
    }

    let [first, ..] = ip;
    if Version::from_first_byte(first) != Some(version) {
        return Err(Malformed::Version);
    }
    if version == Version::V4 {
        let header_len = usize::from(first & 0x0f) * 4;
        if !(IPV4_HEADER_MIN..=len - HEADER_SIZE).contains(&header_len) {
            return Err(Malformed::HeaderLength);
        }
    }
    Ok(Checked {
        version,
        mark: header.mark,
    })
}

/// Why a packet cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EncodeError {
    /// It is neither an IPv4 nor an IPv6 packet.
    Protocol,
    /// It is shorter than its own header states, or than any packet of its version.
    TooShort,
    /// It is longer than an element has room for, or than a `u16` can hold.
    TooLong,
}

/// Returns the header for an IP packet of `length` bytes in an element of `element_size` bytes.
///
/// `ip` has the first 8 bytes of the packet, or more.
///
/// # Errors
///
/// - [`EncodeError`]: with no header would the receiver take exactly the bytes of this packet,
///   neither more nor less than its IP header states.
pub(crate) fn encode(
    mark: u32,
    ip: &[u8],
    length: usize,
    element_size: usize,
) -> Result<[u8; HEADER_SIZE], EncodeError> {
    let version = ip
        .first()
        .and_then(|&first| Version::from_first_byte(first))
        .ok_or(EncodeError::Protocol)?;
    let ip = ip.first_chunk().ok_or(EncodeError::TooShort)?;

    // The receiver uses the length in the IP header. If the packet were shorter, the receiver would
    // take bytes of an earlier packet in the element, which may belong to another user.
    let stated = version.stated_len(ip);
    if stated < version.min_len() || length < stated {
        return Err(EncodeError::TooShort);
    }
    if length > element_size.saturating_sub(HEADER_SIZE) {
        return Err(EncodeError::TooLong);
    }

    let header = NetHdr {
        mark,
        length: u16::try_from(length).map_err(|_| EncodeError::TooLong)?,
        protocol: version.protocol(),
        qos: version.qos(ip),
    };
    Ok(header.encode())
}

/// The decoded start of an element.
#[derive(Clone, Copy)]
struct Packet {
    header: NetHdr,
    version: Version,
    ip: [u8; IP_PREFIX_SIZE],
}

impl Packet {
    fn decode(prefix: &[u8; PREFIX_SIZE]) -> Result<Self, Malformed> {
        let &[h0, h1, h2, h3, h4, h5, h6, h7, ip @ ..] = prefix;
        let header = NetHdr::decode([h0, h1, h2, h3, h4, h5, h6, h7]);
        Ok(Self {
            header,
            version: Version::from_protocol(header.protocol).ok_or(Malformed::Protocol)?,
            ip,
        })
    }

    /// Returns the length in bytes of header and packet together, if it is valid and at most
    /// `limit`.
    fn len(&self, limit: usize) -> Result<usize, Malformed> {
        let stated = self.version.stated_len(&self.ip);
        let len = HEADER_SIZE + stated;
        if stated < self.version.min_len() || len > limit {
            return Err(Malformed::Length);
        }
        Ok(len)
    }
}
