// SPDX-License-Identifier: GPL-2.0

//! The out channel of an interface: writes packets from the stack into its elements.
//!
//! A packet is checked against its path MTU first. Depending on its mark and the mode, the driver
//! then writes it as it is, in IPv4 fragments, or in the segments of a GSO packet.
//! [`format`](super::format) has the format of elements in each mode.
//!
//! - [`TxChannel`]: the channel, with the only lock of the transmit path.
//! - [`TagWarning`]: the warning about VLAN frames that do not fit an element.

use super::{
    format::{
        Ethernet,
        Format as _,
        Ip,
        Offload,
        Raw,
        Segmented,
        TxError, //
    },
    gso::{
        self,
        GsoParams,
        GsoSegments,
        Transport, //
    },
    ip_fragment::{
        self,
        Fragments, //
    },
    memory::OutMemory,
    mode::Mode,
    pause::{
        gso_max_segs,
        max_elements,
        Sender,
        TxPause,
        WaitingList, //
    },
    pmtu::{
        Action,
        Table, //
    },
    stats::{
        CpuCounters,
        OutCounters,
        OutSums, //
    },
    wire::{
        ethernet,
        Version, //
    },
    Interface, //
};
use crate::{
    abstractions::{
        icmp,
        mapping::Mapping,
        netdevice::{
            Device,
            DriverDevice, //
        },
        percpu::PerCpu,
        random,
        skbuff::{
            GsoInfo,
            SkBuff,
            SEGMENT_HEADER_MAX, //
        },
        sync::{
            new_spinlock_bh,
            SpinLockBh, //
        }, //
    },
    channel::{
        new_epoch,
        reply_epoch,
        Geometry,
        Memory as _,
        Writer,
        NO_REPORT, //
    },
    muen::event::{
        Event,
        Triggered, //
    }, //
};
use core::num::NonZeroU64;
use kernel::{
    prelude::*,
    sync::atomic::{
        ordering::Relaxed,
        Atomic, //
    }, //
};

// `GsoSegments` has room for the headers of all packets that the stack leaves to the device.
const _: () = assert!(gso::HEADER_MAX >= SEGMENT_HEADER_MAX);

/// What a packet counts as after it has been written.
#[derive(Default)]
struct Written {
    /// The number of packets sent.
    packets: u64,
    /// The number of bytes written.
    bytes: u64,
}

impl Written {
    /// Returns one packet for which `bytes` bytes were written.
    #[inline]
    fn packet(bytes: usize) -> Self {
        Self {
            packets: 1,
            bytes: bytes as u64,
        }
    }
}

/// An out channel.
///
/// One lock serialises all senders: the interface and its children. Written elements are published
/// in batches. The lock is released with unpublished elements only after a packet with `xmit_more`,
/// which another packet follows.
#[pin_data]
pub(crate) struct TxChannel {
    memory: OutMemory,
    protocol: NonZeroU64,
    mode: Mode,
    /// The event that notifies the peer of new elements and epochs, if there is one.
    event: Option<Event>,
    /// The table of path MTUs, if there is one.
    pmtu: Option<Table>,
    counters: PerCpu<OutCounters>,
    tag_warning: TagWarning,
    #[pin]
    state: SpinLockBh<TxState>,
}

/// What the lock of an out channel guards.
struct TxState {
    /// The writer of the current epoch; [`None`] while the device is down.
    writer: Option<Writer>,
    /// Whether this end reports to the peer how far it has read.
    reports: bool,
    pause: TxPause,
}

