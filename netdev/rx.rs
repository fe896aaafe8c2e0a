// SPDX-License-Identifier: GPL-2.0

//! The way in: elements of a channel to the stack.
//!
//! Nothing that the peer writes is trusted. The length of a packet is peeked in the element, which
//! decides how much is allocated and copied, bounded by the element; after one copy the channel
//! tells whether the element was intact, and then everything is decoded from the copy. How the two
//! are done is up to the mode: see [`format`](super::format). [`rx_ring`](super::rx_ring) touches
//! elements; this file has what only a kernel has around it.

use super::{
    endpoint::{
        Endpoints,
        RxContext, //
    },
    memory::InMemory,
    mode::Mode,
    rx_ring::{
        RxRing,
        RxStats, //
    },
    stats::CpuCounters, //
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
        Change,
        Geometry,
        Memory as _,
        PeerParams,
        Progress,
        Reader,
        Snapshot,
        State, //
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
pub(crate) struct RxChannel {
    memory: InMemory,
    mode: Mode,
    /// What NAPI has to itself while the device is up.
    #[pin]
    reading: SpinLockBh<RxRing>,
    /// What the reader accepts.
    params: PeerParams,
    /// What the last poll left the channel in, for the timer to compare with.
    seen_epoch: Atomic<u64>,
    /// The other half of it.
    seen_count: Atomic<u64>,
    /// A [`Peer`].
    peer: Atomic<u32>,
    /// The peer's ring: the size of its elements in bytes, above their number in
    /// [`ELEMENTS_BITS`]; zero while no epoch is followed.
    ring: Atomic<u64>,
}

/// More elements fit no region that can be mapped.
const ELEMENTS_BITS: u32 = 44;

/// A ring in one word, for those who must not wait for a poll to end.
fn pack(ring: &Geometry) -> u64 {
    // The size is at most the largest that any mode accepts, some 2^16.
    (ring.size() as u64) << ELEMENTS_BITS | ring.elements() & ((1 << ELEMENTS_BITS) - 1)
}

/// What the peer does with an in channel.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Peer {
    /// This end is down and does not look.
    Unknown,
    /// It has no epoch.
    Inactive,
    /// Its epoch is followed.
    Active,
    /// Its epoch does not fit this end.
    Incompatible,
    /// It broke the protocol in its epoch.
    Broken,
}

impl Peer {
    const fn from_u32(value: u32) -> Self {
        match value {
            1 => Self::Inactive,
            2 => Self::Active,
            3 => Self::Incompatible,
            4 => Self::Broken,
            _ => Self::Unknown,
        }
    }

    /// The state in words, as users see it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown (down)",
            Self::Inactive => "inactive",
            Self::Active => "active",
            Self::Incompatible => "incompatible",
            Self::Broken => "broken",
        }
    }
}

impl RxChannel {
    /// Makes a receiver that is down.
    pub(crate) fn new(
        mapping: Mapping,
        protocol: NonZeroU64,
        mode: Mode,
    ) -> impl PinInit<Self, Error> {
        let sizes = mode.element_sizes();
        let params = PeerParams {
            protocol: protocol.get(),
            min_size: *sizes.start(),
            max_size: *sizes.end(),
        };
        try_pin_init!(Self {
            memory: InMemory(mapping),
            mode,
            reading <- new_spinlock_bh!(RxRing::new(params), "muennet_reader"),
            params,
            seen_epoch: Atomic::new(Snapshot::NOTHING.epoch),
            seen_count: Atomic::new(Snapshot::NOTHING.count),
            peer: Atomic::new(Peer::Unknown as u32),
            ring: Atomic::new(0),
        })
    }

    /// Comes up, knowing nothing of the channel.
    pub(crate) fn start(&self) {
        let mut reading = self.reading.lock();
        *reading = RxRing::new(self.params);
        self.update_snapshot(reading.reader());
    }

    /// Goes down: nobody knows what the peer does from now on, nor what its ring is like.
    pub(crate) fn stop(&self) {
        *self.reading.lock() = RxRing::new(self.params);
        self.peer.store(Peer::Unknown as u32, Relaxed);
        self.ring.store(0, Relaxed);
    }

