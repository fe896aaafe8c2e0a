// SPDX-License-Identifier: GPL-2.0

//! Elements of a channel: their identity, and access to their bytes within bounds.
//!
//! - [`ElementId`]: the epoch and the number of an element.
//! - [`Element`]: an element that a reader is reading.
//! - [`Slot`]: the memory of an element that a writer is writing.

use super::memory::{
    Memory,
    MemoryMut, //
};

/// The identity of an element among all elements of a channel, past ones included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ElementId {
    /// The epoch of the element, not zero.
    pub(crate) epoch: u64,
    /// The number of the element in the epoch, from 0.
    pub(crate) number: u64,
}

impl ElementId {
    /// Returns the identity of the next element of the epoch.
    pub(crate) fn next(self) -> Self {
        Self {
            number: self.number.wrapping_add(1),
            ..self
        }
    }
}

/// The part of the region that one element occupies, in bytes from the start of the region.
#[derive(Clone, Copy)]
struct Extent {
    offset: usize,
    size: usize,
}

impl Extent {
    /// Returns the offset in the region of `len` bytes that start at byte `at` of the element.
    ///
    /// Returns [`None`] if not all of these bytes lie in the element.
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
    extent: Extent,
    id: ElementId,
}

impl<'a, M: Memory> Element<'a, M> {
    pub(super) fn new(memory: &'a M, id: ElementId, offset: usize, size: usize) -> Self {
        Self {
            memory,
            extent: Extent { offset, size },
            id,
        }
    }

    /// Returns the size of the element in bytes.
    pub(crate) fn size(&self) -> usize {
        self.extent.size
    }

    /// Returns the identity of the element.
    pub(crate) fn id(&self) -> ElementId {
        self.id
    }

    /// Copies bytes out of the element, starting at byte `at`.
    ///
    /// The result may be torn, and a later copy of the same bytes may give other values. Use it
    /// only to decide how much to copy. Returns `false` and copies nothing if not all of the bytes
    /// lie in the element.
    pub(crate) fn peek(&self, at: usize, to: &mut [u8]) -> bool {
        match self.extent.locate(at, to.len()) {
            Some(offset) => self.memory.copy_out(offset, to),
            None => false,
        }
    }

    /// Returns the memory, and the offset in it (in bytes from the start of the region) of `len`
    /// bytes that start at byte `at` of the element. Callers use it for copies that only the owner
    /// of the memory can make.
    ///
    /// Returns [`None`] if not all of these bytes lie in the element.
    pub(crate) fn locate(&self, at: usize, len: usize) -> Option<(&'a M, usize)> {
        Some((self.memory, self.extent.locate(at, len)?))
    }
}

/// The memory of an element that is being written.
pub(crate) struct Slot<'a, M> {
    memory: &'a M,
    extent: Extent,
}

impl<'a, M: MemoryMut> Slot<'a, M> {
    pub(super) fn new(memory: &'a M, offset: usize, size: usize) -> Self {
        Self {
            memory,
            extent: Extent { offset, size },
        }
    }

    /// Returns the size of the element in bytes.
    pub(crate) fn size(&self) -> usize {
        self.extent.size
    }

    /// Copies `from` into the element, starting at byte `at`.
    ///
    /// Returns `false` and copies nothing if not all of the bytes fit the element.
    pub(crate) fn fill(&self, at: usize, from: &[u8]) -> bool {
        match self.extent.locate(at, from.len()) {
            Some(offset) => self.memory.copy_in(offset, from),
            None => false,
        }
    }

    /// Returns the memory, and the offset in it (in bytes from the start of the region) of `len`
    /// bytes that start at byte `at` of the element. Callers use it for copies that only the owner
    /// of the memory can make.
    ///
    /// Returns [`None`] if not all of these bytes lie in the element.
    pub(crate) fn locate(&self, at: usize, len: usize) -> Option<(&'a M, usize)> {
        Some((self.memory, self.extent.locate(at, len)?))
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(
    CONFIG_KUNIT = "y",
    kernel::macros::kunit_tests(muennet_channel_element)
)]
mod tests {
    use super::{
        super::tests::Cells,
        *, //
    };

    const FIRST: ElementId = ElementId {
        epoch: 1,
        number: 0,
    };

    #[test]
    fn nothing_outside_the_element_is_reached() {
        const MAX: usize = usize::MAX;
        // (at, len, offset in the region), for an element of 8 bytes at 72 in a region of 88.
        let table = [
            (0, 0, Some(72)),
            (0, 1, Some(72)),
            (0, 8, Some(72)),
            (0, 9, None),
            (7, 1, Some(79)),
            (7, 2, None),
            (8, 0, Some(80)),
            (8, 1, None),
            (9, 0, None),
            (MAX, 0, None),
            (MAX, 1, None),
            (1, MAX, None),
            (MAX, MAX, None),
        ];
        let memory = Cells::<88>::new();
        for (at, len, offset) in table {
            let element = Element::new(&memory, FIRST, 72, 8);
            let slot = Slot::new(&memory, 72, 8);
            let found = element.locate(at, len).map(|(_, offset)| offset);
            assert_eq!((at, len, found), (at, len, offset));
            let found = slot.locate(at, len).map(|(_, offset)| offset);
            assert_eq!((at, len, found), (at, len, offset));

            if let Some(bytes) = [7u8; 16].get(..len) {
                let mut back = [0u8; 16];
                assert_eq!(slot.fill(at, bytes), offset.is_some());
                let back = back.get_mut(..len).unwrap_or_default();
                assert_eq!(element.peek(at, back), offset.is_some());
                assert!(offset.is_none() || back == bytes);
            }
        }
        // The bytes before and after the element are unchanged.
        let mut around = [1; 8];
        assert!(memory.copy_out(64, &mut around) && around == [0; 8]);
        assert!(memory.copy_out(80, &mut around) && around == [0; 8]);
    }

    #[test]
    fn the_region_bounds_an_element_that_is_not_in_it() {
        let memory = Cells::<76>::new();
        let element = Element::new(&memory, FIRST, 72, 8);
        assert!(element.peek(0, &mut [0; 4]));
        assert!(!element.peek(0, &mut [0; 5]));
        let slot = Slot::new(&memory, usize::MAX - 2, 8);
        assert!(slot.locate(4, 1).is_none());
        assert!(!slot.fill(0, &[0; 4]));
    }
}
