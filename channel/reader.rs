// SPDX-License-Identifier: GPL-2.0

//! The reader of a channel. It uses nothing that it has not checked after reading it.
//!
//! - [`Reader`] and [`State`]: which epoch is followed. [`ActiveEpoch`]: batches of copies within
//!   one epoch, their check, and the recovery after an overrun.
//! - [`Progress`]: the result of one call.
//! - [`Snapshot`]: the reader's position, for other contexts that ask whether a call is due.

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

/// What a reader expects of its peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerParams {
    /// The number both ends agree on.
    pub(crate) protocol: u64,
    /// The smallest size of an element in bytes that the device can take.
    pub(crate) min_size: usize,
    /// The largest size of an element in bytes that the device can take.
    pub(crate) max_size: usize,
}

impl PeerParams {
    /// Judges the words of a header, for a region of `region` bytes.
    fn judge(
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
            return Err(Mismatch::Protocol(protocol));
        }
        match usize::try_from(size) {
            Ok(bytes) if bytes >= 1 && (self.min_size..=self.max_size).contains(&bytes) => {}
            _ => return Err(Mismatch::Size(size)),
        }
        Geometry::new(region, size, elements).ok_or(Mismatch::Ring { size, elements })
    }
}

/// What a reader knows of its writer. See the diagram in the [module's documentation](super).
#[derive(Clone, Copy, Debug)]
pub(crate) enum State {
    /// The reader has come up and has not seen an epoch. The first one is joined where it is.
    Joining,
    /// There is no writer. The next epoch is read from its beginning.
    Inactive,
    /// The writer's epoch is followed.
    Active(ActiveEpoch),
    /// The writer's header does not fit; the next epoch is waited for.
    Incompatible {
        /// The epoch that is not followed.
        epoch: u64,
    },
    /// The writer broke the protocol; the next epoch is waited for.
    Broken {
        /// The epoch that is not followed any more.
        epoch: u64,
    },
}

impl State {
    /// Returns the epoch that the state belongs to, 0 for none; [`None`] before any was seen.
    fn epoch(&self) -> Option<u64> {
        match self {
            State::Joining => None,
            State::Inactive => Some(0),
            State::Active(run) => Some(run.epoch()),
            State::Incompatible { epoch } | State::Broken { epoch } => Some(*epoch),
        }
    }
}

/// How a pass over the channel ended.
enum Pass {
    /// Nothing more to do in this call.
    Done,
    /// Something has been copied; there may be more.
    Copied,
    /// Nothing has been copied, but it is worth looking again.
    Again,
}

/// The reading end of a channel.
#[derive(Debug)]
pub(crate) struct Reader {
    params: PeerParams,
    state: State,
}

impl Reader {
    /// Returns a reader that comes up now: it joins a running epoch at its write counter.
    pub(crate) fn new(params: PeerParams) -> Self {
        Self {
            params,
            state: State::Joining,
        }
    }

    /// Returns what the reader knows of its writer, as of its last call.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Returns how far the reader has got, for a look at the channel from another context.
    pub(crate) fn snapshot(&self) -> Snapshot {
        match &self.state {
            State::Joining => Snapshot::NOTHING,
            State::Inactive => Snapshot::waiting(0),
            State::Active(run) => Snapshot::reading(run.epoch(), run.count()),
            State::Incompatible { epoch } | State::Broken { epoch } => Snapshot::waiting(*epoch),
        }
    }

    /// Reads elements: copies at most `limit` of them and hands up those that were intact.
    ///
    /// `copy` copies one element out of the channel. It may look at some bytes to learn how much to
    /// copy, but must not interpret the copy beyond that. Its result reaches `deliver` only if,
    /// after the copy, the writer had not begun to overwrite the element and the epoch was the
    /// same; otherwise it is dropped. Elements are delivered in order.
    ///
    /// The work of a call is bounded by `limit` copies and [`MAX_RETRIES`] other retries, whatever the
    /// writer does. After a change of the epoch the call goes on with the new one.
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

    /// Looks at the channel once and does what is due.
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
        let State::Active(run) = &mut self.state else {
            return Pass::Done;
        };

