// SPDX-License-Identifier: GPL-2.0

//! The backend for user-mode Linux, for tests at native speed.
//!
//! `memremap()` does nothing in user-mode Linux. A reserved part of the kernel's own memory stands
//! in for memory that is shared with other subjects: `reserve_mem=SIZE:ALIGN:muennet` on the kernel
//! command line.

use super::bindings;
use core::ptr::NonNull;
use kernel::prelude::*;

/// Maps the `length` bytes from `start` to `last`, both included.
///
/// # Errors
///
/// - `EPERM`: the range is not in the reserved memory.
pub(super) fn map(start: u64, _last: u64, length: usize) -> Result<NonNull<u8>> {
    // SAFETY: The function accepts any numbers, and looks up the memory by its name.
    let base = unsafe { bindings::muennet_reserved_memory(start, length) };
    NonNull::new(base.cast()).ok_or(EPERM)
}

/// No entry in `/proc/iomem`: the memory is listed there as the kernel's own.
pub(super) struct Claim(());

impl Claim {
    /// Requests nothing.
    pub(super) fn new(_start: u64, _length: usize) -> Option<Self> {
        None
    }
}

/// Reverts [`map`].
///
/// # Safety
///
/// `base` must be a result of `map`, and nothing may use the mapping any more.
pub(super) unsafe fn unmap(_base: NonNull<u8>) {
    // The memory stays in the kernel's address space.
}
