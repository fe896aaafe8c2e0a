// SPDX-License-Identifier: GPL-2.0

//! What an element holds in IP mode: a header of 8 bytes (`net_hdr`), then the IP packet.
//!
//! ```text
//!   offset  type  field
//!   0       u32   mark
//!   4       u16   length of the IP packet
//!   6       u8    protocol: 4 = IPv4, 41 = IPv6
//!   7       u8    qos: IPv4 TOS >> 2, or IPv6 traffic class >> 2
//! ```
//!
//! All numbers are little-endian; the IP packet has its own order.
//!
//! # Receiving
//!
//! The element is memory that somebody else writes. [`peek_len`] reads a few bytes of it and says
//! how many to copy, and that is all it says. Everything else comes from the private copy, by way
//! of [`check`]: also the length again, which must be what was copied. The length that counts is
//! that of the IP header; the one in `net_hdr` may be zero with some peers and is not read.

pub(crate) mod ethernet;
pub(crate) mod offload;

#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod tests;

/// Size of the header before the IP packet in bytes.
pub(crate) const HEADER_SIZE: usize = 8;

/// Number of bytes at the start of an element that tell how long the packet in it is. Every element
/// that a reader accepts is longer.
pub(crate) const PREFIX_SIZE: usize = HEADER_SIZE + IP_PREFIX_SIZE;

/// Number of bytes at the start of an IP packet that hold the version, TOS or traffic class, and
/// the length, in either version.
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
    /// The version that an IP packet starting with `first_byte` claims.
    pub(crate) const fn from_first_byte(first_byte: u8) -> Option<Self> {
        match first_byte >> 4 {
            4 => Some(Self::V4),
            6 => Some(Self::V6),
            _ => None,
        }
    }

    /// The Ethernet protocol number, in host order.
    pub(crate) const fn ethertype(self) -> u16 {
        match self {
            Self::V4 => 0x0800,
            Self::V6 => 0x86dd,
        }
    }

    /// The version that `protocol` of a [`NetHdr`] stands for.
    const fn from_protocol(protocol: u8) -> Option<Self> {
        match protocol {
            4 => Some(Self::V4),
            41 => Some(Self::V6),
            _ => None,
        }
    }

    /// The number for `protocol` of a [`NetHdr`]: `IPPROTO_IPIP` or `IPPROTO_IPV6`.
    const fn protocol(self) -> u8 {
        match self {
            Self::V4 => 4,
            Self::V6 => 41,
        }
    }

    /// The least that a packet's length can be, in bytes.
    const fn min_len(self) -> usize {
        match self {
            Self::V4 => IPV4_HEADER_MIN,
            Self::V6 => IPV6_HEADER,
        }
    }

    /// The length in bytes that the header of the packet starting with `ip` states.
    fn stated_len(self, ip: &[u8; IP_PREFIX_SIZE]) -> usize {
        match (self, ip) {
            (Self::V4, &[_, _, high, low, ..]) => usize::from(u16::from_be_bytes([high, low])),
            (Self::V6, &[_, _, _, _, high, low, ..]) => {
                IPV6_HEADER + usize::from(u16::from_be_bytes([high, low]))
            }
        }
    }

    /// The six bits of TOS or traffic class that say how the packet starting with `ip` wants to be
    /// treated (DSCP).
    fn qos(self, ip: &[u8; IP_PREFIX_SIZE]) -> u8 {
        let &[first, second, ..] = ip;
        match self {
            Self::V4 => second >> 2,
            Self::V6 => ((first & 0x0f) << 2) | (second >> 6),
        }
    }
}

/// The header before an IP packet.
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
    /// The bytes of the header in an element.
    pub(crate) const fn encode(self) -> [u8; HEADER_SIZE] {
        let [m0, m1, m2, m3] = self.mark.to_le_bytes();
        let [l0, l1] = self.length.to_le_bytes();
        [m0, m1, m2, m3, l0, l1, self.protocol, self.qos]
    }

    /// The header that `bytes` of an element stand for.
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

/// Why an element is a bad one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// The header's protocol is neither that of IPv4 nor that of IPv6.
    Protocol,
    /// The packet's length does not even cover its header, or is more than the element holds.
    Length,
    /// The packet's version is not the one that the header's protocol stands for.
    Version,
    /// The IPv4 header is shorter than 20 bytes or longer than the packet.
    HeaderLength,
    /// What is left to do for the packet makes no sense for it.
    Offloads,
    /// The packet in the copy is not as long as the copy: somebody changed it in between.
    Changed,
}

/// An IP packet that has passed [`check`]. It starts at [`HEADER_SIZE`] of the copy and ends with
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Version of the IP packet.
    pub(crate) version: Version,
    /// Netfilter mark for the packet.
    pub(crate) mark: u32,
}

/// How many bytes to copy out of an element of `element_size` bytes that starts with `prefix`:
/// header and IP packet together.
///
/// The result is at most `element_size` and at least enough for both headers. It is good for
/// nothing but allocating and copying, since the element may change at any time.
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

/// Checks `copy`, the start of the private copy of header and IP packet, which has `copied` bytes.
///
/// # Errors
///
/// - [`Malformed`]: the element is a bad one, and nothing in it is to be used.
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
    /// It is neither IPv4 nor IPv6.
    Protocol,
    /// It is shorter than its own header says, or than any packet of its version.
    TooShort,
    /// It is longer than an element has room for, or than a `u16` can tell.
    TooLong,
}

/// The header for an IP packet of `length` bytes that starts with `ip`, in an element of
/// `element_size` bytes.
///
/// `ip` are the first 8 bytes of the packet, or more.
///
/// # Errors
///
/// - [`EncodeError`]: there is no header with which the receiver would take just the bytes of this
///   packet, no more and no less than it states.
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

    // The receiver goes by the length in the IP header. What is more in the element would be left
    // over from an earlier packet, which may have been somebody else's.
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

/// The start of an element, taken apart.
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

    /// The length of header and packet together, if it is possible and at most `limit`.
    fn len(&self, limit: usize) -> Result<usize, Malformed> {
        let stated = self.version.stated_len(&self.ip);
        let len = HEADER_SIZE + stated;
        if stated < self.version.min_len() || len > limit {
            return Err(Malformed::Length);
        }
        Ok(len)
    }
}
