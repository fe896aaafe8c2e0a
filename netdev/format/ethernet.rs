// SPDX-License-Identifier: GPL-2.0

//! Ethernet mode: see [`frame::ethernet`].

use super::{
    super::frame::ethernet, //
    *,
};

/// The mode in which elements hold an Ethernet frame and its length.
pub(crate) struct Ethernet;

impl Format for Ethernet {
    #[inline]
    fn copy(element: &Element<'_, InMemory>, poll: &Poll<'_>) -> Result<NewSkBuff, Rejected> {
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
    fn deliver(skb: NewSkBuff, exit: &Exit<'_>) -> Result<Option<usize>, Rejected> {
        let bytes = skb.len();
        if exit.poll().receive_frame(skb) {
            Ok(Some(bytes))
        } else {
            Err(Malformed::Length.into())
        }
    }

    #[inline]
    fn write(writer: &mut Writer, memory: &OutMemory, skb: &SkBuff) -> Result<usize, Dropped> {
        let length = skb.len();
        let size = writer.geometry().size();
        let trailer = ethernet::encode(length, size)?;

        writer.write(memory, |slot: &Slot<'_, OutMemory>| {
            fill_by(slot, 0, length, |mapping, offset| {
                mapping.copy_packet(offset, skb)
            })?;
            let at = ethernet::trailer_at(size).ok_or(Dropped)?;
            slot.fill(at, &trailer).then_some(()).ok_or(Dropped)
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
        plan: &mut Segments,
        segment: &Segment,
    ) -> Result<usize, Dropped> {
        let size = writer.geometry().size();
        let length = plan.header_len() + segment.length;
        let trailer = ethernet::encode(length, size)?;

        writer.write(memory, |slot: &Slot<'_, OutMemory>| {
            let Segment { start, length, .. } = *segment;
            let sum = fill_by(slot, plan.header_len(), length, |mapping, offset| {
                mapping.copy_packet_part_and_sum(offset, skb, start, length)
            })?;
            let at = ethernet::trailer_at(size).ok_or(Dropped)?;
            let done = slot.fill(0, plan.headers(segment, sum)) && slot.fill(at, &trailer);
            done.then_some(()).ok_or(Dropped)
        })?;
        Ok(length)
    }
}
