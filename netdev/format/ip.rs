// SPDX-License-Identifier: GPL-2.0

//! IP mode: see [`frame`].

use super::{
    super::{
        frame,
        pmtu::fragment::Fragment, //
    },
    *, //
};
use crate::abstractions::napi::Protocol;

/// Bytes of a packet that its header is made from.
pub(crate) const PEEK: usize = 8;

/// The mode in which elements hold a header and an IP packet.
pub(crate) struct Ip;

impl Format for Ip {
    #[inline]
    fn copy(element: &Element<'_, InMemory>, poll: &Poll<'_>) -> Result<NewSkBuff, Rejected> {
        let mut prefix = [0; frame::PREFIX_SIZE];
        if !element.peek(0, &mut prefix) {
            return Err(Malformed::Length.into());
        }
        let length = frame::peek_len(&prefix, element.size())?;
        copy_start(element, length, poll, true)
    }

    #[inline]
    fn deliver(mut skb: NewSkBuff, exit: &Exit<'_>) -> Result<Option<usize>, Rejected> {
        let checked = frame::check(skb.data(), skb.len())?;
        if !skb.pull(frame::HEADER_SIZE) {
            return Err(Malformed::Length.into());
        }
        let protocol = match checked.version {
            Version::V4 => Protocol::Ipv4,
            Version::V6 => Protocol::Ipv6,
        };
        Ok(exit.receive(skb, checked.mark, protocol))
    }

    #[inline]
    fn write(writer: &mut Writer, memory: &OutMemory, skb: &SkBuff) -> Result<usize, Dropped> {
        let ip = skb.head::<PEEK>().ok_or(Dropped)?;
        version(skb, &ip).ok_or(Dropped)?;
        let length = skb.len();
        let size = writer.geometry().size();
        let header = frame::encode(skb.mark(), &ip, length, size)?;

        writer.write(memory, |slot: &Slot<'_, OutMemory>| {
            if !slot.fill(0, &header) {
                return Err(Dropped);
            }
            fill_by(slot, header.len(), length, |mapping, offset| {
                mapping.copy_packet(offset, skb)
            })?;
            // Others may write a packet, say those who map the ring of a packet socket. The peer
            // goes by the length in it, which must be the one that was looked at: what is beyond
            // is somebody else's.
            let done = slot.fill(header.len(), &ip);
            done.then_some(()).ok_or(Dropped)
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
        plan: &mut Segments,
        segment: &Segment,
    ) -> Result<usize, Dropped> {
        let size = writer.geometry().size();
        let packet_len = plan.header_len() + segment.length;

        writer.write(memory, |slot: &Slot<'_, OutMemory>| {
            let at = frame::HEADER_SIZE + plan.header_len();
            let Segment { start, length, .. } = *segment;
            let sum = fill_by(slot, at, length, |mapping, offset| {
                mapping.copy_packet_part_and_sum(offset, skb, start, length)
            })?;
            let ip = plan.headers(segment, sum);
            let header = frame::encode(skb.mark(), ip, packet_len, size)?;
            let done = slot.fill(0, &header) && slot.fill(header.len(), ip);
            done.then_some(()).ok_or(Dropped)
        })?;
        Ok(frame::HEADER_SIZE + packet_len)
    }
}

impl Ip {
    /// Writes one fragment of an IPv4 packet into the next element; returns how many bytes that
    /// took.
    ///
    /// # Errors
    ///
    /// - [`Dropped`]: it does not fit an element, or the packet has no such bytes.
    pub(crate) fn write_fragment(
        writer: &mut Writer,
        memory: &OutMemory,
        skb: &SkBuff,
        fragment: &Fragment,
    ) -> Result<usize, Dropped> {
        let ip = fragment.header.bytes();
        let size = writer.geometry().size();
        let header = frame::encode(skb.mark(), ip, fragment.len(), size)?;
        let length = header.len() + fragment.len();

        writer.write(memory, |slot: &Slot<'_, OutMemory>| {
            let at = header.len() + ip.len();
            if !slot.fill(0, &header) || !slot.fill(header.len(), ip) {
                return Err(Dropped);
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
