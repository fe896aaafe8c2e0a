// SPDX-License-Identifier: GPL-2.0

//! The format of elements in each mode: writes packets into elements, and copies and checks
//! elements that are received.
//!
//! - [`Format`], implemented by [`Ip`], [`Ethernet`] and [`Raw`]: an element carries a packet.
//! - [`Segmented`], implemented by [`Ip`] and [`Ethernet`]: the driver segments GSO packets.
//! - [`Ip::write_fragment`]: IPv4 fragments.
//! - [`Offload`]: a packet may be spread over several elements. This mode has functions of its own,
//!   and keeps packets from one poll to the next in [`OffloadState`].
//!
//! [`wire`] has the headers of elements.

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
            FragSkBuff,
            RxSkBuff,
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

/// The format of the elements of one mode.
pub(super) trait Format {
    /// Copies the packet that an element claims to hold into a new packet, once. The claim only
    /// decides how much is copied.
    ///
    /// # Errors
    ///
    /// - [`RxError`]: there is nothing to copy, or no memory for the copy.
    fn copy(element: &Element<'_, InMemory>, poll: &Poll<'_>) -> Result<RxSkBuff, RxError>;

    /// Checks the private copy of an element that was still intact after the copy, and passes its
    /// packet to the stack. Returns the number of payload bytes if it was a packet of the
    /// interface; [`None`] if it was one of an endpoint.
    ///
    /// # Errors
    ///
    /// - [`RxError`]: the peer wrote no valid packet.
    fn deliver(skb: RxSkBuff, ctx: &RxContext<'_>) -> Result<Option<usize>, RxError>;

    /// Writes a packet into the next element. Returns the number of bytes written.
    ///
    /// # Errors
    ///
    /// - [`TxError`]: the mode cannot carry the packet. Nothing was written.
    fn write(writer: &mut Writer, memory: &OutMemory, skb: &SkBuff<'_>) -> Result<usize, TxError>;
}

/// The format of a mode in which the driver segments GSO packets.
pub(super) trait Segmented: Format {
    /// Writes one segment of a packet into the next element. Returns the number of bytes written.
    ///
    /// # Errors
    ///
    /// - [`TxError`]: the segment does not fit an element, or the packet does not have its bytes.
    fn write_segment(
        writer: &mut Writer,
        memory: &OutMemory,
        skb: &SkBuff<'_>,
        segments: &mut GsoSegments,
        segment: &Segment,
    ) -> Result<usize, TxError>;
}

/// Why an element did not yield a packet.
pub(super) enum RxError {
    /// The element holds no valid packet.
    Malformed(Malformed),
    /// There was no memory for the packet.
    NoMemory,
    /// The element holds a fragment of a packet of which other fragments are missing.
    Incomplete,
}

impl From<Malformed> for RxError {
    fn from(reason: Malformed) -> Self {
        Self::Malformed(reason)
    }
}

/// A packet was not sent. It is counted as dropped, whatever the reason.
#[derive(Clone, Copy)]
pub(super) struct TxError;

impl From<EncodeError> for TxError {
    fn from(_: EncodeError) -> Self {
        Self
    }
}

/// Copies the first `length` bytes of an element into a new packet. `sum`: the copy also verifies
/// the checksums of the packet.
///
/// # Errors
///
/// - [`RxError`]: the element does not have `length` bytes, or there is no memory for the packet.
#[inline]
fn copy_element(
    element: &Element<'_, InMemory>,
    length: usize,
    poll: &Poll<'_>,
    sum: bool,
) -> Result<RxSkBuff, RxError> {
    let (memory, offset) = element.locate(0, length).ok_or(Malformed::Length)?;
    poll.copy_skb(memory.mapping(), offset, length, sum)
        .ok_or(RxError::NoMemory)
}

/// Fills `length` bytes of an element, from byte `at` on, with `copy`. It gets the mapping of the
/// region and the offset of these bytes in it.
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

/// Number of bytes at the start of a packet that the header of its element is made from.
pub(crate) const PEEK: usize = 8;

/// IP mode: elements hold a header and an IP packet.
pub(crate) struct Ip;

impl Format for Ip {
    #[inline]
    fn copy(element: &Element<'_, InMemory>, poll: &Poll<'_>) -> Result<RxSkBuff, RxError> {
        let mut prefix = [0; wire::PREFIX_SIZE];
        if !element.peek(0, &mut prefix) {
            return Err(Malformed::Length.into());
        }
        let length = wire::peek_len(&prefix, element.size())?;
        copy_element(element, length, poll, true)
    }

    #[inline]
    fn deliver(mut skb: RxSkBuff, ctx: &RxContext<'_>) -> Result<Option<usize>, RxError> {
        let checked = wire::check(skb.data(), skb.len())?;
        if !skb.pull(wire::HEADER_SIZE) {
            return Err(Malformed::Length.into());
        }
        let protocol = match checked.version {
            Version::V4 => Protocol::Ipv4,
            Version::V6 => Protocol::Ipv6,
        };
        Ok(ctx.receive(skb, checked.mark, protocol))
    }

    #[inline]
    fn write(writer: &mut Writer, memory: &OutMemory, skb: &SkBuff<'_>) -> Result<usize, TxError> {
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
                skb.copy_to(mapping, offset)
            })?;
            // User space may change the packet at any time, for example in the mapped ring of a
            // packet socket. The peer uses the length in the IP header, so that must be the length
            // that was checked. The bytes beyond it in the element are those of another packet.
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
        skb: &SkBuff<'_>,
        segments: &mut GsoSegments,
        segment: &Segment,
    ) -> Result<usize, TxError> {
        let size = writer.geometry().size();
        let packet_len = segments.header_len() + segment.length;

        writer.write(memory, |slot: &Slot<'_, OutMemory>| {
            let at = wire::HEADER_SIZE + segments.header_len();
            let sum = fill_by(slot, at, segment.length, |mapping, offset| {
                skb.copy_and_csum_bits_to(mapping, offset, segment.offset, segment.length)
            })?;
            let ip = segments.headers(segment, sum);
            let header = wire::encode(skb.mark(), ip, packet_len, size)?;
            let done = slot.fill(0, &header) && slot.fill(header.len(), ip);
            done.then_some(()).ok_or(TxError)
        })?;
        Ok(wire::HEADER_SIZE + packet_len)
    }
}

