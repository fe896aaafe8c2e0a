// SPDX-License-Identifier: GPL-2.0

//! What `ethtool` shows of a child, and its file in debugfs: the channels are those of its parent,
//! the counters its own.

use super::device::Child;
use crate::abstractions::{
    ethtool::{
        EthtoolOperations,
        Text, //
    },
    netdevice::{
        Device,
        Inspect, //
    }, //
};
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print, //
};

#[vtable]
impl EthtoolOperations for Child {
    const DRIVER: &'static CStr = c"muennet";
    const STATISTICS: &'static [&'static str] = &[
        "rx_packets",
        "rx_bytes",
        "rx_down",
        "tx_packets",
        "tx_bytes",
        "tx_dropped",
        "tx_no_channel",
        "tx_too_big",
        "tx_fragmented",
    ];

    fn bus_info(dev: &Device<Self>, info: &mut Text<'_>) {
        let parent = dev.data().parent().data();
        info.push(parent.in_name());
        info.push(b":");
        info.push(parent.out_name());
    }

    fn statistics(dev: &Device<Self>, values: &mut [u64]) {
        let sums = dev.data().sums();
        let own = [
            sums.rx_packets,
            sums.rx_bytes,
            sums.rx_down,
            sums.tx_packets,
            sums.tx_bytes,
            sums.tx_dropped,
            sums.tx_no_channel,
            sums.tx_too_big,
            sums.tx_fragmented,
        ];
        for (value, number) in values.iter_mut().zip(own) {
            *value = number;
        }
    }
}

impl Inspect for Child {
    fn info(dev: &Device<Self>, out: &SeqFile) {
        let this = dev.data();
        let parent = this.parent();
        let up = dev.is_running() && parent.is_running();
        parent.data().describe(dev.mtu(), up, &this.sums(), out);
        seq_print!(out, "marks: {}\n", this.mark_count());
    }
}
