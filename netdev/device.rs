// SPDX-License-Identifier: GPL-2.0

//! The network device of an interface.
//!
//! - [`Setup`]: the parameters and resources of a new interface. [`Setup::register`] registers its
//!   device.
//! - [`Interface`]: the private data of the device. It implements the net_device operations
//!   ([`Operations`]) and the NAPI operations ([`NapiOperations`]). Child interfaces, which use the
//!   same channels, and the netlink family use its other methods.
//! - [`MappedChannel`]: a mapped channel of a new interface. [`ChannelInfo`]: the parameters of a
//!   channel, for users.

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
        debugfs,
        ethtool,
        irq::Irq,
        mapping::Mapping,
        napi::{
            Context,
            NapiOperations,
            Poll,
            PollResult, //
        },
        netdevice::{
            netdev_info,
            netdev_warn_ratelimited,
            Device,
            DeviceParams,
            EthtoolOps,
            Operations,
            RegisterError,
            Registration, //
        },
        rtnl::RtnlCell,
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

/// The private data of the device of an interface: a pair of channels and all that uses them.
///
/// The channels are unmapped when the device is freed, after the last access to them.
pub(crate) struct Interface {
    /// The name of the in channel; empty if there is none.
    pub(super) in_name: KVec<u8>,
    /// The name of the out channel; empty if there is none.
    pub(super) out_name: KVec<u8>,
    pub(super) rx: Option<Pin<KBox<RxChannel>>>,
    pub(super) tx: Option<Pin<KBox<TxChannel>>>,
    /// The configured protocol number of the out channel, or of the in channel if there is no out
    /// channel. For the log.
    pub(super) protocol: u64,
    /// The size of the region of the same channel in bytes. For the log.
    pub(super) region_size: usize,
    pub(super) mode: Mode,
    /// The interrupt that schedules NAPI. Without an interrupt, the poll timer schedules it.
    pub(super) irq: Option<Irq>,
    /// The longest period of the poll timer for this interface, in microseconds.
    pub(super) poll_us: Atomic<u32>,
    /// Whether the carrier follows the peer's epoch: the private flag `carrier-follows-peer`.
    pub(super) follow_peer: AtomicFlag,
    /// Whether the out channel starts a new epoch when the peer does: the private flag
    /// `restart-with-peer`.
    pub(super) restart_with_peer: AtomicFlag,
    pub(super) counters: Counters,
    /// The child interfaces on the same channels, and their marks.
    pub(super) endpoints: Pin<KBox<Endpoints>>,
    pub(super) poll_timer: Arc<PollTimer>,
    /// The directory in debugfs.
    pub(super) debugfs: debugfs::Slot<Interface>,
}

impl Interface {
    /// Returns how many elements a poll would find, as reported by the peer; 0 without an in
    /// channel. Any other change of the channel counts as one element.
    #[inline]
    pub(super) fn pending_elements(&self) -> u64 {
        self.rx.as_ref().map_or(0, |rx| rx.pending_elements())
    }

    /// Returns whether the poll timer schedules NAPI: there is an in channel without an interrupt.
    pub(super) fn is_polled(&self) -> bool {
        self.rx.is_some() && self.irq.is_none()
    }

    /// Starts a new epoch of the out channel after the peer has started one, if
    /// `restart-with-peer` is set. An epoch of the peer that is itself a reply is not answered: see
    /// [`is_reply_epoch`].
    #[cold]
    fn restart_for_peer(&self, change: &Change) {
        match (change, &self.tx) {
            (&Change::Activated { epoch, .. }, Some(tx))
                if self.restart_with_peer.load(Relaxed) && !is_reply_epoch(epoch) =>
            {
                tx.restart_for_peer();
            }
            _ => {}
        }
    }
}

/// Logs a change of the peer that a poll has found.
#[cold]
fn log_change(dev: &Device<Interface>, change: &Change) {
    match change {
        Change::Activated { .. } | Change::Inactive => {}
        Change::Incompatible { reason, .. } => {
            netdev_warn_ratelimited!(dev, "Incompatible peer: {}\n", reason);
        }
        Change::Broken { reason, .. } => {
            netdev_warn_ratelimited!(
                dev,
                "Peer violates the protocol, ignored until its next epoch: {}\n",
                reason
            );
        }
    }
}