impl Ip {
    /// Writes one fragment of an IPv4 packet into the next element. Returns the number of bytes
    /// written.
    ///
    /// # Errors
    ///
    /// - [`TxError`]: the fragment does not fit an element, or the packet does not have its bytes.
    pub(crate) fn write_fragment(
        writer: &mut Writer,
        memory: &OutMemory,
        skb: &SkBuff<'_>,
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
                skb.copy_bits_to(mapping, offset, fragment.offset, fragment.length)
            })
        })?;
        Ok(length)
    }
}

/// Returns the IP version in the first byte of the packet; [`None`] if it is not the version of the
/// packet's protocol. Hence rules that match on the protocol have seen the packet that is sent.
pub(crate) fn version(skb: &SkBuff<'_>, ip: &[u8; PEEK]) -> Option<Version> {
    let [first, ..] = *ip;
    Version::from_first_byte(first).filter(|version| skb.protocol() == version.ethertype())
}

/// Ethernet mode: elements hold a frame and its length.
pub(crate) struct Ethernet;

impl Format for Ethernet {
    #[inline]
    fn copy(element: &Element<'_, InMemory>, poll: &Poll<'_>) -> Result<RxSkBuff, RxError> {
        let size = element.size();
        let mut trailer = [0; ethernet::TRAILER_SIZE];
        let at = ethernet::trailer_at(size).ok_or(Malformed::Length)?;
        if !element.peek(at, &mut trailer) {
            return Err(Malformed::Length.into());
        }
        // From here on only this copy of the length counts.
        let length = ethernet::frame_len(trailer, size)?;
        copy_element(element, length, poll, true)
    }

