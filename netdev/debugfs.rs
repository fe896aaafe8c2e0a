// SPDX-License-Identifier: GPL-2.0

//! The file `muennet/<interface>/info` in debugfs, in the format that users know.

use super::{
    device::Interface,
    rx::Peer,
    stats::Sums, //
};
use crate::{
    abstractions::{
        debugfs::{
            Show,
            Slot, //
        },
        netdevice::Device, //
    },
    channel::NO_REPORT, //
};
use kernel::{
    seq_file::SeqFile,
    seq_print,
    str::BStr,
    sync::atomic::ordering::Relaxed, //
};

impl Interface {
    /// Writes the lines that users know for an interface on these channels: this interface, or a
    /// child with its own counters. `mtu` is the MTU of that interface in bytes, `sums` are its
    /// counters. `up`: that interface is up, and so are the channels.
    pub(crate) fn describe(&self, mtu: u32, up: bool, sums: &Sums, out: &SeqFile) {
        seq_print!(
            out,
            "in/out: {}:{}\n",
            BStr::from_bytes(&self.in_name),
            BStr::from_bytes(&self.out_name)
        );
        seq_print!(out, "mtu: {}\n", mtu);
        seq_print!(out, "flags: {}\n", self.mode.flag().unwrap_or("(none)"));
        match self.irq {
            Some(irq) => seq_print!(out, "poll: never, interrupt {irq}\n"),
            None => seq_print!(out, "poll: every {} µs\n", self.poll_us.load(Relaxed)),
        }

        let ring = self.tx.as_ref().and_then(|it| it.geometry());
        let own = ring.map_or(self.mode.element_size(mtu), |ring| ring.size());
        match &self.tx {
            Some(_) if up => {
                seq_print!(out, "writer is enabled\n");
                seq_print!(out, "writer.element_size: {}\n", own);
            }
            _ => seq_print!(out, "writer is disabled\n"),
        }
        match &self.rx {
            Some(rx) if up => {
                seq_print!(out, "reader is enabled\n");
                let size = rx.geometry().map_or(own, |ring| ring.size());
                seq_print!(out, "reader.element_size: {}\n", size);
            }
            _ => seq_print!(out, "reader is disabled\n"),
        }

        seq_print!(out, "stats.rx_packets: {}\n", sums.rx_packets);
        seq_print!(out, "stats.rx_bytes: {}\n", sums.rx_bytes);
        seq_print!(out, "stats.rx_errors: {}\n", sums.rx_errors());
        seq_print!(out, "stats.rx_over_errors: {}\n", sums.rx_overruns);
        seq_print!(out, "stats.rx_frame_errors: {}\n", sums.rx_malformed);
        seq_print!(out, "stats.tx_packets: {}\n", sums.tx_packets);
        seq_print!(out, "stats.tx_bytes: {}\n", sums.tx_bytes);
    }
}

impl Show for Interface {
    fn debugfs(&self) -> &Slot<Self> {
        &self.debugfs
    }

    fn show(dev: &Device<Self>, out: &SeqFile) {
        let this = dev.data();
        this.describe(dev.mtu(), dev.is_running(), &this.sums(), out);
        let geometry = this.rx.as_ref().and_then(|it| it.geometry());
        if let Some(peer) = this.peer() {
            seq_print!(out, "peer: {}\n", peer.as_str());
            if let (Peer::Active, Some(ring)) = (peer, geometry) {
                seq_print!(out, "peer.elements: {}\n", ring.elements());
            }
        }
        if this.rx.is_some() && this.tx.is_some() {
            let (rx, tx) = this.pause();
            let word = |on| if on { "on" } else { "off" };
            let told = this.peer_report() != NO_REPORT;
            seq_print!(out, "pause: rx {}, tx {}\n", word(rx), word(tx));
            seq_print!(out, "peer told: {}\n", if told { "yes" } else { "no" });
        }
    }
}
