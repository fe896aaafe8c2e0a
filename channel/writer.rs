// SPDX-License-Identifier: GPL-2.0

//! The writer of a channel: starts and ends epochs, writes elements and publishes them in batches.

use core::num::NonZeroU64;

use super::{
    element::Slot,
    epoch::next_epoch,
    layout::{
        Cursor,
        Geometry,
        TRANSPORT, //
    },
    memory::{
        MemoryMut,
        Word, //
    },
    pause::NO_REPORT, //
};

/// The error of [`Writer::new`]: not even one element fits the region, or the element size is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// The largest number of elements that are written before they are published.
///
/// A reader that is one ring behind loses as many elements as are unpublished, and some readers
/// never recover from that. Publishing costs one store.
const BATCH_MAX: u64 = 64;

/// The writer of a channel.
///
/// A writer keeps all of its state in private memory. It never reads the channel, because others
/// might have changed it. A channel has one writer; its users serialise their calls with a lock.
///
/// # Invariants
///
/// - `next.number() - published` is the number of elements that are written but not published. It
///   is less than `batch` between calls.
/// - `next.number() < u64::MAX`.
#[derive(Debug)]
pub(crate) struct Writer {
    protocol: NonZeroU64,
    geometry: Geometry,
    /// The largest number of elements that may be written without being published, at least 1.
    batch: u64,
    /// The current epoch, [`None`] while stopped.
    epoch: Option<NonZeroU64>,
    /// The position of the next element to write.
    next: Cursor,
    /// The write counter as it was last published.
    published: u64,
    /// The report of the reader of the opposite direction, see [`pause`](super::pause).
    report: u64,
    /// The number of published elements that [`publish`](Self::publish) has not reported yet.
    unnotified: u64,
}

impl Writer {
    /// Returns a stopped writer for as many elements of `element_size` bytes as fit a region of
    /// `region_size` bytes.
    ///
    /// # Errors
    ///
    /// - [`NoRoom`] if not even one element fits, or if `element_size` is zero.
    pub(crate) fn new(
        protocol: NonZeroU64,
        element_size: usize,
        region_size: usize,
    ) -> Result<Self, NoRoom> {
        let geometry = Geometry::filling(region_size, element_size).ok_or(NoRoom)?;
        // INVARIANT: No element is written and none is published.
        Ok(Self {
            protocol,
            geometry,
            batch: (geometry.elements() / 4).clamp(1, BATCH_MAX),
            epoch: None,
            next: Cursor::at(&geometry, 0),
            published: 0,
            report: NO_REPORT,
            unnotified: 0,
        })
    }

    /// Returns whether an element has been written in this epoch.
    pub(crate) fn has_written(&self) -> bool {
        self.next.number() > 0
    }

    /// Returns the current epoch; [`None`] while stopped.
    pub(crate) fn epoch(&self) -> Option<u64> {
        self.epoch.map(NonZeroU64::get)
    }

    /// Returns the number of elements that are written in this epoch, published or not.
    #[inline]
    pub(crate) fn written(&self) -> u64 {
        self.next.number()
    }

    /// Stores the report of the reader of the opposite direction, unless it is stored already: in
    /// the header of the current epoch, and in those of later ones.
    ///
    /// The writer of the opposite direction may overwrite the elements that are reported as read as
    /// soon as it sees the report.
    pub(crate) fn store_report<M: MemoryMut>(&mut self, memory: &M, report: u64) {
        if report != self.report {
            self.report = report;
            memory.store_release(Word::Report, report);
        }
    }

    /// Takes over the report of the writer that this one replaces, for the header of its epochs.
    pub(crate) fn copy_report(&mut self, old: &Self) {
        self.report = old.report;
    }

    /// Returns the geometry of the ring.
    pub(crate) fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Starts a new epoch.
    ///
    /// `epoch` must differ from every epoch that a reader may still remember. Use a random number.
    pub(crate) fn start_epoch<M: MemoryMut>(&mut self, memory: &M, epoch: NonZeroU64) {
        // A reader that sees any of the new words or elements then also sees that the old epoch is
        // over.
        memory.store(Word::Epoch, 0);
        memory.write_barrier();
        memory.store(Word::Transport, TRANSPORT);
        memory.store(Word::Protocol, self.protocol.get());
        memory.store(Word::Size, self.geometry.size() as u64);
        memory.store(Word::Elements, self.geometry.elements());
        memory.store(Word::Report, self.report);
        memory.store(Word::WriteStart, 0);
        memory.store(Word::Write, 0);
        // A reader that sees the new epoch also sees its words.
        memory.write_barrier();
        memory.store(Word::Epoch, epoch.get());

        // INVARIANT: No element is written and none is published.
        self.epoch = Some(epoch);
        self.next = Cursor::at(&self.geometry, 0);
        self.published = 0;
        self.unnotified = 0;
    }

