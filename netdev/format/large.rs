// SPDX-License-Identifier: GPL-2.0

//! IP mode with offloads: see [`frame::large`](super::super::frame::large).

use super::{
    super::{
        assembly::{
            Assembly,
            Intact,
            Whole, //
        },
        format::ip::PEEK,
        frame::large::{
            self,
            Piece,
            Pieces, //
        }, //
    },
    *, //
};
use crate::{
    abstractions::{
        napi::Protocol,
        skbuff::LargeSkBuff, //
    },
    channel::ElementId, //
};

/// Packets that are being received, from one poll to the next.
pub(crate) struct Pending {
    /// What is being copied.
    pub(crate) assembly: Assembly<LargeSkBuff>,
    /// Which of the copies count.
    pub(crate) intact: Intact,
}

impl Pending {
    /// There are none.
    pub(crate) const fn new() -> Self {
        Self {
            assembly: Assembly::new(),
            intact: Intact::new(),
        }
    }
}

/// An element that has been copied.
pub(crate) struct Copied {
    id: ElementId,
    /// Its number among all copies.
    number: u64,
    bytes: usize,
    /// The packet that is complete with it, if one is.
    result: Result<Option<Whole<LargeSkBuff>>, Rejected>,
}

impl Copied {
    /// Bytes that were copied into a packet.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes as u64
    }
}

/// Copies an element into its packet.
#[inline]
pub(crate) fn copy(
    element: &Element<'_, InMemory>,
    assembly: &mut Assembly<LargeSkBuff>,
) -> Copied {
    let mut bytes = 0;
    let id = element.id();
    let number = assembly.next_copy();
    let result = copy_piece(element, id, assembly, &mut bytes);
    if result.is_err() {
        assembly.give_up();
    }
    Copied {
        id,
        number,
        bytes,
        result,
    }
}

#[inline]
fn copy_piece(
    element: &Element<'_, InMemory>,
    id: ElementId,
    assembly: &mut Assembly<LargeSkBuff>,
    bytes: &mut usize,
) -> Result<Option<Whole<LargeSkBuff>>, Rejected> {
    let mut header = [0; large::HEADER_SIZE];
    if !element.peek(0, &mut header) {
        return Err(Malformed::Length.into());
    }
    // From here on the header is that of the copy.
    let piece = Piece::decode(&header, element.size())?;
    let (memory, offset) = element
        .locate(large::HEADER_SIZE, piece.length)
        .ok_or(Malformed::Length)?;
    let packet = assembly
        .find(id, &piece, || {
            LargeSkBuff::new(piece.total).ok_or(Rejected::NoMemory)
        })?
        .ok_or(Rejected::Incomplete)?;
    packet
        .append(memory.mapping(), offset, piece.length)
        .map_err(|_| Rejected::NoMemory)?;
    *bytes = piece.length;
    Ok(assembly.copied(&piece))
}

/// Takes note of an element that was intact, and hands up the packet that is complete with it, if
/// all others of its elements were, too; returns its bytes if it was the interface's own.
///
/// # Errors
///
/// - [`Rejected`]: what the peer wrote is no packet, or not all of it was there in time.
#[inline]
pub(crate) fn deliver(
    copied: Copied,
    intact: &mut Intact,
    exit: &Exit<'_>,
) -> Result<Option<usize>, Rejected> {
    intact.add_change(copied.id, copied.number);
    let Some(whole) = copied.result? else {
        return Ok(None);
    };
    if !intact.since(whole.first) {
        return Err(Rejected::Incomplete);
    }
    let skb = whole.packet.complete().ok_or(Rejected::Incomplete)?;
    let ip = skb.head().ok_or(Malformed::Length)?;
    whole.head.check(&ip)?;
    let protocol = match whole.head.version {
        Version::V4 => Protocol::Ipv4,
        Version::V6 => Protocol::Ipv6,
    };
    exit.receive_large(skb, whole.head.mark, protocol, &whole.head.offloads)
        .map_err(|_| Malformed::Offloads.into())
}

/// Writes a packet into the next elements; returns how many bytes that took.
///
/// # Errors
///
/// - [`Dropped`]: it cannot be carried; elements of its start may have been written.
pub(crate) fn write(
    writer: &mut Writer,
    memory: &OutMemory,
    skb: &SkBuff,
) -> Result<usize, Dropped> {
    let ip = skb.head::<PEEK>().ok_or(Dropped)?;
    super::version(skb, &ip).ok_or(Dropped)?;
    let offloads = skb.offloads().ok_or(Dropped)?;
    let size = writer.geometry().size();
    let mut bytes = 0;
    for piece in Pieces::new(skb.mark(), &ip, skb.len(), offloads, size)? {
        let header = &piece.header;
        writer.write(memory, |slot: &Slot<'_, OutMemory>| {
            if !slot.fill(0, header) {
                return Err(Dropped);
            }
            fill_by(slot, header.len(), piece.length, |mapping, offset| {
                mapping.copy_packet_part(offset, skb, piece.at, piece.length)
            })
        })?;
        bytes += header.len() + piece.length;
    }
    Ok(bytes)
}