#[vtable]
impl Operations for Interface {
    type Receive = Context<Self>;

    fn open(dev: &Device<Self>) -> Result {
        let this = dev.data();
        let mtu = dev.mtu();
        let size = match &this.tx {
            Some(tx) => tx.open(mtu)?.size(),
            None => this.mode.element_size(mtu),
        };
        if let Some(rx) = &this.rx {
            rx.open();
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

    /// Sets the carrier. It is on, or follows the peer if `carrier-follows-peer` is set.
    ///
    /// A poll and `ethtool` may call this at the same time. Each call sets the carrier, which is a
    /// full barrier, and then checks whether the other one has changed the flag or the state of the
    /// peer in the meantime.
    fn update_carrier(dev: &Device<Self>) {
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

    /// The interrupt or the timer, NAPI and the carrier are off already: see
    /// [`napi`](crate::abstractions::napi). This ends the epochs of both channels.
    fn stop(dev: &Device<Self>) {
        let this = dev.data();
        if let Some(rx) = &this.rx {
            rx.stop();
        }
        if let Some(tx) = &this.tx {
            tx.stop();
        }
    }

    fn start_xmit(dev: &Device<Self>, skb: SkBuff, xmit_more: bool) {
        let this = dev.data();
        this.transmit(skb, xmit_more, this.counters.this_cpu());
        if this.tx.as_ref().is_some_and(|it| it.take_due_tag_warning()) {
            netdev_warn_ratelimited!(
                dev,
                "A tagged frame does not fit an element and is dropped: \
                 load with flags=eth_dev+vlan, or lower the MTU of the VLAN by 4\n"
            );
        }
    }

    fn get_stats64(dev: &Device<Self>, stats: &mut LinkStats) {
        Sums::of(&dev.data().counters).add_to(stats);
    }

    fn change_mtu(dev: &Device<Self>, mtu: u32) -> Result {
        match &dev.data().tx {
            Some(tx) => tx.change_mtu(mtu),
            None => Ok(()),
        }
    }

    fn ethtool_ops() -> Option<EthtoolOps<Self>> {
        Some(ethtool::ops())
    }
}

impl NapiOperations for Interface {
    fn has_rx_queue(dev: &Device<Self>) -> bool {
        dev.data().rx.is_some()
    }

    fn start_polling(dev: &Device<Self>) {
        let this = dev.data();
        if this.is_polled() {
            this.poll_timer.attach(dev);
        }
    }

    fn stop_polling(dev: &Device<Self>) {
        let this = dev.data();
        if this.is_polled() {
            this.poll_timer.detach(dev);
        }
    }

    fn poll(dev: &Device<Self>, poll: &Poll<'_>) -> PollResult {
        let this = dev.data();
        let Some(rx) = &this.rx else {
            return PollResult::Complete(0);
        };
        let progress = rx.poll(poll, &this.endpoints, this.counters.this_cpu());
        let mut changed = false;
        for change in progress.changes() {
            log_change(dev, change);
            this.restart_for_peer(change);
            changed = true;
        }
        if changed && this.follow_peer.load(Relaxed) {
            Self::update_carrier(dev);
        }
        // If the poll ended with elements left and budget left, the peer changes its epoch all the
        // time. The rest then waits for the timer or, on an interface with an interrupt, for the
        // other NAPI instances.
        if progress.more && progress.copied >= poll.budget() {
            PollResult::Repoll
        } else {
            PollResult::Complete(progress.copied)
        }
    }

    fn has_pending(dev: &Device<Self>) -> bool {
        let this = dev.data();
        this.irq.is_some() && this.rx.as_ref().is_some_and(|rx| rx.has_pending())
    }

    fn interrupt(dev: &Device<Self>) {
        // Only the hard interrupt handler of this device changes this counter.
        dev.data().counters.this_cpu().rx_interrupts.add(1);
    }
}

/// The parameters of one channel of an interface, for users.
pub(crate) struct ChannelInfo<'a> {
    /// The name of the channel.
    pub(crate) name: &'a [u8],
    /// The protocol number in the header of the channel, the same at both ends: see
    /// [`Mode::wire_protocol`].
    pub(crate) protocol: u64,
    /// The size of the channel's region in bytes.
    pub(crate) region_size: usize,
    /// The ring of the current epoch; [`None`] if there is no epoch, or the reader does not follow
    /// it.
    pub(crate) ring: Option<Geometry>,
}

impl Interface {
    /// Returns the device parameters of an interface in this mode, except for the MTU. `pmtu`:
    /// whether a table of path MTUs limits the length of packets.
    pub(super) fn device_params(mode: Mode, pmtu: bool) -> DeviceParams {
        let params = match mode {
            Mode::Raw => DeviceParams::point_to_point(),
            Mode::Ip => DeviceParams::point_to_point().ip_header_ops().rxcsum(),
            // Without RXCSUM: the peer has verified the checksums, or its offloads say that they
            // need no verification.
            Mode::Offload => DeviceParams::point_to_point().ip_header_ops(),
            Mode::Ethernet | Mode::Vlan => DeviceParams::ethernet().rxcsum(),
        };
        let params = params.sg_hw_csum();
        match (mode, pmtu) {
            // The ICMP error for a packet that is too long needs the route of the packet. Without
            // segmentation offloads: the path MTU is looked up for each packet as it is sent, and
            // segments of a larger packet may be too long for it as well.
            (_, true) => params.keep_dst(),
            // The format of the packets is unknown, so they cannot be segmented.
            (Mode::Raw, false) => params,
            (Mode::Ip | Mode::Offload | Mode::Ethernet | Mode::Vlan, false) => params.tso_udp_l4(),
        }
    }

    /// Returns the device parameters of a child interface on the same channels. Its MTU in bytes is
    /// `mtu`, by default that of this interface, `parent_mtu`, which is also the largest one.
    ///
    /// # Errors
    ///
    /// - The range of valid MTUs in bytes, if `mtu` is outside of it.
    pub(crate) fn child_params(
        &self,
        mtu: Option<u32>,
        parent_mtu: u32,
    ) -> Result<DeviceParams, RangeInclusive<u32>> {
        let range = *self.mode.mtu_range().start()..=parent_mtu;
        let mtu = mtu.unwrap_or(parent_mtu);
        if !range.contains(&mtu) {
            return Err(range);
        }
        let pmtu = self.tx.as_ref().is_some_and(|it| it.has_pmtu());
        Ok(Self::device_params(self.mode, pmtu).mtu(mtu, *range.start(), parent_mtu))
    }

    /// Returns the mode of the interface: what the elements of its channels hold.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns the child interfaces on the same channels, and their marks.
    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Transmits a packet or drops it, and counts the result in `counters`, those of the sending
    /// interface. `xmit_more`: another packet follows at once, as `netdev_xmit_more()` says.
    #[inline]
    pub(crate) fn transmit(&self, skb: SkBuff, xmit_more: bool, counters: &CpuCounters) {
        match &self.tx {
            Some(tx) => tx.transmit(skb, xmit_more, counters),
            // The interface has no out channel.
            None => {
                counters.tx_no_channel.add(1);
                counters.tx_dropped.add(1);
            }
        }
    }

    /// Returns the name of the in channel; empty if there is none.
    pub(crate) fn in_name(&self) -> &[u8] {
        &self.in_name
    }

    /// Returns the name of the out channel; empty if there is none.
    pub(crate) fn out_name(&self) -> &[u8] {
        &self.out_name
    }

    /// Returns the counters of the interface, summed over all CPUs.
    pub(crate) fn sums(&self) -> Sums {
        Sums::of(&self.counters)
    }

    /// Returns the state of the peer on the in channel; [`None`] without an in channel.
    pub(crate) fn peer(&self) -> Option<Peer> {
        self.rx.as_ref().map(|rx| rx.peer())
    }

    /// Returns the parameters of the in channel, if there is one.
    pub(crate) fn in_channel(&self) -> Option<ChannelInfo<'_>> {
        self.rx.as_ref().map(|rx| ChannelInfo {
            name: &self.in_name,
            protocol: rx.protocol(),
            region_size: rx.region_size(),
            ring: rx.geometry(),
        })
    }

    /// Returns the parameters of the out channel, if there is one.
    pub(crate) fn out_channel(&self) -> Option<ChannelInfo<'_>> {
        self.tx.as_ref().map(|tx| ChannelInfo {
            name: &self.out_name,
            protocol: tx.protocol(),
            region_size: tx.region_size(),
            ring: tx.geometry(),
        })
    }
}

