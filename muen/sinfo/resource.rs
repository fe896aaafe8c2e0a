// SPDX-License-Identifier: GPL-2.0

//! Memory resources: what they are, and whether they can be a channel.

use core::fmt;

use super::image::{
    Entry,
    Kind,
    Name, //
};
use super::overlap::{
    Conflict,
    Range, //
};

/// Memory kind of a channel.
///
/// The numbering of the kinds above 17 differs between versions of the image; this one does not.
pub(crate) const CHANNEL_KIND: u8 = 5;

/// Every region starts and ends on a boundary of this many bytes.
pub(crate) const PAGE_SIZE: u64 = 4096;

/// Offsets in the data of a memory resource.
mod offset {
    pub(super) const KIND: usize = 0;
    pub(super) const FLAGS: usize = 2;
    pub(super) const ADDRESS: usize = 8;
    pub(super) const SIZE: usize = 16;
}

const FLAG_WRITABLE: u8 = 1 << 0;
const FLAG_EXECUTABLE: u8 = 1 << 1;

/// A region of memory that the policy gives to this subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryResource<'a> {
    /// Name of the region.
    pub(crate) name: Name<'a>,
    /// What the region is for: [`CHANNEL_KIND`], or a kind of no use to the driver.
    pub(crate) kind: u8,
    /// Whether the subject can write to it.
    pub(crate) writable: bool,
    /// Whether the subject can execute it.
    pub(crate) executable: bool,
    /// Guest-physical address, as the image has it: see [`Self::check_range`].
    pub(crate) address: u64,
    /// Size in bytes, as the image has it: see [`Self::check_range`].
    pub(crate) size: u64,
    /// Which entry of the image this is: two entries may be alike in all the rest.
    pub(super) index: usize,
}

impl<'a> MemoryResource<'a> {
    /// Decodes entry `index`; `None` if it is no memory.
    pub(super) fn decode(index: usize, entry: Entry<'a>) -> Option<Self> {
        if entry.kind() != Some(Kind::Memory) {
            return None;
        }

        let [kind] = entry.data(offset::KIND);
        let [flags] = entry.data(offset::FLAGS);
        Some(Self {
            name: entry.name(),
            kind,
            writable: flags & FLAG_WRITABLE != 0,
            executable: flags & FLAG_EXECUTABLE != 0,
            address: u64::from_le_bytes(entry.data(offset::ADDRESS)),
            size: u64::from_le_bytes(entry.data(offset::SIZE)),
            index,
        })
    }

    /// Whether `other`, of another image, is the same region under the same name.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        *self
            == Self {
                index: self.index,
                ..*other
            }
    }

    /// The range of addresses of the region. One that would wrap ends with the address space.
    pub(crate) fn range(&self) -> Range {
        Range::new(self.address, self.size)
    }

    /// Checks that the region can be one at all.
    ///
    /// # Errors
    ///
    /// - [`ResourceError::Empty`] if its size is zero.
    /// - [`ResourceError::Unaligned`] if its address or its size is no multiple of [`PAGE_SIZE`].
    /// - [`ResourceError::Wraps`] if it does not end below 2^64.
    pub(crate) fn check_range(&self) -> Result<(), ResourceError<'a>> {
        if self.size == 0 {
            return Err(ResourceError::Empty);
        }
        if self.address % PAGE_SIZE != 0 || self.size % PAGE_SIZE != 0 {
            return Err(ResourceError::Unaligned {
                address: self.address,
                size: self.size,
            });
        }
        if self.address.checked_add(self.size).is_none() {
            return Err(ResourceError::Wraps {
                address: self.address,
                size: self.size,
            });
        }
        Ok(())
    }

    /// Checks that the region is a channel that this subject uses with `access`.
    ///
    /// # Errors
    ///
    /// - [`ResourceError::NotAChannel`] if it is memory of another kind.
    /// - [`ResourceError::Writability`] if a reader could write to it or a writer could not.
    pub(crate) fn check_channel(&self, access: Access) -> Result<(), ResourceError<'a>> {
        if self.kind != CHANNEL_KIND {
            return Err(ResourceError::NotAChannel { kind: self.kind });
        }
        if self.writable != (access == Access::Write) {
            return Err(ResourceError::Writability(access));
        }
        Ok(())
    }
}

/// What the subject does with a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// It reads; the policy must not let it write.
    Read,
    /// It writes; the policy must let it.
    Write,
}

/// Why a resource cannot be used.
///
/// Displays as the end of a line about the resource: "channel 'x' <error>".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResourceError<'a> {
    /// There is no memory resource of that name: `-ENXIO`.
    NotFound,
    /// The region is no channel but memory of this kind: `-EPERM`.
    NotAChannel {
        /// The kind of memory that the image says.
        kind: u8,
    },
    /// The region cannot be used like this because it is, or is not, writable: `-EPERM`.
    Writability(Access),
    /// The images of two processors disagree about its address, size, kind or rights: `-EPERM`.
    Differs {
        /// Processor whose image has one.
        one: u32,
        /// Processor whose image has another one.
        other: u32,
    },
    /// The region shares memory with something that it must be disjoint from: `-EPERM`.
    Overlap(Conflict<'a>),
    /// The region has no bytes: `-EFAULT`.
    Empty,
    /// The region does not start and end at a page: `-EFAULT`.
    Unaligned {
        /// Address that the image says.
        address: u64,
        /// Size in bytes that the image says.
        size: u64,
    },
    /// The region would end above the address space: `-EFAULT`.
    Wraps {
        /// Address that the image says.
        address: u64,
        /// Size in bytes that the image says.
        size: u64,
    },
}

impl fmt::Display for ResourceError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("is not in the subject information"),
            Self::NotAChannel { kind } => {
                write!(f, "is no channel but memory of kind {kind}")
            }
            Self::Writability(Access::Read) => f.write_str("is writable, a reader's must not be"),
            Self::Writability(Access::Write) => f.write_str("is not writable, a writer's must be"),
            Self::Differs { one, other } => write!(
                f,
                "is one region to processor {one} and another one to processor {other}"
            ),
            Self::Overlap(conflict) => write!(f, "overlaps {conflict}"),
            Self::Empty => f.write_str("has no memory"),
            Self::Unaligned { address, size } => write!(
                f,
                "is not made of whole pages: {size:#x} bytes at {address:#x}"
            ),
            Self::Wraps { address, size } => write!(
                f,
                "does not fit the address space: {size:#x} bytes at {address:#x}"
            ),
        }
    }
}
