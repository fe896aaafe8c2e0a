// SPDX-License-Identifier: GPL-2.0

//! A region in the memory of the model checker.

use std::sync::atomic::Ordering;

use loom::sync::{
    atomic::{
        fence,
        AtomicU64,
        AtomicU8, //
    },
    Arc, //
};

use crate::channel::{
    Memory,
    MemoryMut,
    Word,
    HEADER_SIZE, //
};

/// The kinds of barriers that have an effect. A channel needs both. The other variants show that
/// the models detect missing barriers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Barriers {
    Both,
    NoRead,
    NoWrite,
}

/// A region whose words and payload bytes are atomics of the model checker. All accesses are
/// relaxed, so only the barriers order them.
pub(crate) struct Region {
    words: [AtomicU64; 8],
    payload: Vec<AtomicU8>,
    barriers: Barriers,
}

impl Region {
    /// Returns a region of zero bytes, with `payload` bytes after the header.
    pub(crate) fn new(payload: usize, barriers: Barriers) -> Arc<Self> {
        Arc::new(Self {
            words: std::array::from_fn(|_| AtomicU64::new(0)),
            payload: (0..payload).map(|_| AtomicU8::new(0)).collect(),
            barriers,
        })
    }

    fn range(&self, offset: usize, len: usize) -> Option<&[AtomicU8]> {
        let start = offset.checked_sub(HEADER_SIZE)?;
        self.payload.get(start..start.checked_add(len)?)
    }
}

impl Memory for Region {
    fn size(&self) -> usize {
        HEADER_SIZE + self.payload.len()
    }

    fn load(&self, word: Word) -> u64 {
        self.words[word.offset() / 8].load(Ordering::Relaxed)
    }

    fn load_acquire(&self, word: Word) -> u64 {
        let order = match self.barriers {
            Barriers::NoRead => Ordering::Relaxed,
            Barriers::Both | Barriers::NoWrite => Ordering::Acquire,
        };
        self.words[word.offset() / 8].load(order)
    }

    fn read_barrier(&self) {
        if self.barriers != Barriers::NoRead {
            fence(Ordering::Acquire);
        }
    }

    fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool {
        let Some(bytes) = self.range(offset, to.len()) else {
            return false;
        };
        for (to, byte) in to.iter_mut().zip(bytes) {
            *to = byte.load(Ordering::Relaxed);
        }
        true
    }
}

impl MemoryMut for Region {
    fn store(&self, word: Word, value: u64) {
        self.words[word.offset() / 8].store(value, Ordering::Relaxed);
    }

    fn store_release(&self, word: Word, value: u64) {
        let order = match self.barriers {
            Barriers::NoWrite => Ordering::Relaxed,
            Barriers::Both | Barriers::NoRead => Ordering::Release,
        };
        self.words[word.offset() / 8].store(value, order);
    }

    fn write_barrier(&self) {
        if self.barriers != Barriers::NoWrite {
            fence(Ordering::Release);
        }
    }

    fn copy_in(&self, offset: usize, from: &[u8]) -> bool {
        let Some(bytes) = self.range(offset, from.len()) else {
            return false;
        };
        for (from, byte) in from.iter().zip(bytes) {
            byte.store(*from, Ordering::Relaxed);
        }
        true
    }
}
