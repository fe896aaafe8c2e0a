// SPDX-License-Identifier: GPL-2.0

//! A region in which another party acts between any two accesses of the reader.

use std::cell::{
    Cell,
    RefCell, //
};

use crate::{
    channel::{
        Memory,
        MemoryMut,
        Word,
        HEADER_SIZE, //
    },
    stats::Moment, //
};

/// The words of the header, in their order.
pub(crate) const WORDS: [Word; 8] = [
    Word::Transport,
    Word::Epoch,
    Word::Protocol,
    Word::Size,
    Word::Elements,
    Word::Reserved,
    Word::WriteStart,
    Word::Write,
];

/// The largest number of bytes in one peek at an element.
pub(crate) const PEEK_MAX: usize = 28;

/// One access of the reader.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Access {
    /// A load of a word, and its value.
    Load(Word, u64),
    /// A peek at `length` bytes at this offset, and the bytes it returned.
    Peek {
        offset: usize,
        length: usize,
        bytes: [u8; PEEK_MAX],
    },
    /// A copy of `length` bytes into a packet.
    Copy { offset: usize, length: usize },
}

/// The bytes of a channel, without a peer that acts.
pub(crate) struct Region(Vec<Cell<u8>>);

impl Region {
    /// Returns a region of `size` zeroes.
    pub(crate) fn new(size: usize) -> Self {
        Self(vec![Cell::new(0); size])
    }

    fn bytes(&self, offset: usize, length: usize) -> Option<&[Cell<u8>]> {
        self.0.get(offset..offset.checked_add(length)?)
    }

    /// Writes bytes. Returns `false` and writes nothing if not all of them lie in the region.
    pub(crate) fn fill(&self, offset: usize, from: &[u8]) -> bool {
        let Some(to) = self.bytes(offset, from.len()) else {
            return false;
        };
        for (byte, cell) in from.iter().zip(to) {
            cell.set(*byte);
        }
        true
    }
}

impl Memory for Region {
    fn size(&self) -> usize {
        self.0.len()
    }

    fn load(&self, word: Word) -> u64 {
        let mut bytes = [0; 8];
        self.copy_out(word.offset(), &mut bytes);
        u64::from_ne_bytes(bytes)
    }

    fn read_barrier(&self) {}

    fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool {
        let Some(from) = self.bytes(offset, to.len()) else {
            return false;
        };
        for (byte, cell) in to.iter_mut().zip(from) {
            *byte = cell.get();
        }
        true
    }
}

impl MemoryMut for Region {
    fn store(&self, word: Word, value: u64) {
        self.fill(word.offset(), &value.to_ne_bytes());
    }

    fn write_barrier(&self) {}

    fn copy_in(&self, offset: usize, from: &[u8]) -> bool {
        self.fill(offset, from)
    }
}

/// The peer. It gets the region, and what the reader is about to do or in the middle of.
pub(crate) type Peer = Box<dyn FnMut(&Region, Moment)>;

/// The region as the reader accesses it. The peer acts before every access. A copy is made in two
/// halves, and the peer also acts between them. All accesses are recorded.
pub(crate) struct Shared {
    region: Region,
    peer: RefCell<Option<Peer>>,
    trace: RefCell<Vec<Access>>,
    /// The number of accesses before those in the trace.
    before: Cell<usize>,
}

impl Shared {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            region: Region::new(size),
            peer: RefCell::new(None),
            trace: RefCell::default(),
            before: Cell::new(0),
        }
    }

    /// Returns the region, for accesses that are not recorded.
    pub(crate) fn region(&self) -> &Region {
        &self.region
    }

    /// Sets the peer that acts from now on.
    pub(crate) fn set_peer(&self, peer: Option<Peer>) {
        *self.peer.borrow_mut() = peer;
    }

    /// Returns the accesses since the last call, and the number of the first one.
    pub(crate) fn take_trace(&self) -> (usize, Vec<Access>) {
        let trace = self.trace.take();
        let first = self.before.get();
        self.before.set(first + trace.len());
        (first, trace)
    }

    fn peer_acts(&self, moment: Moment) {
        if let Some(peer) = &mut *self.peer.borrow_mut() {
            peer(&self.region, moment);
        }
    }

    /// Loads a word of the header. The driver loads no others.
    pub(crate) fn load(&self, offset: usize) -> Option<u64> {
        let word = WORDS.into_iter().find(|word| word.offset() == offset);
        let word = word.expect("a load of what is no word of the header");
        self.peer_acts(Moment::Load);
        let value = self.region.load(word);
        self.trace.borrow_mut().push(Access::Load(word, value));
        Some(value)
    }

    /// Copies in two halves. The reader computes each offset from checked numbers: it never
    /// accesses bytes outside of the region, nor copies from the header.
    fn halves(&self, offset: usize, to: &mut [u8], moment: Moment) {
        let size = self.region.size();
        let end = offset.checked_add(to.len());
        assert!(
            offset >= HEADER_SIZE && end.is_some_and(|end| end <= size),
            "access to {offset}+{} of {size}",
            to.len()
        );
        self.peer_acts(moment);
        let half = to.len() / 2;
        let (first, second) = to.split_at_mut(half);
        self.region.copy_out(offset, first);
        self.peer_acts(moment);
        self.region.copy_out(offset + half, second);
    }

    /// Peeks at bytes of an element.
    pub(crate) fn peek(&self, offset: usize, to: &mut [u8]) {
        self.halves(offset, to, Moment::Peek(offset));
        let mut bytes = [0; PEEK_MAX];
        bytes[..to.len()].copy_from_slice(to);
        self.trace.borrow_mut().push(Access::Peek {
            offset,
            length: to.len(),
            bytes,
        });
    }

    /// Copies bytes of an element into a packet. Returns them and the number of the access.
    pub(crate) fn copy(&self, offset: usize, length: usize) -> (Vec<u8>, usize) {
        let mut bytes = vec![0; length];
        self.halves(offset, &mut bytes, Moment::Copy(offset));
        let mut trace = self.trace.borrow_mut();
        trace.push(Access::Copy { offset, length });
        (bytes, self.before.get() + trace.len() - 1)
    }
}
