// SPDX-License-Identifier: GPL-2.0

//! Packets that lie in several elements, put together again.
//!
//! Pieces are copied straight into their packet, before the channel tells whether their elements
//! were intact. So there are two halves: [`Assembly`] follows the copies, and [`Intact`] the
//! elements that turned out to be intact; a packet counts only if all of its elements were.

use super::frame::large::Piece;

/// A packet of which some pieces have been copied.
struct Partial<P> {
    packet: P,
    /// The first piece.
    head: Piece,
    /// The number of its element.
    first: u64,
    /// The number of the element that the next piece must be in.
    next: u64,
    /// Bytes copied.
    filled: usize,
}

/// A packet of which all pieces have been copied.
pub(super) struct Whole<P> {
    /// The packet.
    pub(super) packet: P,
    /// The first piece.
    pub(super) head: Piece,
    /// The number of its element.
    pub(super) first: u64,
}

/// The packet that is being copied, if there is one.
pub(super) struct Assembly<P>(Option<Partial<P>>);

impl<P> Assembly<P> {
    /// Nothing has been copied.
    pub(super) const fn new() -> Self {
        Self(None)
    }

    /// Finds the packet that `piece` in element `number` belongs to: a new one made by `make` if it
    /// is the first piece, or else the one it continues. [`None`]: its packet is not there.
    ///
    /// What has been copied of another packet is dropped.
    ///
    /// # Errors
    ///
    /// Those of `make`.
    pub(super) fn find<E>(
        &mut self,
        number: u64,
        piece: &Piece,
        make: impl FnOnce() -> Result<P, E>,
    ) -> Result<Option<&mut P>, E> {
        let old = self.0.take();
        let partial = if piece.at == 0 {
            Partial {
                packet: make()?,
                head: *piece,
                first: number,
                next: number,
                filled: 0,
            }
        } else {
            match old {
                Some(it) if it.next == number && it.continued_by(piece) => it,
                _ => return Ok(None),
            }
        };
        Ok(Some(&mut self.0.insert(partial).packet))
    }

    /// Takes note that `piece` has been copied into the packet that was found for it; returns the
    /// packet if that was the last one.
    pub(super) fn copied(&mut self, piece: &Piece) -> Option<Whole<P>> {
        let mut partial = self.0.take()?;
        partial.filled = piece.at.saturating_add(piece.length);
        partial.next = partial.next.wrapping_add(1);
        if partial.filled < partial.head.total {
            self.0 = Some(partial);
            return None;
        }
        Some(Whole {
            packet: partial.packet,
            head: partial.head,
            first: partial.first,
        })
    }

    /// Drops what has been copied.
    pub(super) fn clear(&mut self) {
        self.0 = None;
    }
}

impl<P> Partial<P> {
    fn continued_by(&self, piece: &Piece) -> bool {
        let Piece { at, length, .. } = *piece;
        // All but the place must be the same.
        at == self.filled
            && self.head
                == Piece {
                    at: self.head.at,
                    length: self.head.length,
                    ..*piece
                }
            && length <= self.head.length
    }
}

/// Which elements were intact, of the last ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Intact {
    /// All elements from this one on ...
    from: u64,
    /// ... up to the one before this were.
    next: u64,
}

impl Intact {
    /// None is known to be.
    pub(super) const fn new() -> Self {
        Self { from: 0, next: 0 }
    }

    /// Takes note of an intact element.
    pub(super) fn note(&mut self, number: u64) {
        if number != self.next {
            self.from = number;
        }
        self.next = number.wrapping_add(1);
    }

    /// Whether all elements since `first` were intact.
    pub(super) fn since(&self, first: u64) -> bool {
        (self.from..self.next).contains(&first)
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_assembly))]
mod tests {
    use super::{
        super::frame::Version,
        *, //
    };

    /// A piece of a packet of `total` bytes in elements with room for 100, with a mark.
    fn piece(at: usize, total: usize, mark: u32) -> Piece {
        Piece {
            mark,
            version: Version::V4,
            total,
            at,
            length: (total - at).min(100),
            offloads: [0; 10],
        }
    }

