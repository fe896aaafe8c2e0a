// SPDX-License-Identifier: GPL-2.0

//! Packets: `struct sk_buff`.
//!
//! - [`SkBuff`]: a packet from the stack. [`RxSkBuff`]: a received packet, of no device yet: what
//!   passes it to the stack sets its device.
//! - [`FragSkBuff`]: a large packet that is received in several pieces. [`FilledFragSkBuff`]: such
//!   a packet when it is complete.
//!
//! C headers: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h),
//! [`include/linux/virtio_net.h`](srctree/include/linux/virtio_net.h)

use super::{
    bindings,
    copy::copy_once,
    mapping::Mapping, //
};
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// A reference to a packet, which may be shared. Dropping it frees the packet as a dropped one.
///
/// # Invariants
///
/// `ptr` is a valid `struct sk_buff`, and this value owns one reference to it.
struct RawSkBuff {
    ptr: NonNull<bindings::sk_buff>,
}

// SAFETY: A packet is not tied to a CPU or task.
unsafe impl Send for RawSkBuff {}

impl RawSkBuff {
    /// Takes over a reference to a packet.
    ///
    /// # Safety
    ///
    /// `ptr` must be a valid `struct sk_buff`, and the caller must give up one reference to it.
    #[inline]
    unsafe fn from_raw(ptr: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: The caller guarantees a valid packet, and passes its reference.
        Self { ptr }
    }

    /// Returns the packet as a C pointer, valid for the lifetime of the reference.
    #[inline]
    fn as_ptr(&self) -> *mut bindings::sk_buff {
        self.ptr.as_ptr()
    }

    /// Returns the packet as a C pointer. The caller owns its reference.
    #[inline]
    fn into_raw(self) -> *mut bindings::sk_buff {
        ManuallyDrop::new(self).as_ptr()
    }

    /// Returns the length of the packet in bytes, including all fragments.
    #[inline]
    fn len(&self) -> usize {
        // SAFETY: By the type invariant the packet is valid. Its length does not change while other
        // references may exist, and no method of this module changes it then.
        unsafe { (*self.as_ptr()).len as usize }
    }

    /// Returns the first `N` bytes of the packet, or `None` if it is shorter.
    #[inline]
    fn head<const N: usize>(&self) -> Option<[u8; N]> {
        // SAFETY: By the type invariant the packet is valid.
        let (data, linear) = unsafe {
            let skb = self.as_ptr();
            (
                (*skb).data,
                (*skb).len.wrapping_sub((*skb).data_len) as usize,
            )
        };
        let mut head = [0; N];
        if N <= linear {
            let data = NonNull::new(data)?;
            // SAFETY: `data` points to the `linear` first bytes of the packet. The owner of a clone
            // may write them meanwhile. `head` is a local variable of `N` bytes.
            unsafe { copy_once(NonNull::from(&mut head).cast(), data.cast(), N) };
            return Some(head);
        }
        // SAFETY: The packet is valid, and `head` is valid for `N` bytes. The function checks that
        // the packet has as many.
        let missing = unsafe {
            bindings::skb_copy_bits(self.as_ptr(), 0, head.as_mut_ptr().cast(), N as i32)
        };
        (missing == 0).then_some(head)
    }
}

impl Drop for RawSkBuff {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant this value owns a reference, and gives it up here.
        unsafe { bindings::muennet_skb_drop(self.as_ptr()) }
    }
}

/// A packet from the stack, for instance one to transmit. Its device is valid for `'a`: a driver
/// cannot keep a packet for longer than the call that gives it the packet.
///
/// Its bytes may be shared (clones, pages of a file), so that no method returns a reference to
/// them. Dropping the value frees the packet as a dropped one (`dev_kfree_skb_any()`), which drop
/// monitors report. [`consume`] frees a packet that was processed successfully.
///
/// [`consume`]: SkBuff::consume
///
/// # Invariants
///
/// `skb->dev` is a device that is valid for `'a`.
pub(crate) struct SkBuff<'a> {
    skb: RawSkBuff,
    _dev: PhantomData<&'a ()>,
}