    #[inline]
    fn deliver(skb: RxSkBuff, ctx: &RxContext<'_>) -> Result<Option<usize>, RxError> {
        let bytes = skb.len();
        if ctx.poll().gro_receive_eth(skb) {
            Ok(Some(bytes))
        } else {
            Err(Malformed::Length.into())
        }
    }

    #[inline]
    fn write(writer: &mut Writer, memory: &OutMemory, skb: &SkBuff<'_>) -> Result<usize, TxError> {
        let length = skb.len();
        let size = writer.geometry().size();
        let trailer = ethernet::encode(length, size)?;

        writer.write(memory, |slot: &Slot<'_, OutMemory>| {
            fill_by(slot, 0, length, |mapping, offset| {
                skb.copy_to(mapping, offset)
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
        skb: &SkBuff<'_>,
        segments: &mut GsoSegments,
        segment: &Segment,
    ) -> Result<usize, TxError> {
        let size = writer.geometry().size();
        let length = segments.header_len() + segment.length;
        let trailer = ethernet::encode(length, size)?;

        writer.write(memory, |slot: &Slot<'_, OutMemory>| {
            let payload_at = segments.header_len();
            let sum = fill_by(slot, payload_at, segment.length, |mapping, offset| {
                skb.copy_and_csum_bits_to(mapping, offset, segment.offset, segment.length)
            })?;
            let at = ethernet::trailer_at(size).ok_or(TxError)?;
            let done = slot.fill(0, segments.headers(segment, sum)) && slot.fill(at, &trailer);
            done.then_some(()).ok_or(TxError)
        })?;
        Ok(length)
    }
}

/// The padding of elements, which is written in chunks of this size.
static ZEROS: [u8; 512] = [0; 512];

/// Raw mode: elements hold packets in an unknown format.
pub(crate) struct Raw;

impl Format for Raw {
    #[inline]
    fn copy(element: &Element<'_, InMemory>, poll: &Poll<'_>) -> Result<RxSkBuff, RxError> {
        copy_element(element, element.size(), poll, false)
    }

    #[inline]
    fn deliver(skb: RxSkBuff, ctx: &RxContext<'_>) -> Result<Option<usize>, RxError> {
        let bytes = skb.len();
        ctx.poll().gro_receive(skb, 0, Protocol::Unknown);
        Ok(Some(bytes))
    }

    #[inline]
    fn write(writer: &mut Writer, memory: &OutMemory, skb: &SkBuff<'_>) -> Result<usize, TxError> {
        let length = skb.len();
        // Check this before the element is started: starting it takes an older one from the reader.
        if length > writer.geometry().size() {
            return Err(TxError);
        }
        writer.write(memory, |slot: &Slot<'_, OutMemory>| {
            fill_by(slot, 0, length, |mapping, offset| {
                skb.copy_to(mapping, offset)
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

/// The state of receiving in offload mode, which lasts from one poll to the next.
pub(crate) struct OffloadState {
    /// The packet that is being copied.
    pub(crate) reassembly: Reassembly<FragSkBuff>,
    /// The elements that were intact after they had been copied.
    pub(crate) valid: ValidRange,
}

impl OffloadState {
    /// Returns the state without a packet.
    pub(crate) const fn new() -> Self {
        Self {
            reassembly: Reassembly::new(),
            valid: ValidRange::new(),
        }
    }
}

/// The copy of one element in offload mode.
pub(crate) struct OffloadCopy {
    id: ElementId,
    /// The number of the copy among all copies.
    number: u64,
    bytes: usize,
    /// The packet that the element completes, if it does.
    result: Result<Option<Complete<FragSkBuff>>, RxError>,
}

impl OffloadCopy {
    /// Returns the number of bytes that were copied into a packet.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes as u64
    }
}

/// Offload mode: a packet may be spread over several elements, and has offloads. See
/// [`wire::offload`].
pub(crate) struct Offload;

impl Offload {
    /// Copies an element into the packet that it belongs to.
    #[inline]
    pub(crate) fn copy(
        element: &Element<'_, InMemory>,
        reassembly: &mut Reassembly<FragSkBuff>,
    ) -> OffloadCopy {
        let mut bytes = 0;
        let id = element.id();
        let number = reassembly.next_copy();
        let result = Self::copy_fragment(element, id, reassembly, &mut bytes);
        if result.is_err() {
            reassembly.drop_partial();
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
        reassembly: &mut Reassembly<FragSkBuff>,
        bytes: &mut usize,
    ) -> Result<Option<Complete<FragSkBuff>>, RxError> {
        let mut header = [0; offload::HEADER_SIZE];
        if !element.peek(0, &mut header) {
            return Err(Malformed::Length.into());
        }
        // From here on only this copy of the header counts.
        let fragment = OffloadFragment::decode(&header, element.size())?;
        let (memory, offset) = element
            .locate(offload::HEADER_SIZE, fragment.length)
            .ok_or(Malformed::Length)?;
        let packet = reassembly
            .find(id, &fragment, || {
                FragSkBuff::new(fragment.total).ok_or(RxError::NoMemory)
            })?
            .ok_or(RxError::Incomplete)?;
        packet
            .put(memory.mapping(), offset, fragment.length)
            .map_err(|_| RxError::NoMemory)?;
        *bytes = fragment.length;
        Ok(reassembly.copied(&fragment))
    }

    /// Records an element that was intact after the copy. If it completes a packet and all elements
    /// of the packet were intact, checks the packet and passes it to the stack. Returns its length
    /// in bytes if it was a packet of the interface; [`None`] if it was one of an endpoint, or is
    /// not complete yet.
    ///
    /// # Errors
    ///
    /// - [`RxError`]: the peer wrote no valid packet, or not all of its elements were intact.
    #[inline]
    pub(crate) fn deliver(
        copied: OffloadCopy,
        valid: &mut ValidRange,
        ctx: &RxContext<'_>,
    ) -> Result<Option<usize>, RxError> {
        valid.add_intact(copied.id, copied.number);
        let Some(complete) = copied.result? else {
            return Ok(None);
        };
        if !valid.intact_since(complete.first) {
            return Err(RxError::Incomplete);
        }
        let skb = complete.packet.complete().ok_or(RxError::Incomplete)?;
        let ip = skb.head().ok_or(Malformed::Length)?;
        complete.head.check(&ip)?;
        let protocol = match complete.head.version {
            Version::V4 => Protocol::Ipv4,
            Version::V6 => Protocol::Ipv6,
        };
        ctx.receive_offload(skb, complete.head.mark, protocol, &complete.head.offloads)
            .map_err(|_| Malformed::Offloads.into())
    }

    /// Writes a packet into the next elements. Returns the number of bytes written.
    ///
    /// # Errors
    ///
    /// - [`TxError`]: the packet cannot be sent. Elements of its start may have been written.
    pub(crate) fn write(
        writer: &mut Writer,
        memory: &OutMemory,
        skb: &SkBuff<'_>,
    ) -> Result<usize, TxError> {
        let ip = skb.head::<PEEK>().ok_or(TxError)?;
        version(skb, &ip).ok_or(TxError)?;
        let offloads = skb.vnet_hdr().ok_or(TxError)?;
        let size = writer.geometry().size();
        let mut bytes = 0;
        for fragment in OffloadFragments::new(skb.mark(), &ip, skb.len(), offloads, size)? {
            let header = &fragment.header;
            writer.write(memory, |slot: &Slot<'_, OutMemory>| {
                if !slot.fill(0, header) {
                    return Err(TxError);
                }
                fill_by(slot, header.len(), fragment.length, |mapping, offset| {
                    skb.copy_bits_to(mapping, offset, fragment.at, fragment.length)
                })
            })?;
            bytes += header.len() + fragment.length;
        }
        Ok(bytes)
    }
}
