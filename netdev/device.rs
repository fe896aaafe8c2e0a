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
    endpoint::{
        EndpointId,
        Endpoints, //
    },
    mode::Mode,
    params::{
        Conflict,
        MacAddress,
        Settings, //
    },
    pause::Sender,
    poll_interval::SHORTEST_US,
    poll_timer::PollTimer,
    rx::{
        Peer,
        RxChannel, //
    },
    stats::{
        Counters,
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
            synchronize_net,
            Device,
            DeviceParams,
            DeviceType,
            DriverDevice,
            EthtoolOps,
            FeaturesCheck,
            Operations,
            RegisterError,
            Registration, //
        },
        netns::Net,
        rtnl::{
            Rtnl,
            RtnlCell, //
        },
        skbuff::SkBuff,
        stats::LinkStats, //
    },
    channel::{
        is_reply_epoch,
        Change,
        Geometry,
        HEADER_SIZE,
        NO_REPORT, //
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
    },
    time::{
        Instant,
        Monotonic, //
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
    /// The name of the region with the path MTUs; empty if there is none.
    pmtu_name: KVec<u8>,
    /// The configured MAC address.
    mac: Option<MacAddress>,
    /// The configured protocol numbers of the in channel and of the out channel; 0 if there is
    /// none.
    protocols: (u64, u64),
    pub(super) rx: Option<Pin<KBox<RxChannel>>>,
    pub(super) tx: Option<Pin<KBox<TxChannel>>>,
    /// The configured protocol number of the out channel, or of the in channel if there is no out
    /// channel. For the log.
    pub(super) protocol: u64,
    /// The size of the region of the same channel in bytes. For the log.
    pub(super) region_size: usize,
    pub(super) mode: Mode,
    /// The number of the interrupt that schedules NAPI. Without an interrupt, the poll timer
    /// schedules it.
    pub(super) irq: Option<u32>,
    /// The longest period of the poll timer for this interface, in microseconds.
    pub(super) poll_us: Atomic<u32>,
    /// Whether the carrier follows the peer's epoch: the private flag `carrier-follows-peer`.
    pub(super) follow_peer: AtomicFlag,
    /// Whether the out channel starts a new epoch when the peer does: the private flag
    /// `restart-with-peer`.
    pub(super) restart_with_peer: AtomicFlag,
    /// Flow control: whether senders stop for the peer. Only with both channels.
    pub(super) rx_pause: AtomicFlag,
    /// Flow control: whether this end reports to the peer how far it has read. Only with both
    /// channels.
    pub(super) tx_pause: AtomicFlag,
    /// Whether the ring of the peer was nearly full in the last poll.
    nearly_full: AtomicFlag,
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
    fn restart_for_peer(dev: &Device<Self>, change: &Change) {
        let this = dev.data();
        match (change, &this.tx) {
            (&Change::Activated { epoch, .. }, Some(tx))
                if this.restart_with_peer.load(Relaxed) && !is_reply_epoch(epoch) =>
            {
                tx.restart_for_peer(dev);
            }
            _ => {}
        }
    }

    /// Returns the report of the peer's reader, [`NO_REPORT`] without one.
    pub(super) fn peer_report(&self) -> u64 {
        self.rx.as_ref().map_or(NO_REPORT, |rx| rx.peer_report())
    }

    /// The part of a poll for flow control, after packets have been received: reports to the peer
    /// how far this end has read, and looks at the peer's report. `nearly_full`: the peer's ring
    /// was nearly full before.
    #[inline(never)]
    fn poll_pause(dev: &Device<Self>, rx: &RxChannel, nearly_full: bool) {
        let this = dev.data();
        let Some(tx) = &this.tx else { return };
        let reports = this.tx_pause.load(Relaxed);
        tx.poll(dev, rx.report());
        if !reports {
            return;
        }
        // Once, when the peer's senders may continue.
        let before = this.nearly_full.load(Relaxed);
        if nearly_full && !before {
            tx.count_nearly_full();
        }
        let now = (nearly_full || before) && rx.is_nearly_full();
        this.nearly_full.store(now, Relaxed);
        if (nearly_full || before) && !now {
            tx.notify_of_room();
        }
    }

    /// Calls `f` for the interface and each of its children.
    fn for_each_sender(&self, dev: &Device<Self>, f: impl Fn(&DriverDevice)) {
        f(dev.as_driver_device());
        let mut next = 1;
        while let Some((endpoint, _)) = self.endpoints.next(next) {
            next = endpoint.id().saturating_add(1);
            f(endpoint.device());
        }
    }

    /// Turns flow control on or off: whether senders stop for the peer (`rx`), and whether this end
    /// reports to the peer (`tx`).
    ///
    /// # Errors
    ///
    /// - `EOPNOTSUPP`: the interface has only one channel.
    pub(super) fn set_pause(dev: &Device<Self>, rx: bool, tx: bool, rtnl: &Rtnl) -> Result {
        let this = dev.data();
        let (Some(_), Some(channel)) = (&this.rx, &this.tx) else {
            return match rx || tx {
                true => Err(EOPNOTSUPP),
                false => Ok(()),
            };
        };
        this.tx_pause.store(tx, Relaxed);
        channel.set_reports(tx);
        this.nearly_full.store(false, Relaxed);
        if rx != this.rx_pause.load(Relaxed) {
            // The senders must not stop unless packets wait in a queueing discipline.
            if !rx {
                let begin = Instant::<Monotonic>::now();
                this.for_each_sender(dev, |sender| {
                    let ms = DRAIN_MS.saturating_sub(begin.elapsed().as_millis());
                    sender.drain_qdisc(u32::try_from(ms).unwrap_or(0), rtnl);
                });
                channel.set_pause(dev, false);
            }
            let max_segs = rx.then(|| channel.gso_max_segs(dev.mtu()));
            this.for_each_sender(dev, |sender| sender.set_queueing(max_segs, rtnl));
            this.rx_pause.store(rx, Relaxed);
            if rx {
                synchronize_net();
                channel.set_pause(dev, true);
            }
        }
        if dev.is_running() {
            // Stores the report.
            dev.schedule_napi();
        }
        Ok(())
    }
}