impl SkBuff<'_> {
    /// Takes over a reference to a packet.
    ///
    /// # Safety
    ///
    /// - `ptr` must be a valid `struct sk_buff`, and the caller must give up one reference to it.
    /// - Its device, `skb->dev`, must be valid for the lifetime of the returned value.
    #[inline]
    pub(super) unsafe fn from_raw(ptr: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: The caller guarantees that the device of the packet is valid for as long.
        Self {
            // SAFETY: The caller guarantees a valid packet, and passes its reference.
            skb: unsafe { RawSkBuff::from_raw(ptr) },
            _dev: PhantomData,
        }
    }

    /// Returns the packet as a C pointer, valid for the lifetime of the reference.
    #[inline]
    pub(super) fn as_ptr(&self) -> *mut bindings::sk_buff {
        self.skb.as_ptr()
    }

    /// Returns the length of the packet in bytes, including all fragments.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.skb.len()
    }

    /// Returns the netfilter mark: `skb->mark`.
    #[inline]
    pub(crate) fn mark(&self) -> u32 {
        // SAFETY: By the type invariant the packet is valid. The offset of its `u32 mark` is from
        // the C compiler.
        unsafe {
            self.as_ptr()
                .byte_add(bindings::SK_BUFF_MARK)
                .cast::<u32>()
                .read()
        }
    }

    /// Returns the layer 3 protocol of a packet that begins with its layer 3 header, as `ETH_P_*`
    /// in host byte order, or zero if it is not set: `skb->protocol`.
    ///
    /// AF_XDP sockets do not set the protocol, and their packets bypass all rules. For these
    /// packets this method sets it according to the IP version in the packet.
    #[inline]
    pub(crate) fn protocol(&self) -> u16 {
        // SAFETY: By the type invariant the packet is valid. The offset of its `__be16 protocol` is
        // from the C compiler.
        let protocol = unsafe {
            self.as_ptr()
                .byte_add(bindings::SK_BUFF_PROTOCOL)
                .cast::<u16>()
                .read()
        };
        if protocol == 0 {
            // SAFETY: By the type invariant the packet is valid, and this value owns a reference,
            // so that it may write the field.
            return u16::from_be(unsafe { bindings::muennet_skb_set_protocol(self.as_ptr()) });
        }
        u16::from_be(protocol)
    }

    /// Returns the first `N` bytes of the packet, or `None` if it is shorter.
    #[inline]
    pub(crate) fn head<const N: usize>(&self) -> Option<[u8; N]> {
        self.skb.head()
    }

    /// Copies bytes from the start of the packet to the start of `to`, as many as the packet has
    /// and `to` can hold: `skb_copy_bits()`. Returns their number.
    pub(crate) fn copy_bits(&self, to: &mut [u8]) -> usize {
        let count = self.len().min(to.len());
        // SAFETY: The packet is valid, and `to` is valid for `count` bytes. `count` fits an `int`,
        // because the length of a packet does. The function checks that the packet has the bytes.
        let missing = unsafe {
            bindings::skb_copy_bits(self.as_ptr(), 0, to.as_mut_ptr().cast(), count as i32)
        };
        if missing == 0 {
            count
        } else {
            0
        }
    }

    /// Copies the whole packet into a mapping at `offset`, directly from its fragments. Computes
    /// the checksum that the stack left to the device (`CHECKSUM_PARTIAL`) during the copy.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the packet does not fit the mapping at `offset`, or its checksum field is not
    ///   inside the packet. Nothing is copied.
    /// - `EFAULT`: the fragments are shorter than the length of the packet.
    #[inline]
    pub(crate) fn copy_to(&self, to: &Mapping, offset: usize) -> Result {
        let to = to.span(offset, self.len()).ok_or(EINVAL)?;
        // SAFETY:
        // - By the type invariant the packet is valid.
        // - `to` is valid for the length of the packet, and the function writes no more bytes.
        to_result(unsafe { bindings::muennet_skb_copy_and_csum(self.as_ptr(), to.as_ptr().cast()) })
    }

    /// Copies `length` bytes of the packet, from byte `from` on, into a mapping at `offset`:
    /// `skb_copy_bits()`. Does not compute the checksum that the stack left to the device; see
    /// [`SkBuff::checksum_help`].
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the mapping has less than `length` bytes at `offset`. Nothing is copied.
    /// - `EFAULT`: the packet does not have these bytes.
    #[inline]
    pub(crate) fn copy_bits_to(
        &self,
        to: &Mapping,
        offset: usize,
        from: usize,
        length: usize,
    ) -> Result {
        let to = to.span(offset, length).ok_or(EINVAL)?;
        let from = i32::try_from(from).map_err(|_| EFAULT)?;
        let count = i32::try_from(length).map_err(|_| EFAULT)?;
        // SAFETY:
        // - By the type invariant the packet is valid. The function checks that it has the bytes.
        // - `to` is valid for `length` bytes.
        to_result(unsafe {
            bindings::skb_copy_bits(self.as_ptr(), from, to.as_ptr().cast(), count)
        })
    }

    /// Like [`Self::copy_bits_to`], but also returns the sum of the bytes, as `csum_partial()`
    /// does: `skb_copy_and_csum_bits()`.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the mapping has less than `length` bytes at `offset`. Nothing is copied.
    /// - `EFAULT`: the packet does not have these bytes. Nothing is copied.
    #[inline]
    pub(crate) fn copy_and_csum_bits_to(
        &self,
        to: &Mapping,
        offset: usize,
        from: usize,
        length: usize,
    ) -> Result<u32> {
        let to = to.span(offset, length).ok_or(EINVAL)?;
        let end = from.checked_add(length).ok_or(EFAULT)?;
        if end > self.len() {
            return Err(EFAULT);
        }
        let from = i32::try_from(from).map_err(|_| EFAULT)?;
        let count = i32::try_from(length).map_err(|_| EFAULT)?;
        // SAFETY:
        // - By the type invariant the packet is valid. It has the bytes, as checked above.
        // - `to` is valid for `length` bytes.
        Ok(unsafe {
            bindings::muennet_skb_copy_and_sum(self.as_ptr(), from, to.as_ptr().cast(), count)
        })
    }

    /// Returns whether the packet has at most `limit` bytes. For a GSO packet: whether each of its
    /// segments has at most `limit` bytes (`skb_gso_validate_network_len()`).
    #[inline]
    pub(crate) fn network_len_fits(&self, limit: u32) -> bool {
        // SAFETY: By the type invariant the packet is valid. The function only reads it.
        unsafe { bindings::muennet_skb_network_len_fits(self.as_ptr(), limit) }
    }

    /// Like [`Self::network_len_fits`] for a frame: the link layer header counts, including tags
    /// (`skb_gso_validate_mac_len()` for a GSO packet).
    pub(crate) fn mac_len_fits(&self, limit: u32) -> bool {
        // SAFETY: By the type invariant the packet is valid. The stack has set the header offsets
        // of a GSO packet. The function only reads the packet.
        unsafe { bindings::muennet_skb_mac_len_fits(self.as_ptr(), limit) }
    }

    /// Returns the GSO parameters of the packet, or `None` for a packet without GSO.
    #[inline]
    pub(crate) fn gso_info(&self) -> Option<GsoInfo> {
        let mut it = pin_init::zeroed::<bindings::muennet_gso_info>();
        // SAFETY: By the type invariant the packet is valid. The function only reads it, and writes
        // only the local variable, which has the right type.
        if !unsafe { bindings::muennet_skb_gso_info(self.as_ptr(), &raw mut it) } {
            return None;
        }
        Some(GsoInfo {
            size: it.size as usize,
            network_at: usize::try_from(it.network).ok(),
            transport_at: usize::try_from(it.transport).ok(),
            tcp: it.tcp,
            udp: it.udp,
        })
    }

    /// Computes the checksum of the packet if the stack left it to the device:
    /// `skb_checksum_help()`. Drops the packet and returns `None` if that fails.
    pub(crate) fn checksum_help(self) -> Option<Self> {
        // SAFETY: By the type invariant this value owns a reference, and gives it up here.
        let skb = unsafe { bindings::muennet_skb_complete_csum(self.skb.into_raw()) };
        // SAFETY: The function returns null, or this packet or a clone of it with a reference for
        // its caller. A clone has the same device.
        NonNull::new(skb).map(|ptr| unsafe { Self::from_raw(ptr) })
    }

    /// Reports the time of the transmission to the sender of the packet, if it requested a software
    /// timestamp: `skb_tx_timestamp()`.
    #[inline]
    pub(crate) fn tx_timestamp(&self) {
        // SAFETY: By the type invariants the packet and its device, which the function asks for
        // hardware timestamps, are valid. The function clones the packet for the error queue of the
        // sender.
        unsafe { bindings::muennet_skb_tx_timestamp(self.as_ptr()) }
    }

    /// Frees the packet as one that was processed successfully: `dev_consume_skb_any()`.
    #[inline]
    pub(crate) fn consume(self) {
        // SAFETY: By the type invariant this value owns a reference, and gives it up here.
        unsafe { bindings::muennet_skb_consume(self.skb.into_raw()) }
    }
}

