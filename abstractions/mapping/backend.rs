// SPDX-License-Identifier: GPL-2.0

//! Mapping by `memremap()`.

use super::bindings;
use core::ptr::NonNull;
use kernel::prelude::*;

/// Maps `length` bytes from `start` to `last`.
///
/// # Errors
///
/// - `EFAULT`: the processor cannot address the range.
/// - `EPERM`: the range holds System RAM, which belongs to this kernel.
/// - `ENOMEM`: it cannot be mapped, for want of memory as a rule.
pub(super) fn map(start: u64, last: u64, length: usize) -> Result<NonNull<u8>> {
    // `ioremap()` warns of addresses that the processor does not have; the root of the resources
    // ends where these begin.
    // SAFETY: `iomem_resource` is a static whose end is set at boot.
    if last > unsafe { (&raw const bindings::iomem_resource.end).read() } {
        return Err(EFAULT);
    }

    // SAFETY: The function takes numbers and looks them up in the tree of resources.
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

    // SAFETY: The range is no System RAM, does not wrap and is addressable.
    let base = unsafe { bindings::memremap(start, length, bindings::MEMREMAP_WB as usize) };
    NonNull::new(base.cast()).ok_or(ENOMEM)
}

/// The line of `/proc/iomem` about a range that is mapped.
///
/// # Invariants
///
/// The range is requested.
pub(super) struct Claim {
    start: u64,
    length: u64,
}

impl Claim {
    /// Requests the range. `None`: somebody else has it, such as another reader of the same
    /// channel, or there is no memory; it is mapped all the same.
    pub(super) fn new(start: u64, length: usize) -> Option<Self> {
        let length = length as u64;
        // SAFETY: The root of the resources and the name are static.
        let claimed = unsafe {
            bindings::__request_region(
                &raw mut bindings::iomem_resource,
                start,
                length,
                c"muennet".as_char_ptr(),
                0,
            )
        };
        // INVARIANT: It is requested if it is made.
        (!claimed.is_null()).then(|| Self { start, length })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the range is requested.
        unsafe {
            bindings::__release_region(&raw mut bindings::iomem_resource, self.start, self.length)
        }
    }
}

/// Undoes [`map`].
///
/// # Safety
///
/// `base` must be a result of `map`, and nobody may use the memory any more.
pub(super) unsafe fn unmap(base: NonNull<u8>) {
    // SAFETY: As the caller promises.
    unsafe { bindings::memunmap(base.as_ptr().cast()) }
}
