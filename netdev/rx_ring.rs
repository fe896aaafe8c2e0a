// SPDX-License-Identifier: GPL-2.0

//! How an in channel is read: all that becomes of its elements.
//!
//! There is nothing here but the channel, the modes and what they ask of packets, so that the
//! fuzzer (`tests/fuzz`) attacks this very source, with packets of its own.

use super::{
    endpoint::RxContext,
    format::{
        Ethernet,
        Format,
        Ip,
        Offload,
        OffloadState,
        Raw,
        RxError, //
    },
    memory::InMemory,
    mode::Mode,
    wire::Malformed, //
};
use crate::channel::{
    PeerParams,
    Progress,
    Reader,
    State, //
};

/// How far an in channel has been read.
pub(crate) struct RxRing {
    reader: Reader,
    /// Packets that lie in several elements.
    pending: OffloadState,
}

/// What one poll counts, to be added to the CPU's counters at its end.
#[derive(Default)]
pub(crate) struct RxStats {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) copied_bytes: u64,
    pub(crate) bad_protocol: u64,
    pub(crate) bad_length: u64,
    pub(crate) bad_header: u64,
    pub(crate) changed: u64,
    pub(crate) no_memory: u64,
    pub(crate) incomplete: u64,
}

impl RxRing {
    /// Knows nothing of the channel.
    pub(crate) fn new(params: PeerParams) -> Self {
        Self {
            reader: Reader::new(params),
            pending: OffloadState::new(),
        }
    }

    /// What is known of the channel.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Receives as many packets as the poll of `exit` may, hands them up and counts them.
    #[inline]
    pub(crate) fn poll(
        &mut self,
        mode: Mode,
        memory: &InMemory,
        exit: &RxContext<'_>,
        tally: &mut RxStats,
    ) -> Progress {
        match mode {
            Mode::Ip => self.poll_format::<Ip>(memory, exit, tally),
            Mode::Ethernet | Mode::Vlan => self.poll_format::<Ethernet>(memory, exit, tally),
            Mode::Raw => self.poll_format::<Raw>(memory, exit, tally),
            Mode::Offload => self.poll_offload(memory, exit, tally),
        }
    }

    /// Its copies are much larger than those of the other modes, whose frame is on the stack while
    /// a packet goes up: it has one of its own.
    #[inline(never)]
    fn poll_offload(&mut self, memory: &InMemory, exit: &RxContext<'_>, tally: &mut RxStats) -> Progress {
        let Self { reader, pending } = self;
        let OffloadState { reassembly, valid } = pending;
        let mut copied_bytes = 0;
        let progress = reader.read(
            memory,
            exit.poll().budget(),
            |element| {
                let copied = Offload::copy(element, reassembly);
                copied_bytes += copied.bytes();
                copied
            },
            |copied| tally.count(Offload::deliver(copied, valid, exit)),
        );
        reassembly.keep_to(match reader.state() {
            State::Active(run) => Some(run.epoch()),
            _ => None,
        });
        tally.incomplete += reassembly.take_given_up();
        tally.copied_bytes += copied_bytes;
        progress
    }

    #[inline]
    fn poll_format<F: Format>(
        &mut self,
        memory: &InMemory,
        exit: &RxContext<'_>,
        tally: &mut RxStats,
    ) -> Progress {
        let poll = exit.poll();
        self.reader.read(
            memory,
            poll.budget(),
            |element| F::copy(element, poll),
            |copied| {
                if let Ok(skb) = &copied {
                    tally.copied_bytes += skb.len() as u64;
                }
                tally.count(copied.and_then(|skb| F::deliver(skb, exit)));
            },
        )
    }
}

impl RxStats {
    #[inline]
    fn count(&mut self, result: Result<Option<usize>, RxError>) {
        match result {
            // Another interface's, which has counted it.
            Ok(None) => {}
            Ok(Some(bytes)) => {
                self.packets += 1;
                self.bytes += bytes as u64;
            }
            Err(RxError::Malformed(reason)) => match reason {
                Malformed::Protocol => self.bad_protocol += 1,
                Malformed::Length => self.bad_length += 1,
                Malformed::Version | Malformed::HeaderLength | Malformed::Offloads => {
                    self.bad_header += 1;
                }
                Malformed::Changed => self.changed += 1,
            },
            Err(RxError::NoMemory) => self.no_memory += 1,
            Err(RxError::Incomplete) => self.incomplete += 1,
        }
    }

    /// Elements whose contents were no packet.
    #[inline]
    pub(crate) fn malformed(&self) -> u64 {
        self.bad_protocol + self.bad_length + self.bad_header + self.changed
    }
}
