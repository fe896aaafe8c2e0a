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

/// The counters of one CPU. Softirqs raise them, system calls sum them up.
#[derive(Zeroable)]
#[repr(C)]
pub(crate) struct CpuCounters {
    /// Packets handed up.
    pub(crate) rx_packets: Counter,
    /// Their bytes, without the header of the element.
    pub(crate) rx_bytes: Counter,
    /// Packets not handed up for want of memory.
    pub(crate) rx_dropped: Counter,
    /// Overruns: how often the writer had overtaken the reader.
    pub(crate) rx_overruns: Counter,
    /// Elements lost in them.
    pub(crate) rx_missed: Counter,
    /// Elements whose contents are no packet.
    pub(crate) rx_malformed: Counter,
    /// Packets sent.
    pub(crate) tx_packets: Counter,
    /// Their bytes, with the header of the element.
    pub(crate) tx_bytes: Counter,
    /// Packets not sent.
    pub(crate) tx_dropped: Counter,
}

/// The counters of an interface.
pub(crate) type Counters = PerCpu<CpuCounters>;

impl Counters {
    /// Adds the sums to `stats`, with the meanings that users know of this driver: `rx_errors` is
    /// the sum of overruns and bad elements; elements lost in overruns are `rx_missed_errors`.
    pub(crate) fn sum(&self, stats: &mut LinkStats) {
        for cpu in self.iter() {
            stats.add_rx_packets(cpu.rx_packets.get());
            stats.add_rx_bytes(cpu.rx_bytes.get());
            stats.add_rx_dropped(cpu.rx_dropped.get());
            let overruns = cpu.rx_overruns.get();
            let malformed = cpu.rx_malformed.get();
            stats.add_rx_over_errors(overruns);
            stats.add_rx_frame_errors(malformed);
            stats.add_rx_errors(overruns.wrapping_add(malformed));
            stats.add_rx_missed_errors(cpu.rx_missed.get());
            stats.add_tx_packets(cpu.tx_packets.get());
            stats.add_tx_bytes(cpu.tx_bytes.get());
            stats.add_tx_dropped(cpu.tx_dropped.get());
        }
    }
}