impl TxChannel {
    /// Returns an out channel that is down.
    pub(crate) fn new(
        mapping: Mapping,
        protocol: NonZeroU64,
        mode: Mode,
        event: Option<Event>,
        pmtu: Option<Mapping>,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            memory: OutMemory(mapping),
            protocol,
            mode,
            event,
            pmtu: pmtu.map(Table::new),
            counters: PerCpu::new()?,
            tag_warning: TagWarning::new(),
            state <- new_spinlock_bh!(
                TxState {
                    writer: None,
                    reports: false,
                    pause: TxPause::new(),
                },
                "muennet_tx"
            ),
        })
    }

    /// Notifies the peer of a new batch or a change of the epoch. The caller holds the lock, or at
    /// least is in a softirq.
    #[inline]
    fn notify(&self) {
        let Some(event) = &self.event else {
            return;
        };
        let triggered = event.trigger();
        let counters = self.counters.this_cpu();
        match triggered {
            Triggered::Local => counters.tx_events.add(1),
            Triggered::Remote => {
                counters.tx_events.add(1);
                counters.tx_events_remote.add(1);
            }
            Triggered::Merged => counters.tx_events_merged.add(1),
            Triggered::Offline => counters.tx_events_offline.add(1),
        }
    }

    /// Returns whether to log now that tagged frames do not fit an element. Returns `true` at most
    /// once.
    #[inline]
    pub(crate) fn take_due_tag_warning(&self) -> bool {
        self.tag_warning.take_due()
    }

    /// Returns the protocol number in the header of the channel.
    pub(crate) fn protocol(&self) -> u64 {
        self.protocol.get()
    }

    /// Returns the size of the channel's region in bytes.
    pub(crate) fn region_size(&self) -> usize {
        self.memory.size()
    }

    /// Returns whether a table of path MTUs limits the length of packets.
    pub(crate) fn has_pmtu(&self) -> bool {
        self.pmtu.is_some()
    }

    /// Returns the counters of the channel, summed over all CPUs.
    pub(crate) fn sums(&self) -> OutSums {
        OutSums::of(&self.counters)
    }

    /// Returns the geometry of the ring in the current epoch; [`None`] while the device is down.
    pub(crate) fn geometry(&self) -> Option<Geometry> {
        let state = self.state.lock();
        state.writer.as_ref().map(|writer| *writer.geometry())
    }

    /// Transmits a packet or drops it, and counts the result in the counters of `sender`.
    /// `xmit_more`: another packet follows at once, and may be published together with this one.
    ///
    /// # Errors
    ///
    /// - The packet: there is no room for it, and the queue of the sender is stopped.
    pub(crate) fn transmit<'a>(
        &self,
        mut skb: SkBuff<'a>,
        xmit_more: bool,
        sender: &Sender<'_>,
    ) -> Result<(), SkBuff<'a>> {
        let counters = sender.counters;
        let action = self.pmtu.as_ref().and_then(|table| table.lookup(&skb));
        match action {
            None | Some((_, Action::Send)) => {
                self.send(skb, xmit_more, sender, None, |writer, skb| {
                    self.write(writer, skb)
                })
            }
            Some((_, Action::Fragment(mtu))) => match skb.checksum_help() {
                Some(skb) => self.send(skb, xmit_more, sender, Some(mtu), |writer, skb| {
                    let written = self.write_fragments(writer, skb, mtu)?;
                    counters.tx_fragmented.add(1);
                    Ok(written)
                }),
                None => {
                    self.drop_unwritten(xmit_more, counters);
                    Ok(())
                }
            },
            Some((version, Action::TooBig(mtu))) => {
                // The lock is not held: the ICMP error may be transmitted on this very channel.
                match version {
                    Version::V4 => icmp::fragmentation_needed(&mut skb, mtu),
                    Version::V6 => icmp::packet_too_big(&mut skb, mtu),
                }
                counters.tx_too_big.add(1);
                self.drop_unwritten(xmit_more, counters);
                Ok(())
            }
        }
    }

    /// Writes a packet with `write`, publishes it unless another one follows, and counts the
    /// result. With flow control, the packet is written only if there is room for it.
    /// `fragment_mtu`: the MTU of its fragments, if it is written in fragments.
    ///
    /// # Errors
    ///
    /// - The packet: there is no room.
    #[inline]
    fn send<'a>(
        &self,
        skb: SkBuff<'a>,
        xmit_more: bool,
        sender: &Sender<'_>,
        fragment_mtu: Option<u32>,
        write: impl FnOnce(&mut Writer, &SkBuff<'_>) -> Result<Written, TxError>,
    ) -> Result<(), SkBuff<'a>> {
        let counters = sender.counters;
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if state.pause.is_on() {
            if let Some(published) = self.refuse(state, &skb, sender, fragment_mtu) {
                drop(guard);
                if published {
                    self.batch_published();
                }
                return Err(skb);
            }
        }
        let (sent, published) = match &mut state.writer {
            Some(writer) => {
                let sent = write(writer, &skb);
                if sent.is_ok() {
                    skb.tx_timestamp();
                }
                let mut ended = !xmit_more || sent.is_err();
                // Loaded again: to keep it across write() costs a register also with flow control
                // off.
                if state.pause.is_on() {
                    ended |= self.wrote(&mut state.pause, writer, sender);
                }
                (sent, ended && writer.publish(&self.memory) > 0)
            }
            None => {
                counters.tx_no_channel.add(1);
                (Err(TxError), false)
            }
        };
        drop(guard);
        if published {
            self.batch_published();
        }

        match sent {
            Ok(written) => {
                counters.tx_packets.add(written.packets);
                counters.tx_bytes.add(written.bytes);
                skb.consume();
            }
            Err(TxError) => {
                counters.tx_dropped.add(1);
                if let (Mode::Ethernet, Some(ring)) = (self.mode, self.geometry()) {
                    self.tag_warning.note_drop(&skb, ring.size());
                }
                drop(skb);
            }
        }
        Ok(())
    }

    /// If a packet must not be written now, publishes all unpublished elements, and returns whether
    /// there were any. Only with flow control.
    #[cold]
    fn refuse(
        &self,
        state: &mut TxState,
        skb: &SkBuff<'_>,
        sender: &Sender<'_>,
        fragment_mtu: Option<u32>,
    ) -> Option<bool> {
        let writer = state.writer.as_mut()?;
        // The number of elements that the packet needs at most.
        let needed = match (fragment_mtu, self.mode, skb.gso_info()) {
            (Some(mtu), _, _) => max_elements(skb.len(), Fragments::least_payload(mtu)),
            (None, Mode::Offload, _) => {
                let room = writer
                    .geometry()
                    .size()
                    .saturating_sub(self.mode.overhead());
                max_elements(skb.len(), room)
            }
            (None, _, Some(gso_info)) => max_elements(skb.len(), gso_info.size),
            (None, _, None) => 1,
        };
        let counters = self.counters.this_cpu();
        let admitted = state.pause.admit(writer, needed, sender, counters);
        (!admitted).then(|| writer.publish(&self.memory) > 0)
    }

    /// As [`TxPause::wrote`].
    #[cold]
    fn wrote(&self, pause: &mut TxPause, writer: &Writer, sender: &Sender<'_>) -> bool {
        pause.wrote(writer, sender, self.counters.this_cpu())
    }

    /// Counts a packet that is dropped before it is written. Publishes the batch that the packet
    /// was to end, if no other packet follows.
    fn drop_unwritten(&self, xmit_more: bool, counters: &CpuCounters) {
        counters.tx_dropped.add(1);
        if xmit_more {
            return;
        }
        let mut guard = self.state.lock();
        let published = match &mut guard.writer {
            Some(writer) => writer.publish(&self.memory) > 0,
            None => false,
        };
        drop(guard);
        if published {
            self.batch_published();
        }
    }

    /// Counts a published batch and notifies the peer. The caller does not hold the lock, because
    /// an event is an exit to the separation kernel.
    #[inline]
    fn batch_published(&self) {
        self.counters.this_cpu().tx_batches.add(1);
        self.notify();
    }

    /// Writes a packet into the next element, or into the next elements if it needs several.
    #[inline]
    fn write(&self, writer: &mut Writer, skb: &SkBuff<'_>) -> Result<Written, TxError> {
        match self.mode {
            Mode::Ip => self.write_format::<Ip>(writer, skb),
            Mode::Ethernet | Mode::Vlan => self.write_format::<Ethernet>(writer, skb),
            // The stack segments packets before it transmits them in this mode.
            Mode::Raw if skb.gso_info().is_some() => Err(TxError),
            Mode::Raw => Raw::write(writer, &self.memory, skb).map(Written::packet),
            Mode::Offload => Offload::write(writer, &self.memory, skb).map(Written::packet),
        }
    }

    /// Writes a packet, or its segments, in a mode that segments packets.
    #[inline]
    fn write_format<F: Segmented>(
        &self,
        writer: &mut Writer,
        skb: &SkBuff<'_>,
    ) -> Result<Written, TxError> {
        if let Some(gso_info) = skb.gso_info() {
            return self.write_segments::<F>(writer, skb, &gso_info);
        }
        F::write(writer, &self.memory, skb).map(Written::packet)
    }

    /// Writes the segments of a large TCP or UDP packet into the next elements.
    fn write_segments<F: Segmented>(
        &self,
        writer: &mut Writer,
        skb: &SkBuff<'_>,
        gso_info: &GsoInfo,
    ) -> Result<Written, TxError> {
        let gso = GsoParams {
            transport: match (gso_info.tcp, gso_info.udp) {
                (true, false) => Transport::Tcp,
                (false, true) => Transport::Udp,
                _ => return Err(TxError),
            },
            size: gso_info.size,
            network_at: gso_info.network_at.ok_or(TxError)?,
            transport_at: gso_info.transport_at.ok_or(TxError)?,
        };
        let mut headers = [0; SEGMENT_HEADER_MAX];
        let count = skb.copy_bits(&mut headers);
        let headers = headers.get(..count).ok_or(TxError)?;
        let mut segments = GsoSegments::new(headers, skb.len(), &gso).ok_or(TxError)?;
        let mut written = Written::default();
        while let Some(segment) = segments.next() {
            // The first segment is the longest one. If it fits an element, all of them do.
            written.bytes +=
                F::write_segment(writer, &self.memory, skb, &mut segments, &segment)? as u64;
            written.packets += 1;
        }
        Ok(written)
    }

    /// Writes the fragments of an IPv4 packet, of at most `mtu` bytes each, into the next elements.
    fn write_fragments(
        &self,
        writer: &mut Writer,
        skb: &SkBuff<'_>,
        mtu: u32,
    ) -> Result<Written, TxError> {
        let mut header = [0; ip_fragment::HEADER_MAX];
        let count = skb.copy_bits(&mut header);
        let header = header.get(..count).ok_or(TxError)?;
        let mut written = Written::default();
        for fragment in Fragments::new(header, skb.len(), mtu).ok_or(TxError)? {
            // The first fragment is the longest one. If it fits an element, all of them do.
            written.bytes += Ip::write_fragment(writer, &self.memory, skb, &fragment)? as u64;
            written.packets += 1;
        }
        Ok(written)
    }
}

