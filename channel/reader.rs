// SPDX-License-Identifier: GPL-2.0

//! The reader of a channel. It uses only values that it has checked after it has read them.
//!
//! - [`PeerParams`]: the parameters that a reader accepts.
//! - [`Reader`], [`State`]: the reader, and what it knows of its writer.
//! - [`ActiveEpoch`]: the epoch that a reader follows. It copies elements in batches, checks each
//!   batch, and recovers from overruns.
//! - [`Progress`], [`Change`], [`Mismatch`], [`Violation`]: the results of one call of the reader.
//! - [`Snapshot`]: the position of a reader, from which other contexts tell whether a call is due.

use core::fmt;

use super::{
    element::{
        Element,
        ElementId, //
    },
    layout::{
        Cursor,
        Geometry,
        TRANSPORT, //
    },
    memory::{
        Memory,
        Word, //
    },
    recovery::{
        Recovery,
        BATCH, //
    }, //
};

/// The parameters of the peer that a reader accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerParams {
    /// The number of the protocol, on which both ends agree.
    pub(crate) protocol: u64,
    /// The smallest element size that the device supports, in bytes.
    pub(crate) min_size: usize,
    /// The largest element size that the device supports, in bytes.
    pub(crate) max_size: usize,
}

impl PeerParams {
    /// Checks the words of a header, for a region of `region` bytes.
    fn check_header(
        &self,
        transport: u64,
        protocol: u64,
        size: u64,
        elements: u64,
        region: usize,
    ) -> Result<Geometry, Mismatch> {
        if transport != TRANSPORT {
            return Err(Mismatch::Transport(transport));
        }
        if protocol != self.protocol {
            return Err(Mismatch::Protocol {
                found: protocol,
                expected: self.protocol,
            });
        }
        match usize::try_from(size) {
            Ok(bytes) if bytes >= 1 && (self.min_size..=self.max_size).contains(&bytes) => {}
            _ => return Err(Mismatch::Size(size)),
        }
        Geometry::new(region, size, elements).ok_or(Mismatch::Ring { size, elements })
    }
}

/// What a reader knows of its writer. See the diagram in the [documentation of the module](super).
#[derive(Clone, Copy, Debug)]
pub(crate) enum State {
    /// The reader has started and has not seen an epoch. It joins the first one that it finds.
    Joining,
    /// There is no writer. The reader will read the next epoch from its beginning.
    Inactive,
    /// The reader follows the writer's epoch.
    Active(ActiveEpoch),
    /// The writer's header is not acceptable. The reader waits for the next epoch.
    Incompatible {
        /// The epoch that the reader does not follow.
        epoch: u64,
    },
    /// The writer violated the protocol. The reader waits for the next epoch.
    Broken {
        /// The epoch that the reader no longer follows.
        epoch: u64,
    },
}

impl State {
    /// Returns the epoch that the state belongs to, or 0 if there is no writer. Returns [`None`] if
    /// the reader has not seen an epoch yet.
    fn epoch(&self) -> Option<u64> {
        match self {
            State::Joining => None,
            State::Inactive => Some(0),
            State::Active(active) => Some(active.epoch()),
            State::Incompatible { epoch } | State::Broken { epoch } => Some(*epoch),
        }
    }
}

/// The outcome of one pass over the channel.
enum Pass {
    /// Nothing is left to do in this call.
    Done,
    /// Elements were copied. There may be more.
    Copied,
    /// No element was copied, but the channel must be checked again.
    Again,
}

/// The reader of a channel.
#[derive(Debug)]
pub(crate) struct Reader {
    params: PeerParams,
    state: State,
}

impl Reader {
    /// Returns a reader that starts now: it joins a running epoch at its write counter.
    pub(crate) fn new(params: PeerParams) -> Self {
        Self {
            params,
            state: State::Joining,
        }
    }

    /// Returns what the reader knew of its writer at the end of its last call.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Returns the position of the reader, for checks of the channel in other contexts.
    pub(crate) fn snapshot(&self) -> Snapshot {
        match &self.state {
            State::Joining => Snapshot::NOTHING,
            State::Inactive => Snapshot::waiting(0),
            State::Active(active) => Snapshot::reading(active.epoch(), active.count()),
            State::Incompatible { epoch } | State::Broken { epoch } => Snapshot::waiting(*epoch),
        }
    }

