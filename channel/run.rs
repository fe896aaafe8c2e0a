// SPDX-License-Identifier: GPL-2.0

//! Reading within one epoch: batches of copies, their check, and the way back after an overrun.

use super::{
    element::Element,
    layout::{
        Cursor,
        Geometry, //
    },
    memory::{
        Memory,
        Word, //
    },
    origin::Origin,
    progress::{
        Progress,
        Violation, //
    },
    recovery::{
        Recovery,
        BATCH, //
    }, //
};

/// One call of the reader: what the caller gave, and what has become of it so far.
pub(super) struct Call<'a, M, C, D> {
    pub(super) memory: &'a M,
    /// The most copies that may be made.
    pub(super) limit: usize,
    pub(super) copy: C,
    pub(super) deliver: D,
    pub(super) progress: Progress,
    /// Whether the writer overtook the last batch of this call, so that the margin is to be kept.
    /// A call begins without: the writer may have stopped since the last one.
    pub(super) overtaken: bool,
}

/// The two counters of a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counters {
    /// Elements written.
    pub(super) wc: u64,
    /// Elements written or being written.
    pub(super) wsc: u64,
}

/// An epoch that is being followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    epoch: u64,
    geometry: Geometry,
    /// The next element to read; its number is the read counter.
    next: Cursor,
    recovery: Recovery,
}

impl Run {
    /// Begins to follow an epoch, at element number `count`.
    pub(super) fn new(epoch: u64, geometry: Geometry, count: u64) -> Self {
        Self {
            epoch,
            geometry,
            next: Cursor::at(&geometry, count),
            recovery: Recovery::new(),
        }
    }

    /// Returns the epoch, not zero.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the peer's ring.
    pub(crate) fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Returns the number of elements that have been read or given up.
    pub(crate) fn count(&self) -> u64 {
        self.next.number()
    }

    /// Loads the writer's counters; [`None`] if the epoch is over.
    ///
    /// The writer raises `wsc` first. Loaded in this order an honest `wc` is never beyond `wsc`,
    /// unless a new epoch has set both to zero in between: then the epoch shows it.
    pub(super) fn counters<M: Memory>(&self, memory: &M) -> Option<Counters> {
        let wc = memory.load(Word::Write);
        memory.read_barrier();
        let wsc = memory.load(Word::WriteStart);
        memory.read_barrier();
        (memory.load(Word::Epoch) == self.epoch).then_some(Counters { wc, wsc })
    }

    /// Judges the writer's counters.
    pub(super) fn judge(&self, counters: Counters) -> Result<(), Violation> {
        let Counters { wc, wsc } = counters;
        let rc = self.count();
        if wc > wsc {
            Err(Violation::WriteBeyondStart { wc, wsc })
        } else if rc > wc {
            Err(Violation::WriteBelowRead { wc, rc })
        } else {
            Ok(())
        }
    }

    /// Returns whether all that is written has been read. If so, the writer is no longer ahead.
    pub(super) fn caught_up(&mut self, counters: Counters) -> bool {
        let level = self.count() == counters.wc;
        if level {
            self.recovery.caught_up();
        }
        level
    }

    /// Moves on if the writer has overtaken the reader, and counts what is lost by it.
    pub(super) fn recover<M, C, D>(&mut self, counters: Counters, call: &mut Call<'_, M, C, D>) {
        let Counters { wc, wsc } = counters;
        let rc = self.count();
        let oldest = self.geometry.oldest_intact(wsc);
        if rc >= oldest && !call.overtaken {
            return;
        }

        let target = if oldest < wc {
            // At least the newest element is left to read.
            oldest.saturating_add(self.recovery.margin()).min(wc - 1)
        } else {
            // All there was is being overwritten.
            wc
        };
        if target > rc {
            self.next = Cursor::at(&self.geometry, target);
        }
        self.recovery.jumped();
        // The overrun of a batch has been counted with the batch.
        call.progress.overruns += u64::from(!call.overtaken);
        call.progress.lose(target.saturating_sub(rc));
        call.overtaken = false;
    }

    /// Copies batches until all that is written has been read, the limit is reached, the writer
    /// overtakes a batch or the epoch ends.
    pub(super) fn copy<M: Memory, R>(
        &mut self,
        counters: Counters,
        call: &mut Call<'_, M, impl FnMut(&Element<'_, M>) -> R, impl FnMut(R)>,
    ) {
        let Counters { wc, mut wsc } = counters;
        while self.count() < wc && call.progress.copied < call.limit {
            let first = self.count();
            let slack = first.saturating_sub(self.geometry.oldest_intact(wsc));
            let most = call.limit - call.progress.copied;
            let wanted = self.recovery.batch(slack).min(most);

            let mut held: [Option<R>; BATCH] = [const { None }; BATCH];
            let mut next = self.next;
            let mut copies = 0;
            for result in held.iter_mut().take(wanted) {
                if next.number() >= wc {
                    break;
                }
                let element = Element::new(
                    call.memory,
                    Origin {
                        epoch: self.epoch,
                        number: next.number(),
                    },
                    next.offset(),
                    self.geometry.size(),
                );
                *result = Some((call.copy)(&element));
                next.advance(&self.geometry);
                copies += 1;
            }
            call.progress.copied += copies;

            // If any of the copies saw a byte of a later element, `wsc` now tells that it was
            // begun; if any saw a byte of a later epoch, the epoch now tells that this one is over.
            call.memory.read_barrier();
            let before = wsc;
            wsc = call.memory.load(Word::WriteStart);
            call.memory.read_barrier();
            if call.memory.load(Word::Epoch) != self.epoch {
                return;
            }

            // The elements of a batch are overtaken from its first one on.
            let oldest = self.geometry.oldest_intact(wsc);
            let lost = oldest.saturating_sub(first).min(copies as u64);
            self.next = next;
            // Not by value: that is another array on the stack, below all that the caller does.
            for result in held.iter_mut().skip(lost as usize).filter_map(Option::take) {
                (call.deliver)(result);
                call.progress.delivered += 1;
            }

            let advance = wsc.saturating_sub(before);
            if lost > 0 {
                call.progress.overruns += 1;
                call.progress.lose(lost);
                self.recovery
                    .overtaken(copies, advance, self.geometry.elements());
                call.overtaken = true;
                return;
            }
            self.recovery.intact(copies, advance);
        }
    }
}
