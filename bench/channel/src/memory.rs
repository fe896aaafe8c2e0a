// SPDX-License-Identifier: GPL-2.0

//! Memory of a channel, accessed in the same way as in the driver: words one at a time, elements
//! with C's `memcpy()`. The barriers affect the compiler only, which is sufficient on x86-64.

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

/// The size of a cache line. Elements start on such a boundary if their size is a multiple of it.
const LINE: usize = 64;

/// A region: the words of the header, and the elements.
pub(crate) struct Region {
    words: [AtomicU64; HEADER_SIZE / size_of::<u64>()],
    elements: RefCell<Vec<u8>>,
    /// The index of the first byte of the first element.
    start: usize,
    size: usize,
}

impl Region {
    /// Returns a region of `size` bytes, all of which have been written once.
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

    /// Returns the range in `elements` of `length` bytes at `offset` in the region.
    #[inline(always)]
    fn range(&self, offset: usize, length: usize) -> Option<std::ops::Range<usize>> {
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
    fn load_acquire(&self, word: Word) -> u64 {
        self.word(word).load(Ordering::Acquire)
    }

    #[inline(always)]
    fn read_barrier(&self) {
        compiler_fence(Ordering::SeqCst);
    }

    #[inline(always)]
    fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool {
        let elements = self.elements.borrow();
        let from = self.range(offset, to.len()).and_then(|it| elements.get(it));
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
    fn store_release(&self, word: Word, value: u64) {
        self.word(word).store(value, Ordering::Release);
    }

    #[inline(always)]
    fn write_barrier(&self) {
        compiler_fence(Ordering::SeqCst);
    }

    #[inline(always)]
    fn copy_in(&self, offset: usize, from: &[u8]) -> bool {
        let mut elements = self.elements.borrow_mut();
        let range = self.range(offset, from.len());
        range.and_then(|it| elements.get_mut(it)).is_some_and(|to| {
            to.copy_from_slice(from);
            true
        })
    }
}
