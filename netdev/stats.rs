// SPDX-License-Identifier: GPL-2.0

//! The per-CPU counters of an interface and of an out channel, and their sums.

use crate::abstractions::{
    percpu::{
        Counter,
        PerCpu, //
    },
    stats::LinkStats, //
};
use kernel::prelude::*;

/// Declares the counters of one CPU and their sums over all CPUs. `ethtool -S` shows the names of
/// the fields.
macro_rules! counters {
    (
        $(#[$of:meta])* $cpu:ident, $sums:ident;
        $($(#[$doc:meta])* $field:ident,)*
    ) => {
        $(#[$of])*
        ///
        /// Softirqs increment them. System calls sum them up.
        #[derive(Zeroable)]
        #[repr(C)]
        pub(crate) struct $cpu {
            $($(#[$doc])* pub(crate) $field: Counter,)*
        }

        /// The sums of the counters over all CPUs.
        #[derive(Default)]
        pub(crate) struct $sums {
            $($(#[$doc])* pub(crate) $field: u64,)*
        }

        impl $sums {
            /// The names of the counters, in the order of the fields.
            pub(crate) const NAMES: &'static [&'static str] = &[$(stringify!($field),)*];

            /// Sums `counters` over all CPUs.
            pub(crate) fn of(counters: &PerCpu<$cpu>) -> Self {
                let mut sums = Self::default();
                for cpu in counters.iter() {
                    $(sums.$field = sums.$field.wrapping_add(cpu.$field.get());)*
                }
                sums
            }

            /// Returns the sums in the order of [`Self::NAMES`].
            pub(crate) fn values(&self) -> [u64; Self::NAMES.len()] {
                [$(self.$field,)*]
            }
        }
    };
}

counters! {
    /// The counters of an interface: those of its own packets and, if it has one, of its in
    /// channel.
    CpuCounters, Sums;

    /// Packets passed to the stack.
    rx_packets,
    /// Bytes of these packets, without the header of the element.
    rx_bytes,
    /// Elements copied out of the channel, valid or not.
    rx_elements,
    /// Bytes copied out of the channel into packets.
    rx_copied_bytes,
    /// Polls that copied at least one element. The mean batch is `rx_elements` divided by this.
    rx_batches,
    /// Overruns: the writer had overtaken the reader.
    rx_overruns,
    /// Elements lost in overruns.
    rx_missed,
    /// Elements that hold no valid packet.
    rx_malformed,
    /// Of `rx_malformed`: the protocol in the header is unknown.
    rx_bad_protocol,
    /// Of `rx_malformed`: the length is impossible, or does not fit the element.
    rx_bad_length,
    /// Of `rx_malformed`: the IP version or the header is invalid.
    rx_bad_header,
    /// Of `rx_malformed`: the element changed while it was copied.
    rx_changed,
    /// Packets dropped for lack of memory.
    rx_no_memory,
    /// Packets in several elements that were dropped because their next fragment did not follow,
    /// and fragments that continue no packet.
    rx_incomplete,
    /// Packets dropped because the interface was down while its channel was up.
    rx_down,
    /// Epochs that the reader followed.
    rx_epochs,
    /// Epochs that the reader did not follow because they are incompatible with this end.
    rx_incompatible,
    /// Epochs given up because the writer broke the protocol.
    rx_broken,
    /// NAPI polls.
    rx_polls,
    /// Polls that copied no element.
    rx_empty_polls,
    /// Interrupts that were handled. A threaded interrupt may handle several as one.
    rx_interrupts,
    /// Packets sent.
    tx_packets,
    /// Bytes of these packets, with the header of the element.
    tx_bytes,
    /// Packets dropped instead of sent.
    tx_dropped,
    /// Of `tx_dropped`: there is no out channel, or it is down.
    tx_no_channel,
    /// Of `tx_dropped`: the packet exceeds its path MTU and must not be fragmented.
    tx_too_big,
    /// Packets sent in fragments. Each fragment counts as a packet sent.
    tx_fragmented,
}

counters! {
    /// The counters of an out channel, for all interfaces that send on it.
    OutCounters, OutSums;

    /// Batches published. The mean batch is the number of packets sent divided by this.
    tx_batches,
    /// Epochs started.
    tx_epochs,
    /// Events triggered.
    tx_events,
    /// Of `tx_events`: triggered by another CPU, which was called for that.
    tx_events_remote,
    /// Events merged with an event for which another CPU had been called already.
    tx_events_merged,
    /// Events not triggered because all CPUs that have them were offline.
    tx_events_offline,
    /// How often the queue stopped because of flow control.
    tx_paused,
    /// Of `tx_paused`: the peer did not advance for too long, so its reports did not count then.
    tx_pause_timeouts,
    /// The time for which the queue was stopped, in microseconds.
    tx_pause_us,
    /// How often the ring of the peer was nearly full.
    rx_pauses,
}

impl Sums {
    /// Adds the sums to `stats`, with the meanings that users of this driver expect: `rx_errors` is
    /// the sum of overruns and malformed elements, and `rx_missed_errors` counts the elements lost
    /// in overruns.
    pub(crate) fn add_to(&self, stats: &mut LinkStats) {
        stats.add_rx_packets(self.rx_packets);
        stats.add_rx_bytes(self.rx_bytes);
        stats.add_rx_dropped(self.rx_dropped());
        stats.add_rx_over_errors(self.rx_overruns);
        stats.add_rx_frame_errors(self.rx_malformed);
        stats.add_rx_errors(self.rx_errors());
        stats.add_rx_missed_errors(self.rx_missed);
        stats.add_tx_packets(self.tx_packets);
        stats.add_tx_bytes(self.tx_bytes);
        stats.add_tx_dropped(self.tx_dropped);
    }

    /// Returns the number of received packets that were dropped, for any reason.
    pub(crate) fn rx_dropped(&self) -> u64 {
        self.rx_no_memory.wrapping_add(self.rx_down)
    }

    /// Returns the number of overruns and malformed elements.
    pub(crate) fn rx_errors(&self) -> u64 {
        self.rx_overruns.wrapping_add(self.rx_malformed)
    }
}

/// The counters of an interface on all CPUs.
pub(crate) type Counters = PerCpu<CpuCounters>;
