// SPDX-License-Identifier: GPL-2.0

//! What an interface counts, on each CPU for itself.

use crate::abstractions::{
    percpu::{
        Counter,
        PerCpu, //
    },
    stats::LinkStats, //
};
use kernel::prelude::*;

/// Declares counters of one CPU, their sums, and what `ethtool -S` calls them: the fields' names.
macro_rules! counters {
    (
        $(#[$of:meta])* $cpu:ident, $sums:ident;
        $($(#[$doc:meta])* $field:ident,)*
    ) => {
        $(#[$of])*
        ///
        /// Softirqs raise them, system calls sum them up.
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
            /// The names of the counters, in their order.
            pub(crate) const NAMES: &'static [&'static str] = &[$(stringify!($field),)*];

            /// Sums the counters up.
            pub(crate) fn of(counters: &PerCpu<$cpu>) -> Self {
                let mut sums = Self::default();
                for cpu in counters.iter() {
                    $(sums.$field = sums.$field.wrapping_add(cpu.$field.get());)*
                }
                sums
            }

            /// The sums in the order of the names.
            pub(crate) fn values(&self) -> [u64; Self::NAMES.len()] {
                [$(self.$field,)*]
            }
        }
    };
}

counters! {
    /// The counters of an interface: of its own packets and, if it has one, of its in channel.
    CpuCounters, Sums;

    /// Packets handed up.
    rx_packets,
    /// Their bytes, without the header of the element.
    rx_bytes,
    /// Elements copied out of the channel, good ones and others.
    rx_elements,
    /// Bytes copied out of the channel into packets.
    rx_copied_bytes,
    /// Polls that copied anything; their mean size is `rx_elements` by this.
    rx_batches,
    /// Overruns: how often the writer had overtaken the reader.
    rx_overruns,
    /// Elements lost in them.
    rx_missed,
    /// Elements whose contents are no packet.
    rx_malformed,
    /// Of these: the header's protocol is unknown.
    rx_bad_protocol,
    /// Of these: the length is impossible, or does not fit the element.
    rx_bad_length,
    /// Of these: the IP version or header is wrong.
    rx_bad_header,
    /// Of these: the element changed while it was copied.
    rx_changed,
    /// Packets not handed up for want of memory.
    rx_no_memory,
    /// Large packets given up because their next piece did not come, and pieces that continue none.
    rx_incomplete,
    /// Packets not handed up because the interface was down and its channel was not.
    rx_down,
    /// Epochs that were followed.
    rx_epochs,
    /// Epochs that were not, because they do not fit this end.
    rx_incompatible,
    /// Epochs given up because the writer broke the protocol.
    rx_broken,
    /// Polls of NAPI.
    rx_polls,
    /// Polls that found nothing.
    rx_empty_polls,
    /// Interrupts.
    rx_interrupts,
    /// Packets sent.
    tx_packets,
    /// Their bytes, with the header of the element.
    tx_bytes,
    /// Packets not sent.
    tx_dropped,
    /// Of these: there is no out channel, or it is down.
    tx_no_channel,
    /// Of these: too long for their path, and not to be fragmented.
    tx_too_big,
    /// Packets sent in fragments, each of which counts as a packet sent.
    tx_fragmented,
}

counters! {
    /// The counters of an out channel, whoever sends on it.
    OutCounters, OutSums;

    /// Batches published; their mean size is the packets sent by this.
    tx_batches,
    /// Epochs begun.
    tx_epochs,
    /// Events triggered.
    tx_events,
    /// Of these: by another processor, which was called.
    tx_events_remote,
    /// Events merged with one for which another processor had been called.
    tx_events_merged,
    /// Events not triggered because all processors that have them were offline.
    tx_events_offline,
}

impl Sums {
    /// Adds the sums to `stats`, with the meanings that users know of this driver: `rx_errors` is
    /// the sum of overruns and bad elements; elements lost in overruns are `rx_missed_errors`.
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

    /// Packets not handed up, for whatever reason.
    pub(crate) fn rx_dropped(&self) -> u64 {
        self.rx_no_memory.wrapping_add(self.rx_down)
    }

    /// Overruns and bad elements together.
    pub(crate) fn rx_errors(&self) -> u64 {
        self.rx_overruns.wrapping_add(self.rx_malformed)
    }
}

/// The counters of an interface.
pub(crate) type Counters = PerCpu<CpuCounters>;
