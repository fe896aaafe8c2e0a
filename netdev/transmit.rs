// SPDX-License-Identifier: GPL-2.0

//! The way out: packets from the stack into a channel.

use super::{
    counters::{
        CpuCounters,
        OutCounters,
        OutSums, //
    },
    format::{
        large,
        Dropped,
        Ethernet,
        Format as _,
        Ip,
        Raw,
        Segmented, //
    },
    frame::Version,
    memory::OutMemory,
    mode::Mode,
    pmtu::{
        decide::Verdict,
        fragment::{
            self,
            Fragments, //
        },
        table::Table, //
    },
    segment::{
        self,
        Cut,
        Segments,
        Transport, //
    }, //
};
use crate::{
    abstractions::{
        icmp,
        mapping::Mapping,
        percpu::PerCpu,
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
use kernel::prelude::*;
use tags::TagWarning;

mod epochs;
mod tags;

// What the stack leaves to the device is what the plan has room for.
const _: () = assert!(segment::HEADER_MAX >= SEGMENT_HEADER_MAX);

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
pub(crate) struct Sender {
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

impl Sender {
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
        let judged = self.pmtu.as_ref().and_then(|table| table.judge(&skb));
        match judged {
            None | Some((_, Verdict::Send)) => {
                self.send(skb, more, counters, |writer, skb| self.write(writer, skb));
            }
            Some((_, Verdict::Fragment(mtu))) => match skb.complete_checksum() {
                Some(skb) => {
                    self.send(skb, more, counters, |writer, skb| {
                        let written = self.write_fragments(writer, skb, mtu)?;
                        counters.tx_fragmented.add(1);
                        Ok(written)
                    });
                }
                None => self.refuse(more, counters),
            },
            Some((version, Verdict::TooBig(mtu))) => {
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
        write: impl FnOnce(&mut Writer, &SkBuff) -> Result<Written, Dropped>,
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
                (Err(Dropped), false)
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
            Err(Dropped) => {
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
    fn write(&self, writer: &mut Writer, skb: &SkBuff) -> Result<Written, Dropped> {
        if self.mode == Mode::Large {
            let bytes = large::write(writer, &self.memory, skb)? as u64;
            return Ok(Written { packets: 1, bytes });
        }
        if let Some(how) = skb.segmentation() {
            return match self.mode {
                Mode::Ip => self.write_segments::<Ip>(writer, skb, &how),
                Mode::Ethernet | Mode::Vlan => self.write_segments::<Ethernet>(writer, skb, &how),
                Mode::Raw | Mode::Large => Err(Dropped),
            };
        }
        let bytes = match self.mode {
            Mode::Ip => Ip::write(writer, &self.memory, skb),
            Mode::Ethernet | Mode::Vlan => Ethernet::write(writer, &self.memory, skb),
            Mode::Raw => Raw::write(writer, &self.memory, skb),
            Mode::Large => Err(Dropped),
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
    ) -> Result<Written, Dropped> {
        let cut = Cut {
            transport: match (how.tcp, how.udp) {
                (true, false) => Transport::Tcp,
                (false, true) => Transport::Udp,
                _ => return Err(Dropped),
            },
            size: how.size,
            network_at: how.network_at.ok_or(Dropped)?,
            transport_at: how.transport_at.ok_or(Dropped)?,
        };
        let mut start = [0; SEGMENT_HEADER_MAX];
        let count = skb.copy_start(&mut start);
        let start = start.get(..count).ok_or(Dropped)?;
        let mut plan = Segments::new(start, skb.len(), &cut).ok_or(Dropped)?;
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
    ) -> Result<Written, Dropped> {
        let mut start = [0; fragment::HEADER_MAX];
        let count = skb.copy_start(&mut start);
        let start = start.get(..count).ok_or(Dropped)?;
        let mut written = Written::default();
        for fragment in Fragments::new(start, skb.len(), mtu).ok_or(Dropped)? {
            // The first one is the longest: if that fits an element, all do.
            written.bytes += Ip::write_fragment(writer, &self.memory, skb, &fragment)? as u64;
            written.packets += 1;
        }
        Ok(written)
    }
}
