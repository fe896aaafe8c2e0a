// SPDX-License-Identifier: GPL-2.0

//! Memory of a channel, accessed as the driver does it: words one by one, elements by C's
//! `memcpy()`, and barriers for the compiler alone, which is what x86-64 needs.

use std::{
    cell::RefCell,
    sync::atomic::{
        compiler_fence,
        AtomicU64,
        Ordering, //
    }, //
};

use crate::channel::{
    Memory,
    MemoryMut,
    Word,
    HEADER_SIZE, //
};

/// What elements begin at a multiple of, if their size allows: a line of the cache.
const LINE: usize = 64;

/// A region: a header of words, and the elements.
pub(crate) struct Region {
    words: [AtomicU64; HEADER_SIZE / size_of::<u64>()],
    elements: RefCell<Vec<u8>>,
    /// Where the elements begin.
    start: usize,
    size: usize,
}

impl Region {
    /// A region of `size` bytes, all of it touched.
    pub(crate) fn new(size: usize) -> Self {
        let elements = vec![1; size.saturating_sub(HEADER_SIZE) + LINE];
        let start = elements.as_ptr().align_offset(LINE).min(LINE);
        Self {
            words: Default::default(),
            elements: RefCell::new(elements),
            start,
            size,
        }
    }

    #[inline(always)]
    fn word(&self, word: Word) -> &AtomicU64 {
        &self.words[word.offset() / size_of::<u64>()]
    }

    /// Where bytes of elements lie.
    #[inline(always)]
    fn place(&self, offset: usize, length: usize) -> Option<std::ops::Range<usize>> {
        let begin = offset.checked_sub(HEADER_SIZE)?.checked_add(self.start)?;
        Some(begin..begin.checked_add(length)?)
    }
}

impl Memory for Region {
    #[inline(always)]
    fn size(&self) -> usize {
        self.size
    }

    #[inline(always)]
    fn load(&self, word: Word) -> u64 {
        self.word(word).load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn read_barrier(&self) {
        compiler_fence(Ordering::SeqCst);
    }

    #[inline(always)]
    fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool {
        let elements = self.elements.borrow();
        let from = self.place(offset, to.len()).and_then(|it| elements.get(it));
        from.is_some_and(|from| {
            to.copy_from_slice(from);
            true
        })
    }
}

impl MemoryMut for Region {
    #[inline(always)]
    fn store(&self, word: Word, value: u64) {
        self.word(word).store(value, Ordering::Relaxed);
    }

    #[inline(always)]
    fn write_barrier(&self) {
        compiler_fence(Ordering::SeqCst);
    }

    #[inline(always)]
    fn copy_in(&self, offset: usize, from: &[u8]) -> bool {
        let mut elements = self.elements.borrow_mut();
        let place = self.place(offset, from.len());
        place.and_then(|it| elements.get_mut(it)).is_some_and(|to| {
            to.copy_from_slice(from);
            true
        })
    }
}