    /// Reads elements: copies at most `limit` of them and delivers those that were intact.
    ///
    /// `copy` copies one element out of the channel. It may peek at some bytes to find out how much
    /// to copy, but must not interpret the copy otherwise. The result of `copy` is passed to
    /// `deliver` only if, after the copy, the writer had not begun to overwrite the element and the
    /// epoch had not changed. Otherwise the result is dropped. Elements are delivered in order.
    ///
    /// One call makes at most `limit` copies and [`MAX_RETRIES`] retries without a copy, whatever
    /// the writer does. After a change of the epoch the call continues with the new epoch.
    pub(crate) fn read<M: Memory, R>(
        &mut self,
        memory: &M,
        limit: usize,
        copy: impl FnMut(&Element<'_, M>) -> R,
        deliver: impl FnMut(R),
    ) -> Progress {
        let mut call = ReadCall {
            memory,
            limit,
            copy,
            deliver,
            progress: Progress::default(),
            overtaken: false,
        };
        let mut retries = 0;

        loop {
            match self.pass(&mut call) {
                Pass::Done => break,
                Pass::Copied => {}
                Pass::Again => {
                    retries += 1;
                    if retries == MAX_RETRIES {
                        call.progress.more = true;
                        break;
                    }
                }
            }
        }
        call.progress
    }

    /// Checks the channel once: follows a change of the epoch, or reads what is available.
    fn pass<M: Memory, R>(
        &mut self,
        call: &mut ReadCall<'_, M, impl FnMut(&Element<'_, M>) -> R, impl FnMut(R)>,
    ) -> Pass {
        let memory = call.memory;
        let epoch = memory.load(Word::Epoch);
        memory.read_barrier();
        if self.state.epoch() != Some(epoch) {
            self.follow(memory, epoch, &mut call.progress);
            return Pass::Again;
        }
        let State::Active(active) = &mut self.state else {
            return Pass::Done;
        };

        let Some(counters) = active.counters(memory) else {
            return Pass::Again;
        };
        if let Err(reason) = active.check_counters(counters) {
            call.progress.add_change(Change::Broken { epoch, reason });
            self.state = State::Broken { epoch };
            return Pass::Again;
        }
        if active.caught_up(counters) {
            return Pass::Done;
        }
        if call.progress.copied >= call.limit {
            call.progress.more = true;
            return Pass::Done;
        }
        active.recover(counters, call);
        if active.count() == counters.wc {
            return Pass::Again;
        }
        active.copy(counters, call);
        Pass::Copied
    }

    /// Checks an epoch that the reader does not know yet, and follows it if it is acceptable.
    fn follow<M: Memory>(&mut self, memory: &M, epoch: u64, progress: &mut Progress) {
        let joining = matches!(self.state, State::Joining);
        if epoch == 0 {
            if !joining {
                progress.add_change(Change::Inactive);
            }
            self.state = State::Inactive;
            return;
        }

        let transport = memory.load(Word::Transport);
        let protocol = memory.load(Word::Protocol);
        let size = memory.load(Word::Size);
        let elements = memory.load(Word::Elements);
        let wc = memory.load(Word::Write);
        memory.read_barrier();
        if memory.load(Word::Epoch) != epoch {
            // Discard all of these values. The reader has seen an epoch end, so the current epoch
            // began while the reader was running: read it from its beginning.
            if joining {
                self.state = State::Inactive;
            }
            return;
        }

        let region = memory.size();
        match self
            .params
            .check_header(transport, protocol, size, elements, region)
        {
            Ok(geometry) => {
                let count = if joining { wc } else { 0 };
                self.state = State::Active(ActiveEpoch::new(epoch, geometry, count));
                progress.add_change(Change::Activated { epoch, geometry });
            }
            Err(reason) => {
                self.state = State::Incompatible { epoch };
                progress.add_change(Change::Incompatible { epoch, reason });
            }
        }
    }
}

/// The parameters of one call of the reader, and its progress.
struct ReadCall<'a, M, C, D> {
    memory: &'a M,
    /// The largest number of copies that the call may make.
    limit: usize,
    copy: C,
    deliver: D,
    progress: Progress,
    /// Whether the writer overtook the last batch of this call, so that the reader must keep the
    /// margin. It is clear at the start of a call: the writer may have stopped since the last call.
    overtaken: bool,
}

/// The two counters of a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counters {
    /// The number of elements that are written.
    wc: u64,
    /// The number of elements that are written or being written.
    wsc: u64,
}

/// An epoch that a reader follows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActiveEpoch {
    epoch: u64,
    geometry: Geometry,
    /// The position of the next element to read. Its number is the read counter.
    next: Cursor,
    recovery: Recovery,
}

