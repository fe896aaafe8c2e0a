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
        self.news(memory) > 0
    }

    /// Returns how many elements a call of the reader would find, if the writer's counter is to be
    /// believed; 1 if it would find another epoch.
    pub(crate) fn news<M: Memory>(&self, memory: &M) -> u64 {
        if *self == Self::NOTHING || memory.load(Word::Epoch) != self.epoch {
            return 1;
        }
        match self.count {
            EPOCH_ONLY => 0,
            count => memory.load(Word::Write).wrapping_sub(count),
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_channel_seen))]
mod tests {
    use super::super::testing::Cells;
    use super::*;

    #[test]
    fn a_look_finds_what_a_call_would() {
        const MAX: u64 = u64::MAX;
        // What was seen, the epoch and the write counter now: how much is there to read?
        let table = [
            ("not looked yet", Seen::NOTHING, 0, 0, 1),
            ("not looked yet", Seen::NOTHING, 5, 0, 1),
            ("no writer", Seen::waiting(0), 0, 0, 0),
            ("no writer, old counter", Seen::waiting(0), 0, 9, 0),
            ("a writer came", Seen::waiting(0), 5, 0, 1),
            ("all read", Seen::reading(5, 9), 5, 9, 0),
            ("nothing written", Seen::reading(5, 0), 5, 0, 0),
            ("one more", Seen::reading(5, 9), 5, 10, 1),
            ("more", Seen::reading(5, 9), 5, 30, 21),
            ("counter fell", Seen::reading(5, 9), 5, 8, MAX),
            ("new epoch", Seen::reading(5, 9), 6, 9, 1),
            ("writer left", Seen::reading(5, 9), 0, 9, 1),
            ("refused", Seen::waiting(5), 5, 9, 0),
            ("refused, counter moves", Seen::waiting(5), 5, 10, 0),
            ("refused, new epoch", Seen::waiting(5), 6, 10, 1),
            ("refused, writer left", Seen::waiting(5), 0, 10, 1),
            ("nearly all numbers", Seen::reading(5, MAX - 1), 5, MAX, 1),
            ("all numbers", Seen::reading(5, MAX), 5, MAX, 0),
        ];
        for (name, seen, epoch, wc, news) in table {
            let memory = Cells::<64>::new();
            memory.header(epoch, 2, 8, wc, wc);
            assert_eq!((name, seen.news(&memory)), (name, news));
            assert_eq!((name, seen.stale(&memory)), (name, news > 0));
        }
    }
}
