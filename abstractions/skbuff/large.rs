// SPDX-License-Identifier: GPL-2.0

//! Large packets that are received piece by piece, with what is left to do for them.
//!
//! C headers: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h),
//! [`include/linux/virtio_net.h`](srctree/include/linux/virtio_net.h).

use super::{
    super::{
        bindings,
        mapping::Mapping, //
    },
    SkBuff, //
};
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::prelude::*;

/// Bytes of a `struct virtio_net_hdr`.
pub(crate) const OFFLOADS_SIZE: usize = 10;

/// A packet of a fixed length, which is filled from its start to its end.
///
/// # Invariants
///
/// Nobody else has a reference to the packet. Its first `filled` bytes, at most as many as it has,
/// are initialised.
pub(crate) struct LargeSkBuff {
    skb: SkBuff,
    filled: usize,
}

impl LargeSkBuff {
    /// Allocates a packet of `length` bytes, in pages for the most part; in a softirq. [`None`]:
    /// there is no memory for it.
    pub(crate) fn new(length: usize) -> Option<Self> {
        // SAFETY: The function may be called in a softirq; it returns a new packet or null.
        let skb = unsafe { bindings::muennet_skb_alloc_large(u32::try_from(length).ok()?) };
        // INVARIANT: The packet is new, and nothing of it is filled.
        Some(Self {
            // SAFETY: The packet is valid, and its one reference ours.
            skb: unsafe { SkBuff::from_raw(NonNull::new(skb)?) },
            filled: 0,
        })
    }

    /// Fills the next bytes of the packet with bytes copied out of a mapping, in one copy.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the bytes do not lie in the mapping.
    /// - `ENOSPC`: the packet is not that long.
    #[inline]
    pub(crate) fn append(&mut self, from: &Mapping, offset: usize, length: usize) -> Result {
        let source = from.source(offset, length).ok_or(EINVAL)?;
        let end = self.filled.checked_add(length).ok_or(ENOSPC)?;
        if end > self.skb.len() {
            return Err(ENOSPC);
        }
        // Both are at most the length of a packet, which fits an `int`.
        let (at, count) = (self.filled as i32, length as i32);
        // SAFETY:
        // - The packet is valid, exclusively ours, and has the bytes, as just checked.
        // - `source` has as many, and no System RAM is in it, so they do not overlap.
        // - The function copies by `memcpy()`, which may race with a writer of the mapping.
        let missing = unsafe {
            bindings::skb_store_bits(self.skb.as_ptr(), at, source.as_ptr().cast(), count)
        };
        if missing != 0 {
            return Err(ENOSPC);
        }
        // INVARIANT: The bytes up to `end` are initialised now.
        self.filled = end;
        Ok(())
    }

    /// The packet, if it is filled to its end.
    pub(crate) fn complete(self) -> Option<CompleteSkBuff> {
        // INVARIANT: All of its bytes are initialised.
        (self.filled == self.skb.len()).then_some(CompleteSkBuff(self.skb))
    }
}

/// A large packet that has been received.
///
/// # Invariants
///
/// Nobody else has a reference to the packet; all of its bytes are initialised.
pub(crate) struct CompleteSkBuff(SkBuff);

impl CompleteSkBuff {
    /// Bytes of the packet.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The first `N` bytes of the packet; [`None`] where it is shorter.
    #[inline]
    pub(crate) fn head<const N: usize>(&self) -> Option<[u8; N]> {
        self.0.head()
    }

    #[inline]
    pub(in crate::abstractions) fn into_raw(self) -> *mut bindings::sk_buff {
        ManuallyDrop::new(self.0).as_ptr()
    }
}

impl SkBuff {
    /// What the stack has left to the device to do for the packet's checksum and segments: a
    /// `struct virtio_net_hdr` in little-endian order. [`None`]: it has no place for that.
    #[inline]
    pub(crate) fn offloads(&self) -> Option<[u8; OFFLOADS_SIZE]> {
        let mut offloads = [0; OFFLOADS_SIZE];
        // SAFETY: The packet is valid, and the function writes as many bytes as there are.
        let known =
            unsafe { bindings::muennet_skb_offloads(self.as_ptr(), offloads.as_mut_ptr().cast()) };
        known.then_some(offloads)
    }
}
