// SPDX-License-Identifier: GPL-2.0

//! Reassembly of packets that are spread over several elements, in offload mode.
//!
//! Fragments are copied directly into their packet, before the channel tells whether their elements
//! were intact. Hence there are two parts: [`Reassembly`] follows the copies, and [`ValidRange`]
//! follows the elements that turned out to be intact. A packet is valid only if all of its elements
//! were intact.
//!
//! All elements of a packet are in the same epoch. Another epoch numbers its elements anew, so they
//! are unrelated to earlier elements, whatever their numbers are.

use super::wire::offload::OffloadFragment;
use crate::channel::ElementId;

/// A packet of which some fragments have been copied.
struct Partial<P> {
    packet: P,
    /// The first fragment.
    head: OffloadFragment,
    /// The element of the first fragment.
    first: ElementId,
    /// The element that the next fragment must be in.
    next: ElementId,
    /// The number of bytes copied.
    filled: usize,
}

/// A packet of which all fragments have been copied.
pub(super) struct Complete<P> {
    /// The packet.
    pub(super) packet: P,
    /// The first fragment.
    pub(super) head: OffloadFragment,
    /// The element of the first fragment.
    pub(super) first: ElementId,
}

/// The packet that is being copied, if there is one.
pub(super) struct Reassembly<P> {
    partial: Option<Partial<P>>,
    /// The number of packets dropped since the last [`take_incomplete`](Self::take_incomplete).
    incomplete: u64,
    /// The number of copies started, including those that failed.
    copies: u64,
}

impl<P> Reassembly<P> {
    /// Returns the state in which nothing has been copied.
    pub(super) const fn new() -> Self {
        Self {
            partial: None,
            incomplete: 0,
            copies: 0,
        }
    }

    /// Returns the number of the copy that is about to be made.
    pub(super) fn next_copy(&mut self) -> u64 {
        let copy = self.copies;
        self.copies = copy.wrapping_add(1);
        copy
    }

    /// Returns the packet that `fragment` in the element `id` belongs to: the partial packet that
    /// it continues, or a new one from `make` if it is a first fragment. [`None`]: its packet is
    /// missing.
    ///
    /// A partial packet that `fragment` does not continue is dropped.
    ///
    /// # Errors
    ///
    /// - Those of `make`.
    pub(super) fn find<E>(
        &mut self,
        id: ElementId,
        fragment: &OffloadFragment,
        make: impl FnOnce() -> Result<P, E>,
    ) -> Result<Option<&mut P>, E> {
        let partial = match self.partial.take() {
            Some(it) if it.next == id && it.continued_by(fragment) => it,
            old => {
                self.incomplete += u64::from(old.is_some());
                if fragment.at != 0 {
                    return Ok(None);
                }
                Partial {
                    packet: make()?,
                    head: *fragment,
                    first: id,
                    next: id,
                    filled: 0,
                }
            }
        };
        Ok(Some(&mut self.partial.insert(partial).packet))
    }

    /// Records that `fragment` has been copied into the packet that [`find`](Self::find) returned.
    /// Returns the packet if this was its last fragment.
    pub(super) fn copied(&mut self, fragment: &OffloadFragment) -> Option<Complete<P>> {
        let mut partial = self.partial.take()?;
        partial.filled = fragment.at.saturating_add(fragment.length);
        partial.next = partial.next.next();
        if partial.filled < partial.head.total {
            self.partial = Some(partial);
            return None;
        }
        Some(Complete {
            packet: partial.packet,
            head: partial.head,
            first: partial.first,
        })
    }

    /// Drops the partial packet, if there is one.
    pub(super) fn drop_partial(&mut self) {
        self.incomplete += u64::from(self.partial.take().is_some());
    }

    /// Drops a partial packet of any other epoch than `current`, because no element of another
    /// epoch will follow. [`None`]: there is no current epoch.
    pub(super) fn drop_other_epochs(&mut self, current: Option<u64>) {
        let ended = |it: &Partial<P>| Some(it.first.epoch) != current;
        if self.partial.as_ref().is_some_and(ended) {
            self.drop_partial();
        }
    }

    /// Returns the number of incomplete packets that were dropped since the last call.
    pub(super) fn take_incomplete(&mut self) -> u64 {
        core::mem::take(&mut self.incomplete)
    }
}

