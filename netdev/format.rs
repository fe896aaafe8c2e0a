// SPDX-License-Identifier: GPL-2.0

//! The modes: how a packet becomes elements and an element a packet.
//!
//! Each mode implements [`Format`]: [`Ip`], [`Ethernet`] and [`Raw`]; [`Offload`], in which a packet
//! may take several elements, has functions of its own. [`wire`] has the headers.

use super::{
    endpoint::RxContext,
    gso::{
        GsoSegments,
        Segment, //
    },
    ip_fragment::Fragment,
    memory::{
        InMemory,
        OutMemory, //
    },
    reassembly::{
        Complete,
        Reassembly,
        ValidRange, //
    },
    wire::{
        self,
        ethernet,
        offload::{
            self,
            OffloadFragment,
            OffloadFragments, //
        },
        EncodeError,
        Malformed,
        Version, //
    }, //
};
use crate::{
    abstractions::{
        mapping::Mapping,
        napi::{
            Poll,
            Protocol, //
        },
        skbuff::{
            LargeSkBuff,
            NewSkBuff,
            SkBuff, //
        }, //
    },
    channel::{
        Element,
        ElementId,
        Slot,
        Writer, //
    }, //
};
use kernel::error::Result;

/// One way in which an element carries a packet.
pub(super) trait Format {
    /// Copies what an element claims to hold into a new packet, once, without believing it.
    ///
    /// # Errors
    ///
    /// - [`RxError`]: there is nothing to copy, or nothing to copy it to.
    fn copy(element: &Element<'_, InMemory>, poll: &Poll<'_>) -> Result<NewSkBuff, RxError>;

    /// Checks a private copy, taken from an element that was still intact after that, and hands it
    /// up; returns the bytes of its payload, if it was the interface's own.
    ///
    /// # Errors
    ///
    /// - [`RxError`]: what the peer wrote is no packet.
    fn deliver(skb: NewSkBuff, exit: &RxContext<'_>) -> Result<Option<usize>, RxError>;

    /// Writes a packet into the next element; returns how many bytes that took.
    ///
    /// # Errors
    ///
    /// - [`TxError`]: the mode cannot carry the packet, and nothing was written.
    fn write(writer: &mut Writer, memory: &OutMemory, skb: &SkBuff) -> Result<usize, TxError>;
}

/// A way in which an element carries a packet that the stack may leave to the driver to be cut into
/// segments.
pub(super) trait Segmented: Format {
    /// Writes one segment of a packet into the next element; returns how many bytes that took.
    ///
    /// # Errors
    ///
    /// - [`TxError`]: it does not fit an element, or the packet has no such bytes.
    fn write_segment(
        writer: &mut Writer,
        memory: &OutMemory,
        skb: &SkBuff,
        plan: &mut GsoSegments,
        segment: &Segment,
    ) -> Result<usize, TxError>;
}

/// Why an element did not become a packet.
pub(super) enum RxError {
    /// Its contents are none.
    Malformed(Malformed),
    /// There was no memory for it.
    NoMemory,
    /// It is a piece of a packet of which others are missing.
    Incomplete,
}

impl From<Malformed> for RxError {
    fn from(reason: Malformed) -> Self {
        Self::Malformed(reason)
    }
}

/// Why a packet was not sent; it is counted, no matter why.
#[derive(Clone, Copy)]
pub(super) struct TxError;

impl From<EncodeError> for TxError {
    fn from(_: EncodeError) -> Self {
        Self
    }
}

/// Copies the first `length` bytes of an element into a new packet. `sum`: its checksums are
/// checked by the copy.
#[inline]
fn copy_start(
    element: &Element<'_, InMemory>,
    length: usize,
    poll: &Poll<'_>,
    sum: bool,
) -> Result<NewSkBuff, RxError> {
    let (memory, offset) = element.locate(0, length).ok_or(Malformed::Length)?;
    poll.copy_skb(memory.mapping(), offset, length, sum)
        .ok_or(RxError::NoMemory)
}

/// Lets `copy` fill `length` bytes of an element, from byte `at` of it on: it gets the region and
/// the place in it.
///
/// # Errors
///
/// - [`TxError`]: the bytes are not all in the element, or `copy` fails.
#[inline]
fn fill_by<R>(
    slot: &Slot<'_, OutMemory>,
    at: usize,
    length: usize,
    copy: impl FnOnce(&Mapping, usize) -> Result<R>,
) -> Result<R, TxError> {
    let (memory, offset) = slot.locate(at, length).ok_or(TxError)?;
    copy(memory.mapping(), offset).map_err(|_| TxError)
}

/// Bytes of a packet that its header is made from.
pub(crate) const PEEK: usize = 8;

/// The mode in which elements hold a header and an IP packet.
pub(crate) struct Ip;

impl Format for Ip {
    #[inline]
    fn copy(element: &Element<'_, InMemory>, poll: &Poll<'_>) -> Result<NewSkBuff, RxError> {
        let mut prefix = [0; wire::PREFIX_SIZE];
        if !element.peek(0, &mut prefix) {
            return Err(Malformed::Length.into());
        }
        let length = wire::peek_len(&prefix, element.size())?;
        copy_start(element, length, poll, true)
    }

