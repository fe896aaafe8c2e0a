// SPDX-License-Identifier: GPL-2.0

//! The memory of channels: implements [`Memory`] and [`MemoryMut`] for mappings.

use crate::{
    abstractions::mapping::Mapping,
    channel::{
        Memory,
        MemoryMut,
        Word, //
    }, //
};

/// The memory of an in channel. The peer writes it; this kernel must not.
pub(crate) struct InMemory(pub(super) Mapping);

/// The memory of an out channel. This kernel writes it; no peer does.
pub(crate) struct OutMemory(pub(super) Mapping);

impl InMemory {
    /// Returns the mapping, to copy packets from.
    #[inline]
    pub(super) fn mapping(&self) -> &Mapping {
        &self.0
    }
}

impl OutMemory {
    /// Returns the mapping, to copy packets to.
    #[inline]
    pub(super) fn mapping(&self) -> &Mapping {
        &self.0
    }
}

macro_rules! memory {
    ($type:ty) => {
        impl Memory for $type {
            #[inline]
            fn size(&self) -> usize {
                self.0.size()
            }

            #[inline]
            fn load(&self, word: Word) -> u64 {
                // A mapping has at least one page, so it contains the words of the header.
                self.0.read_u64(word.offset()).unwrap_or(0)
            }

            #[inline]
            fn load_acquire(&self, word: Word) -> u64 {
                self.0.read_u64_acquire(word.offset()).unwrap_or(0)
            }

            #[inline]
            fn read_barrier(&self) {
                self.0.read_barrier();
            }

            #[inline]
            fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool {
                self.0.copy_out(offset, to)
            }
        }
    };
}

memory!(InMemory);
memory!(OutMemory);

impl MemoryMut for OutMemory {
    #[inline]
    fn store(&self, word: Word, value: u64) {
        self.0.write_u64(word.offset(), value);
    }

    #[inline]
    fn store_release(&self, word: Word, value: u64) {
        self.0.write_u64_release(word.offset(), value);
    }

    #[inline]
    fn write_barrier(&self) {
        self.0.write_barrier();
    }

    #[inline]
    fn copy_in(&self, offset: usize, from: &[u8]) -> bool {
        self.0.copy_in(offset, from)
    }
}
