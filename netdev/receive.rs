// SPDX-License-Identifier: GPL-2.0

//! The way in: elements of a channel to the stack.
//!
//! Nothing that the peer writes is trusted. The length of a packet is peeked in the element, which
//! decides how much is allocated and copied, bounded by the element; after one copy the channel
//! tells whether the element was intact, and then everything is decoded from the copy. How the two
//! are done is up to the mode: see [`format`](super::format).

use super::{
    counters::CpuCounters,
    format::{
        Ethernet,
        Format,
        Ip,
        Raw,
        Rejected, //
    },
    memory::InMemory,
    mode::Mode, //
};
use crate::{
    abstractions::{
        mapping::Mapping,
        napi::Poll,
        sync::{
            new_spinlock_bh,
            SpinLockBh, //
        }, //
    },
    channel::{
        Expect,
        Memory as _,
        Progress,
        Reader,
        Seen, //
    }, //
};
use core::num::NonZeroU64;
use kernel::{
    prelude::*,
    sync::atomic::{
        ordering::Relaxed,
        Atomic, //
    }, //
};

/// An in channel.
#[pin_data]
pub(crate) struct Receiver {
    memory: InMemory,
    mode: Mode,
    /// The reader, which NAPI has to itself while the device is up.
    #[pin]
    reader: SpinLockBh<Reader>,
    /// What the reader accepts.
    expect: Expect,
    /// What the last poll left the channel in, for the timer to compare with.
    seen_epoch: Atomic<u64>,
    /// The other half of it.
    seen_count: Atomic<u64>,
}

/// What one poll counts, to be added to the CPU's counters at its end.
#[derive(Default)]
struct Tally {
    packets: u64,
    bytes: u64,
    malformed: u64,
    no_memory: u64,
}

impl Receiver {
    /// Makes a receiver that is down.
    pub(crate) fn new(
        mapping: Mapping,
        protocol: NonZeroU64,
        mode: Mode,
    ) -> impl PinInit<Self, Error> {
        let sizes = mode.element_sizes();
        let expect = Expect {
            protocol: protocol.get(),
            min_size: *sizes.start(),
            max_size: *sizes.end(),
        };
        try_pin_init!(Self {
            memory: InMemory(mapping),
            mode,
            reader <- new_spinlock_bh!(Reader::new(expect), "muennet_reader"),
            expect,
            seen_epoch: Atomic::new(Seen::NOTHING.epoch),
            seen_count: Atomic::new(Seen::NOTHING.count),
        })
    }

    /// Bytes of the channel's region.
    pub(crate) fn region_size(&self) -> usize {
        self.memory.size()
    }

    /// Comes up, knowing nothing of the channel.
    pub(crate) fn start(&self) {
        let mut reader = self.reader.lock();
        *reader = Reader::new(self.expect);
        self.saw(reader.seen());
    }

    /// Whether a poll would find anything. A look at two words; any context.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        let seen = Seen {
            epoch: self.seen_epoch.load(Relaxed),
            count: self.seen_count.load(Relaxed),
        };
        seen.stale(&self.memory)
    }

    fn saw(&self, seen: Seen) {
        self.seen_epoch.store(seen.epoch, Relaxed);
        self.seen_count.store(seen.count, Relaxed);
    }

    /// Receives as many packets as `poll` may, and hands them up.
    pub(crate) fn poll(&self, poll: &Poll<'_>, counters: &CpuCounters) -> Progress {
        match self.mode {
            Mode::Ip => self.poll_format::<Ip>(poll, counters),
            Mode::Ethernet => self.poll_format::<Ethernet>(poll, counters),
            Mode::Raw => self.poll_format::<Raw>(poll, counters),
        }
    }

    fn poll_format<F: Format>(&self, poll: &Poll<'_>, counters: &CpuCounters) -> Progress {
        let mut tally = Tally::default();
        let mut reader = self.reader.lock();
        let progress = reader.read(
            &self.memory,
            poll.budget(),
            |element| F::copy(element, poll),
            |copied| tally.count(copied.and_then(|skb| F::deliver(skb, poll))),
        );
        self.saw(reader.seen());
        drop(reader);

        counters.rx_packets.add(tally.packets);
        counters.rx_bytes.add(tally.bytes);
        counters.rx_malformed.add(tally.malformed);
        counters.rx_dropped.add(tally.no_memory);
        counters.rx_overruns.add(progress.overruns);
        counters.rx_missed.add(progress.lost);
        progress
    }
}

impl Tally {
    #[inline]
    fn count(&mut self, result: Result<usize, Rejected>) {
        match result {
            Ok(bytes) => {
                self.packets += 1;
                self.bytes += bytes as u64;
            }
            Err(Rejected::Malformed(_)) => self.malformed += 1,
            Err(Rejected::NoMemory) => self.no_memory += 1,
        }
    }
}