        let Some(counters) = run.counters(memory) else {
            return Pass::Again;
        };
        if let Err(reason) = run.judge(counters) {
            call.progress.add_change(Change::Broken { epoch, reason });
            self.state = State::Broken { epoch };
            return Pass::Again;
        }
        if run.caught_up(counters) {
            return Pass::Done;
        }
        if call.progress.copied >= call.limit {
            call.progress.more = true;
            return Pass::Done;
        }
        run.recover(counters, call);
        if run.count() == counters.wc {
            return Pass::Again;
        }
        run.copy(counters, call);
        Pass::Copied
    }

    /// Judges an epoch that the reader does not know yet, and follows it if it can.
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
            // Nothing of this counts. But an epoch was seen to end, so whatever comes now began
            // while the reader was up.
            if joining {
                self.state = State::Inactive;
            }
            return;
        }

        let region = memory.size();
        match self
            .params
            .judge(transport, protocol, size, elements, region)
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

/// One call of the reader: what the caller gave, and what has become of it so far.
struct ReadCall<'a, M, C, D> {
    memory: &'a M,
    /// The most copies that may be made.
    limit: usize,
    copy: C,
    deliver: D,
    progress: Progress,
    /// Whether the writer overtook the last batch of this call, so that the margin is to be kept.
    /// A call begins without: the writer may have stopped since the last one.
    overtaken: bool,
}

/// The two counters of a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counters {
    /// Elements written.
    wc: u64,
    /// Elements written or being written.
    wsc: u64,
}

/// An epoch that is being followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActiveEpoch {
    epoch: u64,
    geometry: Geometry,
    /// The next element to read; its number is the read counter.
    next: Cursor,
    recovery: Recovery,
}

impl ActiveEpoch {
    /// Begins to follow an epoch, at element number `count`.
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
    fn counters<M: Memory>(&self, memory: &M) -> Option<Counters> {
        let wc = memory.load(Word::Write);
        memory.read_barrier();
        let wsc = memory.load(Word::WriteStart);
        memory.read_barrier();
        (memory.load(Word::Epoch) == self.epoch).then_some(Counters { wc, wsc })
    }

    /// Judges the writer's counters.
    fn judge(&self, counters: Counters) -> Result<(), Violation> {
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
    fn caught_up(&mut self, counters: Counters) -> bool {
        let level = self.count() == counters.wc;
        if level {
            self.recovery.caught_up();
        }
        level
    }

    /// Moves on if the writer has overtaken the reader, and counts what is lost by it.
    fn recover<M, C, D>(&mut self, counters: Counters, call: &mut ReadCall<'_, M, C, D>) {
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
        call.progress.add_lost(target.saturating_sub(rc));
        call.overtaken = false;
    }

    /// Copies batches until all that is written has been read, the limit is reached, the writer
    /// overtakes a batch or the epoch ends.
    fn copy<M: Memory, R>(
        &mut self,
        counters: Counters,
        call: &mut ReadCall<'_, M, impl FnMut(&Element<'_, M>) -> R, impl FnMut(R)>,
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

/// How often one call of [`Reader::read`] goes on without copying
/// anything: after a change of the epoch, after words that did not belong together, after an
/// overrun that it found before copying. It bounds the work of a call, whatever the peer does.
pub(crate) const MAX_RETRIES: usize = 6;

/// Why a reader does not follow an epoch. The values are those of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// The transport word is not that of the protocol.
    Transport(u64),
    /// The protocol is not the expected one.
    Protocol(u64),
    /// The size of an element is outside what the device can take.
    Size(u64),
    /// The ring has no element, or is larger than the region.
    Ring {
        /// Bytes of an element.
        size: u64,
        /// Elements in the ring.
        elements: u64,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Transport(value) => write!(f, "transport {value:#x} is unknown"),
            Mismatch::Protocol(value) => write!(f, "protocol {value:#x} is not the expected one"),
            Mismatch::Size(size) => write!(f, "element size {size:#x} is out of range"),
            Mismatch::Ring { size, elements } => write!(
                f,
                "{elements:#x} elements of {size:#x} bytes do not fit the region"
            ),
        }
    }
}

/// How a writer broke the protocol. The values are those of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// More elements written than begun.
    WriteBeyondStart {
        /// The write counter.
        wc: u64,
        /// The write start counter.
        wsc: u64,
    },
    /// The write counter fell below what has been read.
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
                write!(f, "write counter {wc:#x} is beyond write start {wsc:#x}")
            }
            Violation::WriteBelowRead { wc, rc } => {
                write!(f, "write counter {wc:#x} is below read counter {rc:#x}")
            }
        }
    }
}

