// SPDX-License-Identifier: GPL-2.0

//! A kernel for tests: it has the family, and answers as the test says.

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

/// Number of the family.
pub const FAMILY: u16 = 29;

/// Number of the group that is told of changes.
pub const CHANGES: u32 = 5;

/// A message of any kind, as the kernel builds it.
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

/// An acknowledgement: of a refusal where `errno` is not 0.
pub fn acknowledge(
    request: &[u8],
    errno: i32,
    message_text: Option<&str>,
    offset: Option<u32>,
) -> Vec<u8> {
    let mut payload = (-errno).to_ne_bytes().to_vec();
    payload.extend(&request[..16]);
    // Built as a request is: the attributes come after 16 bytes.
    let mut attributes = Request::new(0, &[]);
    if let Some(text) = message_text {
        attributes = attributes.text(NLMSGERR_ATTR_MSG, text);
    }
    if let Some(offset) = offset {
        attributes = attributes.u32(NLMSGERR_ATTR_OFFS, offset);
    }
    payload.extend(&attributes.seal(0, 0)[16..]);
    let sequence = NetlinkBuffer::new(request).sequence_number();
    message(
        NLMSG_ERROR,
        NLM_F_CAPPED | NLM_F_ACK_TLVS,
        sequence,
        &payload,
    )
}

/// An acknowledgement that says which attribute is missing.
pub fn acknowledge_missing(request: &[u8], kind: u32) -> Vec<u8> {
    let bare = acknowledge(request, 22, None, None);
    let attributes = Request::new(0, &[]).u32(NLMSGERR_ATTR_MISS_TYPE, kind);
    let mut payload = bare[16..].to_vec();
    payload.extend(&attributes.clone().seal(0, 0)[16..]);
    let sequence = NetlinkBuffer::new(request).sequence_number();
    message(
        NLMSG_ERROR,
        NLM_F_CAPPED | NLM_F_ACK_TLVS,
        sequence,
        &payload,
    )
}

/// The end of a dump.
pub fn done(request: &[u8]) -> Vec<u8> {
    let sequence = NetlinkBuffer::new(request).sequence_number();
    message(NLMSG_DONE, 2, sequence, &0u32.to_ne_bytes())
}

/// What a request asks.
pub struct Asked<'a> {
    /// The command.
    pub command: u8,
    /// It asks for all there is.
    pub dump: bool,
    /// The attributes.
    pub attributes: Attributes<'a>,
}

impl Asked<'_> {
    /// The text of an attribute.
    pub fn text(&self, kind: u16) -> Option<String> {
        let mut all = self.attributes.iter().flatten();
        all.find(|(k, _)| *k == kind).map(|(_, value)| value.text())
    }

    /// The number in an attribute.
    pub fn u32(&self, kind: u16) -> Option<u32> {
        let mut all = self.attributes.iter().flatten();
        all.find(|(k, _)| *k == kind)
            .map(|(_, value)| value.u32().unwrap())
    }
}

/// What the kernel tells.
#[derive(Clone)]
pub enum Told {
    /// That it is done.
    Done,
    /// These messages, built as requests are.
    All(Vec<Request>),
    /// The same, which something changed meanwhile.
    Interrupted(Vec<Request>),
    /// A refusal: the error number, what it says, where it is wrong.
    Refused(i32, Option<&'static str>, Option<u32>),
    /// An attribute of this kind is missing.
    Missing(u32),
}

/// What waits to be received.
#[derive(Clone, Default)]
pub struct Mailbox(Rc<RefCell<VecDeque<io::Result<Vec<u8>>>>>);

impl Mailbox {
    /// Lets the kernel tell of a change, or the socket fail.
    pub fn notify(&self, family: u16, change: io::Result<Request>) {
        self.push(change.map(|mut change| message(family, 0, 0, &change.seal(0, 0)[16..])));
    }