    #[inline]
    fn deliver(mut skb: NewSkBuff, exit: &RxContext<'_>) -> Result<Option<usize>, RxError> {
        let checked = wire::check(skb.data(), skb.len())?;
        if !skb.pull(wire::HEADER_SIZE) {
            return Err(Malformed::Length.into());
        }
        let protocol = match checked.version {
            Version::V4 => Protocol::Ipv4,
            Version::V6 => Protocol::Ipv6,
        };
        Ok(exit.receive(skb, checked.mark, protocol))
    }

    #[inline]
    fn write(writer: &mut Writer, memory: &OutMemory, skb: &SkBuff) -> Result<usize, TxError> {
        let ip = skb.head::<PEEK>().ok_or(TxError)?;
        version(skb, &ip).ok_or(TxError)?;
        let length = skb.len();
        let size = writer.geometry().size();
        let header = wire::encode(skb.mark(), &ip, length, size)?;

        writer.write(memory, |slot: &Slot<'_, OutMemory>| {
            if !slot.fill(0, &header) {
                return Err(TxError);
            }
            fill_by(slot, header.len(), length, |mapping, offset| {
                mapping.copy_packet(offset, skb)
            })?;
            // Others may write a packet, say those who map the ring of a packet socket. The peer
            // goes by the length in it, which must be the one that was looked at: what is beyond
            // is somebody else's.
            let done = slot.fill(header.len(), &ip);
            done.then_some(()).ok_or(TxError)
        })?;
        Ok(header.len() + length)
    }
}

impl Segmented for Ip {
    #[inline]
    fn write_segment(
        writer: &mut Writer,
        memory: &OutMemory,
        skb: &SkBuff,
        plan: &mut GsoSegments,
        segment: &Segment,
    ) -> Result<usize, TxError> {
        let size = writer.geometry().size();
        let packet_len = plan.header_len() + segment.length;

        writer.write(memory, |slot: &Slot<'_, OutMemory>| {
            let at = wire::HEADER_SIZE + plan.header_len();
            let Segment { start, length, .. } = *segment;
            let sum = fill_by(slot, at, length, |mapping, offset| {
                mapping.copy_packet_part_and_sum(offset, skb, start, length)
            })?;
            let ip = plan.headers(segment, sum);
            let header = wire::encode(skb.mark(), ip, packet_len, size)?;
            let done = slot.fill(0, &header) && slot.fill(header.len(), ip);
            done.then_some(()).ok_or(TxError)
        })?;
        Ok(wire::HEADER_SIZE + packet_len)
    }
}

impl Ip {
    /// Writes one fragment of an IPv4 packet into the next element; returns how many bytes that
    /// took.
    ///
    /// # Errors
    ///
    /// - [`TxError`]: it does not fit an element, or the packet has no such bytes.
    pub(crate) fn write_fragment(
        writer: &mut Writer,
        memory: &OutMemory,
        skb: &SkBuff,
        fragment: &Fragment,
    ) -> Result<usize, TxError> {
        let ip = fragment.header.bytes();
        let size = writer.geometry().size();
        let header = wire::encode(skb.mark(), ip, fragment.len(), size)?;
        let length = header.len() + fragment.len();

        writer.write(memory, |slot: &Slot<'_, OutMemory>| {
            let at = header.len() + ip.len();
            if !slot.fill(0, &header) || !slot.fill(header.len(), ip) {
                return Err(TxError);
            }
            fill_by(slot, at, fragment.length, |mapping, offset| {
                mapping.copy_packet_part(offset, skb, fragment.start, fragment.length)
            })
        })?;
        Ok(length)
    }
}

/// The IP version that the packet's first byte claims, if the stack agrees: rules that look at the
/// protocol have seen what is sent.
pub(crate) fn version(skb: &SkBuff, ip: &[u8; PEEK]) -> Option<Version> {
    let [first, ..] = *ip;
    Version::from_first_byte(first).filter(|version| skb.protocol() == version.ethertype())
}

