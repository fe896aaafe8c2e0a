// SPDX-License-Identifier: GPL-2.0

//! The writer of a channel.

use core::num::NonZeroU64;

use super::{
    element::Slot,
    layout::{
        Cursor,
        Geometry,
        TRANSPORT, //
    },
    memory::{
        MemoryMut,
        Word, //
    }, //
};

/// Not one element of the wanted size fits the region, or the size is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// The most elements that are written before they are published. What is pending is lost to a
/// reader that is a ring behind, and some readers never recover from that. Publishing costs a
/// store.
const BATCH_MAX: u64 = 64;

/// The writing end of a channel.
///
/// All that it knows it keeps to itself: it never reads the channel back, where anybody might
/// have changed it. One channel has one writer; whoever shares it takes turns under a lock.
///
/// # Invariants
///
/// - `next.number() - published` is the number of elements that are written but not published; it
///   is less than `batch` between calls.
/// - `next.number() < u64::MAX`.
#[derive(Debug)]
pub(crate) struct Writer {
    protocol: NonZeroU64,
    geometry: Geometry,
    /// The most elements that may be written without being published, at least 1.
    batch: u64,
    /// The current epoch, [`None`] while stopped.
    epoch: Option<NonZeroU64>,
    /// The next element to write.
    next: Cursor,
    /// The write counter as published.
    published: u64,
    /// Elements published of which the caller of [`publish`](Self::publish) does not know yet.
    unsignalled: u64,
}

impl Writer {
    /// Returns a stopped writer for as many elements of `element_size` bytes as fit a region of
    /// `region_size` bytes.
    ///
    /// # Errors
    ///
    /// - [`NoRoom`] if not one element fits, or `element_size` is zero.
    pub(crate) fn new(
        protocol: NonZeroU64,
        element_size: usize,
        region_size: usize,
    ) -> Result<Self, NoRoom> {
        let geometry = Geometry::filling(region_size, element_size).ok_or(NoRoom)?;
        // INVARIANT: Nothing is written and nothing is published.
        Ok(Self {
            protocol,
            geometry,
            batch: (geometry.elements() / 4).clamp(1, BATCH_MAX),
            epoch: None,
            next: Cursor::at(&geometry, 0),
            published: 0,
            unsignalled: 0,
        })
    }

    /// Returns whether anything has been written in this epoch.
    pub(crate) fn has_written(&self) -> bool {
        self.next.number() > 0
    }

    /// Returns the shape of the ring.
    pub(crate) fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Begins a new epoch. `epoch` differs from any that a reader may still remember: it is drawn
    /// at random.
    pub(crate) fn start<M: MemoryMut>(&mut self, memory: &M, epoch: NonZeroU64) {
        // A reader that sees any of the new words or elements sees, after that, that the old epoch
        // is over.
        memory.store(Word::Epoch, 0);
        memory.write_barrier();
        memory.store(Word::Transport, TRANSPORT);
        memory.store(Word::Protocol, self.protocol.get());
        memory.store(Word::Size, self.geometry.size() as u64);
        memory.store(Word::Elements, self.geometry.elements());
        memory.store(Word::Reserved, 0);
        memory.store(Word::WriteStart, 0);
        memory.store(Word::Write, 0);
        // A reader that sees the new epoch sees its words.
        memory.write_barrier();
        memory.store(Word::Epoch, epoch.get());

        // INVARIANT: Nothing is written and nothing is published.
        self.epoch = Some(epoch);
        self.next = Cursor::at(&self.geometry, 0);
        self.published = 0;
        self.unsignalled = 0;
    }

    /// Publishes what is pending and ends the epoch. Elements that are written while the writer is
    /// stopped reach nobody.
    pub(crate) fn stop<M: MemoryMut>(&mut self, memory: &M) {
        self.publish(memory);
        memory.write_barrier();
        memory.store(Word::Epoch, 0);
        self.epoch = None;
    }

    /// Writes one element, which is pending until the next [`publish`](Self::publish).
    ///
    /// `fill` gets the place of the element and fills it. The place holds the remains of an older
    /// element, which a reader gets to see where `fill` leaves them. When 64 elements are pending,
    /// or a quarter of the ring, they are published here: what is pending is taken from the reader.
    ///
    /// # Errors
    ///
    /// The error of `fill`; then nothing is written, and the next element takes the place.
    pub(crate) fn write<M: MemoryMut, E>(
        &mut self,
        memory: &M,
        fill: impl FnOnce(&Slot<'_, M>) -> Result<(), E>,
    ) -> Result<(), E> {
        // INVARIANT: There is a number beyond that of `next`.
        memory.store(Word::WriteStart, self.next.number() + 1);
        // A reader that sees anything of the new element sees, after that, that it was begun.
        memory.write_barrier();
        fill(&Slot::new(memory, self.next.offset(), self.geometry.size()))?;
        self.next.advance(&self.geometry);

        if self.next.number() - self.published >= self.batch {
            self.flush(memory);
        }
        if self.next.number() == u64::MAX {
            self.start_over(memory);
        }
        Ok(())
    }

    /// Publishes what is pending, with one store. Returns how many elements have been published
    /// since the last call, those that [`write`](Self::write) published included: if there are
    /// any, the reader is to be told.
    pub(crate) fn publish<M: MemoryMut>(&mut self, memory: &M) -> usize {
        self.flush(memory);
        // More than `usize` holds are not published between two calls; it is the zero that counts.
        core::mem::take(&mut self.unsignalled) as usize
    }

    /// Publishes what is pending, with one store.
    fn flush<M: MemoryMut>(&mut self, memory: &M) {
        let pending = self.next.number() - self.published;
        if pending > 0 {
            // A reader that sees them counted sees them written.
            memory.write_barrier();
            memory.store(Word::Write, self.next.number());
            self.published = self.next.number();
            self.unsignalled = self.unsignalled.saturating_add(pending);
        }
    }

    /// Goes on in a new epoch when the counters have come to their end: the protocol does not let
    /// them wrap. At a thousand million elements a second that takes 584 years.
    #[cold]
    fn start_over<M: MemoryMut>(&mut self, memory: &M) {
        self.flush(memory);
        match self.epoch {
            Some(epoch) => {
                let unsignalled = self.unsignalled;
                self.start(memory, epoch.checked_add(1).unwrap_or(NonZeroU64::MIN));
                // Of the new epoch the reader is to be told, too.
                self.unsignalled = unsignalled;
            }
            None => {
                // INVARIANT: As after `start`; nobody listens.
                self.next = Cursor::at(&self.geometry, 0);
                self.published = 0;
            }
        }
    }

    /// Goes on at element `count`, as if that many had been written in this epoch.
    #[cfg(any(test, CONFIG_KUNIT = "y"))]
    pub(crate) fn skip_to<M: MemoryMut>(&mut self, memory: &M, count: u64) {
        memory.store(Word::WriteStart, count);
        memory.store(Word::Write, count);
        self.next = Cursor::at(&self.geometry, count);
        self.published = count;
    }
}
