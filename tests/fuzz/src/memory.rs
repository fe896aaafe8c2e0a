// SPDX-License-Identifier: GPL-2.0

//! A region in which somebody else acts between any two accesses of the reader.

use std::cell::{
    Cell,
    RefCell, //
};

use crate::channel::{
    Memory,
    MemoryMut,
    Word, //
};

/// One access of the reader.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Access {
    /// It loaded a word and got the value.
    Load(Word, u64),
    /// It copied bytes from this offset on.
    Copy(usize),
}

/// The bytes of a channel, without anybody who acts.
pub(crate) struct Region(Vec<Cell<u8>>);

impl Region {
    /// A region of `size` zeroes.
    pub(crate) fn new(size: usize) -> Self {
        Self(vec![Cell::new(0); size])
    }

    fn bytes(&self, offset: usize, length: usize) -> Option<&[Cell<u8>]> {
        self.0.get(offset..offset.checked_add(length)?)
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
        self.copy_in(word.offset(), &value.to_ne_bytes());
    }

    fn write_barrier(&self) {}

    fn copy_in(&self, offset: usize, from: &[u8]) -> bool {
        let Some(to) = self.bytes(offset, from.len()) else {
            return false;
        };
        for (byte, cell) in from.iter().zip(to) {
            cell.set(*byte);
        }
        true
    }
}

/// The other side: it gets the region and the place of what is being copied, if anything is.
pub(crate) type Peer<'a> = &'a mut dyn FnMut(&Region, Option<usize>);

/// The region as the reader sees it: at every access the other side acts first, and a copy is made
/// in two halves between which it acts again. All accesses are noted.
pub(crate) struct Shared<'a> {
    region: &'a Region,
    peer: RefCell<Peer<'a>>,
    trace: RefCell<Vec<Access>>,
}

impl<'a> Shared<'a> {
    pub(crate) fn new(region: &'a Region, peer: Peer<'a>) -> Self {
        Self {
            region,
            peer: RefCell::new(peer),
            trace: RefCell::default(),
        }
    }

    /// The number of accesses so far.
    pub(crate) fn now(&self) -> usize {
        self.trace.borrow().len()
    }

    /// All accesses, in their order.
    pub(crate) fn into_trace(self) -> Vec<Access> {
        self.trace.into_inner()
    }

    /// Lets the peer act, who knows what is being copied just now.
    fn peer_acts(&self, copied: Option<usize>) {
        (self.peer.borrow_mut())(self.region, copied);
    }
}

impl Memory for Shared<'_> {
    fn size(&self) -> usize {
        self.region.size()
    }

    fn load(&self, word: Word) -> u64 {
        self.peer_acts(None);
        let value = self.region.load(word);
        self.trace.borrow_mut().push(Access::Load(word, value));
        value
    }

    fn read_barrier(&self) {}

    fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool {
        // The reader computes each place itself from checked numbers: it never asks for one that
        // is not there, nor for the header.
        let end = offset.checked_add(to.len());
        assert!(
            offset >= crate::channel::HEADER_SIZE && end.is_some_and(|end| end <= self.size()),
            "access to {offset}+{} of {}",
            to.len(),
            self.size()
        );
        self.peer_acts(Some(offset));
        self.trace.borrow_mut().push(Access::Copy(offset));
        let half = to.len() / 2;
        let (first, second) = to.split_at_mut(half);
        let copied = self.region.copy_out(offset, first);
        self.peer_acts(Some(offset));
        copied && self.region.copy_out(offset + half, second)
    }
}
