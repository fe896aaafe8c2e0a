// SPDX-License-Identifier: GPL-2.0

//! Requests to the kernel.

use netlink_packet_core::DefaultNla;
use netlink_packet_core::Emitable;
use netlink_packet_core::NetlinkBuffer;
use netlink_packet_core::NLM_F_REQUEST;

use super::Attributes;

/// Size of `struct nlmsghdr`.
const NLMSG_HDRLEN: usize = 16;

/// A request. The connection fills in the flags and the sequence number.
#[derive(Clone, Debug)]
pub struct Request {
    bytes: Vec<u8>,
    // Size of the family header, which follows the netlink header.
    family_header: usize,
}

impl Request {
    /// Creates a request of a message type. The size of the family header must be a multiple of 4
    /// bytes.
    pub fn new(kind: u16, family_header: &[u8]) -> Self {
        let mut bytes = vec![0; NLMSG_HDRLEN];
        NetlinkBuffer::new(&mut bytes).set_message_type(kind);
        bytes.extend_from_slice(family_header);
        Request {
            bytes,
            family_header: family_header.len(),
        }
    }

    /// Creates a request for a generic netlink family.
    pub fn genl(family: u16, command: u8, version: u8) -> Self {
        Request::new(family, &[command, version, 0, 0])
    }

    /// Adds a number.
    pub fn u32(self, kind: u16, value: u32) -> Self {
        self.attribute(kind, value.to_ne_bytes().to_vec())
    }

    /// Adds a number.
    pub fn i32(self, kind: u16, value: i32) -> Self {
        self.attribute(kind, value.to_ne_bytes().to_vec())
    }

    /// Adds a string, with the terminating NUL.
    pub fn string(self, kind: u16, value: impl AsRef<[u8]>) -> Self {
        let mut bytes = value.as_ref().to_vec();
        bytes.push(0);
        self.attribute(kind, bytes)
    }

    /// Adds a number.
    pub fn u16(self, kind: u16, value: u16) -> Self {
        self.attribute(kind, value.to_ne_bytes().to_vec())
    }

    /// Adds a number.
    pub fn u64(self, kind: u16, value: u64) -> Self {
        self.attribute(kind, value.to_ne_bytes().to_vec())
    }

    /// Adds bytes.
    pub fn binary(self, kind: u16, value: &[u8]) -> Self {
        self.attribute(kind, value.to_vec())
    }

    /// Adds a flag, which has no value.
    pub fn flag(self, kind: u16) -> Self {
        self.attribute(kind, Vec::new())
    }

    /// Adds the attributes of another request as nested attributes.
    pub fn nest(self, kind: u16, nested: Request) -> Self {
        let bytes = nested
            .bytes
            .into_iter()
            .skip(NLMSG_HDRLEN + nested.family_header);
        self.attribute(kind | netlink_packet_core::NLA_F_NESTED, bytes.collect())
    }

    fn attribute(mut self, kind: u16, value: Vec<u8>) -> Self {
        let attribute = DefaultNla::new(kind, value);
        let start = self.bytes.len();
        self.bytes.resize(start + attribute.buffer_len(), 0);
        if let Some(buffer) = self.bytes.get_mut(start..) {
            attribute.emit(buffer);
        }
        self
    }

    /// Sets the flags (in addition to `NLM_F_REQUEST`) and the sequence number. Returns the
    /// message.
    pub fn finalize(&mut self, flags: u16, sequence: u32) -> &[u8] {
        let length = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let mut header = NetlinkBuffer::new(&mut self.bytes);
        header.set_length(length);
        header.set_flags(NLM_F_REQUEST | flags);
        header.set_sequence_number(sequence);
        &self.bytes
    }

    /// Returns the type of the attribute at an offset from the start of the message.
    pub fn attribute_at(&self, offset: u32) -> Option<u16> {
        let start = NLMSG_HDRLEN + self.family_header;
        let offset = usize::try_from(offset).ok()?.checked_sub(start)?;
        Attributes::new(self.bytes.get(start..)?).type_at(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout() {
        let mut request = Request::genl(29, 5, 1).string(2, "child0").u32(10, 24);
        #[rustfmt::skip]
        let expected = [
            40, 0, 0, 0, 29, 0, 5, 0, 7, 0, 0, 0, 0, 0, 0, 0,
            5, 1, 0, 0,
            11, 0, 2, 0, b'c', b'h', b'i', b'l', b'd', b'0', 0, 0,
            8, 0, 10, 0, 24, 0, 0, 0,
        ];
        if cfg!(target_endian = "little") {
            assert_eq!(request.finalize(4, 7), expected);
        }
        for (offset, kind) in [
            (0, None),
            (16, None),
            (20, Some(2)),
            (30, Some(2)),
            (32, Some(10)),
            (39, Some(10)),
            (40, None),
            (u32::MAX, None),
        ] {
            assert_eq!(request.attribute_at(offset), kind, "{offset}");
        }
    }
}