impl<P> Partial<P> {
    /// Returns whether `fragment` is the next one of the packet.
    fn continued_by(&self, fragment: &OffloadFragment) -> bool {
        let OffloadFragment { at, length, .. } = *fragment;
        // All fields but the offset and the length must be those of the first fragment.
        at == self.filled
            && self.head
                == OffloadFragment {
                    at: self.head.at,
                    length: self.head.length,
                    ..*fragment
                }
            && length <= self.head.length
    }
}

/// The range of the last elements that were all intact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ValidRange {
    /// The first element of the range.
    from: ElementId,
    /// The element that follows the range, in the same epoch.
    next: ElementId,
    /// The number that the next copy must have. If an epoch comes again, it has elements with the
    /// same IDs again. An element in between that was not intact is noticed only by this number.
    next_copy: u64,
}

impl ValidRange {
    /// Returns the empty range.
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

    /// Records an intact element, whose copy had the number `copy`.
    pub(crate) fn add_intact(&mut self, id: ElementId, copy: u64) {
        if id != self.next || copy != self.next_copy {
            self.from = id;
        }
        self.next = id.next();
        self.next_copy = copy.wrapping_add(1);
    }

    /// Returns whether all elements since `first` were intact.
    pub(crate) fn intact_since(&self, first: ElementId) -> bool {
        first.epoch == self.from.epoch
            && (self.from.number..self.next.number).contains(&first.number)
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_reassembly))]
mod tests {
    use super::{
        super::wire::Version,
        *, //
    };

    /// Returns a fragment of a packet of `total` bytes in elements with room for 100, with a mark.
    fn fragment(at: usize, total: usize, mark: u32) -> OffloadFragment {
        OffloadFragment {
            mark,
            version: Version::V4,
            total,
            at,
            length: (total - at).min(100),
            offloads: [0; 10],
        }
    }

    /// Returns the ID of an element of epoch 1.
    fn id(number: u64) -> ElementId {
        ElementId { epoch: 1, number }
    }