impl ActiveEpoch {
    /// Returns an epoch to follow, starting at element number `count`.
    fn new(epoch: u64, geometry: Geometry, count: u64) -> Self {
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

    /// Returns the geometry of the peer's ring.
    pub(crate) fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Returns the number of elements that have been read or lost.
    pub(crate) fn count(&self) -> u64 {
        self.next.number()
    }

    /// Loads the writer's counters. Returns [`None`] if the epoch is over.
    ///
    /// The writer raises `wsc` before `wc`. The reader loads `wc` before `wsc`, so an honest `wc`
    /// is never beyond `wsc`, unless a new epoch has set both to zero in between. In that case the
    /// epoch differs.
    fn counters<M: Memory>(&self, memory: &M) -> Option<Counters> {
        let wc = memory.load(Word::Write);
        memory.read_barrier();
        let wsc = memory.load(Word::WriteStart);
        memory.read_barrier();
        (memory.load(Word::Epoch) == self.epoch).then_some(Counters { wc, wsc })
    }

    /// Checks the writer's counters.
    fn check_counters(&self, counters: Counters) -> Result<(), Violation> {
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

    /// Returns whether all elements that are written have been read. If so, resets the margin: the
    /// reader is no longer behind the writer.
    fn caught_up(&mut self, counters: Counters) -> bool {
        let all_read = self.count() == counters.wc;
        if all_read {
            self.recovery.caught_up();
        }
        all_read
    }

    /// Advances the reader to an intact element if the writer has overtaken it, and counts the
    /// elements that are lost.
    fn recover<M, C, D>(&mut self, counters: Counters, call: &mut ReadCall<'_, M, C, D>) {
        let Counters { wc, wsc } = counters;
        let rc = self.count();
        let oldest = self.geometry.oldest_intact(wsc);
        if rc >= oldest && !call.overtaken {
            return;
        }

        let target = if oldest < wc {
            // Leave at least the newest element to read.
            oldest.saturating_add(self.recovery.margin()).min(wc - 1)
        } else {
            // The writer is overwriting all elements that are written.
            wc
        };
        if target > rc {
            self.next = Cursor::at(&self.geometry, target);
        }
        self.recovery.jumped();
        // If the writer overtook a batch, the overrun was counted with that batch.
        call.progress.overruns += u64::from(!call.overtaken);
        call.progress.add_lost(target.saturating_sub(rc));
        call.overtaken = false;
    }

    /// Copies batches until all elements that are written have been read, the limit is reached, the
    /// writer overtakes a batch, or the epoch ends.
    fn copy<M: Memory, R>(
        &mut self,
        counters: Counters,
        call: &mut ReadCall<'_, M, impl FnMut(&Element<'_, M>) -> R, impl FnMut(R)>,
    ) {
        let Counters { wc, mut wsc } = counters;
        while self.count() < wc && call.progress.copied < call.limit {
            let first = self.count();
            let slack = first.saturating_sub(self.geometry.oldest_intact(wsc));
            let remaining = call.limit - call.progress.copied;
            let wanted = self.recovery.batch(slack).min(remaining);

            let mut held: [Option<R>; BATCH] = [const { None }; BATCH];
            let mut next = self.next;
            let mut copies = 0;
            for result in held.iter_mut().take(wanted) {
                if next.number() >= wc {
                    break;
                }
                let element = Element::new(
                    call.memory,
                    ElementId {
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

            // If any of the copies contains a byte of a later element, `wsc` now shows that the
            // writer has begun that element. If any contains a byte of a later epoch, the epoch now
            // shows that this one is over.
            call.memory.read_barrier();
            let before = wsc;
            wsc = call.memory.load(Word::WriteStart);
            call.memory.read_barrier();
            if call.memory.load(Word::Epoch) != self.epoch {
                return;
            }

            // The writer overtakes the elements of a batch in order, from the first one on.
            let oldest = self.geometry.oldest_intact(wsc);
            let lost = oldest.saturating_sub(first).min(copies as u64);
            self.next = next;
            // Do not iterate by value: that would put another copy of the array on the stack, below
            // everything that the caller does.
            for result in held.iter_mut().skip(lost as usize).filter_map(Option::take) {
                (call.deliver)(result);
                call.progress.delivered += 1;
            }

            let advance = wsc.saturating_sub(before);
            if lost > 0 {
                call.progress.overruns += 1;
                call.progress.add_lost(lost);
                self.recovery
                    .overtaken(copies, advance, self.geometry.elements());
                call.overtaken = true;
                return;
            }
            self.recovery.intact(copies, advance);
        }
    }
}

/// The largest number of times that one call of [`Reader::read`] goes on without having copied an
/// element: after a change of the epoch, after words that did not belong together, or after an
/// overrun that it detected before copying. It bounds the work of a call, whatever the peer does.
pub(crate) const MAX_RETRIES: usize = 6;

/// The reason why a reader does not follow an epoch. The values are those of the peer, except for
/// `expected`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// The transport word is not [`TRANSPORT`].
    Transport(u64),
    /// The protocol is not the expected one.
    Protocol {
        /// The protocol of the peer.
        found: u64,
        /// The protocol that the reader expects.
        expected: u64,
    },
    /// The element size is outside of the range that the device supports.
    Size(u64),
    /// The ring has no element, or is larger than the region.
    Ring {
        /// The size of one element in bytes.
        size: u64,
        /// The number of elements in the ring.
        elements: u64,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Transport(value) => write!(f, "transport {value:#x} is unknown"),
            Mismatch::Protocol { found, expected } => {
                write!(f, "protocol {found:#x}, expected {expected:#x}")
            }
            Mismatch::Size(size) => write!(f, "element size {size} is not valid in this mode"),
            Mismatch::Ring { size, elements } => {
                write!(f, "invalid ring of {elements} elements of {size} bytes")
            }
        }
    }
}

/// How a writer violated the protocol. The values are those of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// More elements are written than begun.
    WriteBeyondStart {
        /// The write counter.
        wc: u64,
        /// The write start counter.
        wsc: u64,
    },
    /// The write counter fell below the number of elements that have been read.
    WriteBelowRead {
        /// The write counter.
        wc: u64,
        /// The reader's own counter.
        rc: u64,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::WriteBeyondStart { wc, wsc } => {
                write!(
                    f,
                    "write counter {wc:#x} is beyond write-start counter {wsc:#x}"
                )
            }
            Violation::WriteBelowRead { wc, rc } => {
                write!(f, "write counter {wc:#x} is below read counter {rc:#x}")
            }
        }
    }
}

