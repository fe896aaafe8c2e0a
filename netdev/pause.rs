// SPDX-License-Identifier: GPL-2.0

//! Flow control of the transmit path: the queues of an interface and its children stop instead of
//! overwriting elements that the peer has not read.
//!
//! The peer reports how far it has read: see [`Credit`]. The queue of the interface stops when the
//! ring is nearly full, or when more bytes are in it than the byte queue limits of the interface
//! allow. They count whole elements: as queued when an element is written, as completed when the
//! peer has read it. A child stops when it finds the queue of its parent stopped, and waits in a
//! list.
//!
//! A timer of NAPI looks at the report while the queue is stopped, and so does every poll. If the
//! peer has not advanced while the queue was stopped for [`PATIENCE`], its report does not count
//! until it changes.
//!
//! [`TxPause`] is part of what the lock of the out channel guards.

use super::{
    stats::{
        CpuCounters,
        OutCounters, //
    },
    Interface, //
};
use crate::{
    abstractions::netdevice::{
        Device,
        DriverDevice, //
    },
    channel::{
        Credit,
        Geometry,
        Writer, //
    }, //
};
use kernel::{
    prelude::*,
    sync::aref::ARef,
    time::{
        Delta,
        Instant,
        Monotonic, //
    }, //
};

/// How long the queue may be stopped while the peer does not advance.
const PATIENCE: Delta = Delta::from_millis(100);

/// The first and the longest time between two looks of the timer, in microseconds.
const FIRST_LOOK_US: u32 = 100;
const LONGEST_LOOK_US: u32 = 1_000;

/// While nothing is known of the peer, every so many elements a sender looks for a report.
const LOOK_ELEMENTS: u64 = 64;

/// The largest number of elements that are kept free for the next packet.
const KEPT_FREE_MAX: u32 = 64;

/// The largest number of bytes that the byte queue limits accept at once: `DQL_MAX_OBJECT`.
const MAX_QUEUED: u32 = u32::MAX / 16;

/// A device that transmits on the channel of an interface: the interface itself, or a child.
pub(crate) struct Sender<'a> {
    /// The interface.
    pub(crate) interface: &'a Device<Interface>,
    /// The device that transmits.
    pub(crate) dev: &'a DriverDevice,
    /// The counters of that device.
    pub(crate) counters: &'a CpuCounters,
}

impl Sender<'_> {
    fn is_child(&self) -> bool {
        !core::ptr::eq(self.interface.as_driver_device(), self.dev)
    }
}

/// A time in which the queue of the interface is stopped.
struct Stop {
    since: Instant<Monotonic>,
    /// When the peer advanced last, at first `since`.
    advanced: Instant<Monotonic>,
    /// The time to the next look.
    look_us: u32,
}

/// A child whose queue is stopped.
struct Waiting {
    dev: ARef<DriverDevice>,
    /// The child has a packet that was given back. Otherwise it was the one that filled the ring.
    refused: bool,
}

/// The list of waiting children.
pub(super) struct WaitingList(KVec<Waiting>);

impl WaitingList {
    /// Returns a list with room for so many children. May sleep.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: out of memory.
    pub(super) fn with_capacity(children: usize) -> Result<Self> {
        Ok(Self(KVec::with_capacity(children, GFP_KERNEL)?))
    }
}

/// The state of flow control of an out channel.
pub(super) struct TxPause {
    /// Whether this end stops for the peer.
    on: bool,
    credit: Credit,
    /// The number of elements that the peer had read when it last advanced.
    read: u64,
    /// For how long the queue was stopped since then, in stops that have ended.
    held: Delta,
    /// The number of the first element that is not completed in the byte queue limits.
    completed: u64,
    /// The number of the first element of the packet that is being written.
    first: u64,
    stop: Option<Stop>,
    /// The number of elements that the largest packet needs that waits since the queue is stopped.
    needed: u64,
    /// The children whose queues are stopped. It has room for all children.
    waiting: WaitingList,
}

