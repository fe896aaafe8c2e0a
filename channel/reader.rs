// SPDX-License-Identifier: GPL-2.0

//! The reader of a channel: it believes nothing that it has not checked after reading.

use super::{
    element::Element,
    layout::{
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
        TURNS, //
    },
    run::{
        Call,
        Run, //
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
            State::Active(run) => Seen::reading(run.epoch(), run.count()),
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
        copy: impl FnMut(&Element<'_, M>) -> R,
        deliver: impl FnMut(R),
    ) -> Progress {
        let mut call = Call {
            memory,
            limit,
            copy,
            deliver,
            progress: Progress::default(),
            overtaken: false,
        };
        let mut turns = 0;

        loop {
            match self.pass(&mut call) {
                Pass::Done => break,
                Pass::Copied => {}
                Pass::Again => {
                    turns += 1;
                    if turns == TURNS {
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
        call: &mut Call<'_, M, impl FnMut(&Element<'_, M>) -> R, impl FnMut(R)>,
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
            call.progress.note(Change::Broken { epoch, reason });
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
                let count = if joining { wc } else { 0 };
                self.state = State::Active(Run::new(epoch, geometry, count));
                progress.note(Change::Activated { epoch, geometry });
            }
            Err(reason) => {
                self.state = State::Incompatible { epoch };
                progress.note(Change::Incompatible { epoch, reason });
            }
        }
    }
}