    /// The number that both ends of the channel agree on.
    pub(crate) fn protocol(&self) -> u64 {
        self.params.protocol
    }

    /// Bytes of the channel's region.
    pub(crate) fn region_size(&self) -> usize {
        self.memory.size()
    }

    /// What the peer does, as of the last poll.
    pub(crate) fn peer(&self) -> Peer {
        Peer::from_u32(self.peer.load(Relaxed))
    }

    /// The elements of the peer's ring, as of the last poll; none if no epoch is followed.
    pub(crate) fn geometry(&self) -> Option<Geometry> {
        let ring = self.ring.load(Relaxed);
        Geometry::new(
            self.memory.size(),
            ring >> ELEMENTS_BITS,
            ring & ((1 << ELEMENTS_BITS) - 1),
        )
    }

    /// What the last poll left the channel in.
    #[inline]
    fn snapshot(&self) -> Snapshot {
        Snapshot {
            epoch: self.seen_epoch.load(Relaxed),
            count: self.seen_count.load(Relaxed),
        }
    }

    /// Whether a poll would find anything. A look at two words; any context.
    #[inline]
    pub(crate) fn has_pending(&self) -> bool {
        self.snapshot().has_pending(&self.memory)
    }

    /// How many elements it would find, as the peer tells; other news counts as one.
    #[inline]
    pub(crate) fn pending(&self) -> u64 {
        self.snapshot().pending(&self.memory)
    }

    /// Notes for other contexts what the reader has come to.
    fn update_snapshot(&self, reader: &Reader) {
        let seen = reader.snapshot();
        self.seen_epoch.store(seen.epoch, Relaxed);
        self.seen_count.store(seen.count, Relaxed);
        let (peer, ring) = match reader.state() {
            State::Joining | State::Inactive => (Peer::Inactive, 0),
            State::Active(run) => (Peer::Active, pack(run.geometry())),
            State::Incompatible { .. } => (Peer::Incompatible, 0),
            State::Broken { .. } => (Peer::Broken, 0),
        };
        self.peer.store(peer as u32, Relaxed);
        self.ring.store(ring, Relaxed);
    }

    /// Receives as many packets as `poll` may, and hands them up.
    // Its one caller is on the way of every packet: one frame of the stack for both.
    #[inline(always)]
    pub(crate) fn poll(&self, poll: &Poll<'_>, endpoints: &Endpoints, counters: &CpuCounters) -> Progress {
        let exit = RxContext::new(poll, endpoints);
        let mut tally = RxStats::default();
        let mut reading = self.reading.lock();
        let progress = reading.poll(self.mode, &self.memory, &exit, &mut tally);
        self.update_snapshot(reading.reader());
        drop(reading);

        tally.add_to(counters);
        count(&progress, counters);
        progress
    }
}

/// Counts what a poll did with the channel.
fn count(progress: &Progress, counters: &CpuCounters) {
    counters.rx_polls.add(1);
    if progress.copied == 0 {
        counters.rx_empty_polls.add(1);
    } else {
        counters.rx_batches.add(1);
        counters.rx_elements.add(progress.copied as u64);
    }
    counters.rx_overruns.add(progress.overruns);
    counters.rx_missed.add(progress.lost);
    for change in progress.changes() {
        match change {
            Change::Activated { .. } => counters.rx_epochs.add(1),
            Change::Incompatible { .. } => counters.rx_incompatible.add(1),
            Change::Broken { .. } => counters.rx_broken.add(1),
            Change::Inactive => {}
        }
    }
}

impl RxStats {
    fn add_to(&self, counters: &CpuCounters) {
        let malformed = self.malformed();
        counters.rx_packets.add(self.packets);
        counters.rx_bytes.add(self.bytes);
        counters.rx_copied_bytes.add(self.copied_bytes);
        counters.rx_no_memory.add(self.no_memory);
        counters.rx_incomplete.add(self.incomplete);
        if malformed > 0 {
            counters.rx_malformed.add(malformed);
            counters.rx_bad_protocol.add(self.bad_protocol);
            counters.rx_bad_length.add(self.bad_length);
            counters.rx_bad_header.add(self.bad_header);
            counters.rx_changed.add(self.changed);
        }
    }
}
