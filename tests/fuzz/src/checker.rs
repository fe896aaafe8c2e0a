// SPDX-License-Identifier: GPL-2.0

//! Checks every call of the reader by its recorded accesses: how it read the elements, which copies
//! were intact, and which copies each delivered packet consists of.
//!
//! The checks use none of the driver's decoders, so a defect of a decoder cannot hide itself.

use std::collections::BTreeMap;

use crate::{
    abstractions::napi::{
        DeliveredPacket,
        Delivery,
        Protocol, //
    },
    channel::{
        Word,
        HEADER_SIZE, //
    },
    memory::{
        Access,
        PEEK_MAX, //
    },
    netdev::mode::Mode, //
};

/// The geometry of a ring that the reader loaded from the header.
#[derive(Clone, Copy, Default)]
struct Ring {
    size: u64,
    elements: u64,
}

/// The accesses to the element that the reader is reading.
#[derive(Clone, Copy)]
struct ElementAccess {
    slot: u64,
    peeked: Option<[u8; PEEK_MAX]>,
    copied: bool,
}

/// A copy of an element into a packet.
struct ElementCopy {
    ring: Ring,
    slot: u64,
    epoch: u64,
    length: usize,
    /// The bytes of the peek before the copy.
    peeked: [u8; PEEK_MAX],
    /// Whether the counters and the epoch that were loaded after the copy show that the writer had
    /// not begun to overwrite the element.
    intact: bool,
}

/// The state of a reader as derived from its accesses.
pub(crate) struct Checker {
    mode: Mode,
    ring: Ring,
    copies: BTreeMap<usize, ElementCopy>,
}

impl Checker {
    /// Returns the state of a reader that has made no accesses yet.
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            ring: Ring::default(),
            copies: BTreeMap::new(),
        }
    }

    /// Checks the accesses of one call, the first of which has the number `first`. Panics if the
    /// reader did not read an element as the mode requires.
    pub(crate) fn check_accesses(&mut self, first: usize, trace: &[Access]) {
        let (mut epoch, mut wc, mut size) = (0, 0, 0);
        let mut new_ring = None;
        let mut current: Option<ElementAccess> = None;
        // The copies that are not confirmed yet, and the first `wsc` that was loaded after them.
        let (mut unconfirmed, mut confirming_wsc) = (Vec::new(), None);
        for (number, access) in (first..).zip(trace) {
            match *access {
                Access::Load(word, value) => {
                    current = None;
                    match word {
                        Word::Size => size = value,
                        Word::Elements => {
                            let elements = value;
                            new_ring = Some((Ring { size, elements }, epoch));
                        }
                        Word::Write => wc = value,
                        Word::WriteStart => confirming_wsc = confirming_wsc.or(Some(value)),
                        Word::Epoch => {
                            if let Some((ring, ring_epoch)) = new_ring.take() {
                                if ring_epoch == value {
                                    self.ring = ring;
                                }
                            }
                            if let Some(wsc) = confirming_wsc {
                                self.confirm(&mut unconfirmed, wc, wsc, value);
                            }
                            confirming_wsc = None;
                            epoch = value;
                        }
                        _ => {}
                    }
                }
                Access::Peek {
                    offset,
                    length,
                    bytes,
                } => {
                    let (slot, at) = self.slot_of(offset, length);
                    if let Some(before) = current.filter(|it| it.slot == slot) {
                        assert!(before.peeked.is_none(), "an element was peeked at twice");
                        assert!(!before.copied, "an element was peeked at after its copy");
                    }
                    let expected = self.peek_range().expect("this mode needs no peek");
                    assert_eq!((at, length), expected, "wrong range of a peek");
                    current = Some(ElementAccess {
                        slot,
                        peeked: Some(bytes),
                        copied: false,
                    });
                }
                Access::Copy { offset, length } => {
                    let (slot, at) = self.slot_of(offset, length);
                    let element = current.filter(|it| it.slot == slot);
                    assert!(
                        !element.is_some_and(|it| it.copied),
                        "an element was copied twice"
                    );
                    let peeked = element.and_then(|it| it.peeked);
                    assert_eq!(
                        peeked.is_some(),
                        self.peek_range().is_some(),
                        "wrong peek before a copy"
                    );
                    let peeked = peeked.unwrap_or([0; PEEK_MAX]);
                    let expected = self.copy_range(&peeked);
                    assert_eq!(
                        (at, length),
                        expected,
                        "the copy differs from the peeked length"
                    );
                    current = Some(ElementAccess {
                        slot,
                        peeked: Some(peeked),
                        copied: true,
                    });
                    confirming_wsc = None;
                    unconfirmed.push(number);
                    let (ring, intact) = (self.ring, false);
                    self.copies.insert(
                        number,
                        ElementCopy {
                            ring,
                            slot,
                            epoch,
                            length,
                            peeked,
                            intact,
                        },
                    );
                }
            }
        }
    }

    /// Returns the slot that contains a range, and the offset in the slot. Panics if the range
    /// exceeds the slot or the ring.
    fn slot_of(&self, offset: usize, length: usize) -> (u64, usize) {
        let Ring { size, elements } = self.ring;
        let offset = (offset - HEADER_SIZE) as u64;
        let (slot, at) = (offset / size, offset % size);
        assert!(slot < elements, "element {slot} of {elements}");
        assert!(at + length as u64 <= size, "{at}+{length} of {size}");
        (slot, at as usize)
    }

    /// Marks the copies as intact whose element and epoch were unchanged when these values were
    /// loaded.
    fn confirm(&mut self, copies: &mut Vec<usize>, wc: u64, wsc: u64, epoch: u64) {
        for number in copies.drain(..) {
            let Some(copy) = self.copies.get_mut(&number) else {
                continue;
            };
            let elements = copy.ring.elements;
            // The newest published element of the slot.
            let newest = (wc - 1) - ((wc - 1) % elements + elements - copy.slot) % elements;
            copy.intact = epoch == copy.epoch && wsc <= newest.saturating_add(elements);
        }
    }

    /// Returns the offset and the length of the peek that this mode requires.
    fn peek_range(&self) -> Option<(usize, usize)> {
        match self.mode {
            Mode::Raw => None,
            Mode::Ip => Some((0, 16)),
            Mode::Offload => Some((0, 28)),
            Mode::Ethernet | Mode::Vlan => Some((self.ring.size as usize - 2, 2)),
        }
    }

    /// Returns the offset and the length of the copy that the peeked bytes require.
    fn copy_range(&self, peeked: &[u8]) -> (usize, usize) {
        match self.mode {
            Mode::Raw => (0, self.ring.size as usize),
            Mode::Ip => (0, 8 + ip_len(peeked[6], &peeked[8..])),
            Mode::Offload => (28, usize::from(le16(&peeked[4..6]))),
            Mode::Ethernet | Mode::Vlan => (0, usize::from(le16(&peeked[..2]))),
        }
    }

    /// Checks a delivered packet against its copies. Panics if they differ.
    pub(crate) fn check_packet(&self, packet: &DeliveredPacket) {
        let copies: Vec<_> = packet.copies.iter().map(|at| &self.copies[at]).collect();
        assert!(
            copies.iter().all(|copy| copy.intact),
            "delivered an overwritten element, or one of an old epoch"
        );
        let first = copies.first().expect("the packet has no copy");
        let bytes = &packet.bytes;
        let expected = match self.mode {
            Mode::Raw => (
                0,
                Delivery::Packet {
                    mark: 0,
                    protocol: Protocol::Unknown,
                },
            ),
            Mode::Ethernet | Mode::Vlan => {
                assert!(bytes.len() >= 14, "the packet has no complete header");
                (0, Delivery::Frame)
            }
            Mode::Ip => {
                let protocol = check_ip(bytes[6], &bytes[8..]);
                let header = usize::from(bytes[8] & 15) * 4;
                let possible = (20..=bytes.len() - 8).contains(&header);
                assert!(
                    protocol == Protocol::Ipv6 || possible,
                    "the packet has no complete header"
                );
                let mark = le32(bytes);
                (8, Delivery::Packet { mark, protocol })
            }
            Mode::Offload => {
                check_fragments(&copies);
                let protocol = check_ip(first.peeked[6], bytes);
                let mut offloads = [0; 10];
                offloads.copy_from_slice(&first.peeked[16..26]);
                let delivery = Delivery::Offload {
                    mark: le32(&first.peeked),
                    protocol,
                    offloads,
                };
                (0, delivery)
            }
        };
        assert_eq!((packet.pulled, packet.delivery), expected, "wrong delivery");
        if self.mode != Mode::Offload {
            assert_eq!(copies.len(), 1);
        }
        let length: usize = copies.iter().map(|copy| copy.length).sum();
        assert_eq!(length, bytes.len());
    }
}

