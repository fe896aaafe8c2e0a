// SPDX-License-Identifier: GPL-2.0

//! The in channel of an interface: receives the packets in its elements.
//!
//! Nothing that the peer writes is trusted. The driver peeks the length of a packet in its element.
//! The length, which the size of the element limits, only decides how much is allocated and copied.
//! After one copy the channel tells whether the element was intact. Then everything is decoded from
//! the copy. How an element is copied and decoded depends on the mode: see
//! [`format`](super::format).
//!
//! [`rx_ring`](super::rx_ring) has the loop that accesses elements. This file has what the loop
//! needs in a kernel: the lock, the state that other contexts read, and the counters.

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
        self,
        Change,
        Geometry,
        Memory as _,
        PeerParams,
        Progress,
        Reader,
        Snapshot,
        State,
        Word,
        NO_REPORT, //
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
    /// The state of reading. Only NAPI uses it while the device is up.
    #[pin]
    ring: SpinLockBh<RxRing>,
    /// What the reader expects of the peer.
    params: PeerParams,
    /// The epoch of the reader's [`Snapshot`] after the last poll. Other contexts, such as the poll
    /// timer, compare it with the channel.
    snapshot_epoch: Atomic<u64>,
    /// The count of the same snapshot.
    snapshot_count: Atomic<u64>,
    /// The state of the peer: a [`Peer`].
    peer: Atomic<u32>,
    /// The geometry of the peer's ring, see [`pack`]; zero while the reader follows no epoch.
    geometry: Atomic<u64>,
}

/// The bits for the number of elements in a packed geometry. No region that can be mapped has more
/// elements.
const ELEMENTS_BITS: u32 = 44;

/// Packs the geometry of a ring into one word: the size of its elements in bytes, above their
/// number in the lower [`ELEMENTS_BITS`] bits. Other contexts read the word without waiting for the
/// end of a poll.
fn pack(ring: &Geometry) -> u64 {
    // The size is at most the largest one that any mode accepts, about 2^16.
    (ring.size() as u64) << ELEMENTS_BITS | ring.elements() & ((1 << ELEMENTS_BITS) - 1)
}

/// The state of the peer on an in channel.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Peer {
    /// This end is down and does not read the channel.
    Unknown,
    /// The peer has no epoch.
    Inactive,
    /// The reader follows the peer's epoch.
    Active,
    /// The peer's epoch is incompatible with this end.
    Incompatible,
    /// The peer broke the protocol in its epoch.
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

    /// Returns the state as text for users.
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
    /// Returns an in channel that is down.
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
            ring <- new_spinlock_bh!(RxRing::new(params), "muennet_rx"),
            params,
            snapshot_epoch: Atomic::new(Snapshot::NOTHING.epoch),
            snapshot_count: Atomic::new(Snapshot::NOTHING.count),
            peer: Atomic::new(Peer::Unknown as u32),
            geometry: Atomic::new(0),
        })
    }

    /// Resets the reader, for a device that goes up. It knows nothing of the channel yet.
    pub(crate) fn open(&self) {
        let mut ring = self.ring.lock();
        *ring = RxRing::new(self.params);
        self.update_snapshot(ring.reader());
    }

    /// Resets the reader, for a device that goes down. The state and the ring of the peer become
    /// unknown.
    pub(crate) fn stop(&self) {
        *self.ring.lock() = RxRing::new(self.params);
        self.peer.store(Peer::Unknown as u32, Relaxed);
        self.geometry.store(0, Relaxed);
    }

    /// Returns the protocol number that the header of the channel must have.
    pub(crate) fn protocol(&self) -> u64 {
        self.params.protocol
    }

    /// Returns the size of the channel's region in bytes.
    pub(crate) fn region_size(&self) -> usize {
        self.memory.size()
    }

    /// Returns the state of the peer after the last poll.
    pub(crate) fn peer(&self) -> Peer {
        Peer::from_u32(self.peer.load(Relaxed))
    }

    /// Returns the geometry of the peer's ring after the last poll; [`None`] if the reader follows
    /// no epoch.
    pub(crate) fn geometry(&self) -> Option<Geometry> {
        let packed = self.geometry.load(Relaxed);
        Geometry::new(
            self.memory.size(),
            packed >> ELEMENTS_BITS,
            packed & ((1 << ELEMENTS_BITS) - 1),
        )
    }

    /// Returns the snapshot of the reader after the last poll.
    #[inline]
    fn snapshot(&self) -> Snapshot {
        Snapshot {
            epoch: self.snapshot_epoch.load(Relaxed),
            count: self.snapshot_count.load(Relaxed),
        }
    }

    /// Returns whether a poll would find anything. Reads two words of the channel. Any context.
    #[inline]
    pub(crate) fn has_pending(&self) -> bool {
        self.snapshot().has_pending(&self.memory)
    }

    /// Returns how many elements a poll would find, as reported by the peer. Any other change of
    /// the channel counts as one element. Any context.
    #[inline]
    pub(crate) fn pending_elements(&self) -> u64 {
        self.snapshot().pending_elements(&self.memory)
    }

    /// Returns the report of the peer's reader, in the header of the channel, if the peer's epoch
    /// is followed. Any context.
    pub(crate) fn peer_report(&self) -> u64 {
        match self.peer() {
            Peer::Active => self.memory.load_acquire(Word::Report),
            _ => NO_REPORT,
        }
    }

    /// Returns the report of this end's reader after the last poll. Only after a poll, or while
    /// there is none.
    pub(crate) fn report(&self) -> u64 {
        match self.peer() {
            Peer::Active => {
                let snapshot = self.snapshot();
                channel::report(snapshot.epoch, snapshot.count)
            }
            _ => NO_REPORT,
        }
    }

    /// Returns whether the ring of the peer is nearly full: three quarters of its elements or more
    /// have not been read.
    pub(crate) fn is_nearly_full(&self) -> bool {
        self.geometry()
            .is_some_and(|ring| self.pending_elements() >= ring.elements() - ring.elements() / 4)
    }

    /// Stores the state of the reader for other contexts.
    fn update_snapshot(&self, reader: &Reader) {
        let snapshot = reader.snapshot();
        self.snapshot_epoch.store(snapshot.epoch, Relaxed);
        self.snapshot_count.store(snapshot.count, Relaxed);
        let (peer, geometry) = match reader.state() {
            State::Joining | State::Inactive => (Peer::Inactive, 0),
            State::Active(active) => (Peer::Active, pack(active.geometry())),
            State::Incompatible { .. } => (Peer::Incompatible, 0),
            State::Broken { .. } => (Peer::Broken, 0),
        };
        self.peer.store(peer as u32, Relaxed);
        self.geometry.store(geometry, Relaxed);
    }

    /// Receives packets up to the budget of `poll` and passes them to the stack.
    // Inlined into its only caller, so that the path of every packet has one stack frame for both.
    #[inline(always)]
    pub(crate) fn poll(
        &self,
        poll: &Poll<'_>,
        endpoints: &Endpoints,
        counters: &CpuCounters,
    ) -> Progress {
        let ctx = RxContext::new(poll, endpoints);
        let mut stats = RxStats::default();
        let mut ring = self.ring.lock();
        let progress = ring.poll(self.mode, &self.memory, &ctx, &mut stats);
        self.update_snapshot(ring.reader());
        drop(ring);

        stats.add_to(counters);
        count(&progress, counters);
        progress
    }
}

/// Adds the result of a poll to the counters.
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
    /// Adds the statistics of a poll to the counters.
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
