// SPDX-License-Identifier: GPL-2.0

//! A cheap look at a channel from another context than that of its reader.

use super::memory::{
    Memory,
    Word, //
};

/// A counter value that stands for "only a change of the epoch matters".
///
/// A reader that follows an epoch could get here only if the writer had written 2^64 - 1 elements,
/// and then there is nothing more to come in that epoch.
const EPOCH_ONLY: u64 = u64::MAX;

/// How far a reader has got, in two words.
///
/// The reader belongs to whoever reads. Whoever only wants to know whether reading is worth while
/// takes a copy of this and compares it with the channel. The two words may be kept in two atomics:
/// a mixture of an old and a new pair can at worst give one wrong answer, which the next look at
/// the whole pair puts right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The epoch that the reader knows, 0 if none.
    pub(crate) epoch: u64,
    /// The number of elements it has read, or 2^64 - 1 if it reads none in this epoch.
    pub(crate) count: u64,
}

impl Seen {
    /// A reader that has not looked yet: reading is always worth while.
    pub(crate) const NOTHING: Self = Self { epoch: 0, count: 0 };

    pub(super) const fn reading(epoch: u64, count: u64) -> Self {
        Self { epoch, count }
    }

    pub(super) const fn waiting(epoch: u64) -> Self {
        Self {
            epoch,
            count: EPOCH_ONLY,
        }
    }

    /// Returns whether a call of the reader would find anything: an element, or another epoch.
    ///
    /// An epoch that is not followed costs one call of the reader and answers `false` from then on,
    /// whatever its writer does to the counters.
    pub(crate) fn stale<M: Memory>(&self, memory: &M) -> bool {
        if *self == Self::NOTHING {
            return true;
        }
        memory.load(Word::Epoch) != self.epoch
            || (self.count != EPOCH_ONLY && memory.load(Word::Write) != self.count)
    }
}