impl TxPause {
    /// Flow control is off.
    pub(super) const fn new() -> Self {
        Self {
            on: false,
            credit: Credit::UNKNOWN,
            read: 0,
            held: Delta::ZERO,
            completed: 0,
            first: 0,
            stop: None,
            needed: 0,
            waiting: WaitingList(KVec::new()),
        }
    }

    /// Returns whether this end stops for the peer.
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.on
    }

    /// Exchanges the list of waiting children for an empty one with more room, unless it has that
    /// much. The caller drops the returned list after it has released the lock.
    pub(super) fn grow(&mut self, mut list: WaitingList) -> WaitingList {
        if list.0.capacity() > self.waiting.0.capacity() {
            for waiting in self.waiting.0.drain_all() {
                // It has more room than the old one.
                let _ = list.0.push_within_capacity(waiting);
            }
            core::mem::swap(&mut self.waiting, &mut list);
        }
        list
    }

    /// Turns flow control on or off.
    pub(super) fn set(&mut self, on: bool, interface: &Device<Interface>, counters: &OutCounters) {
        self.reset(interface, counters);
        self.on = on;
    }

    /// Forgets the peer, and starts all queues: the epoch of the channel has changed or ended.
    pub(super) fn reset(&mut self, interface: &Device<Interface>, counters: &OutCounters) {
        if self.on {
            self.credit = Credit::UNKNOWN;
            (self.read, self.held) = (0, Delta::ZERO);
            self.release(interface, counters);
        }
    }

    /// A child goes down: its queue starts.
    pub(super) fn forget(&mut self, dev: &DriverDevice) {
        self.waiting
            .0
            .retain(|waiting| !core::ptr::eq(&*waiting.dev, dev));
        dev.wake_queue();
    }

    /// Returns whether a packet that needs `needed` elements may be written now. If not, the queue
    /// of the sender is stopped.
    #[inline(never)]
    pub(super) fn admit(
        &mut self,
        writer: &Writer,
        needed: usize,
        sender: &Sender<'_>,
        counters: &OutCounters,
    ) -> bool {
        self.first = writer.written();
        // A packet that needs more elements than the ring has waits until the ring is empty.
        let needed = (needed as u64).min(writer.geometry().elements());
        if self.has_room(writer, needed, sender) {
            return true;
        }
        let interface = sender.interface.as_driver_device();
        if !interface.has_qdisc() || !sender.dev.has_qdisc() {
            return true;
        }
        self.needed = self.needed.max(needed);
        interface.stop_queue();
        self.look(writer, sender.interface, counters, false);
        self.has_room(writer, needed, sender) || !self.wait(sender, true)
    }

    /// The byte queue limits do not refuse a packet of the interface that is on its way already.
    fn has_room(&self, writer: &Writer, needed: u64, sender: &Sender<'_>) -> bool {
        let free = self.credit.free(writer);
        free.is_none_or(|free| free >= needed)
            && !(sender.is_child() && sender.interface.as_driver_device().queue_stopped())
    }

    /// Counts the elements that were written since [`Self::admit`], and stops the queues if there
    /// is no room for another packet of the usual size. Returns whether the queue of the sender is
    /// stopped.
    #[inline(never)]
    pub(super) fn wrote(
        &mut self,
        writer: &Writer,
        sender: &Sender<'_>,
        counters: &OutCounters,
    ) -> bool {
        let interface = sender.interface.as_driver_device();
        let written = writer.written();
        let Some(count) = written.checked_sub(self.first) else {
            // The counters have reached their end.
            self.reset(sender.interface, counters);
            return false;
        };
        let Some(free) = self.credit.free(writer) else {
            if written % LOOK_ELEMENTS < count {
                self.update_credit(sender.interface.data().peer_report(), writer);
            }
            return false;
        };
        // Without a queueing discipline the core would drop the packets.
        if !interface.has_qdisc() {
            return false;
        }
        interface.sent_queue(ring_bytes(writer, count));
        if free < u64::from(kept_free(writer.geometry())) {
            interface.stop_queue();
        }
        if !interface.queue_stopped() {
            return false;
        }
        self.look(writer, sender.interface, counters, false);
        if !interface.queue_stopped() {
            return false;
        }
        if sender.is_child() {
            self.wait(sender, false);
        }
        true
    }

    /// Takes the report of the peer into account. Elements that were written while nothing was
    /// known of the peer do not count for the byte queue limits.
    fn update_credit(&mut self, report: u64, writer: &Writer) {
        let known = self.credit.read().is_some();
        self.credit.update(report, writer);
        if !known {
            self.completed = writer.written();
        }
    }

    /// Looks at the report of the peer: completes elements, and starts the queues if there is room.
    /// Otherwise starts the timer, if this is a poll (`polled`) or the queue has just been stopped.
    pub(super) fn look(
        &mut self,
        writer: &Writer,
        dev: &Device<Interface>,
        counters: &OutCounters,
        polled: bool,
    ) {
        let interface = dev.as_driver_device();
        let report = dev.data().peer_report();
        let known = self.credit.read().is_some();
        self.update_credit(report, writer);
        let stopped = interface.queue_stopped();
        let credit = self.credit.read().zip(self.credit.free(writer));
        let lost = known && credit.is_none();
        let Some((read, free)) = credit.filter(|_| interface.has_qdisc()) else {
            if lost || stopped || self.stop.is_some() {
                self.release(dev, counters);
            }
            return;
        };
        if stopped {
            // So that completed_queue() does not schedule the queueing discipline of the interface
            // before those of the children that wait.
            interface.stop_queue();
        }
        if read > self.completed {
            interface.completed_queue(ring_bytes(writer, read - self.completed));
            self.completed = read;
        }
        if !stopped {
            return;
        }
        let quarter = writer.geometry().elements() / 4;
        if free >= self.needed.max(quarter).max(1) {
            interface.start_queue();
        }
        if !interface.queue_stopped() {
            self.end_stop(dev, counters);
            return;
        }

        let now = Instant::now();
        let begins = self.stop.is_none();
        if begins {
            counters.tx_paused.add(1);
        }
        let stop = self.stop.get_or_insert(Stop {
            since: now,
            advanced: now,
            look_us: FIRST_LOOK_US,
        });
        if read > self.read {
            self.read = read;
            self.held = Delta::ZERO;
            stop.advanced = now;
            stop.look_us = FIRST_LOOK_US;
        } else if self.held + (now - stop.advanced) >= PATIENCE {
            counters.tx_pause_timeouts.add(1);
            self.credit.ignore(report);
            self.release(dev, counters);
            return;
        }
        if polled || begins {
            dev.schedule_napi_after(stop.look_us);
            stop.look_us = (stop.look_us * 2).min(LONGEST_LOOK_US);
        }
        // The core drops the packets of a child that has no queueing discipline any more.
        self.waiting.0.retain(|waiting| {
            let keep = waiting.dev.has_qdisc();
            if !keep {
                waiting.dev.wake_queue();
            }
            keep
        });
    }

    /// Stops the queue of a sender that has found the queue of the interface stopped, or no room.
    /// Returns whether it is stopped: only that of a child can fail to be.
    fn wait(&mut self, sender: &Sender<'_>, refused: bool) -> bool {
        if !sender.is_child() {
            return true;
        }
        // A child that goes down is forgotten, and must not come back.
        if !sender.dev.is_running() || !sender.dev.has_qdisc() {
            return false;
        }
        let list = &mut self.waiting.0;
        if let Some(waiting) = list
            .iter_mut()
            .find(|it| core::ptr::eq(&*it.dev, sender.dev))
        {
            waiting.refused |= refused;
            return true;
        }
        let waiting = Waiting {
            dev: sender.dev.into(),
            refused,
        };
        let fits = list.push_within_capacity(waiting).is_ok();
        if fits {
            sender.dev.stop_queue();
        }
        fits
    }

    /// Starts all queues, and schedules their queueing disciplines. The core runs those in this
    /// order: the children that were refused, the interface, and the child that filled the ring.
    fn end_stop(&mut self, dev: &Device<Interface>, counters: &OutCounters) {
        self.needed = 0;
        if let Some(stop) = self.stop.take() {
            let us = stop.since.elapsed().as_micros_ceil();
            counters.tx_pause_us.add(u64::try_from(us).unwrap_or(0));
            self.held += stop.advanced.elapsed();
        }
        let wake = |list: &KVec<Waiting>, refused| {
            for waiting in list.iter().filter(|it| it.refused == refused) {
                waiting.dev.wake_queue();
            }
        };
        // Children look at the queue of the interface, so it starts first. It is scheduled when it
        // is woken.
        let interface = dev.as_driver_device();
        interface.start_queue();
        wake(&self.waiting.0, true);
        // Without a queueing discipline there is nothing to schedule, and the core would drop
        // packets meanwhile.
        if interface.has_qdisc() {
            interface.stop_queue();
            interface.wake_queue();
        }
        wake(&self.waiting.0, false);
        self.waiting.0.clear();
    }

    /// Starts all queues: nothing is known of the peer.
    fn release(&mut self, dev: &Device<Interface>, counters: &OutCounters) {
        dev.as_driver_device().reset_queue();
        self.end_stop(dev, counters);
    }
}