/// The maximum length of the headers of GSO packets that the stack passes to the device, in bytes.
pub(crate) const SEGMENT_HEADER_MAX: usize = bindings::MUENNET_HEADER_MAX as usize;

/// The GSO parameters of a packet: `struct skb_shared_info`.
pub(crate) struct GsoInfo {
    /// `gso_size`: the bytes of payload in each segment. The last one may have less.
    pub(crate) size: usize,
    /// The offset of the layer 3 header from the start of the packet, in bytes. `None`: the header
    /// begins before the start.
    pub(crate) network_at: Option<usize>,
    /// The offset of the layer 4 header from the start of the packet, in bytes. `None`: the header
    /// begins before the start.
    pub(crate) transport_at: Option<usize>,
    /// The payload is a TCP stream: `SKB_GSO_TCPV4` or `SKB_GSO_TCPV6`.
    pub(crate) tcp: bool,
    /// The payload is a sequence of UDP datagrams: `SKB_GSO_UDP_L4`.
    pub(crate) udp: bool,
}

/// A received packet that has not been passed to the stack.
///
/// # Invariants
///
/// - The packet is not cloned, and this value owns the only reference.
/// - All of its `len` bytes are initialised.
/// - Its linear part was created with all of its bytes, or with the first [`SEGMENT_HEADER_MAX`];
///   [`RxSkBuff::pull`] removes bytes from the front.
pub(crate) struct RxSkBuff(RawSkBuff);