/// A change of the channel's state that a call of the reader noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A new epoch is followed.
    Activated {
        /// The epoch, not zero.
        epoch: u64,
        /// The peer's ring.
        geometry: Geometry,
    },
    /// The writer has ended its epoch. Not told when a reader that has just come up finds no
    /// writer.
    Inactive,
    /// A new epoch cannot be followed. Told once for an epoch.
    Incompatible {
        /// The epoch, not zero.
        epoch: u64,
        /// What does not fit.
        reason: Mismatch,
    },
    /// The writer broke the protocol; nothing more is read in this epoch. Told once for an epoch.
    Broken {
        /// The epoch, not zero.
        epoch: u64,
        /// What it did.
        reason: Violation,
    },
}

/// What one call of the reader did.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Elements handed to the caller.
    pub(crate) delivered: usize,
    /// Elements copied, at most the limit of the call. Those that were not delivered had been
    /// overtaken by the writer or belonged to an epoch that had ended.
    pub(crate) copied: usize,
    /// Overruns: how often the writer had overtaken the reader.
    pub(crate) overruns: u64,
    /// Elements lost in these overruns.
    pub(crate) lost: u64,
    /// There is, or may be, more to read: the call ended because it had done enough.
    pub(crate) more: bool,
    changes: [Option<Change>; MAX_RETRIES],
}

impl Progress {
    /// Returns what changed during the call, in order; at most [`MAX_RETRIES`] changes.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().flatten()
    }

    /// Adds elements that were lost. A peer may claim to have written nearly 2^64 elements, and so
    /// in several epochs during one call: the count ends at its largest value.
    fn add_lost(&mut self, elements: u64) {
        self.lost = self.lost.saturating_add(elements);
    }

    /// Adds a change. A call notes at most one each turn, so there is always room.
    fn add_change(&mut self, change: Change) {
        if let Some(free) = self.changes.iter_mut().find(|entry| entry.is_none()) {
            *free = Some(change);
        }
    }
}

/// The kernel's `Display`, for its log; elsewhere this module uses `core` only.
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

/// A counter value that stands for "only a change of the epoch matters".
///
/// A reader that follows an epoch could get here only if the writer had written 2^64 - 1 elements,
/// and then there is nothing more to come in that epoch.
const EPOCH_ONLY: u64 = u64::MAX;

/// How far a reader has got, in two words.
///
/// The reader belongs to whoever reads. Whoever only wants to know whether reading is worth while
/// takes a copy of this and compares it with the channel. The two words may be kept in two atomics:
/// a mixture of an old and a new pair can at worst give one wrong answer, which the next look at
/// the whole pair puts right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The epoch that the reader knows, 0 if none.
    pub(crate) epoch: u64,
    /// The number of elements it has read, or 2^64 - 1 if it reads none in this epoch.
    pub(crate) count: u64,
}

impl Snapshot {
    /// A reader that has not looked yet: reading is always worth while.
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

    /// Returns whether a call of the reader would find anything: an element, or another epoch.
    ///
    /// An epoch that is not followed costs one call of the reader and answers `false` from then on,
    /// whatever its writer does to the counters.
    pub(crate) fn has_pending<M: Memory>(&self, memory: &M) -> bool {
        self.pending(memory) > 0
    }

    /// Returns how many elements a call of the reader would find, if the writer's counter is to be
    /// believed; 1 if it would find another epoch.
    pub(crate) fn pending<M: Memory>(&self, memory: &M) -> u64 {
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
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_channel_snapshot))]
mod tests {
    use super::{
        super::tests::Cells,
        *, //
    };

    #[test]
    fn a_look_finds_what_a_call_would() {
        const MAX: u64 = u64::MAX;
        // What was seen, the epoch and the write counter now: how much is there to read?
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
            ("nearly all numbers", Snapshot::reading(5, MAX - 1), 5, MAX, 1),
            ("all numbers", Snapshot::reading(5, MAX), 5, MAX, 0),
        ];
        for (name, snapshot, epoch, wc, pending) in table {
            let memory = Cells::<64>::new();
            memory.header(epoch, 2, 8, wc, wc);
            assert_eq!((name, snapshot.pending(&memory)), (name, pending));
            assert_eq!((name, snapshot.has_pending(&memory)), (name, pending > 0));
        }
    }
}
