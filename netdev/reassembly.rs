// SPDX-License-Identifier: GPL-2.0

//! Packets that lie in several elements, put together again.
//!
//! Fragments are copied straight into their packet, before the channel tells whether their elements
//! were intact. So there are two halves: [`Reassembly`] follows the copies, and [`ValidRange`] the
//! elements that turned out to be intact; a packet counts only if all of its elements were.
//!
//! A packet ends in the epoch it began in: another epoch numbers its elements anew, and they have
//! nothing to do with those before, whatever their numbers are.

use super::wire::offload::OffloadFragment;
use crate::channel::ElementId;

/// A packet of which some pieces have been copied.
struct Partial<P> {
    packet: P,
    /// The first piece.
    head: OffloadFragment,
    /// Its element.
    first: ElementId,
    /// The element that the next piece must be in.
    next: ElementId,
    /// Bytes copied.
    filled: usize,
}

/// A packet of which all pieces have been copied.
pub(super) struct Complete<P> {
    /// The packet.
    pub(super) packet: P,
    /// The first piece.
    pub(super) head: OffloadFragment,
    /// Its element.
    pub(super) first: ElementId,
}

/// The packet that is being copied, if there is one.
pub(super) struct Reassembly<P> {
    partial: Option<Partial<P>>,
    /// Packets that were given up since this was taken last.
    given_up: u64,
    /// Elements that were copied, or were to be.
    copies: u64,
}

impl<P> Reassembly<P> {
    /// Nothing has been copied.
    pub(super) const fn new() -> Self {
        Self {
            partial: None,
            given_up: 0,
            copies: 0,
        }
    }

    /// The number of a copy that is about to be made.
    pub(super) fn next_copy(&mut self) -> u64 {
        let copy = self.copies;
        self.copies = copy.wrapping_add(1);
        copy
    }

    /// Finds the packet that `piece` in the element `id` belongs to: a new one made by `make`
    /// if it is the first piece, or else the one it continues. [`None`]: its packet is not there.
    ///
    /// What has been copied of another packet is given up.
    ///
    /// # Errors
    ///
    /// Those of `make`.
    pub(super) fn find<E>(
        &mut self,
        id: ElementId,
        piece: &OffloadFragment,
        make: impl FnOnce() -> Result<P, E>,
    ) -> Result<Option<&mut P>, E> {
        let partial = match self.partial.take() {
            Some(it) if it.next == id && it.continued_by(piece) => it,
            old => {
                self.given_up += u64::from(old.is_some());
                if piece.at != 0 {
                    return Ok(None);
                }
                Partial {
                    packet: make()?,
                    head: *piece,
                    first: id,
                    next: id,
                    filled: 0,
                }
            }
        };
        Ok(Some(&mut self.partial.insert(partial).packet))
    }

    /// Takes note that `piece` has been copied into the packet that was found for it; returns the
    /// packet if that was the last one.
    pub(super) fn copied(&mut self, piece: &OffloadFragment) -> Option<Complete<P>> {
        let mut partial = self.partial.take()?;
        partial.filled = piece.at.saturating_add(piece.length);
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

    /// Gives up the packet that is being copied.
    pub(super) fn give_up(&mut self) {
        self.given_up += u64::from(self.partial.take().is_some());
    }

    /// Takes note that no epoch but `current` has anything more to come; [`None`]: not even that.
    pub(super) fn keep_to(&mut self, current: Option<u64>) {
        let ended = |it: &Partial<P>| Some(it.first.epoch) != current;
        if self.partial.as_ref().is_some_and(ended) {
            self.give_up();
        }
    }

    /// How many packets were given up since this was asked last.
    pub(super) fn take_given_up(&mut self) -> u64 {
        core::mem::take(&mut self.given_up)
    }
}

impl<P> Partial<P> {
    fn continued_by(&self, piece: &OffloadFragment) -> bool {
        let OffloadFragment { at, length, .. } = *piece;
        // All but the place must be the same.
        at == self.filled
            && self.head
                == OffloadFragment {
                    at: self.head.at,
                    length: self.head.length,
                    ..*piece
                }
            && length <= self.head.length
    }
}

/// Which elements were intact, of the last ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ValidRange {
    /// All elements of this epoch, from this one on ...
    from: ElementId,
    /// ... up to the one before this were.
    next: ElementId,
    /// The number of the copy that must follow: an epoch that comes again has the same elements
    /// again, and one that was not intact in between leaves no other trace.
    next_copy: u64,
}

impl ValidRange {
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
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_reassembly))]
mod tests {
    use super::{
        super::wire::Version,
        *, //
    };

    /// A piece of a packet of `total` bytes in elements with room for 100, with a mark.
    fn piece(at: usize, total: usize, mark: u32) -> OffloadFragment {
        OffloadFragment {
            mark,
            version: Version::V4,
            total,
            at,
            length: (total - at).min(100),
            offloads: [0; 10],
        }
    }

    /// An element of the epoch 1.
    fn id(number: u64) -> ElementId {
        ElementId { epoch: 1, number }
    }