impl RxSkBuff {
    /// Takes over a packet.
    ///
    /// # Safety
    ///
    /// `ptr` must be a result of `muennet_skb_copy_new()` that has not been used yet.
    #[inline]
    pub(super) unsafe fn from_raw(ptr: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: `muennet_skb_copy_new()` returns such packets.
        // SAFETY: The caller guarantees a new packet, and passes its reference.
        Self(unsafe { RawSkBuff::from_raw(ptr) })
    }

    /// Returns the packet as a C pointer. The caller owns its reference.
    #[inline]
    pub(super) fn into_raw(self) -> *mut bindings::sk_buff {
        self.0.into_raw()
    }

    /// Returns the length of the packet in bytes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the linear part of the packet: all of its bytes, or at least its headers.
    #[inline]
    pub(crate) fn data(&self) -> &[u8] {
        // SAFETY: `data` points to the linear part, which has `len - data_len` bytes. By the type
        // invariant they are initialised, and there is no other reference, so that nothing writes
        // them while `self` is borrowed.
        unsafe {
            let skb = self.0.as_ptr();
            let linear = (*skb).len.wrapping_sub((*skb).data_len);
            core::slice::from_raw_parts((*skb).data, linear as usize)
        }
    }

    /// Removes `count` bytes from the front of the packet, and from its checksum
    /// (`CHECKSUM_COMPLETE`), if any: `skb_pull_rcsum()`. Returns whether the linear part has as
    /// many bytes. Otherwise nothing is removed.
    #[inline]
    pub(crate) fn pull(&mut self, count: usize) -> bool {
        if count > self.data().len() {
            return false;
        }
        // SAFETY: By the type invariant the packet is valid. Its linear part has `count` bytes, a
        // number that fits a `u32`.
        unsafe { bindings::skb_pull_rcsum(self.0.as_ptr(), count as u32) };
        true
    }
}

/// The size of a `struct virtio_net_hdr` in bytes.
pub(crate) const VNET_HDR_SIZE: usize = 10;