/// The mode in which elements hold an Ethernet frame and its length.
pub(crate) struct Ethernet;

impl Format for Ethernet {
    #[inline]
    fn copy(element: &Element<'_, InMemory>, poll: &Poll<'_>) -> Result<NewSkBuff, RxError> {
        let size = element.size();
        let mut trailer = [0; ethernet::TRAILER_SIZE];
        let at = ethernet::trailer_at(size).ok_or(Malformed::Length)?;
        if !element.peek(at, &mut trailer) {
            return Err(Malformed::Length.into());
        }
        // From here on the length is that of the copy.
        let length = ethernet::frame_len(trailer, size)?;
        copy_start(element, length, poll, true)
    }

    #[inline]
    fn deliver(skb: NewSkBuff, exit: &RxContext<'_>) -> Result<Option<usize>, RxError> {
        let bytes = skb.len();
        if exit.poll().receive_frame(skb) {
            Ok(Some(bytes))
        } else {
            Err(Malformed::Length.into())
        }
    }

    #[inline]
    fn write(writer: &mut Writer, memory: &OutMemory, skb: &SkBuff) -> Result<usize, TxError> {
        let length = skb.len();
        let size = writer.geometry().size();
        let trailer = ethernet::encode(length, size)?;

        writer.write(memory, |slot: &Slot<'_, OutMemory>| {
            fill_by(slot, 0, length, |mapping, offset| {
                mapping.copy_packet(offset, skb)
            })?;
            let at = ethernet::trailer_at(size).ok_or(TxError)?;
            slot.fill(at, &trailer).then_some(()).ok_or(TxError)
        })?;
        Ok(length)
    }
}

impl Segmented for Ethernet {
    #[inline]
    fn write_segment(
        writer: &mut Writer,
        memory: &OutMemory,
        skb: &SkBuff,
        plan: &mut GsoSegments,
        segment: &Segment,
    ) -> Result<usize, TxError> {
        let size = writer.geometry().size();
        let length = plan.header_len() + segment.length;
        let trailer = ethernet::encode(length, size)?;

        writer.write(memory, |slot: &Slot<'_, OutMemory>| {
            let Segment { start, length, .. } = *segment;
            let sum = fill_by(slot, plan.header_len(), length, |mapping, offset| {
                mapping.copy_packet_part_and_sum(offset, skb, start, length)
            })?;
            let at = ethernet::trailer_at(size).ok_or(TxError)?;
            let done = slot.fill(0, plan.headers(segment, sum)) && slot.fill(at, &trailer);
            done.then_some(()).ok_or(TxError)
        })?;
        Ok(length)
    }
}

/// What elements are padded with, piece by piece.
static ZEROS: [u8; 512] = [0; 512];

/// The mode in which elements hold packets of an unknown kind.
pub(crate) struct Raw;

impl Format for Raw {
    #[inline]
    fn copy(element: &Element<'_, InMemory>, poll: &Poll<'_>) -> Result<NewSkBuff, RxError> {
        copy_start(element, element.size(), poll, false)
    }

    #[inline]
    fn deliver(skb: NewSkBuff, exit: &RxContext<'_>) -> Result<Option<usize>, RxError> {
        let bytes = skb.len();
        exit.poll().receive(skb, 0, Protocol::Unknown);
        Ok(Some(bytes))
    }

    #[inline]
    fn write(writer: &mut Writer, memory: &OutMemory, skb: &SkBuff) -> Result<usize, TxError> {
        let length = skb.len();
        // Not as late as in the element: the reader loses an older one as soon as it is begun.
        if length > writer.geometry().size() {
            return Err(TxError);
        }
        writer.write(memory, |slot: &Slot<'_, OutMemory>| {
            fill_by(slot, 0, length, |mapping, offset| {
                mapping.copy_packet(offset, skb)
            })?;
            pad(slot, length)
        })?;
        Ok(length)
    }
}

/// Fills an element with zeros from byte `at` to its end.
fn pad(slot: &Slot<'_, OutMemory>, mut at: usize) -> Result<(), TxError> {
    while at < slot.size() {
        let zeros = ZEROS.get(..slot.size() - at).unwrap_or(&ZEROS);
        if !slot.fill(at, zeros) {
            return Err(TxError);
        }
        at += zeros.len();
    }
    Ok(())
}

/// Packets that are being received, from one poll to the next.
pub(crate) struct OffloadState {
    /// What is being copied.
    pub(crate) reassembly: Reassembly<LargeSkBuff>,
    /// Which of the copies count.
    pub(crate) valid: ValidRange,
}

