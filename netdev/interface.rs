// SPDX-License-Identifier: GPL-2.0

//! One interface: its life and its operations.

use super::{
    counters::{
        Counters,
        Sums, //
    },
    mode::Mode,
    poller::Poller,
    ports::Ports,
    receive::{
        Peer,
        Receiver, //
    },
    transmit::Sender, //
};
use crate::{
    abstractions::{
        ethtool,
        napi::{
            Poll,
            Polled, //
        },
        netdevice::{
            netdev_info,
            netdev_warn_ratelimited,
            Device,
            Irq,
            Operations, //
        },
        skbuff::SkBuff,
        stats::LinkStats, //
    },
    channel::{
        is_reply_epoch,
        Change, //
    }, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            ordering::Relaxed,
            Atomic,
            AtomicFlag, //
        },
        Arc, //
    }, //
};

/// An interface over a pair of channels; the data of its device.
///
/// The mappings go when the device is gone, after everybody who could touch them.
pub(crate) struct Interface {
    /// The name of the in channel; empty without one.
    pub(super) in_name: KVec<u8>,
    /// The name of the out channel; empty without one.
    pub(super) out_name: KVec<u8>,
    pub(super) receiver: Option<Pin<KBox<Receiver>>>,
    pub(super) sender: Option<Pin<KBox<Sender>>>,
    /// Of the out channel, or of the in channel if there is no other: for the log.
    pub(super) protocol: u64,
    /// The bytes of its region.
    pub(super) region_size: usize,
    pub(super) mode: Mode,
    /// The interrupt that wakes the receiver; without one the poller does.
    pub(super) irq: Option<Irq>,
    /// The longest period of the poller for this interface, in microseconds.
    pub(super) poll_us: Atomic<u32>,
    /// Whether the carrier follows the peer's epoch.
    pub(super) follow_peer: AtomicFlag,
    /// Whether the out channel begins anew when the peer does.
    pub(super) restart_with_peer: AtomicFlag,
    pub(super) counters: Counters,
    /// Other interfaces on the same channels.
    pub(super) ports: Pin<KBox<Ports>>,
    pub(super) poller: Arc<Poller>,
}

impl Interface {
    /// Whether a poll would find anything in the in channel. Any context.
    #[inline]
    fn has_pending(&self) -> bool {
        self.receiver
            .as_ref()
            .is_some_and(|receiver| receiver.has_pending())
    }

    /// How much it would find, as the peer tells.
    #[inline]
    pub(super) fn pending(&self) -> u64 {
        self.receiver.as_ref().map_or(0, |receiver| receiver.pending())
    }

    /// Whether the poller wakes the receiver.
    pub(super) fn is_polled(&self) -> bool {
        self.receiver.is_some() && self.irq.is_none()
    }

    /// Begins the out channel anew after the peer has, if that is asked for; see [`is_reply_epoch`].
    #[cold]
    fn answer(&self, change: &Change) {
        match (change, &self.sender) {
            (&Change::Activated { epoch, .. }, Some(sender))
                if self.restart_with_peer.load(Relaxed) && !is_reply_epoch(epoch) =>
            {
                sender.answer();
            }
            _ => {}
        }
    }

    /// Makes the carrier what it should be while the device is up: there, or following the peer.
    ///
    /// A poll and a user may do so at the same time: who comes last looks again at what the other
    /// one has changed before, for setting the carrier is a full barrier.
    pub(super) fn update_carrier(dev: &Device<Self>) {
        let this = dev.data();
        let wanted = || !this.follow_peer.load(Relaxed) || this.peer() == Some(Peer::Active);
        let mut on = wanted();
        loop {
            dev.set_carrier(on);
            let now = wanted();
            if now == on {
                break;
            }
            on = now;
        }
    }
}

/// Logs what the peer did, as seen at one poll.
#[cold]
fn report(dev: &Device<Interface>, change: &Change) {
    match change {
        Change::Activated { .. } | Change::Inactive => {}
        Change::Incompatible { reason, .. } => {
            netdev_warn_ratelimited!(dev, "Incompatible peer: {}\n", reason);
        }
        Change::Broken { reason, .. } => {
            netdev_warn_ratelimited!(dev, "Peer broke the protocol: {}\n", reason);
        }
    }
}

#[vtable]
impl Operations for Interface {
    fn open(dev: &Device<Self>) -> Result {
        let this = dev.data();
        let mtu = dev.mtu();
        let size = match &this.sender {
            Some(sender) => sender.start(mtu)?.size(),
            None => this.mode.element_size(mtu),
        };
        if let Some(receiver) = &this.receiver {
            receiver.start();
        }
        netdev_info!(
            dev,
            "Using protocol {}, channel/element size {:#x}/{:#x} bytes\n",
            this.protocol,
            this.region_size,
            size
        );
        Ok(())
    }

    fn start(dev: &Device<Self>) {
        let this = dev.data();
        Self::update_carrier(dev);
        if this.is_polled() {
            this.poller.attach(dev);
        }
    }

    fn quiesce(dev: &Device<Self>) {
        let this = dev.data();
        if this.is_polled() {
            this.poller.detach(dev);
        }
    }

    fn close(dev: &Device<Self>) {
        let this = dev.data();
        if let Some(receiver) = &this.receiver {
            receiver.stop();
        }
        if let Some(sender) = &this.sender {
            sender.stop();
        }
    }

    fn transmit(dev: &Device<Self>, skb: SkBuff, more: bool) {
        let this = dev.data();
        this.send(skb, more, this.counters.this_cpu());
        if this.sender.as_ref().is_some_and(|it| it.take_tag_warning()) {
            netdev_warn_ratelimited!(
                dev,
                "A tagged frame does not fit an element and is dropped: \
                 load with flags=eth_dev+vlan, or let the MTU of the VLAN be smaller by 4\n"
            );
        }
    }

    fn receives(dev: &Device<Self>) -> bool {
        dev.data().receiver.is_some()
    }

    fn poll(dev: &Device<Self>, poll: &Poll<'_>) -> Polled {
        let this = dev.data();
        let Some(receiver) = &this.receiver else {
            return Polled::Done(0);
        };
        let progress = receiver.poll(poll, &this.ports, this.counters.this_cpu());
        let mut changed = false;
        for change in progress.changes() {
            report(dev, change);
            this.answer(change);
            changed = true;
        }
        if changed && this.follow_peer.load(Relaxed) {
            Self::update_carrier(dev);
        }
        // What is left for other reasons than the budget (a peer whose epochs change all the time,
        // say) waits for the timer or, without one, until all others had their turn.
        if progress.more && progress.copied >= poll.budget() {
            Polled::Again
        } else {
            Polled::Done(progress.copied)
        }
    }

    fn rearmed(dev: &Device<Self>) -> bool {
        dev.data().irq.is_some() && dev.data().has_pending()
    }

    fn interrupted(dev: &Device<Self>) {
        // Hard interrupts of the line are the only ones to raise this counter.
        dev.data().counters.this_cpu().rx_interrupts.add(1);
    }

    fn stats(dev: &Device<Self>, stats: &mut LinkStats) {
        Sums::of(&dev.data().counters).add_to(stats);
    }

    fn ethtool() -> Option<ethtool::Table<Self>> {
        Some(ethtool::Table::new())
    }

    fn change_mtu(dev: &Device<Self>, mtu: u32) -> Result {
        match &dev.data().sender {
            Some(sender) => sender.change_mtu(mtu),
            None => Ok(()),
        }
    }
}
