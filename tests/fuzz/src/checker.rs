// SPDX-License-Identifier: GPL-2.0

//! The checks of every call, based on the recorded accesses only: which copies were intact, how
//! elements were read, and which copies a delivered packet consists of.
//!
//! The checks do not depend on how the driver has computed a result, and do not use its decoders.

use std::collections::BTreeMap;

use crate::{
    abstractions::napi::{
        As,
        Handed,
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

/// The geometry of a ring as the reader has read it from the header.
#[derive(Clone, Copy, Default)]
struct Ring {
    size: u64,
    elements: u64,
}

/// The accesses to the element that is being read.
#[derive(Clone, Copy)]
struct Touched {
    slot: u64,
    peeked: Option<[u8; PEEK_MAX]>,
    copied: bool,
}

/// A copy into a packet.
struct Copied {
    ring: Ring,
    slot: u64,
    epoch: u64,
    length: usize,
    /// The bytes that were peeked at before the copy.
    peeked: [u8; PEEK_MAX],
    /// Whether, after the copy, the writer had not begun to overwrite the element and the epoch had
    /// not changed.
    intact: bool,
}

/// The state of a reader as derived from its accesses.
pub(crate) struct Judge {
    mode: Mode,
    ring: Ring,
    copies: BTreeMap<usize, Copied>,
}

impl Judge {
    /// Returns the state of a reader that has made no accesses yet.
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            ring: Ring::default(),
            copies: BTreeMap::new(),
        }
    }

    /// Follows the accesses of one call, the first of which has the number `first`. Panics if an
    /// element was not read as the mode requires.
    pub(crate) fn follow(&mut self, first: usize, trace: &[Access]) {
        let (mut epoch, mut wc, mut size) = (0, 0, 0);
        // The ring in a header whose epoch has not been loaded again yet.
        let mut unconfirmed = None;
        let mut touched: Option<Touched> = None;
        // The copies since the counters were last loaded, and the write start counter that was
        // loaded after them.
        let (mut open, mut start) = (Vec::new(), None);
        for (number, access) in (first..).zip(trace) {
            match *access {
                Access::Load(word, value) => {
                    touched = None;
                    match word {
                        Word::Size => size = value,
                        Word::Elements => {
                            let elements = value;
                            unconfirmed = Some((Ring { size, elements }, epoch));
                        }
                        Word::Write => wc = value,
                        Word::WriteStart => start = start.or(Some(value)),
                        Word::Epoch => {
                            if let Some((ring, begun)) = unconfirmed.take() {
                                if begun == value {
                                    self.ring = ring;
                                }
                            }
                            if let Some(wsc) = start {
                                self.close(&mut open, wc, wsc, value);
                            }
                            start = None;
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
                    let (slot, at) = self.place(offset, length);
                    if let Some(before) = touched.filter(|it| it.slot == slot) {
                        assert!(before.peeked.is_none(), "an element was peeked twice");
                        assert!(!before.copied, "an element was peeked after the copy");
                    }
                    let (wanted, count) = self.peek().expect("nothing to peek in this mode");
                    assert_eq!((at, length), (wanted, count), "another place was peeked");
                    touched = Some(Touched {
                        slot,
                        peeked: Some(bytes),
                        copied: false,
                    });
                }
                Access::Copy { offset, length } => {
                    let (slot, at) = self.place(offset, length);
                    let element = touched.filter(|it| it.slot == slot);
                    assert!(
                        !element.is_some_and(|it| it.copied),
                        "an element was copied twice"
                    );
                    let peeked = element.and_then(|it| it.peeked);
                    assert_eq!(peeked.is_some(), self.peek().is_some(), "copied unpeeked");
                    let peeked = peeked.unwrap_or([0; PEEK_MAX]);
                    let stated = self.stated(&peeked);
                    assert_eq!((at, length), stated, "not what was peeked was copied");
                    touched = Some(Touched {
                        slot,
                        peeked: Some(peeked),
                        copied: true,
                    });
                    start = None;
                    open.push(number);
                    let (ring, intact) = (self.ring, false);
                    self.copies.insert(
                        number,
                        Copied {
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

    /// Returns the slot that contains these bytes, and their offset in it.
    fn place(&self, offset: usize, length: usize) -> (u64, usize) {
        let Ring { size, elements } = self.ring;
        let offset = (offset - HEADER_SIZE) as u64;
        let (slot, at) = (offset / size, offset % size);
        assert!(slot < elements, "element {slot} of {elements}");
        assert!(at + length as u64 <= size, "{at}+{length} of {size}");
        (slot, at as usize)
    }

    /// Decides which copies are intact by the counters and the epoch that were loaded after them.
    fn close(&mut self, open: &mut Vec<usize>, wc: u64, wsc: u64, epoch: u64) {
        for number in open.drain(..) {
            let Some(copy) = self.copies.get_mut(&number) else {
                continue;
            };
            let elements = copy.ring.elements;
            // The newest element that can have been in the slot.
            let newest = (wc - 1) - ((wc - 1) % elements + elements - copy.slot) % elements;
            copy.intact = epoch == copy.epoch && wsc <= newest.saturating_add(elements);
        }
    }

    /// Returns the offset and the number of the bytes that a reader in this mode must peek at.
    fn peek(&self) -> Option<(usize, usize)> {
        match self.mode {
            Mode::Raw => None,
            Mode::Ip => Some((0, 16)),
            Mode::Offload => Some((0, 28)),
            Mode::Ethernet | Mode::Vlan => Some((self.ring.size as usize - 2, 2)),
        }
    }

    /// Returns the offset and the number of the bytes that a reader in this mode must copy after it
    /// has peeked at these bytes.
    fn stated(&self, peeked: &[u8]) -> (usize, usize) {
        match self.mode {
            Mode::Raw => (0, self.ring.size as usize),
            Mode::Ip => (0, 8 + packet_len(peeked[6], &peeked[8..])),
            Mode::Offload => (28, usize::from(little(&peeked[4..6]))),
            Mode::Ethernet | Mode::Vlan => (0, usize::from(little(&peeked[..2]))),
        }
    }

    /// Checks a delivered packet. Panics if it is not what its copies contained.
    pub(crate) fn packet(&self, handed: &Handed) {
        let copies: Vec<_> = handed.copies.iter().map(|at| &self.copies[at]).collect();
        assert!(
            copies.iter().all(|copy| copy.intact),
            "handed up although it was overwritten, or the epoch changed"
        );
        let first = copies.first().expect("nothing was copied");
        let bytes = &handed.bytes;
        let expected = match self.mode {
            Mode::Raw => (
                0,
                As::Packet {
                    mark: 0,
                    protocol: Protocol::Unknown,
                },
            ),
            Mode::Ethernet | Mode::Vlan => {
                assert!(bytes.len() >= 14, "no header");
                (0, As::Frame)
            }
            Mode::Ip => {
                let protocol = packet(bytes[6], &bytes[8..]);
                let header = usize::from(bytes[8] & 15) * 4;
                let possible = (20..=bytes.len() - 8).contains(&header);
                assert!(protocol == Protocol::Ipv6 || possible, "no header");
                let mark = mark(bytes);
                (8, As::Packet { mark, protocol })
            }
            Mode::Offload => {
                pieces(&copies);
                let protocol = packet(first.peeked[6], bytes);
                let mut offloads = [0; 10];
                offloads.copy_from_slice(&first.peeked[16..26]);
                let how = As::Large {
                    mark: mark(&first.peeked),
                    protocol,
                    offloads,
                };
                (0, how)
            }
        };
        assert_eq!((handed.pulled, handed.how), expected, "handed up otherwise");
        if self.mode != Mode::Offload {
            assert_eq!(copies.len(), 1);
        }
        let length: usize = copies.iter().map(|copy| copy.length).sum();
        assert_eq!(length, bytes.len());
    }
}

/// Checks that the copies are the fragments of one packet, complete and in order.
fn pieces(copies: &[&Copied]) {
    let first = copies[0];
    let wide = |piece: &Copied, at: usize| {
        let low = u32::from(little(&piece.peeked[at..at + 2]));
        (low | (u32::from(little(&piece.peeked[at + 2..at + 4])) << 16)) as usize
    };
    let total = wide(first, 8);
    let mut at = 0;
    for (number, piece) in (0..).zip(copies) {
        assert_eq!(wide(piece, 12), at, "a piece is missing, or there twice");
        // The mark, the protocol, the length of the packet and the offloads.
        for same in [0..4, 6..7, 8..12, 16..26] {
            let (one, other) = (&first.peeked[same.clone()], &piece.peeked[same]);
            assert_eq!(one, other, "pieces of two packets");
        }
        let slot = (first.slot + number) % first.ring.elements;
        assert_eq!(
            (piece.epoch, piece.slot),
            (first.epoch, slot),
            "not in a row"
        );
        at += piece.length;
        let full = piece.length as u64 == piece.ring.size - 28;
        assert!(at == total || full, "a piece is not full");
    }
    assert_eq!(at, total, "not all pieces are there");
}

/// Returns the protocol of a complete IP packet. Panics if the bytes are not one.
fn packet(protocol: u8, ip: &[u8]) -> Protocol {
    assert_eq!(packet_len(protocol, ip), ip.len(), "of another length");
    match (protocol, ip[0] >> 4) {
        (4, 4) => Protocol::Ipv4,
        (41, 6) => Protocol::Ipv6,
        other => panic!("accepted {other:?}"),
    }
}

/// Returns the length that an IP packet states.
fn packet_len(protocol: u8, ip: &[u8]) -> usize {
    let big = |at: usize| (usize::from(ip[at]) << 8) | usize::from(ip[at + 1]);
    match protocol {
        4 => big(2),
        41 => 40 + big(4),
        other => panic!("accepted protocol {other}"),
    }
}

fn little(bytes: &[u8]) -> u16 {
    u16::from(bytes[0]) | (u16::from(bytes[1]) << 8)
}

fn mark(bytes: &[u8]) -> u32 {
    u32::from(little(bytes)) | (u32::from(little(&bytes[2..])) << 16)
}
