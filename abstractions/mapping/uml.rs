// SPDX-License-Identifier: GPL-2.0

//! Mapping in user-mode Linux, for tests at native speed.
//!
//! `memremap()` does nothing there. What stands for memory that is shared with somebody else is a
//! part of the kernel's own that nobody uses: `reserve_mem=SIZE:ALIGN:muennet` on the command line.

use super::bindings;
use core::ptr::NonNull;
use kernel::prelude::*;

/// Maps `length` bytes from `start` to `last`.
///
/// # Errors
///
/// - `EPERM`: the range does not lie in the reserved memory.
pub(super) fn map(start: u64, _last: u64, length: usize) -> Result<NonNull<u8>> {
    // SAFETY: The function takes numbers and looks the memory up by its name.
    let base = unsafe { bindings::muennet_reserved_memory(start, length) };
    NonNull::new(base.cast()).ok_or(EPERM)
}

/// The memory is the kernel's own, and listed as such.
pub(super) struct Claim(());

impl Claim {
    /// There is nothing to request.
    pub(super) fn new(_start: u64, _length: usize) -> Option<Self> {
        None
    }
}

/// Undoes [`map`].
///
/// # Safety
///
/// `base` must be a result of `map`, and nobody may use the memory any more.
pub(super) unsafe fn unmap(_base: NonNull<u8>) {
    // The memory stays in the kernel's address space.
}
