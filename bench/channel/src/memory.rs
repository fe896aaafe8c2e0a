// SPDX-License-Identifier: GPL-2.0

//! Memory of a channel as the driver accesses it: words by volatile accesses, elements by C's
//! `memcpy()`, and barriers for the compiler alone, which is what x86-64 needs.

use std::{
    cell::UnsafeCell,
    sync::atomic::{
        compiler_fence,
        Ordering, //
    }, //
};

use crate::channel::{
    Memory,
    MemoryMut,
    Word, //
};

const WORDS: usize = 512;

/// A page, as regions of memory begin with.
#[repr(align(4096))]
struct Page(UnsafeCell<[u64; WORDS]>);

/// A region of whole pages.
pub(crate) struct Region(Box<[Page]>);

impl Region {
    /// A region of `size` bytes, all of it touched.
    pub(crate) fn new(size: usize) -> Self {
        let pages = 0..size / size_of::<Page>();
        Self(pages.map(|_| Page(UnsafeCell::new([1; WORDS]))).collect())
    }

    fn place(&self, offset: usize, length: usize) -> Option<*mut u8> {
        let end = offset.checked_add(length)?;
        (end <= self.size()).then(|| self.0.as_ptr().cast_mut().cast::<u8>().wrapping_add(offset))
    }

    fn word(&self, word: Word) -> *mut u64 {
        self.0[0]
            .0
            .get()
            .cast::<u64>()
            .wrapping_add(word.offset() / 8)
    }
}

impl Memory for Region {
    #[inline(always)]
    fn size(&self) -> usize {
        self.0.len() * size_of::<Page>()
    }

    #[inline(always)]
    fn load(&self, word: Word) -> u64 {
        // SAFETY: A word of the region, which lives; nobody else accesses it meanwhile.
        unsafe { self.word(word).read_volatile() }
    }

    #[inline(always)]
    fn read_barrier(&self) {
        compiler_fence(Ordering::SeqCst);
    }

    #[inline(always)]
    fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool {
        let Some(from) = self.place(offset, to.len()) else {
            return false;
        };
        // SAFETY: `place` has checked the range; `to` is not in the region, of which no slice is
        // given to anybody.
        unsafe { from.copy_to_nonoverlapping(to.as_mut_ptr(), to.len()) };
        true
    }
}

impl MemoryMut for Region {
    #[inline(always)]
    fn store(&self, word: Word, value: u64) {
        // SAFETY: As in `load`.
        unsafe { self.word(word).write_volatile(value) };
    }

    #[inline(always)]
    fn write_barrier(&self) {
        compiler_fence(Ordering::SeqCst);
    }

    #[inline(always)]
    fn copy_in(&self, offset: usize, from: &[u8]) -> bool {
        let Some(to) = self.place(offset, from.len()) else {
            return false;
        };
        // SAFETY: As in `copy_out`.
        unsafe { to.copy_from_nonoverlapping(from.as_ptr(), from.len()) };
        true
    }
}