/// A change of the channel's state that a call of the reader detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The reader follows a new epoch.
    Activated {
        /// The epoch, not zero.
        epoch: u64,
        /// The geometry of the peer's ring.
        geometry: Geometry,
    },
    /// The writer has ended its epoch. Not reported if a reader that has just started finds no
    /// writer.
    Inactive,
    /// The reader cannot follow a new epoch. Reported once for each epoch.
    Incompatible {
        /// The epoch, not zero.
        epoch: u64,
        /// Which part of the header is not acceptable.
        reason: Mismatch,
    },
    /// The writer violated the protocol; the reader reads no more elements of this epoch. Reported
    /// once for each epoch.
    Broken {
        /// The epoch, not zero.
        epoch: u64,
        /// Which rule the writer violated.
        reason: Violation,
    },
}

/// The result of one call of the reader.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The number of elements that were delivered to the caller.
    pub(crate) delivered: usize,
    /// The number of elements that were copied, at most the limit of the call. Of those that were
    /// not delivered, the writer had begun to overwrite the element, or the epoch had ended.
    pub(crate) copied: usize,
    /// The number of overruns: how often the writer had overtaken the reader.
    pub(crate) overruns: u64,
    /// The number of elements that were lost in these overruns.
    pub(crate) lost: u64,
    /// Whether there are, or may be, more elements to read: the call ended because of its bounds.
    pub(crate) more: bool,
    changes: [Option<Change>; MAX_RETRIES],
}

impl Progress {
    /// Returns the changes that the call detected, in order; at most [`MAX_RETRIES`] changes.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().flatten()
    }

    /// Adds lost elements. A peer may claim to have written nearly 2^64 elements, in several epochs
    /// during one call: the sum saturates.
    fn add_lost(&mut self, elements: u64) {
        self.lost = self.lost.saturating_add(elements);
    }

    /// Adds a change. Each pass adds at most one change, and a pass that adds one counts as a
    /// retry, so there is always a free entry.
    fn add_change(&mut self, change: Change) {
        if let Some(free) = self.changes.iter_mut().find(|entry| entry.is_none()) {
            *free = Some(change);
        }
    }
}

/// The kernel's `Display`, for its log. The rest of this module uses `core` only.
#[cfg(CONFIG_RUST)]
mod kernel_fmt {
    use super::{
        Mismatch,
        Violation, //
    };
    use kernel::fmt;

