// SPDX-License-Identifier: GPL-2.0

//! The layout of a channel: the geometry of its ring, and positions in the ring.
//!
//! - [`TRANSPORT`], [`HEADER_SIZE`]: constants of the header.
//! - [`Geometry`]: the size and the number of the elements, checked against the region.
//! - [`Cursor`]: an element number and the offset of that element.

use core::num::{
    NonZeroU64,
    NonZeroUsize, //
};

/// The word that marks memory as an SHMStream version 2 channel.
pub(crate) const TRANSPORT: u64 = 0x4873_12b6_b79a_9b6d;

/// The size of a channel's header in bytes. The first element follows it.
pub(crate) const HEADER_SIZE: usize = 64;

/// The geometry of a ring: the size and the number of its elements.
///
/// # Invariants
///
/// - `end == HEADER_SIZE + size * elements`, computed without overflow.
/// - `end` is at most the size of the region that the geometry was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    size: NonZeroUsize,
    elements: NonZeroU64,
    end: usize,
}

impl Geometry {
    /// Returns the geometry that fills a region of `region` bytes with elements of `size` bytes.
    ///
    /// Returns [`None`] if not even one element fits, or if `size` is zero.
    pub(crate) fn filling(region: usize, size: usize) -> Option<Self> {
        let elements = region.checked_sub(HEADER_SIZE)?.checked_div(size)?;
        Self::new(region, size as u64, elements as u64)
    }

    /// Returns the geometry of a ring of `elements` elements of `size` bytes.
    ///
    /// Returns [`None`] if one of the two is zero, or if the ring does not fit a region of `region`
    /// bytes. Both numbers may come from a peer: use them only after they have passed this check.
    pub(crate) fn new(region: usize, size: u64, elements: u64) -> Option<Self> {
        let size = NonZeroUsize::new(usize::try_from(size).ok()?)?;
        let elements = NonZeroU64::new(elements)?;
        let end = usize::try_from(elements.get())
            .ok()?
            .checked_mul(size.get())?
            .checked_add(HEADER_SIZE)?;

        // INVARIANT: `end` was just computed without overflow and is compared with the region.
        (end <= region).then_some(Self {
            size,
            elements,
            end,
        })
    }

    /// Returns the size of one element in bytes, at least 1.
    pub(crate) fn size(&self) -> usize {
        self.size.get()
    }

    /// Returns the number of elements in the ring, at least 1.
    pub(crate) fn elements(&self) -> u64 {
        self.elements.get()
    }

    /// Returns the number of the oldest intact element when the write start counter is `wsc`: the
    /// oldest one whose memory no later write has begun to overwrite.
    ///
    /// Element `n` is intact if and only if `wsc <= n + elements`. This function subtracts instead
    /// of adding, so that no counter of a peer can cause an overflow.
    pub(crate) fn oldest_intact(&self, wsc: u64) -> u64 {
        wsc.saturating_sub(self.elements())
    }
}

/// A position in a ring: the number of an element, and the offset of that element.
///
/// # Invariants
///
/// `offset` is the offset of element `number` in the geometry that the cursor is used with:
/// `HEADER_SIZE + (number % elements) * size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    number: u64,
    offset: usize,
}

impl Cursor {
    /// Returns the position of element `number`. It divides: use it only at the start of an epoch
    /// and after an overrun.
    pub(crate) fn at(geometry: &Geometry, number: u64) -> Self {
        // The slot is below `elements`, which fits `usize` by the invariants of `Geometry`. The
        // offset of a slot is below `end`, so this computation does not overflow either.
        let slot = (number % geometry.elements) as usize;
        Self {
            number,
            offset: HEADER_SIZE + slot * geometry.size(),
        }
    }

    /// Advances to the next element.
    pub(crate) fn advance(&mut self, geometry: &Geometry) {
        // The number does not wrap: a reader stays at or below the peer's counter, and a writer
        // starts a new epoch before its counter reaches the end. If the number did wrap, only the
        // count of lost elements would be wrong.
        self.number = self.number.wrapping_add(1);
        self.offset += geometry.size();
        if self.offset >= geometry.end {
            self.offset = HEADER_SIZE;
        }
    }

    /// Returns the number of the element, from 0 at the start of an epoch.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Returns the offset of the element in the region, in bytes.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(
    CONFIG_KUNIT = "y",
    kernel::macros::kunit_tests(muennet_channel_layout)
)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_must_fit_the_region() {
        const MAX: u64 = u64::MAX;
        // (region, size, elements, whether the ring fits)
        let table = [
            (80, 2, 8, true),
            (79, 2, 8, false),
            (81, 2, 8, true),
            (65, 1, 1, true),
            (64, 1, 1, false),
            (64, 1, 0, false),
            (80, 0, 8, false),
            (80, 2, 0, false),
            (80, 0, 0, false),
            (0, 1, 1, false),
            (usize::MAX, 1, MAX - 64, true),
            (usize::MAX, 1, MAX - 63, false),
            (usize::MAX, MAX - 64, 1, true),
            (usize::MAX, MAX, 1, false),
            (usize::MAX, MAX, MAX, false),
            // Products that are small after they wrap.
            (80, 1 << 32, 1 << 32, false),
            (80, 2, (1 << 63) + 8, false),
            (80, (1 << 63) + 2, 8, false),
            // A sum that is small after it wraps.
            (80, 1, MAX - 10, false),
        ];
        for (region, size, elements, fits) in table {
            let found = Geometry::new(region, size, elements).is_some();
            assert_eq!(
                (region, size, elements, found),
                (region, size, elements, fits)
            );
        }
    }

    #[test]
    fn a_region_is_filled() {
        // (region, size, elements)
        let table = [
            (80, 2, Some(8)),
            (81, 2, Some(8)),
            (82, 2, Some(9)),
            (66, 2, Some(1)),
            (65, 2, None),
            (64, 1, None),
            (63, 1, None),
            (0, 1, None),
            (80, 0, None),
            (80, usize::MAX, None),
            (0x10_0000, 1508, Some(695)),
        ];
        for (region, size, elements) in table {
            let found = Geometry::filling(region, size).map(|ring| ring.elements());
            assert_eq!((region, size, found), (region, size, elements));
        }
    }

    #[test]
    fn a_cursor_runs_round_the_ring() {
        for (region, size) in [(80, 2), (65, 1), (75, 3), (200, 16)] {
            let ring = Geometry::filling(region, size);
            assert!(ring.is_some());
            let Some(ring) = ring else { return };
            for first in [0, 1, 7, 1 << 32, u64::MAX - 20] {
                let mut cursor = Cursor::at(&ring, first);
                for number in first..first + 20 {
                    assert_eq!(cursor.number(), number);
                    let slot = (number % ring.elements()) as usize;
                    assert_eq!(cursor.offset(), 64 + slot * size);
                    assert!(cursor.offset() + size <= region);
                    cursor.advance(&ring);
                }
            }
        }
    }

    #[test]
    fn an_element_is_intact_until_its_slot_is_begun_again() {
        const MAX: u64 = u64::MAX;
        // (write start counter, oldest intact element), for 8 elements.
        let table = [
            (0, 0),
            (7, 0),
            (8, 0),
            (9, 1),
            (10, 2),
            (MAX - 1, MAX - 9),
            (MAX, MAX - 8),
        ];
        let ring = Geometry::filling(80, 2);
        for (wsc, oldest) in table {
            let found = ring.map(|ring| ring.oldest_intact(wsc));
            assert_eq!((wsc, found), (wsc, Some(oldest)));
        }
    }
}