/// A mapped channel: one direction of an interface.
pub(crate) struct MappedChannel<'a> {
    /// The name of the channel in the subject information.
    pub(crate) name: &'a [u8],
    /// The memory of the channel.
    pub(crate) mapping: Mapping,
    /// The configured protocol number, the same at both ends.
    pub(crate) protocol: NonZeroU64,
}

/// The parameters and resources of a new interface.
pub(crate) struct Setup<'a> {
    /// The name of the interface, in which `%d` stands for a number.
    pub(crate) name: &'a CStr,
    /// The mode: what the elements of the channels hold.
    pub(crate) mode: Mode,
    /// The initial MTU in bytes, within the range of the mode.
    pub(crate) mtu: u32,
    /// The channel that packets are received from.
    pub(crate) in_channel: Option<MappedChannel<'a>>,
    /// The interrupt that is raised for new elements; [`None`]: the in channel is polled.
    pub(crate) irq: Option<Irq>,
    /// The channel that packets are sent to.
    pub(crate) out_channel: Option<MappedChannel<'a>>,
    /// The event that notifies the peer of new elements, if the out channel has one.
    pub(crate) event: Option<Event>,
    /// The table of path MTUs, in IP mode only.
    pub(crate) pmtu: Option<Mapping>,
    /// The MAC address in Ethernet mode; [`None`]: a random one.
    pub(crate) mac: Option<MacAddress>,
}

