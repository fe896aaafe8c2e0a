// SPDX-License-Identifier: GPL-2.0

//! How a reader recovers from an overrun.
//!
//! After an overrun a reader continues at the oldest element that is still intact. If the writer
//! has stopped after a burst, the reader then loses only the elements that were overwritten. If the
//! writer is still writing, it overwrites that element next, and a reader that always continued
//! there would never complete a copy. Each batch that the writer overtakes therefore widens a
//! margin: the number of elements that the reader skips beyond the oldest intact one. The margin is
//! reset when the reader has caught up with the writer.
//!
//! The reader copies elements in batches and then checks the whole batch. This check is later than
//! a check of each single copy would be. Batches are therefore small when the writer is close.

/// The largest number of copies that are made before they are checked.
pub(crate) const BATCH: usize = 8;

/// The margin, the batch size and the observed speed of the writer.
///
/// # Invariants
///
/// - `1 <= batch <= BATCH`.
/// - `margin` is less than the number of elements in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recovery {
    /// The number of elements to skip beyond the oldest intact one.
    margin: u64,
    /// The number of copies to make before checking them. It is 1 after a jump until a copy
    /// succeeds.
    batch: usize,
    /// The number of elements that the writer began during the last batch.
    advance: u64,
    /// The number of copies in the last batch.
    copies: u64,
}

impl Recovery {
    /// Returns the state for the start of an epoch: the speed of the writer is unknown, and batches
    /// have their full size.
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

    /// Returns how many elements to copy before checking them, if the writer can begin `slack`
    /// elements before it reaches the first one of the batch.
    pub(crate) fn batch(&self, slack: u64) -> usize {
        let mut batch = self.batch;
        if self.margin > 0 {
            // Halve the batch as long as the writer, at its speed during the last batch, would
            // reach it first.
            let reach = slack.saturating_mul(self.copies);
            while batch > 1 && self.advance.saturating_mul(batch as u64) > reach {
                batch /= 2;
            }
        }
        batch
    }

    /// Records a batch of `copies` copies that are all intact, during which the writer began
    /// `advance` elements.
    pub(crate) fn intact(&mut self, copies: usize, advance: u64) {
        // INVARIANT: `batch` does not grow beyond `BATCH`.
        self.batch = (self.batch * 2).min(BATCH);
        self.observe(copies, advance);
    }

    /// Records a batch of `copies` copies that the writer overtook, during which it began `advance`
    /// elements. The ring has `elements` elements.
    pub(crate) fn overtaken(&mut self, copies: usize, advance: u64, elements: u64) {
        // Half of the ring is enough for some copies to succeed before the writer arrives again.
        // The margin exceeds it only if not a single copy succeeded there.
        let cap = if self.batch == 1 {
            elements.saturating_sub(1)
        } else {
            self.margin.max(elements / 2)
        };
        // INVARIANT: Both bounds are less than `elements`, which is at least 1.
        self.margin = self.margin.saturating_mul(2).max(advance).max(1).min(cap);
        self.observe(copies, advance);
    }

    /// Records that the reader has moved to another element after an overrun.
    pub(crate) fn jumped(&mut self) {
        self.batch = 1;
    }

    /// Records that the reader has read all elements.
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
        // (elements that the writer began meanwhile, whether a copy succeeded before, margin), in a
        // ring of 100 elements.
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
        // (elements that the writer begins for each copy, elements until it arrives, batch)
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
