// SPDX-License-Identifier: GPL-2.0

//! Packets.
//!
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)

use super::{bindings, copy::copy_once};
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};

mod large;

pub(crate) use self::large::{
    CompleteSkBuff,
    LargeSkBuff,
    OFFLOADS_SIZE, //
};

/// A packet that the stack handed over, for instance to be sent.
///
/// Its bytes may be shared with others (a clone, pages of a file), so no reference to them is
/// given out. Dropping it frees it as a dropped packet, which drop monitors see; [`consume`]
/// says that it reached its end.
///
/// [`consume`]: SkBuff::consume
///
/// # Invariants
///
/// `ptr` is a valid `struct sk_buff` of which this value owns one reference.
pub(crate) struct SkBuff {
    ptr: NonNull<bindings::sk_buff>,
}

// SAFETY: A packet is not tied to a CPU or task.
unsafe impl Send for SkBuff {}

impl SkBuff {
    /// Takes over a reference to a packet.
    ///
    /// # Safety
    ///
    /// `ptr` must be a valid `sk_buff`, and the caller gives up one reference to it.
    #[inline]
    pub(super) unsafe fn from_raw(ptr: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: As the caller promises.
        Self { ptr }
    }

    #[inline]
    pub(super) fn as_ptr(&self) -> *mut bindings::sk_buff {
        self.ptr.as_ptr()
    }

    /// Bytes of the packet, in all of its fragments.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        // SAFETY: By the type invariant the packet is valid; its length does not change while
        // somebody else may hold a reference, nor does this owner change it.
        unsafe { (*self.as_ptr()).len as usize }
    }

    /// The netfilter mark.
    #[inline]
    pub(crate) fn mark(&self) -> u32 {
        // SAFETY: By the type invariant the packet is valid; the offset is that of its `u32 mark`
        // by the C compiler.
        unsafe {
            self.as_ptr()
                .byte_add(bindings::SK_BUFF_MARK)
                .cast::<u32>()
                .read()
        }
    }

    /// The layer 3 protocol of a packet that begins with its layer 3 header, as `ETH_P_*`, in host
    /// order; zero where nobody has set it. AF_XDP sockets do not, and no rule looks at what they
    /// send: it is set now, to what the version in the packet says.
    #[inline]
    pub(crate) fn protocol(&self) -> u16 {
        // SAFETY: By the type invariant the packet is valid; the offset is that of its
        // `__be16 protocol` by the C compiler.
        let protocol = unsafe {
            self.as_ptr()
                .byte_add(bindings::SK_BUFF_PROTOCOL)
                .cast::<u16>()
                .read()
        };
        if protocol == 0 {
            // SAFETY: By the type invariant the packet is valid, and its owner may write this.
            return u16::from_be(unsafe { bindings::muennet_skb_set_protocol(self.as_ptr()) });
        }
        u16::from_be(protocol)
    }

    /// The first `N` bytes of the packet; `None` where it is shorter.
    #[inline]
    pub(crate) fn head<const N: usize>(&self) -> Option<[u8; N]> {
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
            // SAFETY: The first `linear` bytes of a packet lie at `data`. A holder of a clone may
            // write them meanwhile.
            unsafe { copy_once(NonNull::from(&mut head).cast(), data.cast(), N) };
            return Some(head);
        }
        // SAFETY: The packet is valid, and `head` has room for `N` bytes; the function checks
        // that the packet has as many.
        let missing = unsafe {
            bindings::skb_copy_bits(self.as_ptr(), 0, head.as_mut_ptr().cast(), N as i32)
        };
        (missing == 0).then_some(head)
    }

    /// Copies the start of the packet to the start of `to`, as much as there is of the one and room
    /// in the other; returns how many bytes that are.
    pub(crate) fn copy_start(&self, to: &mut [u8]) -> usize {
        let count = self.len().min(to.len());
        // SAFETY: The packet is valid and `to` has room for `count` bytes, which is no more than
        // the `int` that a packet's length fits; the function checks that the packet has as many.
        let missing = unsafe {
            bindings::skb_copy_bits(self.as_ptr(), 0, to.as_mut_ptr().cast(), count as i32)
        };
        if missing == 0 {
            count
        } else {
            0
        }
    }

    /// Whether the packet has at most `limit` bytes; one that is yet to be cut into segments:
    /// whether each of these has.
    #[inline]
    pub(crate) fn fits(&self, limit: u32) -> bool {
        // SAFETY: By the type invariant the packet is valid; the function only reads it.
        unsafe { bindings::muennet_skb_fits(self.as_ptr(), limit) }
    }

    /// As [`Self::fits`], for a frame: its link layer counts, tags included.
    pub(crate) fn frame_fits(&self, limit: u32) -> bool {
        // SAFETY: By the type invariant the packet is valid, and the stack has set its headers if
        // it is to be cut; the function only reads it.
        unsafe { bindings::muennet_skb_frame_fits(self.as_ptr(), limit) }
    }

    /// How the stack wants the packet to be cut into segments, if it does.
    #[inline]
    pub(crate) fn segmentation(&self) -> Option<Segmentation> {
        let mut it = pin_init::zeroed::<bindings::muennet_segmentation>();
        // SAFETY: By the type invariant the packet is valid; the function only reads it, and writes
        // a variable of the right type.
        if !unsafe { bindings::muennet_skb_segmentation(self.as_ptr(), &raw mut it) } {
            return None;
        }
        Some(Segmentation {
            size: it.size as usize,
            network_at: usize::try_from(it.network).ok(),
            transport_at: usize::try_from(it.transport).ok(),
            tcp: it.tcp,
            udp: it.udp,
        })
    }

    /// Computes the checksum that the stack left to the device, if it did. `None`: that is not
    /// possible, and the packet is dropped.
    pub(crate) fn complete_checksum(self) -> Option<Self> {
        let this = ManuallyDrop::new(self);
        // SAFETY: By the type invariant one reference is owned, and it is given up here.
        let skb = unsafe { bindings::muennet_skb_complete_checksum(this.as_ptr()) };
        // INVARIANT: The function returns a packet with the reference for its caller.
        NonNull::new(skb).map(|ptr| Self { ptr })
    }

    /// Tells who sent the packet that it leaves the machine now, if they asked for the time.
    #[inline]
    pub(crate) fn sent_now(&self) {
        // SAFETY: By the type invariant the packet is valid; the function clones it for the
        // sender's error queue.
        unsafe { bindings::muennet_skb_tx_timestamp(self.as_ptr()) }
    }

    /// Frees the packet as one that reached its end.
    #[inline]
    pub(crate) fn consume(self) {
        let this = ManuallyDrop::new(self);
        // SAFETY: By the type invariant one reference is owned, and it is given up here.
        unsafe { bindings::muennet_skb_consume(this.as_ptr()) }
    }
}

