// SPDX-License-Identifier: GPL-2.0

//! The way out: packets from the stack into a channel.

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
    }, //
};
use crate::{
    abstractions::{
        icmp,
        mapping::Mapping,
        percpu::PerCpu,
        random,
        skbuff::{
            Segmentation,
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
        Writer, //
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

// What the stack leaves to the device is what the plan has room for.
const _: () = assert!(gso::HEADER_MAX >= SEGMENT_HEADER_MAX);

/// What a packet has come to in the channel.
#[derive(Default)]
struct Written {
    /// Elements.
    packets: u64,
    /// Bytes in them.
    bytes: u64,
}

/// An out channel.
///
/// Whoever sends on it is serialised by its one lock. A batch is published at its end, and before
/// the lock is released after anything but a packet that another one follows.
#[pin_data]
pub(crate) struct TxChannel {
    memory: OutMemory,
    protocol: NonZeroU64,
    mode: Mode,
    /// What tells the peer that there is something new.
    event: Option<Event>,
    /// How long packets may be, by their marks.
    pmtu: Option<Table>,
    counters: PerCpu<OutCounters>,
    tag_warning: TagWarning,
    /// The writer of the current epoch; none while the device is down.
    #[pin]
    writer: SpinLockBh<Option<Writer>>,
}

impl TxChannel {
    /// Makes a sender that is down.
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
            writer <- new_spinlock_bh!(None, "muennet_writer"),
        })
    }

    /// Tells the peer that there is something new: a batch, or another epoch. The caller holds the
    /// lock, or is in a softirq at least.
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

    /// Whether the log is to say now that tagged frames do not fit; true once.
    #[inline]
    pub(crate) fn take_tag_warning(&self) -> bool {
        self.tag_warning.take()
    }

    /// The number that both ends of the channel agree on.
    pub(crate) fn protocol(&self) -> u64 {
        self.protocol.get()
    }

    /// Bytes of the channel's region.
    pub(crate) fn region_size(&self) -> usize {
        self.memory.size()
    }

    /// Whether packets must not be longer than their path's MTU.
    pub(crate) fn has_pmtu(&self) -> bool {
        self.pmtu.is_some()
    }

    /// What was counted of the channel.
    pub(crate) fn sums(&self) -> OutSums {
        OutSums::of(&self.counters)
    }

    /// The ring of the current epoch; none while the device is down.
    pub(crate) fn geometry(&self) -> Option<Geometry> {
        self.writer.lock().as_ref().map(|writer| *writer.geometry())
    }

    /// Sends a packet, or drops and counts it. `more`: another one follows at once, and may be
    /// published together with this one.
    pub(crate) fn transmit(&self, mut skb: SkBuff, more: bool, counters: &CpuCounters) {
        let action = self.pmtu.as_ref().and_then(|table| table.lookup(&skb));
        match action {
            None | Some((_, Action::Send)) => {
                self.send(skb, more, counters, |writer, skb| self.write(writer, skb));
            }
            Some((_, Action::Fragment(mtu))) => match skb.complete_checksum() {
                Some(skb) => {
                    self.send(skb, more, counters, |writer, skb| {
                        let written = self.write_fragments(writer, skb, mtu)?;
                        counters.tx_fragmented.add(1);
                        Ok(written)
                    });
                }
                None => self.refuse(more, counters),
            },
            Some((version, Action::TooBig(mtu))) => {
                // Without the lock: the message may go out by this very channel.
                match version {
                    Version::V4 => icmp::fragmentation_needed(&mut skb, mtu),
                    Version::V6 => icmp::packet_too_big(&mut skb, mtu),
                }
                counters.tx_too_big.add(1);
                self.refuse(more, counters);
            }
        }
    }

    /// Sends a packet by `write`.
    #[inline]
    fn send(
        &self,
        skb: SkBuff,
        more: bool,
        counters: &CpuCounters,
        write: impl FnOnce(&mut Writer, &SkBuff) -> Result<Written, TxError>,
    ) {
        let mut guard = self.writer.lock();
        let (sent, published) = match &mut *guard {
            Some(writer) => {
                let sent = write(writer, &skb);
                if sent.is_ok() {
                    skb.sent_now();
                }
                let ended = !more || sent.is_err();
                (sent, ended && writer.publish(&self.memory) > 0)
            }
            None => {
                counters.tx_no_channel.add(1);
                (Err(TxError), false)
            }
        };
        drop(guard);
        if published {
            self.batch_ended();
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
                    self.tag_warning.dropped(&skb, ring.size());
                }
                drop(skb);
            }
        }
    }

    /// Counts a packet that is not even tried, which may have been to end a batch.
    fn refuse(&self, more: bool, counters: &CpuCounters) {
        counters.tx_dropped.add(1);
        if more {
            return;
        }
        let mut guard = self.writer.lock();
        let published = match &mut *guard {
            Some(writer) => writer.publish(&self.memory) > 0,
            None => false,
        };
        drop(guard);
        if published {
            self.batch_ended();
        }
    }

    /// Tells the peer of a batch. The lock is not held for it: an event is an exit to the
    /// separation kernel.
    #[inline]
    fn batch_ended(&self) {
        self.counters.this_cpu().tx_batches.add(1);
        self.notify();
    }

    /// Writes a packet into the next element.
    #[inline]
    fn write(&self, writer: &mut Writer, skb: &SkBuff) -> Result<Written, TxError> {
        if self.mode == Mode::Offload {
            let bytes = Offload::write(writer, &self.memory, skb)? as u64;
            return Ok(Written { packets: 1, bytes });
        }
        if let Some(how) = skb.segmentation() {
            return match self.mode {
                Mode::Ip => self.write_segments::<Ip>(writer, skb, &how),
                Mode::Ethernet | Mode::Vlan => self.write_segments::<Ethernet>(writer, skb, &how),
                Mode::Raw | Mode::Offload => Err(TxError),
            };
        }
        let bytes = match self.mode {
            Mode::Ip => Ip::write(writer, &self.memory, skb),
            Mode::Ethernet | Mode::Vlan => Ethernet::write(writer, &self.memory, skb),
            Mode::Raw => Raw::write(writer, &self.memory, skb),
            Mode::Offload => Err(TxError),
        }?;
        Ok(Written {
            packets: 1,
            bytes: bytes as u64,
        })
    }

    /// Writes a large TCP or UDP packet into the next elements, in segments.
    fn write_segments<F: Segmented>(
        &self,
        writer: &mut Writer,
        skb: &SkBuff,
        how: &Segmentation,
    ) -> Result<Written, TxError> {
        let gso = GsoParams {
            transport: match (how.tcp, how.udp) {
                (true, false) => Transport::Tcp,
                (false, true) => Transport::Udp,
                _ => return Err(TxError),
            },
            size: how.size,
            network_at: how.network_at.ok_or(TxError)?,
            transport_at: how.transport_at.ok_or(TxError)?,
        };
        let mut start = [0; SEGMENT_HEADER_MAX];
        let count = skb.copy_start(&mut start);
        let start = start.get(..count).ok_or(TxError)?;
        let mut plan = GsoSegments::new(start, skb.len(), &gso).ok_or(TxError)?;
        let mut written = Written::default();
        while let Some(segment) = plan.next() {
            // The first one is the longest: if that fits an element, all do.
            written.bytes +=
                F::write_segment(writer, &self.memory, skb, &mut plan, &segment)? as u64;
            written.packets += 1;
        }
        Ok(written)
    }

    /// Writes an IPv4 packet into the next elements, in fragments of at most `mtu` bytes.
    fn write_fragments(
        &self,
        writer: &mut Writer,
        skb: &SkBuff,
        mtu: u32,
    ) -> Result<Written, TxError> {
        let mut start = [0; ip_fragment::HEADER_MAX];
        let count = skb.copy_start(&mut start);
        let start = start.get(..count).ok_or(TxError)?;
        let mut written = Written::default();
        for fragment in Fragments::new(start, skb.len(), mtu).ok_or(TxError)? {
            // The first one is the longest: if that fits an element, all do.
            written.bytes += Ip::write_fragment(writer, &self.memory, skb, &fragment)? as u64;
            written.packets += 1;
        }
        Ok(written)
    }
}