    /// Publishes all unpublished elements and ends the epoch. Readers do not see elements that are
    /// written while the writer is stopped.
    pub(crate) fn end_epoch<M: MemoryMut>(&mut self, memory: &M) {
        self.publish(memory);
        memory.write_barrier();
        memory.store(Word::Epoch, 0);
        self.epoch = None;
    }

    /// Writes one element, which is unpublished until the next [`publish`](Self::publish).
    ///
    /// `fill` gets the slot of the element and fills it. The slot contains an older element; a
    /// reader sees the old bytes wherever `fill` does not overwrite them. A reader cannot use the
    /// memory of unpublished elements. This function therefore publishes them when 64 elements, or
    /// a quarter of the ring, are unpublished.
    ///
    /// # Errors
    ///
    /// - The error of `fill`. Then no element is written, and the next element takes the slot.
    pub(crate) fn write<M: MemoryMut, E>(
        &mut self,
        memory: &M,
        fill: impl FnOnce(&Slot<'_, M>) -> Result<(), E>,
    ) -> Result<(), E> {
        // INVARIANT: `next.number()` is less than `u64::MAX`, so the sum does not overflow.
        memory.store(Word::WriteStart, self.next.number() + 1);
        // A reader that sees any byte of the new element then also sees that its write has begun.
        memory.write_barrier();
        fill(&Slot::new(memory, self.next.offset(), self.geometry.size()))?;
        self.next.advance(&self.geometry);

        if self.next.number() - self.published >= self.batch {
            self.flush(memory);
        }
        if self.next.number() == u64::MAX {
            self.start_next_epoch(memory);
        }
        Ok(())
    }

    /// Publishes all unpublished elements with one store.
    ///
    /// Returns how many elements have been published since the last call, including those that
    /// [`write`](Self::write) has published. If the number is not zero, the caller must notify the
    /// reader.
    pub(crate) fn publish<M: MemoryMut>(&mut self, memory: &M) -> usize {
        self.flush(memory);
        // Truncation does not matter: no more elements than `usize` holds are published between two
        // calls, and callers only distinguish zero from other numbers.
        core::mem::take(&mut self.unnotified) as usize
    }

    /// Publishes all unpublished elements with one store.
    fn flush<M: MemoryMut>(&mut self, memory: &M) {
        let unpublished = self.next.number() - self.published;
        if unpublished > 0 {
            // A reader that sees the new counter also sees the elements that it counts.
            memory.write_barrier();
            memory.store(Word::Write, self.next.number());
            self.published = self.next.number();
            self.unnotified = self.unnotified.saturating_add(unpublished);
        }
    }

    /// Continues in a new epoch when the counters reach their end, because the protocol does not
    /// allow them to wrap. At 10^9 elements a second this takes 584 years.
    #[cold]
    fn start_next_epoch<M: MemoryMut>(&mut self, memory: &M) {
        self.flush(memory);
        match self.epoch {
            Some(epoch) => {
                let unnotified = self.unnotified;
                self.start_epoch(memory, next_epoch(epoch));
                // `publish` must still report these elements: the reader must be notified, also
                // because of the new epoch.
                self.unnotified = unnotified;
            }
            None => {
                // INVARIANT: As in `start_epoch`. No reader follows a stopped writer.
                self.next = Cursor::at(&self.geometry, 0);
                self.published = 0;
            }
        }
    }

    /// Sets the counters to `count`, as if that many elements had been written in this epoch.
    #[cfg(any(test, CONFIG_KUNIT = "y"))]
    pub(crate) fn skip_to<M: MemoryMut>(&mut self, memory: &M, count: u64) {
        memory.store(Word::WriteStart, count);
        memory.store(Word::Write, count);
        self.next = Cursor::at(&self.geometry, count);
        self.published = count;
    }
}
