// SPDX-License-Identifier: GPL-2.0

//! One interface: its life and its operations.

use super::{
    counters::Counters,
    mode::Mode,
    poller::Poller,
    receive::Receiver,
    transmit::Sender, //
};
use crate::{
    abstractions::{
        mapping::Mapping,
        napi::{
            Poll,
            Polled, //
        },
        netdevice::{
            netdev_info,
            netdev_warn_ratelimited,
            Device,
            Irq,
            Link,
            Operations,
            Registration, //
        },
        skbuff::SkBuff,
        stats::LinkStats, //
    },
    channel::{
        Change,
        HEADER_SIZE, //
    },
    muen::event::Event, //
};
use core::num::NonZeroU64;
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// One direction of an interface, ready to be used.
pub(crate) struct Channel {
    /// Its memory.
    pub(crate) mapping: Mapping,
    /// The number that both ends must agree on.
    pub(crate) protocol: NonZeroU64,
}

/// What an interface is made of.
pub(crate) struct Setup<'a> {
    /// Its name, in which `%d` stands for a number.
    pub(crate) name: &'a CStr,
    /// What the elements of its channels hold.
    pub(crate) mode: Mode,
    /// Its MTU at first, in bytes, within the range of the mode.
    pub(crate) mtu: u32,
    /// Where packets come from.
    pub(crate) in_channel: Option<Channel>,
    /// The interrupt that is raised for packets; none: the channel is polled.
    pub(crate) irq: Option<Irq>,
    /// Where packets go to.
    pub(crate) out_channel: Option<Channel>,
    /// What tells the peer of them, if it wants to be told.
    pub(crate) event: Option<Event>,
}

impl Setup<'_> {
    /// The largest MTU that the mode has and the out channel has room for, in bytes.
    pub(crate) fn max_mtu(&self) -> u32 {
        let largest = *self.mode.mtu_range().end();
        let Some(channel) = &self.out_channel else {
            return largest;
        };
        let overhead = HEADER_SIZE + self.mode.overhead();
        let room = channel.mapping.size().saturating_sub(overhead);
        u32::try_from(room).map_or(largest, |room| room.min(largest))
    }
}

/// An interface over a pair of channels; the data of its device.
///
/// The mappings go when the device is gone, after everybody who could touch them.
pub(crate) struct Interface {
    receiver: Option<Pin<KBox<Receiver>>>,
    sender: Option<Pin<KBox<Sender>>>,
    /// Of the out channel, or of the in channel if there is no other: for the log.
    protocol: u64,
    region_size: usize,
    mode: Mode,
    /// Whether an interrupt wakes the receiver, rather than the poller.
    irq: bool,
    counters: Counters,
    poller: Arc<Poller>,
}

impl Interface {
    /// Registers an interface; it is down at first.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the MTU is above [`Setup::max_mtu`], or there is no such interrupt.
    /// - `EBUSY`: somebody else has the interrupt.
    /// - `EEXIST`: the name is taken.
    /// - `ENOMEM`: there is no memory for it.
    pub(crate) fn register(setup: Setup<'_>, poller: &Arc<Poller>) -> Result<Registration<Self>> {
        let range = setup.mode.mtu_range();
        let max_mtu = setup.max_mtu();
        if setup.mtu > max_mtu {
            return Err(EINVAL);
        }
        let Setup {
            name,
            mode,
            mtu,
            in_channel,
            irq,
            out_channel,
            event,
        } = setup;
        let (mut protocol, mut region_size) = (0, 0);

        let receiver = match in_channel {
            Some(Channel {
                mapping,
                protocol: number,
            }) => {
                (protocol, region_size) = (number.get(), mapping.size());
                Some(KBox::pin_init(
                    Receiver::new(mapping, number, mode),
                    GFP_KERNEL,
                )?)
            }
            None => None,
        };
        let sender = match out_channel {
            Some(Channel {
                mapping,
                protocol: number,
            }) => {
                (protocol, region_size) = (number.get(), mapping.size());
                Some(KBox::pin_init(
                    Sender::new(mapping, number, mode, event),
                    GFP_KERNEL,
                )?)
            }
            None => None,
        };
        let link = match mode {
            Mode::Raw | Mode::Ip => Link::point_to_point(),
            Mode::Ethernet => Link::ethernet(),
        };
        let link = link
            .copies_and_checksums()
            .mtu(mtu, *range.start(), max_mtu);
        let interface = Self {
            receiver,
            sender,
            protocol,
            region_size,
            mode,
            irq: irq.is_some(),
            counters: Counters::new()?,
            poller: poller.clone(),
        };
        let registration = Registration::new(name, link, irq, Ok(interface))?;
        netdev_info!(registration.device(), "Interface added\n");
        Ok(registration)
    }

    /// Whether a poll would find anything in the in channel. Any context.
    #[inline]
    pub(super) fn has_news(&self) -> bool {
        self.receiver
            .as_ref()
            .is_some_and(|receiver| receiver.has_news())
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
        if this.receiver.is_some() && !this.irq {
            this.poller.attach(dev);
        }
    }

    fn quiesce(dev: &Device<Self>) {
        let this = dev.data();
        if this.receiver.is_some() && !this.irq {
            this.poller.detach(dev);
        }
    }

    fn close(dev: &Device<Self>) {
        if let Some(sender) = &dev.data().sender {
            sender.stop();
        }
    }

    fn transmit(dev: &Device<Self>, skb: SkBuff, more: bool) {
        let this = dev.data();
        let counters = this.counters.this_cpu();
        match &this.sender {
            Some(sender) => sender.transmit(skb, more, counters),
            // Without an out channel there is nowhere to send to.
            None => counters.tx_dropped.add(1),
        }
    }

    fn poll(dev: &Device<Self>, poll: &Poll<'_>) -> Polled {
        let this = dev.data();
        let Some(receiver) = &this.receiver else {
            return Polled::Done(0);
        };
        let progress = receiver.poll(poll, this.counters.this_cpu());
        for change in progress.changes() {
            report(dev, change);
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
        dev.data().irq && dev.data().has_news()
    }

    fn interrupted(_dev: &Device<Self>) {}

    fn stats(dev: &Device<Self>, stats: &mut LinkStats) {
        dev.data().counters.sum(stats);
    }

    fn change_mtu(dev: &Device<Self>, mtu: u32) -> Result {
        match &dev.data().sender {
            Some(sender) => sender.change_mtu(mtu),
            None => Ok(()),
        }
    }
}