    #[test]
    fn pieces_make_packets() {
        // The elements: their number, where their piece lies, its packet's length and mark; and
        // the first element of the packet that is complete with it, or -1 for a piece without.
        type Row<'a> = &'a [(u64, usize, usize, u32, Option<i64>)];
        let table: [Row<'_>; 11] = [
            &[(0, 0, 100, 0, Some(0)), (1, 0, 20, 0, Some(1))],
            &[(5, 0, 101, 0, None), (6, 100, 101, 0, Some(5))],
            &[
                (0, 0, 300, 9, None),
                (1, 100, 300, 9, None),
                (2, 200, 300, 9, Some(0)),
            ],
            // Joined in the middle.
            &[(3, 100, 300, 0, Some(-1)), (4, 200, 300, 0, Some(-1))],
            // An element is missing.
            &[
                (0, 0, 300, 0, None),
                (2, 200, 300, 0, Some(-1)),
                (3, 0, 50, 0, Some(3)),
            ],
            &[(0, 0, 200, 0, None), (2, 100, 200, 0, Some(-1))],
            // One comes twice.
            &[
                (0, 0, 300, 0, None),
                (1, 0, 300, 0, None),
                (2, 100, 300, 0, None),
            ],
            &[
                (0, 0, 300, 0, None),
                (1, 100, 300, 0, None),
                (2, 100, 300, 0, Some(-1)),
                (3, 200, 300, 0, Some(-1)),
            ],
            // They do not belong together.
            &[(0, 0, 200, 0, None), (1, 100, 201, 0, Some(-1))],
            &[(0, 0, 200, 0, None), (1, 100, 200, 1, Some(-1))],
            // Another packet begins before the end of the first.
            &[
                (0, 0, 200, 0, None),
                (1, 0, 200, 0, None),
                (2, 100, 200, 0, Some(1)),
            ],
        ];
        for row in table {
            let mut assembly = Assembly::new();
            for &(number, at, total, mark, expected) in row {
                let piece = piece(at, total, mark);
                let found = assembly.find(number, &piece, || Ok::<_, ()>(total));
                let found = match found {
                    Ok(Some(&mut packet)) => {
                        assert_eq!((row, packet), (row, total));
                        let whole = assembly.copied(&piece);
                        whole.map(|whole| whole.first as i64)
                    }
                    _ => Some(-1),
                };
                assert_eq!((row, number, found), (row, number, expected));
            }
        }
    }

    #[test]
    fn a_packet_that_cannot_be_made_leaves_none() {
        let mut assembly = Assembly::<usize>::new();
        assert!(assembly
            .find(0, &piece(0, 200, 0), || Ok::<_, ()>(1))
            .is_ok());
        assert!(assembly.copied(&piece(0, 200, 0)).is_none());
        assert!(assembly.find(1, &piece(0, 300, 0), || Err(())).is_err());
        let next = assembly.find(2, &piece(100, 300, 0), || Ok::<_, ()>(2));
        assert!(matches!(next, Ok(None)));
    }

    #[test]
    fn intact_elements() {
        // Elements that were intact; since which all were, and since which not.
        let table: [(&[u64], &[u64], &[u64]); 6] = [
            (&[], &[], &[0, 1]),
            (&[0], &[0], &[1]),
            (&[0, 1, 2], &[0, 1, 2], &[3]),
            (&[7, 8], &[7, 8], &[0, 6, 9]),
            (&[0, 1, 3, 4], &[3, 4], &[0, 1, 2, 5]),
            // Another epoch.
            (&[100, 101, 0, 1], &[0, 1], &[100, 101]),
        ];
        for (numbers, all, not) in table {
            let mut intact = Intact::new();
            numbers.iter().for_each(|&number| intact.note(number));
            for &first in all {
                assert_eq!(
                    (numbers, first, intact.since(first)),
                    (numbers, first, true)
                );
            }
            for &first in not {
                assert_eq!(
                    (numbers, first, intact.since(first)),
                    (numbers, first, false)
                );
            }
        }
    }
}
