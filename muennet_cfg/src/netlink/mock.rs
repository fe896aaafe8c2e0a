// SPDX-License-Identifier: GPL-2.0

//! A mocked kernel for tests. It has the family; the test provides the replies.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

use netlink_packet_core::NetlinkBuffer;
use netlink_packet_core::NLMSG_DONE;
use netlink_packet_core::NLMSG_ERROR;
use netlink_packet_core::NLM_F_ACK;
use netlink_packet_core::NLM_F_ACK_TLVS;
use netlink_packet_core::NLM_F_CAPPED;
use netlink_packet_core::NLM_F_DUMP;
use netlink_packet_core::NLM_F_DUMP_INTR;
use netlink_packet_core::NLM_F_MULTIPART;

use super::message::NLMSGERR_ATTR_MISS_TYPE;
use super::message::NLMSGERR_ATTR_MSG;
use super::message::NLMSGERR_ATTR_OFFS;
use super::Attributes;
use super::Request;
use super::Transport;

/// ID of the family.
pub const FAMILY_ID: u16 = 29;

/// ID of the multicast group for changes.
pub const CHANGES_GROUP: u32 = 5;

/// Builds a message of the kernel.
pub fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend((payload.len() as u32 + 16).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(4711u32.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Builds an acknowledgment, or a rejection if `errno` is not 0.
pub fn ack(request: &[u8], errno: i32, message_text: Option<&str>, offset: Option<u32>) -> Vec<u8> {
    let mut payload = (-errno).to_ne_bytes().to_vec();
    payload.extend(&request[..16]);
    // Build the attributes as a request. They start after 16 bytes.
    let mut attributes = Request::new(0, &[]);
    if let Some(text) = message_text {
        attributes = attributes.string(NLMSGERR_ATTR_MSG, text);
    }
    if let Some(offset) = offset {
        attributes = attributes.u32(NLMSGERR_ATTR_OFFS, offset);
    }
    payload.extend(&attributes.finalize(0, 0)[16..]);
    let sequence = NetlinkBuffer::new(request).sequence_number();
    message(
        NLMSG_ERROR,
        NLM_F_CAPPED | NLM_F_ACK_TLVS,
        sequence,
        &payload,
    )
}

/// Builds a rejection because of a missing attribute.
pub fn ack_missing_type(request: &[u8], kind: u32) -> Vec<u8> {
    let errno_only = ack(request, 22, None, None);
    let attributes = Request::new(0, &[]).u32(NLMSGERR_ATTR_MISS_TYPE, kind);
    let mut payload = errno_only[16..].to_vec();
    payload.extend(&attributes.clone().finalize(0, 0)[16..]);
    let sequence = NetlinkBuffer::new(request).sequence_number();
    message(
        NLMSG_ERROR,
        NLM_F_CAPPED | NLM_F_ACK_TLVS,
        sequence,
        &payload,
    )
}

/// Builds the end of a dump.
pub fn done(request: &[u8]) -> Vec<u8> {
    let sequence = NetlinkBuffer::new(request).sequence_number();
    message(NLMSG_DONE, 2, sequence, &0u32.to_ne_bytes())
}

/// A request to the mocked kernel.
pub struct MockRequest<'a> {
    /// The command.
    pub command: u8,
    /// The request is a dump.
    pub dump: bool,
    /// The attributes.
    pub attributes: Attributes<'a>,
}

impl MockRequest<'_> {
    /// Returns the string in an attribute.
    pub fn string(&self, kind: u16) -> Option<String> {
        let mut all = self.attributes.iter().flatten();
        all.find(|(k, _)| *k == kind)
            .map(|(_, value)| value.string())
    }

    /// Returns the number in an attribute.
    pub fn u32(&self, kind: u16) -> Option<u32> {
        let mut all = self.attributes.iter().flatten();
        all.find(|(k, _)| *k == kind)
            .map(|(_, value)| value.u32().unwrap())
    }
}

/// A reply of the mocked kernel.
#[derive(Clone)]
pub enum MockReply {
    /// An acknowledgment.
    Ack,
    /// These messages, built as requests.
    Messages(Vec<Request>),
    /// The same, with `NLM_F_DUMP_INTR`.
    Interrupted(Vec<Request>),
    /// A rejection: error code, message, offset of the invalid attribute.
    Error(i32, Option<&'static str>, Option<u32>),
    /// A rejection because an attribute of this type is missing.
    MissingAttribute(u32),
}

/// The receive queue of the socket.
#[derive(Clone, Default)]
pub struct RxQueue(Rc<RefCell<VecDeque<io::Result<Vec<u8>>>>>);

impl RxQueue {
    /// Queues a notification, or an error of the socket.
    pub fn notify(&self, family: u16, change: io::Result<Request>) {
        self.push(change.map(|mut change| message(family, 0, 0, &change.finalize(0, 0)[16..])));
    }

