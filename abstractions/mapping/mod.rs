// SPDX-License-Identifier: GPL-2.0

//! Mappings of physical memory that does not belong to this kernel, and that another subject may
//! write at any time.
//!
//! C headers: [`include/linux/io.h`](srctree/include/linux/io.h) (`memremap()`),
//! [`include/linux/mm.h`](srctree/include/linux/mm.h) (`region_intersects()`).

use super::{
    bindings,
    copy::copy_once,
    fault_inject, //
};
use core::ptr::NonNull;
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

#[cfg_attr(CONFIG_UML, path = "uml.rs")]
mod backend;

/// A mapping of physical memory as normal, cached memory.
///
/// Another subject may change its bytes at any time. Hence no method returns a reference to them:
/// the methods copy bytes, or read and write words. A copy may mix bytes of different times. The
/// protocol of the caller must find out whether a copy is consistent.
///
/// # Invariants
///
/// - `base` points to `size` bytes mapped by the backend (usually with `memremap(MEMREMAP_WB)`),
///   which this value owns. This kernel stores nothing else in them.
/// - `base` is page aligned, and `size` is a multiple of the page size, at least one page.
pub(crate) struct Mapping {
    base: NonNull<u8>,
    size: usize,
    _claim: Option<backend::Claim>,
}

// SAFETY: A mapping belongs to the address space of the kernel and is not tied to a task.
unsafe impl Send for Mapping {}