impl OffloadState {
    /// There are none.
    pub(crate) const fn new() -> Self {
        Self {
            reassembly: Reassembly::new(),
            valid: ValidRange::new(),
        }
    }
}

/// An element that has been copied.
pub(crate) struct OffloadCopy {
    id: ElementId,
    /// Its number among all copies.
    number: u64,
    bytes: usize,
    /// The packet that is complete with it, if one is.
    result: Result<Option<Complete<LargeSkBuff>>, RxError>,
}

impl OffloadCopy {
    /// Bytes that were copied into a packet.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes as u64
    }
}


/// The mode in which a packet may lie in several elements, with its offloads: see [`wire::offload`].
pub(crate) struct Offload;

impl Offload {
    /// Copies an element into its packet.
    #[inline]
    pub(crate) fn copy(
        element: &Element<'_, InMemory>,
        reassembly: &mut Reassembly<LargeSkBuff>,
    ) -> OffloadCopy {
        let mut bytes = 0;
        let id = element.id();
        let number = reassembly.next_copy();
        let result = Self::copy_fragment(element, id, reassembly, &mut bytes);
        if result.is_err() {
            reassembly.give_up();
        }
        OffloadCopy {
            id,
            number,
            bytes,
            result,
        }
    }

    #[inline]
    fn copy_fragment(
        element: &Element<'_, InMemory>,
        id: ElementId,
        reassembly: &mut Reassembly<LargeSkBuff>,
        bytes: &mut usize,
    ) -> Result<Option<Complete<LargeSkBuff>>, RxError> {
        let mut header = [0; offload::HEADER_SIZE];
        if !element.peek(0, &mut header) {
            return Err(Malformed::Length.into());
        }
        // From here on the header is that of the copy.
        let piece = OffloadFragment::decode(&header, element.size())?;
        let (memory, offset) = element
            .locate(offload::HEADER_SIZE, piece.length)
            .ok_or(Malformed::Length)?;
        let packet = reassembly
            .find(id, &piece, || {
                LargeSkBuff::new(piece.total).ok_or(RxError::NoMemory)
            })?
            .ok_or(RxError::Incomplete)?;
        packet
            .append(memory.mapping(), offset, piece.length)
            .map_err(|_| RxError::NoMemory)?;
        *bytes = piece.length;
        Ok(reassembly.copied(&piece))
    }

    /// Takes note of an element that was intact, and hands up the packet that is complete with it, if
    /// all others of its elements were, too; returns its bytes if it was the interface's own.
    ///
    /// # Errors
    ///
    /// - [`RxError`]: what the peer wrote is no packet, or not all of it was there in time.
    #[inline]
    pub(crate) fn deliver(
        copied: OffloadCopy,
        valid: &mut ValidRange,
        exit: &RxContext<'_>,
    ) -> Result<Option<usize>, RxError> {
        valid.add_change(copied.id, copied.number);
        let Some(complete) = copied.result? else {
            return Ok(None);
        };
        if !valid.since(complete.first) {
            return Err(RxError::Incomplete);
        }
        let skb = complete.packet.complete().ok_or(RxError::Incomplete)?;
        let ip = skb.head().ok_or(Malformed::Length)?;
        complete.head.check(&ip)?;
        let protocol = match complete.head.version {
            Version::V4 => Protocol::Ipv4,
            Version::V6 => Protocol::Ipv6,
        };
        exit.receive_large(skb, complete.head.mark, protocol, &complete.head.offloads)
            .map_err(|_| Malformed::Offloads.into())
    }

    /// Writes a packet into the next elements; returns how many bytes that took.
    ///
    /// # Errors
    ///
    /// - [`TxError`]: it cannot be carried; elements of its start may have been written.
    pub(crate) fn write(
        writer: &mut Writer,
        memory: &OutMemory,
        skb: &SkBuff,
    ) -> Result<usize, TxError> {
        let ip = skb.head::<PEEK>().ok_or(TxError)?;
        version(skb, &ip).ok_or(TxError)?;
        let offloads = skb.offloads().ok_or(TxError)?;
        let size = writer.geometry().size();
        let mut bytes = 0;
        for piece in OffloadFragments::new(skb.mark(), &ip, skb.len(), offloads, size)? {
            let header = &piece.header;
            writer.write(memory, |slot: &Slot<'_, OutMemory>| {
                if !slot.fill(0, header) {
                    return Err(TxError);
                }
                fill_by(slot, header.len(), piece.length, |mapping, offset| {
                    mapping.copy_packet_part(offset, skb, piece.at, piece.length)
                })
            })?;
            bytes += header.len() + piece.length;
        }
        Ok(bytes)
    }
}
