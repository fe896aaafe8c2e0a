// SPDX-License-Identifier: GPL-2.0

//! Raw mode: an element holds the bytes of the packet, and zeros behind them.
//!
//! Nobody says how long the packet is, so the receiver gets the whole element, and nothing in it
//! may be left over from an earlier packet.

use super::*;
use crate::abstractions::napi::Protocol;

/// What elements are padded with, piece by piece.
static ZEROS: [u8; 512] = [0; 512];

/// The mode in which elements hold packets of an unknown kind.
pub(crate) struct Raw;

impl Format for Raw {
    #[inline]
    fn copy(element: &Element<'_, InMemory>, poll: &Poll<'_>) -> Result<NewSkBuff, Rejected> {
        copy_start(element, element.size(), poll, false)
    }

    #[inline]
    fn deliver(skb: NewSkBuff, exit: &Exit<'_>) -> Result<Option<usize>, Rejected> {
        let bytes = skb.len();
        exit.poll().receive(skb, 0, Protocol::Unknown);
        Ok(Some(bytes))
    }

    #[inline]
    fn write(writer: &mut Writer, memory: &OutMemory, skb: &SkBuff) -> Result<usize, Dropped> {
        let length = skb.len();
        // Not as late as in the element: the reader loses an older one as soon as it is begun.
        if length > writer.geometry().size() {
            return Err(Dropped);
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
fn pad(slot: &Slot<'_, OutMemory>, mut at: usize) -> Result<(), Dropped> {
    while at < slot.size() {
        let zeros = ZEROS.get(..slot.size() - at).unwrap_or(&ZEROS);
        if !slot.fill(at, zeros) {
            return Err(Dropped);
        }
        at += zeros.len();
    }
    Ok(())
}