    #[test]
    fn pieces_make_packets() {
        // (elements, number of packets dropped until the end of the epoch), with elements as
        // (number, offset of the fragment, length and mark of its packet, number of the first
        // element of the packet that it completes, or -1 if its packet is missing).
        type Row<'a> = (&'a [(u64, usize, usize, u32, Option<i64>)], u64);
        let table: [Row<'_>; 13] = [
            (&[(0, 0, 100, 0, Some(0)), (1, 0, 20, 0, Some(1))], 0),
            (&[(5, 0, 101, 0, None), (6, 100, 101, 0, Some(5))], 0),
            (
                &[
                    (0, 0, 300, 9, None),
                    (1, 100, 300, 9, None),
                    (2, 200, 300, 9, Some(0)),
                ],
                0,
            ),
            // The reader joins in the middle of a packet.
            (&[(3, 100, 300, 0, Some(-1)), (4, 200, 300, 0, Some(-1))], 0),
            // An element is missing.
            (
                &[
                    (0, 0, 300, 0, None),
                    (2, 200, 300, 0, Some(-1)),
                    (3, 0, 50, 0, Some(3)),
                ],
                1,
            ),
            (&[(0, 0, 200, 0, None), (2, 100, 200, 0, Some(-1))], 1),
            // A fragment comes twice.
            (
                &[
                    (0, 0, 300, 0, None),
                    (1, 0, 300, 0, None),
                    (2, 100, 300, 0, None),
                ],
                2,
            ),
            (
                &[
                    (0, 0, 300, 0, None),
                    (1, 100, 300, 0, None),
                    (2, 100, 300, 0, Some(-1)),
                    (3, 200, 300, 0, Some(-1)),
                ],
                1,
            ),
            // The fragments do not belong together.
            (&[(0, 0, 200, 0, None), (1, 100, 201, 0, Some(-1))], 1),
            (&[(0, 0, 200, 0, None), (1, 100, 200, 1, Some(-1))], 1),
            // Another packet begins before the end of the first one.
            (
                &[
                    (0, 0, 200, 0, None),
                    (1, 0, 200, 0, None),
                    (2, 100, 200, 0, Some(1)),
                ],
                1,
            ),
            // The last fragment never comes.
            (&[(0, 0, 300, 0, None), (1, 100, 300, 0, None)], 1),
            (&[], 0),
        ];
        for (elements, incomplete) in table {
            let mut reassembly = Reassembly::new();
            for &(number, at, total, mark, expected) in elements {
                let found = put(&mut reassembly, id(number), &fragment(at, total, mark));
                assert_eq!((elements, number, found), (elements, number, expected));
            }
            reassembly.drop_other_epochs(None);
            let found = reassembly.take_incomplete();
            assert_eq!((elements, found), (elements, incomplete));
            assert_eq!(reassembly.take_incomplete(), 0);
        }
    }

    /// Adds a fragment to its packet, which is represented by its length. Returns the number of the
    /// first element of the packet that the fragment completes, or -1 if its packet is missing.
    fn put(
        reassembly: &mut Reassembly<usize>,
        id: ElementId,
        fragment: &OffloadFragment,
    ) -> Option<i64> {
        match reassembly.find(id, fragment, || Ok::<_, ()>(fragment.total)) {
            Ok(Some(&mut packet)) => {
                assert_eq!(packet, fragment.total);
                let complete = reassembly.copied(fragment);
                complete.map(|complete| complete.first.number as i64)
            }
            _ => Some(-1),
        }
    }

    #[test]
    fn a_packet_ends_in_its_epoch() {
        // The packet of three fragments begins in element 0 of epoch 1. For the second fragment:
        // (epoch of its element, number of its element, whether it continues the packet)
        let table = [
            (1, 1, true),
            (1, 0, false),
            (1, 2, false),
            (2, 0, false),
            // The number would match.
            (2, 1, false),
            (u64::MAX, 1, false),
        ];
        for (epoch, number, continues) in table {
            let mut reassembly = Reassembly::new();
            assert_eq!(put(&mut reassembly, id(0), &fragment(0, 300, 0)), None);
            let second = ElementId { epoch, number };
            let found = put(&mut reassembly, second, &fragment(100, 300, 0));
            let expected = (!continues).then_some(-1);
            assert_eq!((epoch, number, found), (epoch, number, expected));
            let found = reassembly.take_incomplete();
            assert_eq!((epoch, number, found), (epoch, number, !continues as u64));
        }
        // The epoch changes or stays the same before the next fragment.
        for (current, kept) in [(Some(1), true), (Some(2), false), (None, false)] {
            let mut reassembly = Reassembly::new();
            assert_eq!(put(&mut reassembly, id(0), &fragment(0, 200, 0)), None);
            reassembly.drop_other_epochs(current);
            assert_eq!(
                (current, reassembly.take_incomplete()),
                (current, !kept as u64)
            );
            let found = put(&mut reassembly, id(1), &fragment(100, 200, 0));
            let expected = Some(if kept { 0 } else { -1 });
            assert_eq!((current, found), (current, expected));
        }
    }

    #[test]
    fn a_packet_that_cannot_be_made_leaves_none() {
        let mut reassembly = Reassembly::new();
        assert_eq!(put(&mut reassembly, id(0), &fragment(0, 200, 0)), None);
        let made = reassembly.find(id(1), &fragment(0, 300, 0), || Err(()));
        assert!(made.is_err());
        let next = put(&mut reassembly, id(2), &fragment(100, 300, 0));
        assert_eq!(next, Some(-1));
        assert_eq!(reassembly.take_incomplete(), 1);
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_valid_range))]
mod valid_range_tests {
    use super::*;

    #[test]
    fn intact_elements() {
        // (epochs and numbers of intact elements, elements since which all were intact, elements
        // since which not all were)
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
            // A channel has no element 2^64 - 1: its counters end there.
            (&[(1, u64::MAX)], &[], &[(1, 0), (1, u64::MAX)]),
        ];
        let id = |&(epoch, number): &(u64, u64)| ElementId { epoch, number };
        for (elements, all, not) in table {
            let mut valid = ValidRange::new();
            let copies = (0..).zip(elements.iter().map(id));
            copies.for_each(|(copy, it)| valid.add_intact(it, copy));
            for (first, expected) in all
                .iter()
                .map(|it| (it, true))
                .chain(not.iter().map(|it| (it, false)))
            {
                let found = valid.intact_since(id(first));
                assert_eq!((elements, first, found), (elements, first, expected));
            }
        }
    }
    #[test]
    fn an_epoch_that_comes_again_begins_anew() {
        // (number of the copy of element 6, whether all elements since element 5 are intact)
        //
        // Copy 5 was that of element 5. If element 6 has copy 7, the epoch has come again, and copy
        // 6 was that of element 5, which was not intact.
        for (copy, expected) in [(6, true), (7, false)] {
            let mut valid = ValidRange::new();
            (0..6).for_each(|number| valid.add_intact(ElementId { epoch: 1, number }, number));
            let id = |number| ElementId { epoch: 1, number };
            valid.add_intact(id(6), copy);
            assert_eq!((copy, valid.intact_since(id(5))), (copy, expected));
            assert!(valid.intact_since(id(6)));
        }
    }
}