impl TxChannel {
    fn new_writer(&self, mtu: u32) -> Result<Writer> {
        Writer::new(
            self.protocol,
            self.mode.element_size(mtu),
            self.memory.size(),
        )
        .map_err(|_| EINVAL)
    }

    /// Begins an epoch with elements for packets of `mtu` bytes; returns their ring.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: not one element fits the region.
    pub(crate) fn start(&self, mtu: u32) -> Result<Geometry> {
        let mut new = self.new_writer(mtu)?;
        let geometry = *new.geometry();
        let mut writer = self.writer.lock();
        self.begin(&mut new);
        *writer = Some(new);
        Ok(geometry)
    }

    /// Begins an epoch and tells the peer. The caller holds the lock.
    fn begin(&self, writer: &mut Writer) {
        self.begin_as(writer, new_epoch(random::nonzero_u64()));
    }

    /// Begins the epoch of this number and tells the peer. The caller holds the lock.
    fn begin_as(&self, writer: &mut Writer, epoch: NonZeroU64) {
        writer.start(&self.memory, epoch);
        self.counters.this_cpu().tx_epochs.add(1);
        self.notify();
    }

    /// Ends the epoch, after publishing what is pending.
    pub(crate) fn stop(&self) {
        let mut guard = self.writer.lock();
        if let Some(mut writer) = guard.take() {
            writer.stop(&self.memory);
            self.notify();
        }
    }

