// SPDX-License-Identifier: GPL-2.0

//! Physical memory outside of the kernel's own, shared with somebody who may write it at any time.
//!
//! C headers: [`include/linux/io.h`](srctree/include/linux/io.h) (`memremap()`),
//! [`include/linux/mm.h`](srctree/include/linux/mm.h) (`region_intersects()`).

use super::{
    bindings,
    copy::copy_once,
    fault,
    skbuff::SkBuff, //
};
use core::ptr::NonNull;
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

#[cfg_attr(CONFIG_UML, path = "mapping/uml.rs")]
mod backend;

/// A mapping of physical memory as ordinary, cached memory.
///
/// The other side may change its bytes at any time, so no reference to them is ever given out:
/// they are copied, or read word by word. What a copy holds is whatever was there byte by byte;
/// the caller's protocol has to tell whether it was consistent.
///
/// # Invariants
///
/// - `base` points to `size` bytes mapped by the backend, `memremap(MEMREMAP_WB)` as a rule, that
///   this value owns; nothing of this kernel's own lies in them.
/// - `base` is page aligned, and `size` is a multiple of the page size, at least one page.
pub(crate) struct Mapping {
    base: NonNull<u8>,
    size: usize,
    _claim: Option<backend::Claim>,
}

// SAFETY: A mapping belongs to the kernel's address space, not to a task.
unsafe impl Send for Mapping {}

