// SPDX-License-Identifier: GPL-2.0

//! Messages from the kernel. A datagram contains one or more.

use std::fmt;

use netlink_packet_core::NetlinkBuffer;
use netlink_packet_core::NLMSG_DONE;
use netlink_packet_core::NLMSG_ERROR;
use netlink_packet_core::NLMSG_NOOP;
use netlink_packet_core::NLMSG_OVERRUN;
use netlink_packet_core::NLM_F_ACK_TLVS;
use netlink_packet_core::NLM_F_CAPPED;
use netlink_packet_core::NLM_F_DUMP_INTR;
use nix::errno::Errno;

use super::Attributes;
use super::Malformed;

/// Size of `struct nlmsghdr`.
const NLMSG_HDRLEN: usize = 16;

/// `enum nlmsgerr_attrs`: message.
pub const NLMSGERR_ATTR_MSG: u16 = 1;
/// `enum nlmsgerr_attrs`: offset of the invalid attribute in the request.
pub const NLMSGERR_ATTR_OFFS: u16 = 2;
/// `enum nlmsgerr_attrs`: type of the missing attribute.
pub const NLMSGERR_ATTR_MISS_TYPE: u16 = 5;

/// A netlink message.
#[derive(Debug)]
pub struct Message<'a> {
    /// Sequence number of the request that this is a reply to. 0 for a notification.
    pub sequence: u32,
    /// `NLM_F_DUMP_INTR`: the dump is inconsistent because objects changed.
    pub interrupted: bool,
    /// Contents.
    pub body: Body<'a>,
}

/// Contents of a message.
#[derive(Debug)]
pub enum Body<'a> {
    /// A reply, a part of a dump, or a notification.
    Payload(Payload<'a>),
    /// The end of a reply: success or rejection.
    Done(Result<(), Extack>),
    /// `NLMSG_NOOP`.
    Noop,
}

/// Payload of a reply or a notification.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// Message type. For generic netlink, the ID of the family.
    pub message_type: u16,
    bytes: &'a [u8],
}

impl<'a> Payload<'a> {
    /// Returns the command and the attributes of a generic netlink message.
    ///
    /// # Errors
    ///
    /// The message is shorter than `struct genlmsghdr`.
    pub fn genl(self) -> Result<(u8, Attributes<'a>), Malformed> {
        match self.bytes {
            [command, _version, _, _, attributes @ ..] => {
                Ok((*command, Attributes::new(attributes)))
            }
            _ => Err(Malformed("truncated message".into())),
        }
    }

    /// Returns the attributes after a family header of `header` bytes.
    ///
    /// # Errors
    ///
    /// The message is shorter than the header.
    pub fn attributes_after(self, header: usize) -> Result<Attributes<'a>, Malformed> {
        let bytes = self.bytes.get(header..);
        bytes
            .map(Attributes::new)
            .ok_or_else(|| Malformed("truncated message".into()))
    }
}

/// The error code and the extended acknowledgment of a rejected request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extack {
    /// Error code, positive.
    pub errno: i32,
    /// Message of the kernel.
    pub message: Option<String>,
    /// Offset of the invalid attribute in the request, in bytes.
    pub offset: Option<u32>,
    /// Type of the missing attribute.
    pub missing_type: Option<u32>,
}

impl Extack {
    /// Parses the attributes of an extended acknowledgment.
    ///
    /// # Errors
    ///
    /// The attributes are malformed.
    pub fn parse(errno: i32, attributes: Attributes<'_>) -> Result<Self, Malformed> {
        let mut extack = Extack {
            errno,
            ..Default::default()
        };
        for attribute in attributes.iter() {
            let (kind, value) = attribute?;
            match kind {
                NLMSGERR_ATTR_MSG => extack.message = Some(value.string()),
                NLMSGERR_ATTR_OFFS => extack.offset = Some(value.u32()?),
                NLMSGERR_ATTR_MISS_TYPE => extack.missing_type = Some(value.u32()?),
                // The violated policy and the cookie are not shown to the user.
                _ => {}
            }
        }
        Ok(extack)
    }

    /// Returns the name of the error code, such as `EPERM`.
    pub fn errno_name(&self) -> String {
        match Errno::from_raw(self.errno) {
            Errno::UnknownErrno => format!("error {}", self.errno),
            errno => format!("{errno:?}"),
        }
    }
}

impl fmt::Display for Extack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match &self.message {
            Some(message) => message.trim_end_matches(['.', '\n']),
            None => Errno::from_raw(self.errno).desc(),
        };
        write!(f, "{text} ({})", self.errno_name())
    }
}

/// Splits a datagram into its messages.
pub fn messages(datagram: &[u8]) -> impl Iterator<Item = Result<Message<'_>, Malformed>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let message = parse(rest);
        let length = message.as_ref().map_or(rest.len(), |(length, _)| *length);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message.map(|(_, message)| message))
    })
}

/// Parses the first message. Returns its length as well.
fn parse(bytes: &[u8]) -> Result<(usize, Message<'_>), Malformed> {
    let buffer = NetlinkBuffer::new_checked(bytes)?;
    let flags = buffer.flags();
    let payload = buffer.payload();
    let body = match buffer.message_type() {
        NLMSG_NOOP => Body::Noop,
        NLMSG_OVERRUN => return Err(Malformed("NLMSG_OVERRUN, data was lost".into())),
        NLMSG_ERROR => Body::Done(parse_ack(payload, flags, true)?),
        NLMSG_DONE => Body::Done(parse_ack(payload, flags, false)?),
        message_type => Body::Payload(Payload {
            message_type,
            bytes: payload,
        }),
    };
    let message = Message {
        sequence: buffer.sequence_number(),
        interrupted: flags & NLM_F_DUMP_INTR != 0,
        body,
    };
    Ok((NLMSG_HDRLEN + payload.len(), message))
}