/// Checks that the copies are all fragments of one packet, in order.
fn check_fragments(copies: &[&ElementCopy]) {
    let first = copies[0];
    let word = |copy: &ElementCopy, at: usize| le32(&copy.peeked[at..at + 4]) as usize;
    let total = word(first, 8);
    let mut at = 0;
    for (number, fragment) in (0..).zip(copies) {
        assert_eq!(
            word(fragment, 12),
            at,
            "a fragment is missing or duplicated"
        );
        // The mark, the protocol, the length of the packet, and the offloads.
        for range in [0..4, 6..7, 8..12, 16..26] {
            let (one, other) = (&first.peeked[range.clone()], &fragment.peeked[range]);
            assert_eq!(one, other, "fragments of two packets");
        }
        let slot = (first.slot + number) % first.ring.elements;
        assert_eq!(
            (fragment.epoch, fragment.slot),
            (first.epoch, slot),
            "the elements are not consecutive"
        );
        at += fragment.length;
        let full = fragment.length as u64 == fragment.ring.size - 28;
        assert!(
            at == total || full,
            "a fragment is shorter than its element"
        );
    }
    assert_eq!(at, total, "the packet is incomplete");
}

/// Returns the protocol of an IP packet. Panics if the bytes are not one complete packet.
fn check_ip(protocol: u8, ip: &[u8]) -> Protocol {
    assert_eq!(ip_len(protocol, ip), ip.len(), "wrong length");
    match (protocol, ip[0] >> 4) {
        (4, 4) => Protocol::Ipv4,
        (41, 6) => Protocol::Ipv6,
        other => panic!("accepted {other:?}"),
    }
}

/// Returns the length of a packet according to its IP header.
fn ip_len(protocol: u8, ip: &[u8]) -> usize {
    let be16 = |at: usize| (usize::from(ip[at]) << 8) | usize::from(ip[at + 1]);
    match protocol {
        4 => be16(2),
        41 => 40 + be16(4),
        other => panic!("accepted protocol {other}"),
    }
}

fn le16(bytes: &[u8]) -> u16 {
    u16::from(bytes[0]) | (u16::from(bytes[1]) << 8)
}

fn le32(bytes: &[u8]) -> u32 {
    u32::from(le16(bytes)) | (u32::from(le16(&bytes[2..])) << 16)
}