    fn push(&self, datagram: io::Result<Vec<u8>>) {
        self.0.borrow_mut().push_back(datagram);
    }
}

/// The mocked kernel.
pub struct MockKernel<'a> {
    handler: Box<dyn FnMut(&MockRequest<'_>) -> MockReply + 'a>,
    queue: RxQueue,
    /// Number of requests in each datagram, without those to the controller.
    pub datagrams: Rc<RefCell<Vec<usize>>>,
    /// IDs of the joined multicast groups.
    pub groups: Rc<RefCell<Vec<u32>>>,
    /// The family does not exist (any more).
    pub unloaded: Rc<Cell<bool>>,
}

impl<'a> MockKernel<'a> {
    /// Creates a kernel with this request handler.
    pub fn new(handler: impl FnMut(&MockRequest<'_>) -> MockReply + 'a) -> Self {
        MockKernel {
            handler: Box::new(handler),
            queue: RxQueue::default(),
            datagrams: Rc::default(),
            groups: Rc::default(),
            unloaded: Rc::default(),
        }
    }

    /// The receive queue of the socket.
    pub fn rx_queue(&self) -> RxQueue {
        self.queue.clone()
    }

    fn answer(&mut self, request: &[u8]) -> MockReply {
        let header = NetlinkBuffer::new(request);
        if header.message_type() == 0x10 {
            let dump = header.flags() & NLM_F_DUMP == NLM_F_DUMP;
            return if self.unloaded.get() && dump {
                MockReply::Messages(Vec::new())
            } else if self.unloaded.get() {
                MockReply::Error(2, None, None)
            } else {
                MockReply::Messages(vec![family_info()])
            };
        }
        assert_eq!(header.message_type(), FAMILY_ID);
        (self.handler)(&MockRequest {
            command: request[16],
            dump: header.flags() & NLM_F_DUMP == NLM_F_DUMP,
            attributes: Attributes::new(&request[20..]),
        })
    }

    fn queue_reply(&mut self, request: &[u8], reply: MockReply) {
        let header = NetlinkBuffer::new(request);
        let dump = header.flags() & NLM_F_DUMP == NLM_F_DUMP;
        let mut flags = if dump { NLM_F_MULTIPART } else { 0 };
        let (messages, end) = match reply {
            MockReply::Ack => (Vec::new(), ack(request, 0, None, None)),
            MockReply::Error(errno, text, offset) => {
                (Vec::new(), ack(request, errno, text, offset))
            }
            MockReply::MissingAttribute(kind) => (Vec::new(), ack_missing_type(request, kind)),
            MockReply::Interrupted(messages) => {
                flags |= NLM_F_DUMP_INTR;
                (messages, done(request))
            }
            MockReply::Messages(messages) if dump => (messages, done(request)),
            MockReply::Messages(messages) => (messages, ack(request, 0, None, None)),
        };
        let mut datagram = Vec::new();
        for mut one in messages {
            let payload = &one.finalize(0, 0)[16..];
            let kind = header.message_type();
            datagram.extend(message(kind, flags, header.sequence_number(), payload));
        }
        if !datagram.is_empty() {
            self.queue.push(Ok(datagram));
        }
        let rejected = end[16..20] != [0; 4];
        if rejected || header.flags() & NLM_F_ACK != 0 || dump {
            self.queue.push(Ok(end));
        }
    }
}

/// Builds the message of the controller about the family.
fn family_info() -> Request {
    let group = |name, number| Request::new(0, &[]).string(1, name).u32(2, number);
    let groups = Request::new(0, &[])
        .nest(1, group("others", 4))
        .nest(2, group("changes", CHANGES_GROUP));
    Request::genl(0, 1, 2)
        .string(2, "muennet")
        .u16(1, FAMILY_ID)
        .nest(7, groups)
}

impl Transport for MockKernel<'_> {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let mut rest = datagram;
        let mut count = 0;
        while !rest.is_empty() {
            let length = NetlinkBuffer::new(rest).length() as usize;
            let request = &rest[..length];
            rest = &rest[length.next_multiple_of(4)..];
            let reply = self.answer(request);
            self.queue_reply(request, reply);
            count += usize::from(NetlinkBuffer::new(request).message_type() == FAMILY_ID);
        }
        if count > 0 {
            self.datagrams.borrow_mut().push(count);
        }
        Ok(())
    }

    fn receive(&mut self, datagram: &mut Vec<u8>, _: bool) -> io::Result<()> {
        let next = self.queue.0.borrow_mut().pop_front();
        let next = next.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()));
        *datagram = next?;
        Ok(())
    }

    fn subscribe(&mut self, group: u32) -> io::Result<()> {
        self.groups.borrow_mut().push(group);
        Ok(())
    }
}