    fn push(&self, datagram: io::Result<Vec<u8>>) {
        self.0.borrow_mut().push_back(datagram);
    }
}

/// The kernel.
pub struct Fake<'a> {
    answer: Box<dyn FnMut(&Asked<'_>) -> Told + 'a>,
    ready: Mailbox,
    /// How many requests came in each datagram, after the one that looks the family up.
    pub datagrams: Rc<RefCell<Vec<usize>>>,
    /// The groups that were joined.
    pub groups: Rc<RefCell<Vec<u32>>>,
    /// The family is not there (any more).
    pub unloaded: Rc<Cell<bool>>,
}

impl<'a> Fake<'a> {
    /// A kernel that answers so.
    pub fn new(answer: impl FnMut(&Asked<'_>) -> Told + 'a) -> Self {
        Fake {
            answer: Box::new(answer),
            ready: Mailbox::default(),
            datagrams: Rc::default(),
            groups: Rc::default(),
            unloaded: Rc::default(),
        }
    }

    /// What waits to be received.
    pub fn mailbox(&self) -> Mailbox {
        self.ready.clone()
    }

    fn answer(&mut self, request: &[u8]) -> Told {
        let header = NetlinkBuffer::new(request);
        if header.message_type() == 0x10 {
            return if self.unloaded.get() {
                Told::Refused(2, None, None)
            } else {
                Told::All(vec![family()])
            };
        }
        assert_eq!(header.message_type(), FAMILY);
        (self.answer)(&Asked {
            command: request[16],
            dump: header.flags() & NLM_F_DUMP == NLM_F_DUMP,
            attributes: Attributes::new(&request[20..]),
        })
    }

    fn tell(&mut self, request: &[u8], told: Told) {
        let header = NetlinkBuffer::new(request);
        let dump = header.flags() & NLM_F_DUMP == NLM_F_DUMP;
        let mut flags = if dump { NLM_F_MULTIPART } else { 0 };
        let (messages, end) = match told {
            Told::Done => (Vec::new(), acknowledge(request, 0, None, None)),
            Told::Refused(errno, text, offset) => {
                (Vec::new(), acknowledge(request, errno, text, offset))
            }
            Told::Missing(kind) => (Vec::new(), acknowledge_missing(request, kind)),
            Told::Interrupted(messages) => {
                flags |= NLM_F_DUMP_INTR;
                (messages, done(request))
            }
            Told::All(messages) if dump => (messages, done(request)),
            Told::All(messages) => (messages, acknowledge(request, 0, None, None)),
        };
        let mut datagram = Vec::new();
        for mut one in messages {
            let payload = &one.seal(0, 0)[16..];
            let kind = header.message_type();
            datagram.extend(message(kind, flags, header.sequence_number(), payload));
        }
        if !datagram.is_empty() {
            self.ready.push(Ok(datagram));
        }
        let refused = end[16..20] != [0; 4];
        if refused || header.flags() & NLM_F_ACK != 0 || dump {
            self.ready.push(Ok(end));
        }
    }
}

/// What the kernel tells of the family.
fn family() -> Request {
    let group = |name, number| Request::new(0, &[]).text(1, name).u32(2, number);
    let groups = Request::new(0, &[])
        .nest(1, group("others", 4))
        .nest(2, group("changes", CHANGES));
    Request::generic(0, 1, 2)
        .text(2, "muennet")
        .u16(1, FAMILY)
        .nest(7, groups)
}

impl Transport for Fake<'_> {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let mut rest = datagram;
        let mut count = 0;
        while !rest.is_empty() {
            let length = NetlinkBuffer::new(rest).length() as usize;
            let request = &rest[..length];
            rest = &rest[length.next_multiple_of(4)..];
            let told = self.answer(request);
            self.tell(request, told);
            count += usize::from(NetlinkBuffer::new(request).message_type() == FAMILY);
        }
        if count > 0 {
            self.datagrams.borrow_mut().push(count);
        }
        Ok(())
    }

    fn receive(&mut self, datagram: &mut Vec<u8>, _: bool) -> io::Result<()> {
        let next = self.ready.0.borrow_mut().pop_front();
        let next = next.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()));
        *datagram = next?;
        Ok(())
    }

    fn subscribe(&mut self, group: u32) -> io::Result<()> {
        self.groups.borrow_mut().push(group);
        Ok(())
    }
}
