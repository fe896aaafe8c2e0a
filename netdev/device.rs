// SPDX-License-Identifier: GPL-2.0

//! One interface: its life and its operations.

use super::{
    endpoint::Endpoints,
    mode::Mode,
    params::MacAddress,
    poll_timer::PollTimer,
    rx::{
        Peer,
        RxChannel, //
    },
    stats::{
        Counters,
        CpuCounters,
        Sums, //
    },
    tx::TxChannel, //
};
use crate::{
    abstractions::{
        ethtool,
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
            RegisterError,
            Registration, //
        },
        skbuff::SkBuff,
        stats::LinkStats, //
    },
    channel::{
        is_reply_epoch,
        Change,
        Geometry,
        HEADER_SIZE, //
    },
    muen::event::Event, //
};
use core::{
    num::NonZeroU64,
    ops::RangeInclusive, //
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
    pub(super) receiver: Option<Pin<KBox<RxChannel>>>,
    pub(super) sender: Option<Pin<KBox<TxChannel>>>,
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
    pub(super) endpoints: Pin<KBox<Endpoints>>,
    pub(super) poller: Arc<PollTimer>,
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
        let progress = receiver.poll(poll, &this.endpoints, this.counters.this_cpu());
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

/// What there is to know of one direction of an interface.
pub(crate) struct ChannelInfo<'a> {
    /// The name of its channel.
    pub(crate) name: &'a [u8],
    /// The number that both ends agree on.
    pub(crate) protocol: u64,
    /// Bytes of the channel's region.
    pub(crate) region_size: usize,
    /// The elements of the current epoch; none if there is none, or none that is followed.
    pub(crate) ring: Option<Geometry>,
}

impl Interface {
    /// What the interfaces on channels of this mode are to the stack, but for their MTU. `pmtu`:
    /// packets must not be longer than their path's MTU.
    pub(super) fn link(mode: Mode, pmtu: bool) -> Link {
        let link = match mode {
            Mode::Raw => Link::point_to_point(),
            Mode::Ip => Link::point_to_point().carries_ip().checks_checksums(),
            // The other end has checked, or says that nothing has to be.
            Mode::Offload => Link::point_to_point().carries_ip(),
            Mode::Ethernet | Mode::Vlan => Link::ethernet().checks_checksums(),
        };
        let link = link.copies_and_checksums();
        match (mode, pmtu) {
            // Senders of packets that are too long are told so, by the route of the packet; and
            // each packet is judged as it is, for segments may be too long in their turn.
            (_, true) => link.keeps_dst(),
            // Whatever is in them is not known.
            (Mode::Raw, false) => link,
            (Mode::Ip | Mode::Offload | Mode::Ethernet | Mode::Vlan, false) => link.segments(),
        }
    }

    /// What another interface on the same channels is to the stack. Its MTU in bytes is `mtu`, or
    /// that of this interface, `own`, above which it must not be.
    ///
    /// # Errors
    ///
    /// The range in which its MTU can be.
    pub(crate) fn child_params(
        &self,
        mtu: Option<u32>,
        own: u32,
    ) -> Result<Link, RangeInclusive<u32>> {
        let range = *self.mode.mtu_range().start()..=own;
        let mtu = mtu.unwrap_or(own);
        if !range.contains(&mtu) {
            return Err(range);
        }
        let pmtu = self.sender.as_ref().is_some_and(|it| it.has_pmtu());
        Ok(Self::link(self.mode, pmtu).mtu(mtu, *range.start(), own))
    }

    /// What the elements of the channels hold.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// The other interfaces on the same channels.
    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Sends a packet, or drops it; either way `counters`, those of the sending interface, take
    /// note. `more`: another one follows at once.
    #[inline]
    pub(crate) fn send(&self, skb: SkBuff, more: bool, counters: &CpuCounters) {
        match &self.sender {
            Some(sender) => sender.transmit(skb, more, counters),
            // Without an out channel there is nowhere to send to.
            None => {
                counters.tx_no_channel.add(1);
                counters.tx_dropped.add(1);
            }
        }
    }

    /// The name of the in channel; empty without one.
    pub(crate) fn in_name(&self) -> &[u8] {
        &self.in_name
    }

    /// The name of the out channel; empty without one.
    pub(crate) fn out_name(&self) -> &[u8] {
        &self.out_name
    }