impl TxChannel {
    /// Returns a writer with elements for packets of `mtu` bytes.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: not one element fits the region.
    fn new_writer(&self, mtu: u32) -> Result<Writer> {
        Writer::new(
            self.protocol,
            self.mode.element_size(mtu),
            self.memory.size(),
        )
        .map_err(|_| EINVAL)
    }

    /// Starts an epoch of the channel of `interface` with elements for packets of `mtu` bytes.
    /// Returns the geometry of its ring.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: not one element fits the region.
    pub(crate) fn open(&self, interface: &Device<Interface>, mtu: u32) -> Result<Geometry> {
        let mut new = self.new_writer(mtu)?;
        let geometry = *new.geometry();
        let mut state = self.state.lock();
        self.start_epoch(&mut new, new_epoch(random::nonzero_u64()));
        state.writer = Some(new);
        state.pause.reset(interface, self.counters.this_cpu());
        Ok(geometry)
    }

    /// Starts the epoch with the number `epoch` and notifies the peer. The caller holds the lock.
    fn start_epoch(&self, writer: &mut Writer, epoch: NonZeroU64) {
        writer.start_epoch(&self.memory, epoch);
        self.counters.this_cpu().tx_epochs.add(1);
        self.notify();
    }

    /// Ends the epoch, after publishing the unpublished elements.
    pub(crate) fn stop(&self, interface: &Device<Interface>) {
        let mut state = self.state.lock();
        if let Some(mut writer) = state.writer.take() {
            writer.end_epoch(&self.memory);
            writer.store_report(&self.memory, NO_REPORT);
            state.pause.reset(interface, self.counters.this_cpu());
            self.notify();
        }
    }

