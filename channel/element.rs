// SPDX-License-Identifier: GPL-2.0

//! One element, and the bounds that no copy of it leaves.

use super::memory::{
    Memory,
    MemoryMut, //
};

/// The place of one element in its region.
#[derive(Clone, Copy)]
struct Place {
    offset: usize,
    size: usize,
}

impl Place {
    /// Returns where `len` bytes from byte `at` of the element on lie in the region, or [`None`]
    /// if they are not all in the element.
    fn locate(&self, at: usize, len: usize) -> Option<usize> {
        if at.checked_add(len)? > self.size {
            return None;
        }
        self.offset.checked_add(at)
    }
}

/// An element that is being read. The peer may overwrite it at any time.
pub(crate) struct Element<'a, M> {
    memory: &'a M,
    place: Place,
}

impl<'a, M: Memory> Element<'a, M> {
    pub(super) fn new(memory: &'a M, offset: usize, size: usize) -> Self {
        Self {
            memory,
            place: Place { offset, size },
        }
    }

    /// Returns the size of the element in bytes.
    pub(crate) fn size(&self) -> usize {
        self.place.size
    }

    /// Copies bytes out of the element, from byte `at` on.
    ///
    /// What is peeked may be torn and may differ from what a later copy of the same bytes gives:
    /// it decides how much to copy, and nothing else. Returns `false`, with nothing copied, if the
    /// bytes are not all in the element.
    pub(crate) fn peek(&self, at: usize, to: &mut [u8]) -> bool {
        match self.place.locate(at, to.len()) {
            Some(offset) => self.memory.copy_out(offset, to),
            None => false,
        }
    }

    /// Returns the memory and the place in it (bytes from the start of the region) of `len` bytes
    /// from byte `at` of the element on, for a copy that only the memory's owner can make; [`None`]
    /// if the bytes are not all in the element.
    pub(crate) fn locate(&self, at: usize, len: usize) -> Option<(&'a M, usize)> {
        Some((self.memory, self.place.locate(at, len)?))
    }
}

/// The place of an element that is being written.
pub(crate) struct Slot<'a, M> {
    memory: &'a M,
    place: Place,
}

impl<'a, M: MemoryMut> Slot<'a, M> {
    pub(super) fn new(memory: &'a M, offset: usize, size: usize) -> Self {
        Self {
            memory,
            place: Place { offset, size },
        }
    }

    /// Returns the size of the element in bytes.
    pub(crate) fn size(&self) -> usize {
        self.place.size
    }

    /// Copies `from` into the element, from byte `at` on.
    ///
    /// Returns `false`, with nothing copied, if the bytes do not all fit the element.
    pub(crate) fn fill(&self, at: usize, from: &[u8]) -> bool {
        match self.place.locate(at, from.len()) {
            Some(offset) => self.memory.copy_in(offset, from),
            None => false,
        }
    }

    /// Returns the memory and the place in it (bytes from the start of the region) of `len` bytes
    /// from byte `at` of the element on, for a copy that only the memory's owner can make; [`None`]
    /// if the bytes are not all in the element.
    pub(crate) fn locate(&self, at: usize, len: usize) -> Option<(&'a M, usize)> {
        Some((self.memory, self.place.locate(at, len)?))
    }
}