/// Parses an acknowledgment: an error code, the request if `has_request`, and attributes.
fn parse_ack(
    payload: &[u8],
    flags: u16,
    has_request: bool,
) -> Result<Result<(), Extack>, Malformed> {
    let Some((code, rest)) = payload.split_first_chunk::<4>() else {
        // Some dumps end without an error code.
        return if has_request {
            Err(Malformed("NLMSG_ERROR without an error code".into()))
        } else {
            Ok(Ok(()))
        };
    };
    let errno = i32::from_ne_bytes(*code).wrapping_neg();
    if errno == 0 {
        return Ok(Ok(()));
    }
    let attributes = if flags & NLM_F_ACK_TLVS == 0 {
        &[]
    } else if has_request {
        // The message has the whole request, or only its header.
        let header = NetlinkBuffer::new(rest);
        let request = if rest.len() < NLMSG_HDRLEN || flags & NLM_F_CAPPED != 0 {
            NLMSG_HDRLEN
        } else {
            usize::try_from(header.length()).unwrap_or(usize::MAX)
        };
        request
            .checked_next_multiple_of(4)
            .and_then(|length| rest.get(length..))
            .ok_or_else(|| Malformed("truncated NLMSG_ERROR".into()))?
    } else {
        rest
    };
    Extack::parse(errno, Attributes::new(attributes)).map(Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::mock::ack;
    use crate::netlink::mock::done;
    use crate::netlink::mock::message;
    use crate::netlink::Request;

    fn acks(datagram: &[u8]) -> Vec<Result<(), Extack>> {
        messages(datagram)
            .map(|message| match message.unwrap().body {
                Body::Done(ack) => ack,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn acknowledgments() {
        let mut request = Request::genl(29, 5, 1).string(2, "child0");
        let request = request.finalize(4, 9).to_vec();
        assert_eq!(acks(&ack(&request, 0, None, None)), [Ok(())]);
        let rejected = Extack {
            errno: 17,
            message: Some("owned".into()),
            offset: Some(20),
            missing_type: None,
        };
        let capped = ack(&request, 17, Some("owned"), Some(20));
        assert_eq!(acks(&capped), [Err(rejected.clone())]);

        // The same with the whole request.
        let mut payload = (-17i32).to_ne_bytes().to_vec();
        payload.extend(&request);
        payload.extend(&capped[36..]);
        let full = message(NLMSG_ERROR, NLM_F_ACK_TLVS, 9, &payload);
        assert_eq!(acks(&full), [Err(rejected.clone())]);

        // A dump that ends in an error, with and without attributes.
        let mut payload = (-17i32).to_ne_bytes().to_vec();
        payload.extend(&capped[36..]);
        let dump = message(NLMSG_DONE, 2 | NLM_F_ACK_TLVS, 9, &payload);
        assert_eq!(acks(&dump), [Err(rejected)]);
        let errno_only = Extack {
            errno: 17,
            ..Default::default()
        };
        let dump = message(NLMSG_DONE, 2, 9, &(-17i32).to_ne_bytes());
        assert_eq!(acks(&dump), [Err(errno_only)]);

        // Two messages in a datagram.
        let mut both = message(NLMSG_DONE, 2, 9, &[]);
        both.extend(done(&request));
        assert_eq!(acks(&both), [Ok(()), Ok(())]);
    }

    #[test]
    fn malformed() {
        let good = message(29, 0, 1, &[1, 1, 0, 0]);
        let table: &[(&str, Vec<u8>)] = &[
            ("cut header", good[..15].to_vec()),
            ("cut payload", good[..18].to_vec()),
            ("length 0", vec![0; 16]),
            ("lost data", message(NLMSG_OVERRUN, 0, 1, &[])),
            ("error without number", message(NLMSG_ERROR, 0, 1, &[0; 3])),
            (
                "rejection without request",
                message(NLMSG_ERROR, NLM_F_ACK_TLVS, 1, &(-1i32).to_ne_bytes()),
            ),
            (
                "rejection that says its request is huge",
                message(NLMSG_ERROR, NLM_F_ACK_TLVS, 1, &[0xff; 20]),
            ),
        ];
        for (name, bytes) in table {
            let all: Vec<_> = messages(bytes).collect();
            assert_eq!(all.len(), 1, "{name}");
            assert!(all[0].is_err(), "{name}: {all:?}");
        }
        let mut two = good.clone();
        two.extend(&good[..15]);
        let all: Vec<_> = messages(&two).map(|m| m.is_ok()).collect();
        assert_eq!(all, [true, false]);
    }

    #[test]
    fn texts() {
        for (errno, message, text) in [
            (1, None, "Operation not permitted (EPERM)"),
            (
                17,
                Some("mark 24 is child1's"),
                "mark 24 is child1's (EEXIST)",
            ),
            (17, Some("ends with a dot."), "ends with a dot (EEXIST)"),
            (4095, Some("odd"), "odd (error 4095)"),
        ] {
            let extack = Extack {
                errno,
                message: message.map(str::to_owned),
                ..Default::default()
            };
            assert_eq!(extack.to_string(), text);
        }
    }
}