impl Setup<'_> {
    /// Returns the largest MTU in bytes that the mode allows and that the out channel has room for.
    pub(crate) fn max_mtu(&self) -> u32 {
        let largest = *self.mode.mtu_range().end();
        let Some(channel) = &self.out_channel else {
            return largest;
        };
        let overhead = HEADER_SIZE + self.mode.overhead();
        let room = channel.mapping.size().saturating_sub(overhead);
        u32::try_from(room).map_or(largest, |room| room.min(largest))
    }

    /// Registers the device of the interface. It is down at first.
    ///
    /// # Errors
    ///
    /// - Those of [`Registration::new`].
    /// - [`RegisterError::Device`] with `EINVAL`: the MTU is above [`Self::max_mtu`].
    /// - [`RegisterError::Device`] with `ENOMEM`: there is no memory for the interface.
    pub(crate) fn register(
        self,
        poll_timer: &Arc<PollTimer>,
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

        let rx = match in_channel {
            Some(MappedChannel {
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
        let params = Interface::device_params(mode, pmtu.is_some());
        let tx = match out_channel {
            Some(MappedChannel {
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
        let params = mac.map_or(params, |mac| params.address(mac));
        let params = params.mtu(mtu, *range.start(), max_mtu);
        let interface = Interface {
            in_name,
            out_name,
            rx,
            tx,
            protocol,
            region_size,
            mode,
            irq,
            poll_us: Atomic::new(poll_timer.default_us()),
            follow_peer: AtomicFlag::new(false),
            restart_with_peer: AtomicFlag::new(false),
            counters: Counters::new()?,
            endpoints: KBox::pin_init(Endpoints::new(), GFP_KERNEL)?,
            poll_timer: poll_timer.clone(),
            debugfs: RtnlCell::new(None),
        };
        let registration = Registration::new(name, params, irq, Ok(interface))?;
        netdev_info!(registration.device(), "Interface added\n");
        Ok(registration)
    }
}