/// How long packets that wait may be sent after flow control has been turned off, in milliseconds.
const DRAIN_MS: i64 = 100;

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

/// The device type of main interfaces, for udev.
static TYPE: DeviceType = DeviceType::new(c"muennet");

#[vtable]
impl Operations for Interface {
    type Receive = Context<Self>;

    const TYPE: Option<&'static DeviceType> = Some(&TYPE);
    const FEATURES_CHECK: Option<FeaturesCheck> = Some(FeaturesCheck::GSO_HEADER_MAX);

    fn open(dev: &Device<Self>) -> Result {
        let this = dev.data();
        let mtu = dev.mtu();
        let size = match &this.tx {
            Some(tx) => tx.open(dev, mtu)?.size(),
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
            tx.stop(dev);
        }
    }

    fn start_xmit<'a>(
        dev: &Device<Self>,
        skb: SkBuff<'a>,
        xmit_more: bool,
    ) -> Result<(), SkBuff<'a>> {
        let this = dev.data();
        let sender = Sender {
            interface: dev,
            dev: dev.as_driver_device(),
            counters: this.counters.this_cpu(),
        };
        let result = this.transmit(skb, xmit_more, &sender);
        if this.tx.as_ref().is_some_and(|it| it.take_due_tag_warning()) {
            netdev_warn_ratelimited!(
                dev,
                "A tagged frame does not fit an element and is dropped: \
                 load with flags=eth_dev+vlan, or lower the MTU of the VLAN by 4\n"
            );
        }
        result
    }

    fn get_stats64(dev: &Device<Self>, stats: &mut LinkStats) {
        Sums::of(&dev.data().counters).add_to(stats);
    }

    fn change_mtu(dev: &Device<Self>, mtu: u32, rtnl: &Rtnl) -> Result {
        let this = dev.data();
        let Some(tx) = &this.tx else { return Ok(()) };
        tx.change_mtu(dev, mtu)?;
        if this.rx_pause.load(Relaxed) {
            let max_segs = tx.gso_max_segs(mtu);
            this.for_each_sender(dev, |sender| sender.limit_gso(max_segs, rtnl));
        }
        Ok(())
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
        let pause = this.rx_pause.load(Relaxed) || this.tx_pause.load(Relaxed);
        let nearly_full = pause && rx.is_nearly_full();
        let progress = rx.poll(poll, &this.endpoints, this.counters.this_cpu());
        if pause {
            Self::poll_pause(dev, rx, nearly_full);
        }
        let mut changed = false;
        for change in progress.changes() {
            log_change(dev, change);
            Self::restart_for_peer(dev, change);
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
        // Only the handler of this interrupt changes this counter, and it runs with interrupts off
        // on one CPU at a time, also in a thread (`threadirqs`). With CONFIG_PREEMPT_RT the thread
        // may be preempted and migrate, but the addition is atomic.
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
    /// The configured protocol number.
    pub(crate) configured: u64,
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
        let params = params.sg_hw_csum().vlan_features();
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

    /// Transmits a packet or drops it, and counts the result in the counters of `sender`: this
    /// interface or a child. `xmit_more`: another packet follows at once, as `netdev_xmit_more()`
    /// says.
    ///
    /// # Errors
    ///
    /// - The packet: there is no room for it, and the queue of the sender is stopped.
    #[inline]
    pub(crate) fn transmit<'a>(
        &self,
        skb: SkBuff<'a>,
        xmit_more: bool,
        sender: &Sender<'_>,
    ) -> Result<(), SkBuff<'a>> {
        match &self.tx {
            Some(tx) => tx.transmit(skb, xmit_more, sender),
            // The interface has no out channel.
            None => {
                sender.counters.tx_no_channel.add(1);
                sender.counters.tx_dropped.add(1);
                Ok(())
            }
        }
    }

    /// Adds a child as an endpoint. Its queue may wait for that of this interface. May sleep.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: out of memory.
    pub(crate) fn add_endpoint(
        &self,
        dev: &DriverDevice,
        counters: &Arc<Counters>,
    ) -> Result<EndpointId> {
        if let Some(tx) = &self.tx {
            tx.reserve_waiting(self.endpoints.len().saturating_add(1))?;
        }
        self.endpoints.add(dev, counters)
    }

    /// Gives a new child of `dev` a queueing discipline if `dev` has one because of flow control.
    pub(crate) fn set_queueing_of(dev: &Device<Self>, child: &DriverDevice, rtnl: &Rtnl) {
        let this = dev.data();
        if let (true, Some(tx)) = (this.rx_pause.load(Relaxed), &this.tx) {
            child.set_queueing(Some(tx.gso_max_segs(dev.mtu())), rtnl);
        }
    }

    /// A child goes down: its queue does not wait for that of this interface.
    pub(crate) fn forget_waiting(&self, dev: &DriverDevice) {
        if let Some(tx) = &self.tx {
            tx.forget_waiting(dev);
        }
    }

    /// Returns whether senders stop for the peer, and whether this end reports to the peer.
    pub(crate) fn pause(&self) -> (bool, bool) {
        (self.rx_pause.load(Relaxed), self.tx_pause.load(Relaxed))
    }

    /// Returns the name of the in channel; empty if there is none.
    pub(crate) fn in_name(&self) -> &[u8] {
        &self.in_name
    }

    /// Returns the name of the out channel; empty if there is none.
    pub(crate) fn out_name(&self) -> &[u8] {
        &self.out_name
    }

    /// Returns the name of the region with the path MTUs; empty if there is none.
    pub(crate) fn pmtu_name(&self) -> &[u8] {
        &self.pmtu_name
    }

    /// Returns the MAC address with which the interface was configured; [`None`]: a random one, or
    /// no Ethernet mode.
    pub(crate) fn configured_mac(&self) -> Option<MacAddress> {
        self.mac
    }

    /// Returns the longest period of the poll timer for this interface in microseconds; [`None`] if
    /// it is not polled.
    pub(crate) fn poll_us(&self) -> Option<u32> {
        self.is_polled().then(|| self.poll_us.load(Relaxed))
    }

    /// Returns the settings that can change while the interface exists.
    pub(crate) fn settings(&self) -> Settings {
        let (rx_pause, tx_pause) = self.pause();
        Settings {
            follow_peer: self.follow_peer.load(Relaxed),
            restart_with_peer: self.restart_with_peer.load(Relaxed),
            rx_pause,
            tx_pause,
        }
    }

    /// Checks that the interface supports settings.
    ///
    /// # Errors
    ///
    /// - As [`Settings::check`].
    pub(crate) fn check_settings(&self, settings: Settings) -> Result<(), Conflict> {
        settings.check(self.mode, self.rx.is_some(), self.tx.is_some())
    }

    /// Changes the settings to `settings`.
    ///
    /// # Errors
    ///
    /// Nothing changes on an error.
    ///
    /// - As [`Settings::check`].
    pub(crate) fn set_settings(
        dev: &Device<Self>,
        settings: Settings,
        rtnl: &Rtnl,
    ) -> Result<(), Conflict> {
        let this = dev.data();
        this.check_settings(settings)?;
        this.follow_peer.store(settings.follow_peer, Relaxed);
        this.restart_with_peer
            .store(settings.restart_with_peer, Relaxed);
        if dev.is_running() {
            Self::update_carrier(dev);
        }
        let pause = (settings.rx_pause, settings.tx_pause);
        if this.pause() != pause {
            // Only an interface with one channel fails.
            let _ = Self::set_pause(dev, pause.0, pause.1, rtnl);
        }
        Ok(())
    }

    /// Sets the longest period of the poll timer for this interface, in microseconds.
    ///
    /// # Errors
    ///
    /// - `EOPNOTSUPP`: the interface is not polled.
    pub(crate) fn set_poll_us(&self, us: u32) -> Result {
        if !self.is_polled() {
            return Err(EOPNOTSUPP);
        }
        self.poll_us.store(us.max(SHORTEST_US), Relaxed);
        self.poll_timer.refresh();
        Ok(())
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
            configured: self.protocols.0,
            region_size: rx.region_size(),
            ring: rx.geometry(),
        })
    }

    /// Returns the parameters of the out channel, if there is one.
    pub(crate) fn out_channel(&self) -> Option<ChannelInfo<'_>> {
        self.tx.as_ref().map(|tx| ChannelInfo {
            name: &self.out_name,
            protocol: tx.protocol(),
            configured: self.protocols.1,
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
    /// The initial settings, which the interface must support: see [`Settings::check`].
    pub(crate) settings: Settings,
    /// The longest poll period in microseconds; [`None`]: the default.
    pub(crate) poll_us: Option<u32>,
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
    /// The name of the region with the path MTUs; empty if there is none.
    pub(crate) pmtu_name: &'a [u8],
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

    /// Registers the device of the interface in `net`. It is down at first. Calls `registered`
    /// before the RTNL is released.
    ///
    /// # Errors
    ///
    /// - Those of [`Registration::new`].
    /// - [`RegisterError::Device`] with `EINVAL`: the MTU is above [`Self::max_mtu`].
    /// - [`RegisterError::Device`] with `ENOMEM`: there is no memory for the interface.
    pub(crate) fn register(
        self,
        net: &Net,
        poll_timer: &Arc<PollTimer>,
        registered: impl FnOnce(&Device<Interface>, &Rtnl),
    ) -> Result<Registration<Interface>, RegisterError> {
        let range = self.mode.mtu_range();
        let max_mtu = self.max_mtu();
        if self.mtu > max_mtu {
            return Err(EINVAL.into());
        }
        let Setup {
            name,
            mode,
            settings,
            poll_us,
            mtu,
            in_channel,
            irq,
            out_channel,
            event,
            pmtu_name: region,
            pmtu,
            mac,
        } = self;
        let (mut protocol, mut region_size) = (0, 0);
        let (mut in_name, mut out_name, mut pmtu_name) = (KVec::new(), KVec::new(), KVec::new());
        pmtu_name
            .extend_from_slice(region, GFP_KERNEL)
            .map_err(Error::from)?;
        let mut protocols = (0, 0);

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
                protocols.0 = number.get();
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
                protocols.1 = number.get();
                Some(KBox::pin_init(
                    TxChannel::new(mapping, mode.wire_protocol(number), mode, event, pmtu),
                    GFP_KERNEL,
                )?)
            }
            None => None,
        };
        let params = mac.map_or(params, |mac| params.address(mac));
        let params = params
            .mtu(mtu, *range.start(), max_mtu)
            .byte_queue_limits(rx.is_some() && tx.is_some());
        let interface = Interface {
            in_name,
            out_name,
            pmtu_name,
            mac,
            protocols,
            rx,
            tx,
            protocol,
            region_size,
            mode,
            irq: irq.as_ref().map(Irq::number),
            poll_us: Atomic::new(poll_us.unwrap_or(poll_timer.default_us())),
            follow_peer: AtomicFlag::new(settings.follow_peer),
            restart_with_peer: AtomicFlag::new(settings.restart_with_peer),
            rx_pause: AtomicFlag::new(false),
            tx_pause: AtomicFlag::new(false),
            nearly_full: AtomicFlag::new(false),
            counters: Counters::new()?,
            endpoints: KBox::pin_init(Endpoints::new(), GFP_KERNEL)?,
            poll_timer: poll_timer.clone(),
            debugfs: RtnlCell::new(None),
        };
        let registration =
            Registration::new(net, name, params, irq, Ok(interface), |dev, rtnl| {
                // An interface with flow control has both channels.
                let _ = Interface::set_pause(dev, settings.rx_pause, settings.tx_pause, rtnl);
                registered(dev, rtnl);
            })?;
        netdev_info!(registration.device(), "Interface added\n");
        Ok(registration)
    }
}