// SAFETY: All methods are single volatile accesses to, or byte copies of, memory that is shared
// with writers outside of this kernel. None depends on exclusive access.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `size` bytes at the physical address `start`, and lists the range in `/proc/iomem`. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: `start` or `size` is not a multiple of the page size, `size` is zero, or the
    ///   range wraps.
    /// - `EFAULT`: the processor cannot address the range.
    /// - `EPERM`: the range contains System RAM, which belongs to this kernel.
    /// - `ENOMEM`: the range cannot be mapped, usually because there is no memory.
    ///
    /// # Safety
    ///
    /// - The range must be memory, as far as there is anything: not the registers of a device.
    /// - No driver of this kernel may rely on being the only one that writes to it.
    pub(crate) unsafe fn new(start: u64, size: u64) -> Result<Self> {
        let page = PAGE_SIZE as u64;
        let last = size
            .checked_sub(1)
            .and_then(|offset| start.checked_add(offset))
            .ok_or(EINVAL)?;
        if start % page != 0 || size % page != 0 {
            return Err(EINVAL);
        }
        let length = usize::try_from(size).map_err(|_| EFAULT)?;

        fault_inject::should_fail("mapping", ENOMEM)?;
        let base = backend::map(start, last, length)?;
        // INVARIANT:
        // - The backend maps the range at the offset of `start` in its page, which is zero. It
        //   refuses System RAM, where this kernel stores what it has, and the caller guarantees
        //   that no driver stores anything of its own there.
        // - The size was checked above.
        Ok(Self {
            base,
            size: length,
            _claim: backend::Claim::new(start, length),
        })
    }

    /// Returns the size in bytes: a multiple of the page size, at least one page.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Returns the address of `length` bytes at `offset`, if they are in the mapping.
    #[inline]
    fn locate(&self, offset: usize, length: usize) -> Option<NonNull<u8>> {
        let end = offset.checked_add(length)?;
        if end > self.size {
            return None;
        }
        // SAFETY: By the type invariant `base` points to `size` bytes, and `offset <= size`.
        Some(unsafe { self.base.add(offset) })
    }

    /// Returns the address of an aligned 64-bit word at `offset`, if it is in the mapping.
    #[inline]
    fn locate_u64(&self, offset: usize) -> Option<NonNull<u64>> {
        if offset % align_of::<u64>() != 0 {
            return None;
        }
        Some(self.locate(offset, size_of::<u64>())?.cast())
    }

    /// Reads a 64-bit word in one access, without ordering: `READ_ONCE()`.
    ///
    /// Returns `None` if `offset` is out of range or not a multiple of eight.
    #[inline]
    pub(crate) fn read_u64(&self, offset: usize) -> Option<u64> {
        let word = self.locate_u64(offset)?;
        // SAFETY:
        // - `locate_u64` returns addresses in the mapping. They are aligned, because `base` is.
        // - The access is volatile and of one machine word, like `READ_ONCE()`: a concurrent write
        //   by another subject is not a data race in the memory model of the kernel.
        Some(unsafe { word.as_ptr().read_volatile() })
    }

    /// Reads a 64-bit word in one access, before all later accesses, also against a peer:
    /// `virt_load_acquire()`.
    ///
    /// Returns `None` if `offset` is out of range or not a multiple of eight.
    pub(crate) fn read_u64_acquire(&self, offset: usize) -> Option<u64> {
        let word = self.locate_u64(offset)?;
        // SAFETY: As in `read_u64`.
        Some(unsafe { bindings::muennet_load_acquire(word.as_ptr()) })
    }

    /// Reads a 32-bit word in one access, without ordering: `READ_ONCE()`.
    ///
    /// Returns `None` if `offset` is out of range or not a multiple of four.
    #[inline]
    pub(crate) fn read_u32(&self, offset: usize) -> Option<u32> {
        if offset % align_of::<u32>() != 0 {
            return None;
        }
        let word = self.locate(offset, size_of::<u32>())?.cast::<u32>();
        // SAFETY: As in `read_u64`, for a word of half the size.
        Some(unsafe { word.as_ptr().read_volatile() })
    }

    /// Writes a 64-bit word in one access, without ordering: `WRITE_ONCE()`.
    ///
    /// Returns whether `offset` is in range and a multiple of eight. Otherwise nothing is written.
    #[inline]
    pub(crate) fn write_u64(&self, offset: usize, value: u64) -> bool {
        let Some(word) = self.locate_u64(offset) else {
            return false;
        };
        // SAFETY: As in `read_u64`, like `WRITE_ONCE()`.
        unsafe { word.as_ptr().write_volatile(value) };
        true
    }

    /// Writes a 64-bit word in one access, after all earlier accesses, also against a peer:
    /// `virt_store_release()`.
    ///
    /// Returns whether `offset` is in range and a multiple of eight. Otherwise nothing is written.
    pub(crate) fn write_u64_release(&self, offset: usize, value: u64) -> bool {
        let Some(word) = self.locate_u64(offset) else {
            return false;
        };
        // SAFETY: As in `write_u64`.
        unsafe { bindings::muennet_store_release(word.as_ptr(), value) };
        true
    }

    /// Copies bytes out of the mapping. Returns whether they are in it. Otherwise nothing is
    /// copied.
    #[inline]
    pub(crate) fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool {
        let Some(from) = self.locate(offset, to.len()) else {
            return false;
        };
        let length = to.len();
        // SAFETY:
        // - `from` is valid for `length` bytes, as `locate` checked. `to` is a slice of the caller,
        //   which has exclusive access to it.
        // - They do not overlap: by the type invariant no slice of this kernel is in the mapping.
        unsafe { copy_once(NonNull::from(to).cast(), from, length) };
        true
    }

    /// Copies bytes into the mapping. Returns whether they fit in it. Otherwise nothing is copied.
    #[inline]
    pub(crate) fn copy_in(&self, offset: usize, from: &[u8]) -> bool {
        let Some(to) = self.locate(offset, from.len()) else {
            return false;
        };
        // SAFETY: As in `copy_out`, with the roles exchanged. Nothing writes `from` meanwhile.
        unsafe { bindings::memcpy(to.as_ptr().cast(), from.as_ptr().cast(), from.len()) };
        true
    }

    /// Returns the address of `length` bytes at `offset`, if they are in the mapping: packets are
    /// copied from and to it.
    #[inline]
    pub(super) fn span(&self, offset: usize, length: usize) -> Option<NonNull<u8>> {
        self.locate(offset, length)
    }

    /// Copies bytes out of a mapping that may not be backed by memory:
    /// `copy_from_kernel_nofault()`.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the bytes are not in the mapping.
    /// - `EFAULT`: the read faulted.
    pub(crate) fn copy_out_nofault(&self, offset: usize, to: &mut [u8]) -> Result {
        let from = self.locate(offset, to.len()).ok_or(EINVAL)?;
        // SAFETY: `to` is valid for its length. The function catches faults of reads from `from`.
        let copied = unsafe {
            bindings::copy_from_kernel_nofault(
                to.as_mut_ptr().cast(),
                from.as_ptr().cast(),
                to.len(),
            )
        };
        kernel::error::to_result(copied as i32).map_err(|_| EFAULT)
    }

    /// Orders earlier reads before later reads, also for CPUs of other subjects: `virt_rmb()`.
    #[inline(always)]
    pub(crate) fn read_barrier(&self) {
        // x86 does not reorder reads: a compiler barrier is sufficient.
        #[cfg(target_arch = "x86_64")]
        // SAFETY: The block is empty. The compiler assumes that it accesses any memory.
        unsafe {
            core::arch::asm!("")
        };
        #[cfg(not(target_arch = "x86_64"))]
        // SAFETY: A barrier may be executed in any context.
        unsafe {
            bindings::muennet_read_barrier()
        };
    }

    /// Orders earlier writes before later writes, also for CPUs of other subjects: `virt_wmb()`.
    #[inline(always)]
    pub(crate) fn write_barrier(&self) {
        // x86 does not reorder writes: a compiler barrier is sufficient.
        #[cfg(target_arch = "x86_64")]
        // SAFETY: The block is empty. The compiler assumes that it accesses any memory.
        unsafe {
            core::arch::asm!("")
        };
        #[cfg(not(target_arch = "x86_64"))]
        // SAFETY: A barrier may be executed in any context.
        unsafe {
            bindings::muennet_write_barrier()
        };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: By the type invariant `base` is a result of `map`, and this value owns the
        // mapping, so that nothing uses it any more.
        unsafe { backend::unmap(self.base) }
    }
}