    /// What the interface has counted.
    pub(crate) fn sums(&self) -> Sums {
        Sums::of(&self.counters)
    }

    /// What the peer does with the in channel; none without one.
    pub(crate) fn peer(&self) -> Option<Peer> {
        self.receiver.as_ref().map(|receiver| receiver.peer())
    }

    /// The way in, if there is one.
    pub(crate) fn in_channel(&self) -> Option<ChannelInfo<'_>> {
        self.receiver.as_ref().map(|receiver| ChannelInfo {
            name: &self.in_name,
            protocol: receiver.protocol(),
            region_size: receiver.region_size(),
            ring: receiver.geometry(),
        })
    }

    /// The way out, if there is one.
    pub(crate) fn out_channel(&self) -> Option<ChannelInfo<'_>> {
        self.sender.as_ref().map(|sender| ChannelInfo {
            name: &self.out_name,
            protocol: sender.protocol(),
            region_size: sender.region_size(),
            ring: sender.geometry(),
        })
    }
}

/// One direction of an interface, ready to be used.
pub(crate) struct Channel<'a> {
    /// Its name in the subject information.
    pub(crate) name: &'a [u8],
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
    pub(crate) in_channel: Option<Channel<'a>>,
    /// The interrupt that is raised for packets; none: the channel is polled.
    pub(crate) irq: Option<Irq>,
    /// Where packets go to.
    pub(crate) out_channel: Option<Channel<'a>>,
    /// What tells the peer of them, if it wants to be told.
    pub(crate) event: Option<Event>,
    /// The table of path MTUs, in IP mode.
    pub(crate) pmtu: Option<Mapping>,
    /// Its address in Ethernet mode; none: a random one.
    pub(crate) mac: Option<MacAddress>,
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

    /// Registers the interface; it is down at first.
    ///
    /// # Errors
    ///
    /// As [`Registration::new`], and [`RegisterError::Device`] of `EINVAL` if the MTU is above
    /// [`Self::max_mtu`].
    pub(crate) fn register(
        self,
        poller: &Arc<PollTimer>,
    ) -> Result<Registration<Interface>, RegisterError> {
        let range = self.mode.mtu_range();
        let max_mtu = self.max_mtu();
        if self.mtu > max_mtu {
            return Err(EINVAL.into());
        }
        let Setup {
            name,
            mode,
            mtu,
            in_channel,
            irq,
            out_channel,
            event,
            pmtu,
            mac,
        } = self;
        let (mut protocol, mut region_size) = (0, 0);
        let (mut in_name, mut out_name) = (KVec::new(), KVec::new());

        let receiver = match in_channel {
            Some(Channel {
                name,
                mapping,
                protocol: number,
            }) => {
                in_name
                    .extend_from_slice(name, GFP_KERNEL)
                    .map_err(Error::from)?;
                (protocol, region_size) = (number.get(), mapping.size());
                Some(KBox::pin_init(
                    RxChannel::new(mapping, mode.wire_protocol(number), mode),
                    GFP_KERNEL,
                )?)
            }
            None => None,
        };
        let link = Interface::link(mode, pmtu.is_some());
        let sender = match out_channel {
            Some(Channel {
                name,
                mapping,
                protocol: number,
            }) => {
                out_name
                    .extend_from_slice(name, GFP_KERNEL)
                    .map_err(Error::from)?;
                (protocol, region_size) = (number.get(), mapping.size());
                Some(KBox::pin_init(
                    TxChannel::new(mapping, mode.wire_protocol(number), mode, event, pmtu),
                    GFP_KERNEL,
                )?)
            }
            None => None,
        };
        let link = mac.map_or(link, |mac| link.address(mac));
        let link = link.mtu(mtu, *range.start(), max_mtu);
        let interface = Interface {
            in_name,
            out_name,
            receiver,
            sender,
            protocol,
            region_size,
            mode,
            irq,
            poll_us: Atomic::new(poller.default_us()),
            follow_peer: AtomicFlag::new(false),
            restart_with_peer: AtomicFlag::new(false),
            counters: Counters::new()?,
            endpoints: KBox::pin_init(Endpoints::new(), GFP_KERNEL)?,
            poller: poller.clone(),
        };
        let registration = Registration::new(name, link, irq, Ok(interface))?;
        netdev_info!(registration.device(), "Interface added\n");
        Ok(registration)
    }
}