    /// Answers an epoch of the peer with a new one of its own, if anything has been written in the
    /// old one: a reader that has just come up may know only how to read from the beginning.
    pub(crate) fn answer(&self) {
        let mut guard = self.writer.lock();
        if let Some(writer) = &mut *guard {
            if writer.has_written() {
                writer.stop(&self.memory);
                self.begin_as(writer, reply_epoch(random::nonzero_u64()));
            }
        }
    }

    /// Ends the epoch and begins another one with elements for packets of `mtu` bytes, if there is
    /// one. If not, the next one will have them.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: not one element fits the region. The epoch goes on.
    pub(crate) fn change_mtu(&self, mtu: u32) -> Result {
        let mut new = self.new_writer(mtu)?;
        let mut writer = self.writer.lock();
        if let Some(mut old) = writer.take() {
            old.stop(&self.memory);
            self.begin(&mut new);
            *writer = Some(new);
        }
        Ok(())
    }
}

// What the log says of VLANs whose frames do not fit an element.
//
// A VLAN has the MTU of the device below it unless somebody asks for another. An element has room
// for a frame of that MTU without a tag: `ping` works, and TCP over the VLAN stands still. The
// elements cannot simply grow, for some peers copy as many bytes as the header says into a buffer
// of the usual size.

/// No tagged frame has been dropped for its length.
const QUIET: u32 = 0;
/// One has, and the log does not know yet.
const DUE: u32 = 1;
/// The log has been told, once for each interface.
const TOLD: u32 = 2;

/// Whether the log is to be told.
struct TagWarning(Atomic<u32>);

impl TagWarning {
    /// There is nothing to say.
    const fn new() -> Self {
        Self(Atomic::new(QUIET))
    }

    /// Takes note of a frame that has been dropped: what helps is to be said if it has a tag and is
    /// too long for the elements, of `element_size` bytes.
    #[cold]
    fn dropped(&self, skb: &SkBuff, element_size: usize) {
        let room = ethernet::trailer_at(element_size).unwrap_or(0);
        // Two bytes more, which every tagged frame has, make two loads of it.
        let tagged = skb
            .head::<{ ethernet::HEADER_SIZE + 2 }>()
            .is_some_and(|start| start.first_chunk().is_some_and(ethernet::is_tagged));
        let fits = skb.frame_fits(u32::try_from(room).unwrap_or(u32::MAX));
        if tagged && !fits && self.0.load(Relaxed) == QUIET {
            self.0.store(DUE, Relaxed);
        }
    }

    /// Whether it is to be said now; true once.
    #[inline]
    fn take(&self) -> bool {
        self.0.load(Relaxed) == DUE && self.0.xchg(TOLD, Relaxed) == DUE
    }
}