    /// Answers a new epoch of the peer with a new epoch of the out channel, if anything has been
    /// written in the old one. The reader of the peer has just started, and some readers can only
    /// read an epoch from its beginning.
    pub(crate) fn restart_for_peer(&self, interface: &Device<Interface>) {
        let mut guard = self.state.lock();
        let TxState { writer, pause, .. } = &mut *guard;
        if let Some(writer) = writer {
            if writer.has_written() {
                writer.end_epoch(&self.memory);
                self.start_epoch(writer, reply_epoch(random::nonzero_u64()));
                pause.reset(interface, self.counters.this_cpu());
            }
        }
    }

    /// Replaces the current epoch, if there is one, by another one with elements for packets of
    /// `mtu` bytes. Without a current epoch, the next one gets such elements.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: not one element fits the region. The epoch does not change.
    pub(crate) fn change_mtu(&self, interface: &Device<Interface>, mtu: u32) -> Result {
        let mut new = self.new_writer(mtu)?;
        let mut state = self.state.lock();
        if let Some(mut old) = state.writer.take() {
            old.end_epoch(&self.memory);
            new.copy_report(&old);
            self.start_epoch(&mut new, new_epoch(random::nonzero_u64()));
            state.writer = Some(new);
            state.pause.reset(interface, self.counters.this_cpu());
        }
        Ok(())
    }
}

