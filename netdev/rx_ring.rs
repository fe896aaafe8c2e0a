// SPDX-License-Identifier: GPL-2.0

//! The loop that reads an in channel: copies elements, and passes their packets to the stack.
//!
//! This file depends only on the channel, the modes, and the operations on packets that they need.
//! Hence the fuzzer (`tests/fuzz`) can attack this very source, with its own packets.

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

/// The state of reading an in channel.
pub(crate) struct RxRing {
    reader: Reader,
    /// The packets that are spread over several elements, in offload mode.
    offload: OffloadState,
}

/// The statistics of one poll. They are added to the counters of the CPU at the end of the poll.
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
    /// Returns the state before the first poll, in which nothing is known of the channel.
    pub(crate) fn new(params: PeerParams) -> Self {
        Self {
            reader: Reader::new(params),
            offload: OffloadState::new(),
        }
    }

    /// Returns the reader of the channel.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Receives packets up to the budget of the poll of `ctx`, passes them to the stack, and counts
    /// them in `stats`.
    #[inline]
    pub(crate) fn poll(
        &mut self,
        mode: Mode,
        memory: &InMemory,
        ctx: &RxContext<'_>,
        stats: &mut RxStats,
    ) -> Progress {
        match mode {
            Mode::Ip => self.poll_format::<Ip>(memory, ctx, stats),
            Mode::Ethernet | Mode::Vlan => self.poll_format::<Ethernet>(memory, ctx, stats),
            Mode::Raw => self.poll_format::<Raw>(memory, ctx, stats),
            Mode::Offload => self.poll_offload(memory, ctx, stats),
        }
    }

    /// Polls in offload mode.
    ///
    /// Not inlined, so that it has its own stack frame: its copies are much larger than those of
    /// the other modes, whose frame is in use while the network stack handles a packet.
    #[inline(never)]
    fn poll_offload(
        &mut self,
        memory: &InMemory,
        ctx: &RxContext<'_>,
        stats: &mut RxStats,
    ) -> Progress {
        let Self { reader, offload } = self;
        let OffloadState { reassembly, valid } = offload;
        let mut copied_bytes = 0;
        let progress = reader.read(
            memory,
            ctx.poll().budget(),
            |element| {
                let copied = Offload::copy(element, reassembly);
                copied_bytes += copied.bytes();
                copied
            },
            |copied| stats.count(Offload::deliver(copied, valid, ctx)),
        );
        reassembly.drop_other_epochs(match reader.state() {
            State::Active(active) => Some(active.epoch()),
            _ => None,
        });
        stats.incomplete += reassembly.take_incomplete();
        stats.copied_bytes += copied_bytes;
        progress
    }

    #[inline]
    fn poll_format<F: Format>(
        &mut self,
        memory: &InMemory,
        ctx: &RxContext<'_>,
        stats: &mut RxStats,
    ) -> Progress {
        let poll = ctx.poll();
        self.reader.read(
            memory,
            poll.budget(),
            |element| F::copy(element, poll),
            |copied| {
                if let Ok(skb) = &copied {
                    stats.copied_bytes += skb.len() as u64;
                }
                stats.count(copied.and_then(|skb| F::deliver(skb, ctx)));
            },
        )
    }
}

impl RxStats {
    #[inline]
    fn count(&mut self, result: Result<Option<usize>, RxError>) {
        match result {
            // Nothing to count: an endpoint has counted its packet, or the packet needs more
            // elements.
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

    /// Returns the number of elements that held no valid packet.
    #[inline]
    pub(crate) fn malformed(&self) -> u64 {
        self.bad_protocol + self.bad_length + self.bad_header + self.changed
    }
}