impl Drop for SkBuff {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant one reference is owned, and it is given up here.
        unsafe { bindings::muennet_skb_drop(self.as_ptr()) }
    }
}

/// The longest headers, in bytes, of packets that are left to the device to be cut into segments.
pub(crate) const SEGMENT_HEADER_MAX: usize = bindings::MUENNET_HEADER_MAX as usize;

/// How a packet is to be cut into segments: `struct skb_shared_info`.
pub(crate) struct Segmentation {
    /// Bytes of payload in each segment but the last one.
    pub(crate) size: usize,
    /// Where the layer 3 header begins, in bytes from the start of the packet; none: before it.
    pub(crate) network_at: Option<usize>,
    /// Where the layer 4 header begins, likewise.
    pub(crate) transport_at: Option<usize>,
    /// The payload is a TCP stream.
    pub(crate) tcp: bool,
    /// The payload is a row of UDP datagrams.
    pub(crate) udp: bool,
}

/// A packet that has just been allocated for reception and that nobody else knows.
///
/// # Invariants
///
/// The packet is not cloned, and nobody else has a reference; all of its `len` bytes are
/// initialised. Its linear part has all of them, or [`SEGMENT_HEADER_MAX`] of the bytes that it was
/// made of.
pub(crate) struct NewSkBuff(SkBuff);

impl NewSkBuff {
    /// Takes over a packet.
    ///
    /// # Safety
    ///
    /// `ptr` must have been made by `muennet_skb_copy_new()` just now.
    #[inline]
    pub(super) unsafe fn from_raw(ptr: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: That is what the function makes.
        // SAFETY: As the caller promises.
        Self(unsafe { SkBuff::from_raw(ptr) })
    }

    #[inline]
    pub(super) fn into_raw(self) -> *mut bindings::sk_buff {
        ManuallyDrop::new(self.0).as_ptr()
    }

    /// Bytes of the packet.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The first bytes of the packet, which are private: all of them, or its headers at least.
    #[inline]
    pub(crate) fn data(&self) -> &[u8] {
        // SAFETY: By the type invariant the bytes of the linear part, `len` less those in pages,
        // are initialised and lie at `data`, and nobody else can write them while `self` is
        // borrowed.
        unsafe {
            let skb = self.0.as_ptr();
            let linear = (*skb).len.wrapping_sub((*skb).data_len);
            core::slice::from_raw_parts((*skb).data, linear as usize)
        }
    }

    /// Removes `count` bytes from the front, also from the sum, if there is one. Returns whether
    /// the linear part has as many; if not, nothing is removed.
    #[inline]
    pub(crate) fn pull(&mut self, count: usize) -> bool {
        if count > self.data().len() {
            return false;
        }
        // SAFETY: The packet has `count` bytes in its linear part. Their number fits a `u32`.
        unsafe { bindings::skb_pull_rcsum(self.0.as_ptr(), count as u32) };
        true
    }
}
