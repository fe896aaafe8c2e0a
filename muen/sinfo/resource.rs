// SPDX-License-Identifier: GPL-2.0

//! Memory resources: their fields, and the checks that a region is valid and is a channel.

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

/// The memory kind of a channel.
///
/// The numbers of the kinds above 17 differ between versions of the image; this one does not.
pub(crate) const CHANNEL_KIND: u8 = 5;

/// The start and the size of every region are multiples of this number of bytes.
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

/// A region of memory that the policy grants to this subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryResource<'a> {
    /// The name of the region.
    pub(crate) name: Name<'a>,
    /// The kind of the memory: [`CHANNEL_KIND`], or a kind that the driver does not use.
    pub(crate) kind: u8,
    /// Whether the subject can write to it.
    pub(crate) writable: bool,
    /// Whether the subject can execute it.
    pub(crate) executable: bool,
    /// The guest-physical address in the image, which [`Self::check_range`] checks.
    pub(crate) address: u64,
    /// The size in bytes in the image, which [`Self::check_range`] checks.
    pub(crate) size: u64,
    /// The index of the entry in the image, because two entries may be equal in all other respects.
    pub(super) index: usize,
}

impl<'a> MemoryResource<'a> {
    /// Decodes entry `index`. Returns `None` if it is not a memory resource.
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

    /// Returns whether `other`, of another image, is the same region under the same name.
    pub(super) fn is_same_region(&self, other: &Self) -> bool {
        *self
            == Self {
                index: self.index,
                ..*other
            }
    }

    /// Returns the addresses of the region, cut off at the end of the address space.
    pub(crate) fn range(&self) -> Range {
        Range::new(self.address, self.size)
    }

    /// Checks that the address and the size are those of a region.
    ///
    /// # Errors
    ///
    /// - [`ResourceError::Empty`] if its size is zero.
    /// - [`ResourceError::Unaligned`] if its address or its size is not a multiple of
    ///   [`PAGE_SIZE`].
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

    /// Checks that the region is a channel that this subject can use with `access`.
    ///
    /// # Errors
    ///
    /// - [`ResourceError::NotAChannel`] if it is memory of another kind.
    /// - [`ResourceError::Writability`] if it is writable for a reader or not writable for a
    ///   writer.
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

/// How the subject uses a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// The subject reads; the policy must not permit it to write.
    Read,
    /// The subject writes; the policy must permit it.
    Write,
}

/// Why a resource cannot be used.
///
/// Displays as the end of a log line about the resource: `channel 'x': <error>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResourceError<'a> {
    /// There is no memory resource of that name: `-ENXIO`.
    NotFound,
    /// The region is not a channel but memory of this kind: `-EPERM`.
    NotAChannel {
        /// The memory kind in the image.
        kind: u8,
    },
    /// The region is writable but the subject must only read it, or it is not writable but the
    /// subject writes it: `-EPERM`.
    Writability(Access),
    /// The images of two processors disagree about its address, size, kind or rights: `-EPERM`.
    Differs {
        /// The processor whose image has the first region.
        one: u32,
        /// The processor whose image has the other region.
        other: u32,
    },
    /// The region shares memory with something that it must not overlap: `-EPERM`.
    Overlap(Conflict<'a>),
    /// The size of the region is zero: `-EFAULT`.
    Empty,
    /// The region does not start and end on a page boundary: `-EFAULT`.
    Unaligned {
        /// The address in the image.
        address: u64,
        /// The size in the image, in bytes.
        size: u64,
    },
    /// The region exceeds the address space: `-EFAULT`.
    Wraps {
        /// The address in the image.
        address: u64,
        /// The size in the image, in bytes.
        size: u64,
    },
}

impl fmt::Display for ResourceError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("not found in the subject information"),
            Self::NotAChannel { kind } => write!(f, "memory of kind {kind}, not a channel"),
            Self::Writability(Access::Read) => {
                f.write_str("writable, but the policy must make it read-only")
            }
            Self::Writability(Access::Write) => {
                f.write_str("read-only, but the policy must make it writable")
            }
            Self::Differs { one, other } => write!(
                f,
                "processors {one} and {other} list different regions of this name"
            ),
            Self::Overlap(conflict) => write!(f, "overlaps {conflict}"),
            Self::Empty => f.write_str("its size is 0"),
            Self::Unaligned { address, size } => {
                write!(f, "not aligned to pages: {size:#x} bytes at {address:#x}")
            }
            Self::Wraps { address, size } => write!(
                f,
                "exceeds the address space: {size:#x} bytes at {address:#x}"
            ),
        }
    }
}
