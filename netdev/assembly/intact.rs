// SPDX-License-Identifier: GPL-2.0

//! Which elements of large packets were intact when they had been copied.

use crate::channel::ElementId;

/// Which elements were intact, of the last ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Intact {
    /// All elements of this epoch, from this one on ...
    from: ElementId,
    /// ... up to the one before this were.
    next: ElementId,
    /// The number of the copy that must follow: an epoch that comes again has the same elements
    /// again, and one that was not intact in between leaves no other trace.
    next_copy: u64,
}

impl Intact {
    /// None is known to be.
    pub(crate) const fn new() -> Self {
        // No epoch has the number zero.
        let nothing = ElementId {
            epoch: 0,
            number: 0,
        };
        Self {
            from: nothing,
            next: nothing,
            next_copy: 0,
        }
    }

    /// Takes note of an intact element, which was copy number `copy` of all that were made.
    pub(crate) fn add_change(&mut self, id: ElementId, copy: u64) {
        if id != self.next || copy != self.next_copy {
            self.from = id;
        }
        self.next = id.next();
        self.next_copy = copy.wrapping_add(1);
    }

    /// Whether all elements since `first` were intact.
    pub(crate) fn since(&self, first: ElementId) -> bool {
        first.epoch == self.from.epoch
            && (self.from.number..self.next.number).contains(&first.number)
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_intact))]
mod tests {
    use super::*;

    #[test]
    fn intact_elements() {
        // Elements that were intact: their epoch and number; since which all were, and since which
        // not.
        type Elements<'a> = &'a [(u64, u64)];
        let table: [(Elements<'_>, Elements<'_>, Elements<'_>); 8] = [
            (&[], &[], &[(0, 0), (1, 0), (1, 1)]),
            (&[(1, 0)], &[(1, 0)], &[(1, 1)]),
            (
                &[(1, 0), (1, 1), (1, 2)],
                &[(1, 0), (1, 1), (1, 2)],
                &[(1, 3), (2, 0), (2, 2)],
            ),
            (
                &[(1, 7), (1, 8)],
                &[(1, 7), (1, 8)],
                &[(1, 0), (1, 6), (1, 9)],
            ),
            (
                &[(1, 0), (1, 1), (1, 3), (1, 4)],
                &[(1, 3), (1, 4)],
                &[(1, 0), (1, 1), (1, 2), (1, 5)],
            ),
            // Another epoch.
            (
                &[(1, 100), (1, 101), (2, 0), (2, 1)],
                &[(2, 0), (2, 1)],
                &[(1, 100), (1, 101), (1, 0)],
            ),
            // The numbers would match.
            (
                &[(1, 0), (1, 1), (2, 2)],
                &[(2, 2)],
                &[(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)],
            ),
            // Element 2^64 - 1 is not one of a channel: its counters end there.
            (&[(1, u64::MAX)], &[], &[(1, 0), (1, u64::MAX)]),
        ];
        let id = |&(epoch, number): &(u64, u64)| ElementId { epoch, number };
        for (elements, all, not) in table {
            let mut intact = Intact::new();
            let origins = (0..).zip(elements.iter().map(id));
            origins.for_each(|(copy, it)| intact.add_change(it, copy));
            for (first, expected) in all
                .iter()
                .map(|it| (it, true))
                .chain(not.iter().map(|it| (it, false)))
            {
                let found = intact.since(id(first));
                assert_eq!((elements, first, found), (elements, first, expected));
            }
        }
    }
    #[test]
    fn an_epoch_that_comes_again_begins_anew() {
        // The number of the copy of element 6, and whether all since element 5 are intact: copy 5
        // is that of element 5 when the epoch came first, copy 6 that when it came again.
        for (copy, expected) in [(6, true), (7, false)] {
            let mut intact = Intact::new();
            (0..6).for_each(|number| intact.add_change(ElementId { epoch: 1, number }, number));
            let id = |number| ElementId { epoch: 1, number };
            intact.add_change(id(6), copy);
            assert_eq!((copy, intact.since(id(5))), (copy, expected));
            assert!(intact.since(id(6)));
        }
    }
}
