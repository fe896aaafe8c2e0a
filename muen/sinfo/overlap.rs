// SPDX-License-Identifier: GPL-2.0

//! Which regions share memory, and which of them may.

use core::fmt;

use super::image::{
    Name,
    IMAGE_SIZE, //
};
use super::resource::MemoryResource;

/// A range of guest-physical addresses, possibly empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    start: u64,
    /// The first address behind the range.
    end: u64,
}

impl Range {
    /// The `size` bytes from `start` on, or as many as there are addresses left.
    pub(crate) fn new(start: u64, size: u64) -> Self {
        Self {
            start,
            end: start.saturating_add(size),
        }
    }

    /// Where the image at `address` lies.
    pub(crate) fn of_image(address: u64) -> Self {
        Self::new(address, IMAGE_SIZE as u64)
    }

    /// Whether the ranges have an address in common. An empty range has none to share.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.start.max(other.start) < self.end.min(other.end)
    }
}

/// What a region shares memory with although it must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conflict<'a> {
    /// The subject information itself.
    Image,
    /// The memory resource of this name.
    Memory(Name<'a>),
}

impl fmt::Display for Conflict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image => f.write_str("the subject information"),
            Self::Memory(name) => write!(f, "memory region '{name}'"),
        }
    }
}

/// Looks up what keeps `region` from being used: see [`Sinfo::conflict`](super::Sinfo::conflict).
pub(super) fn conflict<'a>(
    region: &MemoryResource<'a>,
    image: Range,
    others: impl Iterator<Item = MemoryResource<'a>>,
) -> Option<Conflict<'a>> {
    let range = region.range();
    if range.overlaps(&image) {
        return Some(Conflict::Image);
    }

    // The exception is for a pair of names, not for a crowd.
    let mut alias_seen = false;
    for other in others {
        if other.index == region.index || !range.overlaps(&other.range()) {
            continue;
        }
        let alias = other.range() == range && other.writable != region.writable;
        if !alias || alias_seen {
            return Some(Conflict::Memory(other.name));
        }
        alias_seen = true;
    }
    None
}