// SAFETY: All methods are single volatile accesses or byte copies of memory that is shared with
// writers outside of this kernel anyway; none depends on exclusive access.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `size` bytes at the physical address `start`, and has `/proc/iomem` say so; may sleep.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: start or size is no multiple of the page size, the size is zero, or the range
    ///   wraps.
    /// - `EFAULT`: the processor cannot address the range.
    /// - `EPERM`: the range holds System RAM, which belongs to this kernel.
    /// - `ENOMEM`: it cannot be mapped, for want of memory as a rule.
    pub(crate) fn new(start: u64, size: u64) -> Result<Self> {
        let page = PAGE_SIZE as u64;
        let last = size
            .checked_sub(1)
            .and_then(|offset| start.checked_add(offset))
            .ok_or(EINVAL)?;
        if start % page != 0 || size % page != 0 {
            return Err(EINVAL);
        }
        let length = usize::try_from(size).map_err(|_| EFAULT)?;

        fault::point("mapping", ENOMEM)?;
        let base = backend::map(start, last, length)?;
        // INVARIANT: The backend maps whole pages at the offset of `start` in its page, which is
        // zero; the size was checked above.
        Ok(Self {
            base,
            size: length,
            _claim: backend::Claim::new(start, length),
        })
    }

    /// Bytes of the mapping: a multiple of the page size, at least one page.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The address of `length` bytes at `offset`, if they lie in the mapping.
    #[inline]
    fn locate(&self, offset: usize, length: usize) -> Option<NonNull<u8>> {
        let end = offset.checked_add(length)?;
        if end > self.size {
            return None;
        }
        // SAFETY: By the type invariant `base` points to `size` bytes, and `offset <= size`.
        Some(unsafe { self.base.add(offset) })
    }

    /// The address of an aligned 64-bit word at `offset`, if it lies in the mapping.
    #[inline]
    fn locate_u64(&self, offset: usize) -> Option<NonNull<u64>> {
        if offset % align_of::<u64>() != 0 {
            return None;
        }
        Some(self.locate(offset, size_of::<u64>())?.cast())
    }

    /// Reads a 64-bit word in one access, unordered with others.
    ///
    /// `None` where `offset` is out of range or no multiple of eight.
    #[inline]
    pub(crate) fn read_u64(&self, offset: usize) -> Option<u64> {
        let word = self.locate_u64(offset)?;
        // SAFETY:
        // - `locate_u64` returns addresses in the mapping that are aligned, for `base` is.
        // - The access is volatile and of one machine word, as `READ_ONCE()`: a concurrent write
        //   of the other side is no data race in the kernel's memory model.
        Some(unsafe { word.as_ptr().read_volatile() })
    }

    /// Reads a 32-bit word in one access, unordered with others.
    ///
    /// `None` where `offset` is out of range or no multiple of four.
    #[inline]
    pub(crate) fn read_u32(&self, offset: usize) -> Option<u32> {
        if offset % align_of::<u32>() != 0 {
            return None;
        }
        let word = self.locate(offset, size_of::<u32>())?.cast::<u32>();
        // SAFETY: As in `read_u64`, for a word of half the size.
        Some(unsafe { word.as_ptr().read_volatile() })
    }

    /// Writes a 64-bit word in one access, unordered with others.
    ///
    /// Returns whether `offset` is in range and a multiple of eight.
    #[inline]
    pub(crate) fn write_u64(&self, offset: usize, value: u64) -> bool {
        let Some(word) = self.locate_u64(offset) else {
            return false;
        };
        // SAFETY: As in `read_u64`, as `WRITE_ONCE()`.
        unsafe { word.as_ptr().write_volatile(value) };
        true
    }

    /// Copies bytes out of the mapping. Returns whether they lie in it; if not, nothing is copied.
    #[inline]
    pub(crate) fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool {
        let Some(from) = self.locate(offset, to.len()) else {
            return false;
        };
        let length = to.len();
        // SAFETY:
        // - `from` has `length` bytes, as `locate` checked; `to` is a slice of the caller's.
        // - They do not overlap, for the mapping is no System RAM, where slices lie.
        unsafe { copy_once(NonNull::from(to).cast(), from, length) };
        true
    }

    /// Copies bytes into the mapping. Returns whether they lie in it; if not, nothing is copied.
    #[inline]
    pub(crate) fn copy_in(&self, offset: usize, from: &[u8]) -> bool {
        let Some(to) = self.locate(offset, from.len()) else {
            return false;
        };
        // SAFETY: As in `copy_out`, with the roles exchanged; nobody writes what is copied.
        unsafe { bindings::memcpy(to.as_ptr().cast(), from.as_ptr().cast(), from.len()) };
        true
    }

    /// Copies a whole packet into the mapping, straight from its fragments.
    ///
    /// A checksum that the stack left to the device is computed on the way.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the packet does not fit the mapping at `offset`, or its checksum fields lie
    ///   outside of it. Nothing is copied.
    /// - `EFAULT`: the packet's fragments are shorter than its length says.
    #[inline]
    pub(crate) fn copy_packet(&self, offset: usize, packet: &SkBuff) -> Result {
        let to = self.locate(offset, packet.len()).ok_or(EINVAL)?;
        // SAFETY:
        // - `packet` is a valid `sk_buff`.
        // - `to` has room for all of its bytes, and no more are written.
        kernel::error::to_result(unsafe {
            bindings::muennet_skb_copy(packet.as_ptr(), to.as_ptr().cast())
        })
    }

    /// Copies `length` bytes of a packet, from its byte `from` on, into the mapping.
    ///
    /// A checksum that the stack left to the device is not computed: see
    /// [`SkBuff::complete_checksum`].
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the bytes do not fit the mapping at `offset`. Nothing is copied.
    /// - `EFAULT`: the packet has no such bytes.
    #[inline]
    pub(crate) fn copy_packet_part(
        &self,
        offset: usize,
        packet: &SkBuff,
        from: usize,
        length: usize,
    ) -> Result {
        let to = self.locate(offset, length).ok_or(EINVAL)?;
        let from = i32::try_from(from).map_err(|_| EFAULT)?;
        let count = i32::try_from(length).map_err(|_| EFAULT)?;
        // SAFETY:
        // - `packet` is a valid `sk_buff`; the function checks that it has the bytes.
        // - `to` has room for all of them.
        kernel::error::to_result(unsafe {
            bindings::skb_copy_bits(packet.as_ptr(), from, to.as_ptr().cast(), count)
        })
    }

    /// The same, and returns the sum of the bytes as `csum_partial()` does.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the bytes do not fit the mapping at `offset`. Nothing is copied.
    /// - `EFAULT`: the packet has no such bytes. Nothing is copied.
    #[inline]
    pub(crate) fn copy_packet_part_and_sum(
        &self,
        offset: usize,
        packet: &SkBuff,
        from: usize,
        length: usize,
    ) -> Result<u32> {
        let to = self.locate(offset, length).ok_or(EINVAL)?;
        let end = from.checked_add(length).ok_or(EFAULT)?;
        if end > packet.len() {
            return Err(EFAULT);
        }
        let from = i32::try_from(from).map_err(|_| EFAULT)?;
        let count = i32::try_from(length).map_err(|_| EFAULT)?;
        // SAFETY:
        // - `packet` is a valid `sk_buff` and has the bytes, as just checked.
        // - `to` has room for all of them.
        Ok(unsafe {
            bindings::muennet_skb_copy_and_sum(packet.as_ptr(), from, to.as_ptr().cast(), count)
        })
    }

    /// The address of `length` bytes at `offset`, for `skbuff` to copy from.
    #[inline]
    pub(super) fn source(&self, offset: usize, length: usize) -> Option<NonNull<u8>> {
        self.locate(offset, length)
    }

    /// Copies out bytes of a mapping that may turn out not to be backed by memory.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the bytes do not lie in the mapping.
    /// - `EFAULT`: reading them faulted.
    pub(crate) fn copy_out_nofault(&self, offset: usize, to: &mut [u8]) -> Result {
        let from = self.locate(offset, to.len()).ok_or(EINVAL)?;
        // SAFETY: `to` is valid for its length; faults on the other side are caught.
        let copied = unsafe {
            bindings::copy_from_kernel_nofault(
                to.as_mut_ptr().cast(),
                from.as_ptr().cast(),
                to.len(),
            )
        };
        kernel::error::to_result(copied as i32).map_err(|_| EFAULT)
    }

    /// Orders the reads before it with the reads behind it, also against other machines' CPUs.
    #[inline(always)]
    pub(crate) fn read_barrier(&self) {
        // x86 does not reorder reads, so the compiler alone must not either.
        #[cfg(target_arch = "x86_64")]
        // SAFETY: An empty block, which the compiler takes to access any memory.
        unsafe {
            core::arch::asm!("")
        };
        #[cfg(not(target_arch = "x86_64"))]
        // SAFETY: A barrier may be executed anywhere.
        unsafe {
            bindings::muennet_read_barrier()
        };
    }

    /// Orders the writes before it with the writes behind it, also against other machines' CPUs.
    #[inline(always)]
    pub(crate) fn write_barrier(&self) {
        // x86 does not reorder writes, so the compiler alone must not either.
        #[cfg(target_arch = "x86_64")]
        // SAFETY: An empty block, which the compiler takes to access any memory.
        unsafe {
            core::arch::asm!("")
        };
        #[cfg(not(target_arch = "x86_64"))]
        // SAFETY: A barrier may be executed anywhere.
        unsafe {
            bindings::muennet_write_barrier()
        };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the mapping is owned, so nobody uses it any more.
        unsafe { backend::unmap(self.base) }
    }
}