    impl fmt::Display for Mismatch {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            core::fmt::Display::fmt(self, f)
        }
    }

    impl fmt::Display for Violation {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            core::fmt::Display::fmt(self, f)
        }
    }
}

/// The value of [`Snapshot::count`] of a reader for which only a change of the epoch matters.
///
/// A reader that follows an epoch has this value only if the writer has written 2^64 - 1 elements.
/// Then that epoch has no more elements either.
const EPOCH_ONLY: u64 = u64::MAX;

/// The position of a reader, in two words.
///
/// Only the owner of a reader may call it. Other contexts take a snapshot and compare it with the
/// channel to find out whether a call is due. The two words may be stored in two atomics: a mixture
/// of an old and a new pair causes at worst one wrong answer, and the next check with a complete
/// pair corrects it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The epoch that the reader knows, 0 if there is none.
    pub(crate) epoch: u64,
    /// The number of elements that the reader has read in this epoch, or 2^64 - 1 if it does not
    /// read any elements of this epoch.
    pub(crate) count: u64,
}

impl Snapshot {
    /// The snapshot of a reader that has not been called yet: a call is always due.
    pub(crate) const NOTHING: Self = Self { epoch: 0, count: 0 };

    const fn reading(epoch: u64, count: u64) -> Self {
        Self { epoch, count }
    }

    const fn waiting(epoch: u64) -> Self {
        Self {
            epoch,
            count: EPOCH_ONLY,
        }
    }

    /// Returns whether a call of the reader would find an element or another epoch.
    ///
    /// An epoch that the reader does not follow causes one call of the reader. After that call the
    /// result is `false` for this epoch, whatever its writer does to the counters.
    pub(crate) fn has_pending<M: Memory>(&self, memory: &M) -> bool {
        self.pending_elements(memory) > 0
    }

    /// Returns how many elements a call of the reader would find according to the writer's counter,
    /// which is not checked. Returns 1 if the call would find another epoch.
    pub(crate) fn pending_elements<M: Memory>(&self, memory: &M) -> u64 {
        if *self == Self::NOTHING || memory.load(Word::Epoch) != self.epoch {
            return 1;
        }
        match self.count {
            EPOCH_ONLY => 0,
            count => memory.load(Word::Write).wrapping_sub(count),
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(
    CONFIG_KUNIT = "y",
    kernel::macros::kunit_tests(muennet_channel_snapshot)
)]
mod tests {
    use super::{
        super::tests::Cells,
        *, //
    };

    #[test]
    fn a_look_finds_what_a_call_would() {
        const MAX: u64 = u64::MAX;
        // (case, snapshot, epoch and write counter now, number of pending elements)
        let table = [
            ("not looked yet", Snapshot::NOTHING, 0, 0, 1),
            ("not looked yet", Snapshot::NOTHING, 5, 0, 1),
            ("no writer", Snapshot::waiting(0), 0, 0, 0),
            ("no writer, old counter", Snapshot::waiting(0), 0, 9, 0),
            ("a writer came", Snapshot::waiting(0), 5, 0, 1),
            ("all read", Snapshot::reading(5, 9), 5, 9, 0),
            ("nothing written", Snapshot::reading(5, 0), 5, 0, 0),
            ("one more", Snapshot::reading(5, 9), 5, 10, 1),
            ("more", Snapshot::reading(5, 9), 5, 30, 21),
            ("counter fell", Snapshot::reading(5, 9), 5, 8, MAX),
            ("new epoch", Snapshot::reading(5, 9), 6, 9, 1),
            ("writer left", Snapshot::reading(5, 9), 0, 9, 1),
            ("refused", Snapshot::waiting(5), 5, 9, 0),
            ("refused, counter moves", Snapshot::waiting(5), 5, 10, 0),
            ("refused, new epoch", Snapshot::waiting(5), 6, 10, 1),
            ("refused, writer left", Snapshot::waiting(5), 0, 10, 1),
            (
                "nearly all numbers",
                Snapshot::reading(5, MAX - 1),
                5,
                MAX,
                1,
            ),
            ("all numbers", Snapshot::reading(5, MAX), 5, MAX, 0),
        ];
        for (name, snapshot, epoch, wc, pending) in table {
            let memory = Cells::<64>::new();
            memory.header(epoch, 2, 8, wc, wc);
            let found = snapshot.pending_elements(&memory);
            assert_eq!((name, found), (name, pending));
            assert_eq!((name, snapshot.has_pending(&memory)), (name, pending > 0));
        }
    }
}
