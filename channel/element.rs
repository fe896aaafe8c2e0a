// SPDX-License-Identifier: GPL-2.0

//! One element, and the bounds that no copy of it leaves.

use super::memory::{
    Memory,
    MemoryMut, //
};

/// Which element of a channel it is, among all that there ever were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ElementId {
    /// Its epoch, not zero.
    pub(crate) epoch: u64,
    /// Its number in that, from 0.
    pub(crate) number: u64,
}

impl ElementId {
    /// The element that follows.
    pub(crate) fn next(self) -> Self {
        Self {
            number: self.number.wrapping_add(1),
            ..self
        }
    }
}

/// The place of one element in its region.
#[derive(Clone, Copy)]
struct Extent {
    offset: usize,
    size: usize,
}

impl Extent {
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
    place: Extent,
    id: ElementId,
}

impl<'a, M: Memory> Element<'a, M> {
    pub(super) fn new(memory: &'a M, id: ElementId, offset: usize, size: usize) -> Self {
        Self {
            memory,
            place: Extent { offset, size },
            id,
        }
    }

    /// Returns the size of the element in bytes.
    pub(crate) fn size(&self) -> usize {
        self.place.size
    }

    /// Returns which element of the channel it is.
    pub(crate) fn id(&self) -> ElementId {
        self.id
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
    place: Extent,
}

impl<'a, M: MemoryMut> Slot<'a, M> {
    pub(super) fn new(memory: &'a M, offset: usize, size: usize) -> Self {
        Self {
            memory,
            place: Extent { offset, size },
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
        // An element of 8 bytes at 72 in a region of 88: what is asked for, and where it lies.
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
        for (at, len, place) in table {
            let element = Element::new(&memory, FIRST, 72, 8);
            let slot = Slot::new(&memory, 72, 8);
            let found = element.locate(at, len).map(|(_, place)| place);
            assert_eq!((at, len, found), (at, len, place));
            let found = slot.locate(at, len).map(|(_, place)| place);
            assert_eq!((at, len, found), (at, len, place));

            if let Some(bytes) = [7u8; 16].get(..len) {
                let mut back = [0u8; 16];
                assert_eq!(slot.fill(at, bytes), place.is_some());
                let back = back.get_mut(..len).unwrap_or_default();
                assert_eq!(element.peek(at, back), place.is_some());
                assert!(place.is_none() || back == bytes);
            }
        }
        // The bytes before and behind it are as they were.
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
