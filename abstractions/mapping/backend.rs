// SPDX-License-Identifier: GPL-2.0

//! The default backend: `memremap()`.

use super::bindings;
use core::ptr::NonNull;
use kernel::prelude::*;

/// Maps the `length` bytes from `start` to `last`, both included.
///
/// # Errors
///
/// - `EFAULT`: the processor cannot address the range.
/// - `EPERM`: the range contains System RAM, which belongs to this kernel.
/// - `ENOMEM`: the range cannot be mapped, usually because there is no memory.
pub(super) fn map(start: u64, last: u64, length: usize) -> Result<NonNull<u8>> {
    // `ioremap()` fails for addresses that the processor does not support, and warns on x86.
    // SAFETY: The function has no preconditions.
    if last > unsafe { bindings::muennet_last_address() } {
        return Err(EFAULT);
    }

    // SAFETY: The function accepts any numbers, and looks them up in the resource tree.
    let ram = unsafe {
        bindings::region_intersects(
            start,
            length,
            bindings::IORESOURCE_SYSTEM_RAM as usize,
            bindings::IORES_DESC_NONE as usize,
        )
    };
    if ram != bindings::REGION_DISJOINT as i32 {
        return Err(EPERM);
    }

    // SAFETY: The range contains no System RAM, does not wrap and is addressable.
    let base = unsafe { bindings::memremap(start, length, bindings::MEMREMAP_WB as usize) };
    NonNull::new(base.cast()).ok_or(ENOMEM)
}

/// The entry of a mapped range in `/proc/iomem`.
///
/// # Invariants
///
/// The range was requested with `__request_region()`.
pub(super) struct Claim {
    start: u64,
    length: u64,
}

impl Claim {
    /// Requests the range. Returns `None` if it is already requested, for instance by another
    /// reader of the same channel, or if there is no memory. The mapping works without an entry.
    pub(super) fn new(start: u64, length: usize) -> Option<Self> {
        let length = length as u64;
        // SAFETY: The root resource and the name are static.
        let claimed = unsafe {
            bindings::__request_region(
                &raw mut bindings::iomem_resource,
                start,
                length,
                c"muennet".as_char_ptr(),
                0,
            )
        };
        // INVARIANT: The value is created only if the range was requested.
        (!claimed.is_null()).then(|| Self { start, length })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the range was requested.
        unsafe {
            bindings::__release_region(&raw mut bindings::iomem_resource, self.start, self.length)
        }
    }
}

/// Reverts [`map`].
///
/// # Safety
///
/// `base` must be a result of `map`, and nothing may use the mapping any more.
pub(super) unsafe fn unmap(base: NonNull<u8>) {
    // SAFETY: The caller guarantees a result of `memremap()` that is no longer in use.
    unsafe { bindings::memunmap(base.as_ptr().cast()) }
}
