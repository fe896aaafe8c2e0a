// SPDX-License-Identifier: GPL-2.0

//! The three ways in which packets become elements and elements packets: what is done for each
//! packet in one mode, and what [`transmit`](super::transmit) and [`receive`](super::receive) do
//! not have to know.

use super::{
    frame::{
        Malformed,
        NotSent,
        Version, //
    },
    memory::{
        InMemory,
        OutMemory, //
    },
    ports::Exit,
    segment::{
        Segment,
        Segments, //
    }, //
};
use crate::{
    abstractions::{
        mapping::Mapping,
        napi::Poll,
        skbuff::{
            NewSkBuff,
            SkBuff, //
        }, //
    },
    channel::{
        Element,
        Slot,
        Writer, //
    }, //
};
use kernel::error::Result;

mod ethernet;
mod ip;
pub(super) mod large;
mod raw;

pub(super) use self::{
    ethernet::Ethernet,
    ip::{
        version,
        Ip, //
    },
    raw::Raw, //
};

/// One way in which an element carries a packet.
pub(super) trait Format {
    /// Copies what an element claims to hold into a new packet, once, without believing it.
    ///
    /// # Errors
    ///
    /// - [`Rejected`]: there is nothing to copy, or nothing to copy it to.
    fn copy(element: &Element<'_, InMemory>, poll: &Poll<'_>) -> Result<NewSkBuff, Rejected>;

    /// Checks a private copy, taken from an element that was still intact after that, and hands it
    /// up; returns the bytes of its payload, if it was the interface's own.
    ///
    /// # Errors
    ///
    /// - [`Rejected`]: what the peer wrote is no packet.
    fn deliver(skb: NewSkBuff, exit: &Exit<'_>) -> Result<Option<usize>, Rejected>;

    /// Writes a packet into the next element; returns how many bytes that took.
    ///
    /// # Errors
    ///
    /// - [`Dropped`]: the mode cannot carry the packet, and nothing was written.
    fn write(writer: &mut Writer, memory: &OutMemory, skb: &SkBuff) -> Result<usize, Dropped>;
}

/// A way in which an element carries a packet that the stack may leave to the driver to be cut into
/// segments.
pub(super) trait Segmented: Format {
    /// Writes one segment of a packet into the next element; returns how many bytes that took.
    ///
    /// # Errors
    ///
    /// - [`Dropped`]: it does not fit an element, or the packet has no such bytes.
    fn write_segment(
        writer: &mut Writer,
        memory: &OutMemory,
        skb: &SkBuff,
        plan: &mut Segments,
        segment: &Segment,
    ) -> Result<usize, Dropped>;
}

/// Why an element did not become a packet.
pub(super) enum Rejected {
    /// Its contents are none.
    Malformed(Malformed),
    /// There was no memory for it.
    NoMemory,
    /// It is a piece of a packet of which others are missing.
    Incomplete,
}

impl From<Malformed> for Rejected {
    fn from(reason: Malformed) -> Self {
        Self::Malformed(reason)
    }
}

/// Why a packet was not sent; it is counted, no matter why.
#[derive(Clone, Copy)]
pub(super) struct Dropped;

impl From<NotSent> for Dropped {
    fn from(_: NotSent) -> Self {
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
) -> Result<NewSkBuff, Rejected> {
    let (memory, offset) = element.locate(0, length).ok_or(Malformed::Length)?;
    poll.copy_skb(memory.mapping(), offset, length, sum)
        .ok_or(Rejected::NoMemory)
}

/// Lets `copy` fill `length` bytes of an element, from byte `at` of it on: it gets the region and
/// the place in it.
///
/// # Errors
///
/// - [`Dropped`]: the bytes are not all in the element, or `copy` fails.
#[inline]
fn fill_by<R>(
    slot: &Slot<'_, OutMemory>,
    at: usize,
    length: usize,
    copy: impl FnOnce(&Mapping, usize) -> Result<R>,
) -> Result<R, Dropped> {
    let (memory, offset) = slot.locate(at, length).ok_or(Dropped)?;
    copy(memory.mapping(), offset).map_err(|_| Dropped)
}