/// Returns the number of bytes that `count` elements occupy in the ring, as far as the byte queue
/// limits accept it.
fn ring_bytes(writer: &Writer, count: u64) -> u32 {
    let bytes = count.saturating_mul(writer.geometry().size() as u64);
    u32::try_from(bytes).map_or(MAX_QUEUED, |bytes| bytes.min(MAX_QUEUED))
}

/// Returns the largest number of elements that `length` bytes need if each but the last has at
/// least `room` bytes.
// Without div_ceil(), whose check for zero would remain: objtool takes its panic for a function
// that returns.
pub(super) fn max_elements(length: usize, room: usize) -> usize {
    length
        .saturating_sub(1)
        .checked_div(room)
        .map_or(length, |full| full.saturating_add(1))
}

/// Returns how many elements must be free for the queue not to stop: an eighth of the ring, at most
/// 64, at least one.
fn kept_free(ring: &Geometry) -> u32 {
    u32::try_from(ring.elements() / 8).map_or(KEPT_FREE_MAX, |it| it.clamp(1, KEPT_FREE_MAX))
}

/// Returns the largest number of segments of a GSO packet while flow control is on, so that the
/// packet fits the elements that are kept free. One of them is for the headers: the number of
/// elements that a packet needs is estimated by its whole length.
pub(super) fn gso_max_segs(ring: &Geometry) -> u32 {
    kept_free(ring).saturating_sub(1).max(1)
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(muennet_pause)]
mod tests {
    use super::*;

    #[test]
    fn what_fits() {
        // (elements, kept free, segments of the largest GSO packet)
        let table = [
            (1, 1, 1),
            (15, 1, 1),
            (16, 2, 1),
            (43, 5, 4),
            (116, 14, 13),
            (512, 64, 63),
            (695, 64, 63),
            (11_125, 64, 63),
        ];
        for (elements, free, segs) in table {
            let ring = Geometry::new(1 << 24, 1_508, elements).unwrap();
            assert_eq!(
                (elements, kept_free(&ring), gso_max_segs(&ring)),
                (elements, free, segs)
            );
        }
    }

    #[test]
    fn elements_of_a_packet() {
        // (length, room, elements)
        let table = [
            (0, 1_500, 1),
            (1, 1_500, 1),
            (1_500, 1_500, 1),
            (1_501, 1_500, 2),
            (63 * 1_448 + 52, 1_448, 64),
            (usize::MAX, 1, usize::MAX),
            (9, 0, 9),
        ];
        for (length, room, elements) in table {
            assert_eq!(
                (length, room, max_elements(length, room)),
                (length, room, elements)
            );
        }
    }
}
