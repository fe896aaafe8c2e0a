// SPDX-License-Identifier: GPL-2.0

//! A shared memory region that a peer changes between any two accesses of the reader.

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
    stats::MutationPoint, //
};

/// The words of the header, in their order.
pub(crate) const WORDS: [Word; 8] = [
    Word::Transport,
    Word::Epoch,
    Word::Protocol,
    Word::Size,
    Word::Elements,
    Word::Report,
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
    /// A peek at `length` bytes at this offset, and their values.
    Peek {
        offset: usize,
        length: usize,
        bytes: [u8; PEEK_MAX],
    },
    /// A copy of `length` bytes into a packet.
    Copy { offset: usize, length: usize },
}

/// The memory of a channel. Accesses are neither recorded nor interrupted by a peer.
pub(crate) struct Region(Vec<Cell<u8>>);

impl Region {
    /// Returns a region of `size` zero bytes.
    pub(crate) fn new(size: usize) -> Self {
        Self(vec![Cell::new(0); size])
    }

    fn bytes(&self, offset: usize, length: usize) -> Option<&[Cell<u8>]> {
        self.0.get(offset..offset.checked_add(length)?)
    }

    /// Writes bytes. Returns `false` and writes nothing if the range exceeds the region.
    pub(crate) fn write(&self, offset: usize, from: &[u8]) -> bool {
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

    fn load_acquire(&self, word: Word) -> u64 {
        self.load(word)
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
        self.write(word.offset(), &value.to_ne_bytes());
    }

    fn store_release(&self, word: Word, value: u64) {
        self.store(word, value);
    }

    fn write_barrier(&self) {}

    fn copy_in(&self, offset: usize, from: &[u8]) -> bool {
        self.write(offset, from)
    }
}

/// A function that changes the region. Its second argument is the point at which it is called.
pub(crate) type PeerFn = Box<dyn FnMut(&Region, MutationPoint)>;

/// The region as the reader accesses it. Calls the peer before every access. Makes each peek and
/// each copy in two halves, and calls the peer between them. Records all accesses.
pub(crate) struct SharedRegion {
    region: Region,
    peer: RefCell<Option<PeerFn>>,
    trace: RefCell<Vec<Access>>,
    /// The number of the first access in the trace.
    trace_start: Cell<usize>,
}

impl SharedRegion {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            region: Region::new(size),
            peer: RefCell::new(None),
            trace: RefCell::default(),
            trace_start: Cell::new(0),
        }
    }

    /// Returns the region, for accesses that are not recorded.
    pub(crate) fn region(&self) -> &Region {
        &self.region
    }

    /// Sets the peer for all following accesses.
    pub(crate) fn set_peer(&self, peer: Option<PeerFn>) {
        *self.peer.borrow_mut() = peer;
    }

    /// Returns the accesses since the last call, and the number of the first one.
    pub(crate) fn take_trace(&self) -> (usize, Vec<Access>) {
        let trace = self.trace.take();
        let first = self.trace_start.get();
        self.trace_start.set(first + trace.len());
        (first, trace)
    }

    fn call_peer(&self, point: MutationPoint) {
        if let Some(peer) = &mut *self.peer.borrow_mut() {
            peer(&self.region, point);
        }
    }

    /// Loads a word of the header. Panics at any other offset, because the driver loads no others.
    pub(crate) fn load(&self, offset: usize) -> Option<u64> {
        let word = WORDS.into_iter().find(|word| word.offset() == offset);
        let word = word.expect("the load is not of a header word");
        self.call_peer(MutationPoint::Load);
        let value = self.region.load(word);
        self.trace.borrow_mut().push(Access::Load(word, value));
        Some(value)
    }

    /// Copies in two halves. Panics if the range includes the header or exceeds the region: the
    /// reader computes each offset from checked numbers.
    fn copy_in_halves(&self, offset: usize, to: &mut [u8], point: MutationPoint) {
        let size = self.region.size();
        let end = offset.checked_add(to.len());
        assert!(
            offset >= HEADER_SIZE && end.is_some_and(|end| end <= size),
            "access to {offset}+{} of {size}",
            to.len()
        );
        self.call_peer(point);
        let half = to.len() / 2;
        let (first, second) = to.split_at_mut(half);
        self.region.copy_out(offset, first);
        self.call_peer(point);
        self.region.copy_out(offset + half, second);
    }

    /// Peeks at bytes of an element.
    pub(crate) fn peek(&self, offset: usize, to: &mut [u8]) {
        self.copy_in_halves(offset, to, MutationPoint::Peek(offset));
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
        self.copy_in_halves(offset, &mut bytes, MutationPoint::Copy(offset));
        let mut trace = self.trace.borrow_mut();
        trace.push(Access::Copy { offset, length });
        (bytes, self.trace_start.get() + trace.len() - 1)
    }
}