// Flow control.
impl TxChannel {
    /// Returns the largest number of segments of GSO packets with flow control, with elements for
    /// packets of `mtu` bytes.
    pub(crate) fn gso_max_segs(&self, mtu: u32) -> u32 {
        self.new_writer(mtu)
            .map_or(1, |writer| gso_max_segs(writer.geometry()))
    }

    /// Turns flow control of the senders on or off: whether they stop for the peer.
    pub(crate) fn set_pause(&self, interface: &Device<Interface>, on: bool) {
        let mut state = self.state.lock();
        state.pause.set(on, interface, self.counters.this_cpu());
    }

    /// Turns the reports to the peer on or off. They are stored by [`Self::poll`].
    pub(crate) fn set_reports(&self, on: bool) {
        let mut state = self.state.lock();
        state.reports = on;
        if let (false, Some(writer)) = (on, &mut state.writer) {
            writer.store_report(&self.memory, NO_REPORT);
        }
    }

    /// Makes room for as many waiting children as the interface may have. May sleep.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: out of memory.
    pub(crate) fn reserve_waiting(&self, children: usize) -> Result {
        let list = WaitingList::with_capacity(children)?;
        let old = self.state.lock().pause.grow(list);
        drop(old);
        Ok(())
    }

    /// A child goes down: its queue starts, and waits for nothing.
    pub(crate) fn forget_waiting(&self, child: &DriverDevice) {
        self.state.lock().pause.forget(child);
    }

    /// Stores `report`, that of this end's reader, in the header of the channel, if reports are on.
    /// Looks at that of the peer, if the senders stop for it. Each poll of the interface ends with
    /// this.
    pub(crate) fn poll(&self, interface: &Device<Interface>, report: u64) {
        let mut guard = self.state.lock();
        let TxState {
            writer,
            reports,
            pause,
        } = &mut *guard;
        let Some(writer) = writer else { return };
        if *reports {
            writer.store_report(&self.memory, report);
        }
        if pause.is_on() {
            pause.look(writer, interface, self.counters.this_cpu(), true);
        }
    }

    /// Notifies the peer that its ring, which was nearly full, has room again. In a softirq.
    pub(crate) fn notify_of_room(&self) {
        self.notify();
    }

    /// Counts that the ring of the peer was nearly full. In a softirq.
    pub(crate) fn count_nearly_full(&self) {
        self.counters.this_cpu().rx_pauses.add(1);
    }
}

// The warning about VLAN frames that do not fit an element.
//
// By default a VLAN has the MTU of the device below it. An element has room for a frame of that
// MTU, but not for its tag: `ping` works, but TCP over the VLAN stalls. The driver cannot simply
// enlarge the elements, because some peers copy as many bytes as the header says into a buffer of
// the usual size.

/// No tagged frame has been dropped for its length.
const NONE: u32 = 0;
/// A tagged frame has been dropped for its length. The warning has not been logged yet.
const DUE: u32 = 1;
/// The warning has been logged. This happens once for each interface.
const LOGGED: u32 = 2;

/// The state of the warning: [`NONE`], [`DUE`] or [`LOGGED`].
struct TagWarning(Atomic<u32>);

impl TagWarning {
    /// Returns the initial state: nothing to log.
    const fn new() -> Self {
        Self(Atomic::new(NONE))
    }

    /// Makes the warning due if the dropped frame `skb` has a tag and is too long for elements of
    /// `element_size` bytes.
    #[cold]
    fn note_drop(&self, skb: &SkBuff<'_>, element_size: usize) {
        let room = ethernet::trailer_at(element_size).unwrap_or(0);
        // With two more bytes, which every tagged frame has, the compiler needs only two loads.
        let tagged = skb
            .head::<{ ethernet::HEADER_SIZE + 2 }>()
            .is_some_and(|header| header.first_chunk().is_some_and(ethernet::is_tagged));
        let fits = skb.mac_len_fits(u32::try_from(room).unwrap_or(u32::MAX));
        if tagged && !fits && self.0.load(Relaxed) == NONE {
            self.0.store(DUE, Relaxed);
        }
    }

    /// Returns whether to log the warning now. Returns `true` at most once.
    #[inline]
    fn take_due(&self) -> bool {
        self.0.load(Relaxed) == DUE && self.0.xchg(LOGGED, Relaxed) == DUE
    }
}
