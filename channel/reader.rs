// SPDX-License-Identifier: GPL-2.0

//! The reader of a channel: it believes nothing that it has not checked after reading.

use super::{
    element::Element,
    layout::{
        Cursor,
        Geometry,
        TRANSPORT, //
    },
    memory::{
        Memory,
        Word, //
    },
    progress::{
        Change,
        Mismatch,
        Progress,
        Violation,
        TURNS, //
    },
    recovery::{
        Recovery,
        BATCH, //
    },
    seen::Seen, //
};

/// What a reader expects of its peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expect {
    /// The number both ends agree on.
    pub(crate) protocol: u64,
    /// The smallest size of an element in bytes that the device can take.
    pub(crate) min_size: usize,
    /// The largest size of an element in bytes that the device can take.
    pub(crate) max_size: usize,
}

impl Expect {
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

/// An epoch that is being followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    epoch: u64,
    geometry: Geometry,
    /// The next element to read; its number is the read counter.
    next: Cursor,
    recovery: Recovery,
}

/// What a reader knows of its writer. See the diagram in the [module's documentation](super).
#[derive(Clone, Copy, Debug)]
pub(crate) enum State {
    /// The reader has come up and has not seen an epoch. The first one is joined where it is.
    Joining,
    /// There is no writer. The next epoch is read from its beginning.
    Inactive,
    /// The writer's epoch is followed.
    Active(Run),
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
            State::Active(run) => Some(run.epoch),
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
    expect: Expect,
    state: State,
}

impl Reader {
    /// Returns a reader that comes up now: it joins a running epoch at its write counter.
    pub(crate) fn new(expect: Expect) -> Self {
        Self {
            expect,
            state: State::Joining,
        }
    }

    /// Returns what the reader knows of its writer, as of its last call.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Returns how far the reader has got, for a look at the channel from another context.
    pub(crate) fn seen(&self) -> Seen {
        match &self.state {
            State::Joining => Seen::NOTHING,
            State::Inactive => Seen::waiting(0),
            State::Active(run) => Seen::reading(run.epoch, run.next.number()),
            State::Incompatible { epoch } | State::Broken { epoch } => Seen::waiting(*epoch),
        }
    }