    #[test]
    fn pieces_make_packets() {
        // The elements: their number, where their piece lies, its packet's length and mark; and
        // the first element of the packet that is complete with it, or -1 for a piece without. The
        // number of packets that were given up, to the end of the epoch.
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
            // Joined in the middle.
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
            // One comes twice.
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
            // They do not belong together.
            (&[(0, 0, 200, 0, None), (1, 100, 201, 0, Some(-1))], 1),
            (&[(0, 0, 200, 0, None), (1, 100, 200, 1, Some(-1))], 1),
            // Another packet begins before the end of the first.
            (
                &[
                    (0, 0, 200, 0, None),
                    (1, 0, 200, 0, None),
                    (2, 100, 200, 0, Some(1)),
                ],
                1,
            ),
            // The end never comes.
            (&[(0, 0, 300, 0, None), (1, 100, 300, 0, None)], 1),
            (&[], 0),
        ];
        for (elements, given_up) in table {
            let mut reassembly = Reassembly::new();
            for &(number, at, total, mark, expected) in elements {
                let found = put(&mut reassembly, id(number), &piece(at, total, mark));
                assert_eq!((elements, number, found), (elements, number, expected));
            }
            reassembly.keep_to(None);
            let found = reassembly.take_given_up();
            assert_eq!((elements, found), (elements, given_up));
            assert_eq!(reassembly.take_given_up(), 0);
        }
    }

    /// Puts a piece to its packet, which is its length. Returns the number of the first element of
    /// the packet that is complete with it, or -1 if its packet is not there.
    fn put(reassembly: &mut Reassembly<usize>, id: ElementId, piece: &OffloadFragment) -> Option<i64> {
        match reassembly.find(id, piece, || Ok::<_, ()>(piece.total)) {
            Ok(Some(&mut packet)) => {
                assert_eq!(packet, piece.total);
                let complete = reassembly.copied(piece);
                complete.map(|complete| complete.first.number as i64)
            }
            _ => Some(-1),
        }
    }

    #[test]
    fn a_packet_ends_in_its_epoch() {
        // The element of the second of three pieces of a packet that began in element 0 of epoch 1:
        // its epoch and number, and whether it continues the packet.
        let table = [
            (1, 1, true),
            (1, 0, false),
            (1, 2, false),
            (2, 0, false),
            // The numbers would match.
            (2, 1, false),
            (u64::MAX, 1, false),
        ];
        for (epoch, number, continues) in table {
            let mut reassembly = Reassembly::new();
            assert_eq!(put(&mut reassembly, id(0), &piece(0, 300, 0)), None);
            let second = ElementId { epoch, number };
            let found = put(&mut reassembly, second, &piece(100, 300, 0));
            let expected = (!continues).then_some(-1);
            assert_eq!((epoch, number, found), (epoch, number, expected));
            let found = reassembly.take_given_up();
            assert_eq!((epoch, number, found), (epoch, number, !continues as u64));
        }
        // What is known of the epochs without another piece.
        for (current, kept) in [(Some(1), true), (Some(2), false), (None, false)] {
            let mut reassembly = Reassembly::new();
            assert_eq!(put(&mut reassembly, id(0), &piece(0, 200, 0)), None);
            reassembly.keep_to(current);
            assert_eq!((current, reassembly.take_given_up()), (current, !kept as u64));
            let found = put(&mut reassembly, id(1), &piece(100, 200, 0));
            let expected = Some(if kept { 0 } else { -1 });
            assert_eq!((current, found), (current, expected));
        }
    }

    #[test]
    fn a_packet_that_cannot_be_made_leaves_none() {
        let mut reassembly = Reassembly::new();
        assert_eq!(put(&mut reassembly, id(0), &piece(0, 200, 0)), None);
        let made = reassembly.find(id(1), &piece(0, 300, 0), || Err(()));
        assert!(made.is_err());
        let next = put(&mut reassembly, id(2), &piece(100, 300, 0));
        assert_eq!(next, Some(-1));
        assert_eq!(reassembly.take_given_up(), 1);
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_valid_range))]
mod valid_range_tests {
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
            let mut valid = ValidRange::new();
            let origins = (0..).zip(elements.iter().map(id));
            origins.for_each(|(copy, it)| valid.add_change(it, copy));
            for (first, expected) in all
                .iter()
                .map(|it| (it, true))
                .chain(not.iter().map(|it| (it, false)))
            {
                let found = valid.since(id(first));
                assert_eq!((elements, first, found), (elements, first, expected));
            }
        }
    }
    #[test]
    fn an_epoch_that_comes_again_begins_anew() {
        // The number of the copy of element 6, and whether all since element 5 are intact: copy 5
        // is that of element 5 when the epoch came first, copy 6 that when it came again.
        for (copy, expected) in [(6, true), (7, false)] {
            let mut valid = ValidRange::new();
            (0..6).for_each(|number| valid.add_change(ElementId { epoch: 1, number }, number));
            let id = |number| ElementId { epoch: 1, number };
            valid.add_change(id(6), copy);
            assert_eq!((copy, valid.since(id(5))), (copy, expected));
            assert!(valid.since(id(6)));
        }
    }
}
