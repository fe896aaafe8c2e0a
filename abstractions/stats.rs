// SPDX-License-Identifier: GPL-2.0

//! The statistics of a network device: `ip -s link` shows them.
//!
//! C header: [`include/uapi/linux/if_link.h`](srctree/include/uapi/linux/if_link.h)

use super::bindings;

/// A `struct rtnl_link_stats64` that a driver fills in.
#[repr(transparent)]
pub(crate) struct LinkStats(bindings::rtnl_link_stats64);

macro_rules! counters {
    ($($(#[$doc:meta])* $add:ident => $field:ident;)*) => {
        impl LinkStats {
            $($(#[$doc])*
            pub(crate) fn $add(&mut self, count: u64) {
                self.0.$field = self.0.$field.wrapping_add(count);
            })*
        }
    };
}

counters! {
    /// Adds to the packets passed to the stack.
    add_rx_packets => rx_packets;
    /// Adds to the bytes passed to the stack.
    add_rx_bytes => rx_bytes;
    /// Adds to the bad packets received, for any reason.
    add_rx_errors => rx_errors;
    /// Adds to the packets that were received but dropped because there was no memory.
    add_rx_dropped => rx_dropped;
    /// Adds to the number of receiver overruns.
    add_rx_over_errors => rx_over_errors;
    /// Adds to the packets with a bad format.
    add_rx_frame_errors => rx_frame_errors;
    /// Adds to the packets missed by the receiver.
    add_rx_missed_errors => rx_missed_errors;
    /// Adds to the packets transmitted.
    add_tx_packets => tx_packets;
    /// Adds to the bytes transmitted.
    add_tx_bytes => tx_bytes;
    /// Adds to the packets dropped instead of transmitted.
    add_tx_dropped => tx_dropped;
}

impl LinkStats {
    /// Creates a reference from a C pointer.
    ///
    /// # Safety
    ///
    /// `ptr` must be valid for `'a`, and nothing else may use the structure for `'a`.
    pub(super) unsafe fn from_raw<'a>(ptr: *mut bindings::rtnl_link_stats64) -> &'a mut Self {
        // SAFETY: The caller guarantees a valid and exclusive pointer; the wrapper is transparent.
        unsafe { &mut *ptr.cast() }
    }
}