    /// Reads elements: copies at most `limit` of them and hands up those that were intact.
    ///
    /// `copy` copies one element out of the channel. It may look at some bytes to learn how much to
    /// copy, but must not interpret the copy beyond that. Its result reaches `deliver` only if,
    /// after the copy, the writer had not begun to overwrite the element and the epoch was the
    /// same; otherwise it is dropped. Elements are delivered in order.
    ///
    /// The work of a call is bounded by `limit` copies and [`TURNS`] other turns, whatever the
    /// writer does. After a change of the epoch the call goes on with the new one.
    pub(crate) fn read<M: Memory, R>(
        &mut self,
        memory: &M,
        limit: usize,
        mut copy: impl FnMut(&Element<'_, M>) -> R,
        mut deliver: impl FnMut(R),
    ) -> Progress {
        let mut progress = Progress::default();
        let mut turns = 0;
        // Whether the writer overtook the last batch, so that the margin is to be applied.
        let mut overtaken = false;

        loop {
            match self.pass(
                memory,
                limit,
                &mut progress,
                &mut overtaken,
                &mut copy,
                &mut deliver,
            ) {
                Pass::Done => break,
                Pass::Copied => {}
                Pass::Again => {
                    turns += 1;
                    if turns == TURNS {
                        progress.more = true;
                        break;
                    }
                }
            }
        }
        progress
    }

    /// Looks at the channel once and does what is due.
    fn pass<M: Memory, R>(
        &mut self,
        memory: &M,
        limit: usize,
        progress: &mut Progress,
        overtaken: &mut bool,
        copy: &mut impl FnMut(&Element<'_, M>) -> R,
        deliver: &mut impl FnMut(R),
    ) -> Pass {
        let epoch = memory.load(Word::Epoch);
        memory.read_barrier();
        if self.state.epoch() != Some(epoch) {
            self.follow(memory, epoch, progress);
            return Pass::Again;
        }
        let State::Active(run) = &mut self.state else {
            return Pass::Done;
        };

        // The writer raises `wsc` first. Read in this order, an honest `wc` is never beyond `wsc`,
        // unless a new epoch has set both to zero in between: then the epoch shows it.
        let wc = memory.load(Word::Write);
        memory.read_barrier();
        let wsc = memory.load(Word::WriteStart);
        memory.read_barrier();
        if memory.load(Word::Epoch) != epoch {
            return Pass::Again;
        }
        if let Err(reason) = run.judge(wc, wsc) {
            progress.note(Change::Broken { epoch, reason });
            self.state = State::Broken { epoch };
            return Pass::Again;
        }

        if run.next.number() == wc {
            run.recovery.caught_up();
            return Pass::Done;
        }
        if progress.copied >= limit {
            progress.more = true;
            return Pass::Done;
        }
        if *overtaken || run.next.number() < run.geometry.oldest_intact(wsc) {
            // The overrun of a batch has been counted already, what the jump loses has not.
            progress.overruns += u64::from(!*overtaken);
            progress.lost += run.jump(wc, wsc);
            *overtaken = false;
            if run.next.number() == wc {
                return Pass::Again;
            }
        }
        *overtaken = run.copy_until(memory, wc, wsc, limit, progress, copy, deliver);
        Pass::Copied
    }

    /// Judges an epoch that the reader does not know yet, and follows it if it can.
    fn follow<M: Memory>(&mut self, memory: &M, epoch: u64, progress: &mut Progress) {
        let joining = matches!(self.state, State::Joining);
        if epoch == 0 {
            if !joining {
                progress.note(Change::Inactive);
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
            .expect
            .judge(transport, protocol, size, elements, region)
        {
            Ok(geometry) => {
                self.state = State::Active(Run {
                    epoch,
                    geometry,
                    next: Cursor::at(&geometry, if joining { wc } else { 0 }),
                    recovery: Recovery::new(),
                });
                progress.note(Change::Activated { epoch, geometry });
            }
            Err(reason) => {
                self.state = State::Incompatible { epoch };
                progress.note(Change::Incompatible { epoch, reason });
            }
        }
    }
}

impl Run {
    /// Checks the writer's counters, which were read as the protocol says.
    fn judge(&self, wc: u64, wsc: u64) -> Result<(), Violation> {
        let rc = self.next.number();
        if wc > wsc {
            Err(Violation::WriteBeyondStart { wc, wsc })
        } else if rc > wc {
            Err(Violation::WriteBelowRead { wc, rc })
        } else {
            Ok(())
        }
    }

    /// Moves on after an overrun: to the oldest intact element and the margin, but not beyond the
    /// newest element. Returns how many elements are lost by this.
    fn jump(&mut self, wc: u64, wsc: u64) -> u64 {
        let rc = self.next.number();
        let oldest = self.geometry.oldest_intact(wsc);
        let target = if oldest < wc {
            oldest.saturating_add(self.recovery.margin()).min(wc - 1)
        } else {
            // All there was is being overwritten.
            wc
        };
        self.recovery.jumped();
        if target > rc {
            self.next = Cursor::at(&self.geometry, target);
        }
        target.saturating_sub(rc)
    }

    /// Copies batches until all up to `wc` is read, the limit is reached, the writer overtakes a
    /// batch or the epoch ends. Returns whether a batch was overtaken.
    ///
    /// `wsc` is the last that was read. At least one element is available and within the limit.
    #[expect(clippy::too_many_arguments, reason = "the inner part of one loop")]
    fn copy_until<M: Memory, R>(
        &mut self,
        memory: &M,
        wc: u64,
        mut wsc: u64,
        limit: usize,
        progress: &mut Progress,
        copy: &mut impl FnMut(&Element<'_, M>) -> R,
        deliver: &mut impl FnMut(R),
    ) -> bool {
        while self.next.number() < wc && progress.copied < limit {
            let first = self.next.number();
            let slack = first.saturating_sub(self.geometry.oldest_intact(wsc));
            let wanted = self.recovery.batch(slack).min(limit - progress.copied);
            let mut held: [Option<R>; BATCH] = [const { None }; BATCH];
            let mut next = self.next;
            let mut copies = 0;
            for result in held.iter_mut().take(wanted) {
                if next.number() >= wc {
                    break;
                }
                let element = Element::new(memory, next.offset(), self.geometry.size());
                *result = Some(copy(&element));
                next.advance(&self.geometry);
                copies += 1;
            }
            progress.copied += copies;

            memory.read_barrier();
            let before = wsc;
            wsc = memory.load(Word::WriteStart);
            memory.read_barrier();
            if memory.load(Word::Epoch) != self.epoch {
                return false;
            }

            // The elements of a batch are overtaken from its first one on.
            let oldest = self.geometry.oldest_intact(wsc);
            let lost = oldest.saturating_sub(first).min(copies as u64);
            self.next = next;
            for result in held.into_iter().flatten().skip(lost as usize) {
                deliver(result);
                progress.delivered += 1;
            }

            let advance = wsc.saturating_sub(before);
            if lost > 0 {
                progress.overruns += 1;
                progress.lost += lost;
                self.recovery
                    .overtaken(copies, advance, self.geometry.elements());
                return true;
            }
            self.recovery.intact(copies, advance);
        }
        false
    }
}
