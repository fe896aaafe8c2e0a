// SPDX-License-Identifier: GPL-2.0

//! How a reader comes back after an overrun.
//!
//! A reader that was overtaken goes on at the oldest element that is still intact: if the writer
//! has stopped after a burst, nothing is lost but what was overwritten. If the writer is still
//! running, that element is the next one it overwrites, and a reader that always began there would
//! copy in vain for ever. So each copy that was overtaken widens a margin by which the reader
//! skips ahead of the writer, and being abreast of the writer again closes it.
//!
//! Copies are checked in batches. The check of a batch comes later than the check of a single copy
//! would, so close to the writer batches are small.

/// The most copies that are made before they are checked.
pub(crate) const BATCH: usize = 8;

/// The reader's judgement of how fast the writer is.
///
/// # Invariants
///
/// - `1 <= batch <= BATCH`.
/// - `margin` is less than the number of elements in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recovery {
    /// Elements to skip beyond the oldest intact one.
    margin: u64,
    /// Copies to make before checking them. It is 1 after a jump until a copy succeeds.
    batch: usize,
    /// What the writer began to write during the last batch, ...
    advance: u64,
    /// ... which had this many copies.
    copies: u64,
}

impl Recovery {
    /// The judgement at the beginning of an epoch: nothing is known, and full batches are made.
    pub(crate) fn new() -> Self {
        // INVARIANT: 0 is less than any number of elements.
        Self {
            margin: 0,
            batch: BATCH,
            advance: 0,
            copies: 1,
        }
    }

    /// Returns how many elements to skip beyond the oldest intact one after an overrun.
    pub(crate) fn margin(&self) -> u64 {
        self.margin
    }

    /// Returns how many elements to copy before checking them, when the writer can begin `slack`
    /// elements without reaching the first one.
    pub(crate) fn batch(&self, slack: u64) -> usize {
        let mut batch = self.batch;
        if self.margin > 0 {
            // At the pace of the last batch, would the writer get there first?
            let reach = slack.saturating_mul(self.copies);
            while batch > 1 && self.advance.saturating_mul(batch as u64) > reach {
                batch /= 2;
            }
        }
        batch
    }

    /// A batch of `copies` was made while the writer began `advance` elements, and all of it was
    /// intact.
    pub(crate) fn intact(&mut self, copies: usize, advance: u64) {
        // INVARIANT: `batch` grows up to `BATCH` only.
        self.batch = (self.batch * 2).min(BATCH);
        self.observe(copies, advance);
    }

    /// A batch of `copies` was made while the writer began `advance` elements, and the writer
    /// overtook it.
    pub(crate) fn overtaken(&mut self, copies: usize, advance: u64, elements: u64) {
        // Half the ring is enough to get some copies through before the writer is there again; it
        // is exceeded only if from there not a single one succeeded.
        let most = if self.batch == 1 {
            elements.saturating_sub(1)
        } else {
            self.margin.max(elements / 2)
        };
        // INVARIANT: Both bounds are less than `elements`, which is at least 1.
        self.margin = self.margin.saturating_mul(2).max(advance).max(1).min(most);
        self.observe(copies, advance);
    }

    /// The reader has moved to another element after an overrun.
    pub(crate) fn jumped(&mut self) {
        self.batch = 1;
    }

    /// The reader has read all there is.
    pub(crate) fn caught_up(&mut self) {
        self.margin = 0;
    }

    fn observe(&mut self, copies: usize, advance: u64) {
        self.copies = copies as u64;
        self.advance = advance;
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(
    CONFIG_KUNIT = "y",
    kernel::macros::kunit_tests(muennet_channel_recovery)
)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_widens_with_each_batch_that_was_overtaken() {
        let mut recovery = Recovery::new();
        assert_eq!(recovery.margin(), 0);
        // What the writer began meanwhile, whether a copy got through before, and the margin in a
        // ring of 100.
        let table = [
            (0, true, 1),
            (1, true, 2),
            (3, true, 4),
            (3, true, 8),
            (20, true, 20),
            (1, true, 40),
            (1, true, 50),
            (u64::MAX, true, 50),
            (1, false, 99),
            (u64::MAX, false, 99),
            (1, true, 99),
        ];
        for (advance, progress, margin) in table {
            recovery.jumped();
            if progress {
                recovery.intact(1, 0);
            }
            recovery.overtaken(1, advance, 100);
            assert_eq!((advance, recovery.margin()), (advance, margin));
        }
        recovery.caught_up();
        assert_eq!(recovery.margin(), 0);
    }

    #[test]
    fn the_margin_leaves_one_element_even_of_the_smallest_ring() {
        for (elements, most) in [(1, 0), (2, 1), (3, 2), (u64::MAX, u64::MAX - 1)] {
            let mut recovery = Recovery::new();
            recovery.jumped();
            recovery.overtaken(1, u64::MAX, elements);
            assert_eq!(recovery.margin(), most);
        }
    }

    #[test]
    fn batches_grow_from_one() {
        let mut recovery = Recovery::new();
        assert_eq!(recovery.batch(0), BATCH);
        recovery.jumped();
        for batch in [1, 2, 4, 8, 8] {
            assert_eq!(recovery.batch(0), batch);
            recovery.intact(batch, 0);
        }
    }

    #[test]
    fn batches_end_before_the_writer_is_there() {
        const MAX: u64 = u64::MAX;
        // The pace of the writer in elements to a copy, the elements it is away, and the batch.
        let table = [
            (10, 80, 8),
            (10, 79, 4),
            (10, 40, 4),
            (10, 39, 2),
            (10, 19, 1),
            (10, 0, 1),
            (0, 0, 8),
            (MAX, MAX, 8),
            (MAX, 1, 1),
        ];
        for (pace, slack, batch) in table {
            let mut recovery = Recovery::new();
            recovery.overtaken(1, 1, 100);
            recovery.intact(1, pace);
            assert_eq!((pace, slack, recovery.batch(slack)), (pace, slack, batch));
        }
    }
}