/// A packet of a fixed length, most of it in page fragments, that is filled from start to end.
///
/// # Invariants
///
/// - This value owns the only reference to the packet.
/// - `filled` is at most the length of the packet, and its first `filled` bytes are initialised.
pub(crate) struct FragSkBuff {
    skb: RawSkBuff,
    filled: usize,
}

impl FragSkBuff {
    /// Allocates a packet of `length` bytes: `alloc_skb_with_frags()`. Returns [`None`] if there is
    /// no memory.
    pub(crate) fn new(length: usize) -> Option<Self> {
        // SAFETY: The function may be called in a softirq. It returns a new packet or null.
        let skb = unsafe { bindings::muennet_skb_alloc_frags(u32::try_from(length).ok()?) };
        // INVARIANT: The packet is new, and none of its bytes are filled.
        Some(Self {
            // SAFETY: The packet is valid, and the caller of the function owns its only reference.
            skb: unsafe { RawSkBuff::from_raw(NonNull::new(skb)?) },
            filled: 0,
        })
    }

    /// Copies the next `length` bytes of the packet out of a mapping at `offset`. Each byte is read
    /// once.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the mapping has less than `length` bytes at `offset`.
    /// - `ENOSPC`: less than `length` bytes of the packet are left to fill.
    #[inline]
    pub(crate) fn put(&mut self, from: &Mapping, offset: usize, length: usize) -> Result {
        let source = from.span(offset, length).ok_or(EINVAL)?;
        let end = self.filled.checked_add(length).ok_or(ENOSPC)?;
        if end > self.skb.len() {
            return Err(ENOSPC);
        }
        // Both are at most the length of the packet, which fits an `int`.
        let (at, count) = (self.filled as i32, length as i32);
        // SAFETY:
        // - By the type invariant the packet is valid, and nothing else uses it. It has the bytes,
        //   as checked above.
        // - `source` is valid for `length` bytes. It is in a mapping, which does not overlap with
        //   memory of packets.
        // - The function copies with `memcpy()`, which may race with a writer of the mapping.
        let missing = unsafe {
            bindings::skb_store_bits(self.skb.as_ptr(), at, source.as_ptr().cast(), count)
        };
        if missing != 0 {
            return Err(ENOSPC);
        }
        // INVARIANT: The bytes up to `end` are initialised, and `end` is at most the length.
        self.filled = end;
        Ok(())
    }

    /// Returns the packet if it is completely filled. Otherwise drops it and returns `None`.
    pub(crate) fn complete(self) -> Option<FilledFragSkBuff> {
        // INVARIANT: All bytes of the packet are initialised, and its only reference is passed on.
        (self.filled == self.skb.len()).then_some(FilledFragSkBuff(self.skb))
    }
}

/// A large received packet that is completely filled.
///
/// # Invariants
///
/// This value owns the only reference to the packet. All of its bytes are initialised.
pub(crate) struct FilledFragSkBuff(RawSkBuff);

impl FilledFragSkBuff {
    /// Returns the length of the packet in bytes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the first `N` bytes of the packet, or [`None`] if it is shorter.
    #[inline]
    pub(crate) fn head<const N: usize>(&self) -> Option<[u8; N]> {
        self.0.head()
    }

    /// Returns the packet as a C pointer. The caller owns its reference.
    #[inline]
    pub(super) fn into_raw(self) -> *mut bindings::sk_buff {
        self.0.into_raw()
    }
}

impl SkBuff<'_> {
    /// Returns the checksum and segmentation offloads of the packet: `virtio_net_hdr_from_skb()`.
    /// Returns [`None`] if a `struct virtio_net_hdr` cannot express them. It is little-endian.
    #[inline]
    pub(crate) fn vnet_hdr(&self) -> Option<[u8; VNET_HDR_SIZE]> {
        let mut vnet_hdr = [0; VNET_HDR_SIZE];
        // SAFETY: By the type invariant the packet is valid. The function writes
        // `sizeof(struct virtio_net_hdr)` bytes, for which the array has room.
        let known =
            unsafe { bindings::muennet_skb_vnet_hdr(self.as_ptr(), vnet_hdr.as_mut_ptr().cast()) };
        known.then_some(vnet_hdr)
    }
}
