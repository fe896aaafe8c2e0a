// SPDX-License-Identifier: GPL-2.0

//! Overlaps of memory regions: which regions share memory, and which of them may.

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
    /// The first address after the range.
    end: u64,
}

impl Range {
    /// Returns the range of `size` bytes at `start`, cut off at the end of the address space.
    pub(crate) fn new(start: u64, size: u64) -> Self {
        Self {
            start,
            end: start.saturating_add(size),
        }
    }

    /// Returns the first address.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// Returns the range of the image at `address`.
    pub(crate) fn of_image(address: u64) -> Self {
        Self::new(address, IMAGE_SIZE as u64)
    }

    /// Returns whether the two ranges have an address in common. An empty range has no addresses.
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

/// Looks up what prevents the use of `region`, a memory resource of processor `home`. See
/// [`Guest::conflict`](super::Guest::conflict).
pub(super) fn conflict<'a>(
    home: u32,
    region: &MemoryResource<'a>,
    mut images: impl Iterator<Item = Range>,
    others: impl Iterator<Item = (u32, MemoryResource<'a>)>,
) -> Option<Conflict<'a>> {
    let range = region.range();
    if images.any(|image| range.overlaps(&image)) {
        return Some(Conflict::Image);
    }

    // The exception permits one pair of names only.
    let mut alias: Option<(u32, MemoryResource<'a>)> = None;
    for (processor, other) in others {
        let itself = if processor == home {
            other.index == region.index
        } else {
            other.is_same_region(region)
        };
        if itself || !range.overlaps(&other.range()) {
            continue;
        }
        let may_alias = other.range() == range && other.writable != region.writable;
        match alias {
            None if may_alias => alias = Some((processor, other)),
            // The same memory resource in the image of another processor.
            Some((first, known)) if first != processor && known.is_same_region(&other) => {}
            _ => return Some(Conflict::Memory(other.name)),
        }
    }
    None
}
