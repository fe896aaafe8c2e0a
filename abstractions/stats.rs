// SPDX-License-Identifier: GPL-2.0

//! The counters of a network device, as `ip -s link` shows them.
//!
//! C header: [`include/uapi/linux/if_link.h`](srctree/include/uapi/linux/if_link.h)

use super::bindings;

/// `struct rtnl_link_stats64` while a driver fills it in.
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
    /// Adds to the packets handed up.
    add_rx_packets => rx_packets;
    /// Adds to the bytes handed up.
    add_rx_bytes => rx_bytes;
    /// Adds to the bad packets received, of all kinds.
    add_rx_errors => rx_errors;
    /// Adds to the packets that were received but not handed up for want of memory.
    add_rx_dropped => rx_dropped;
    /// Adds to the times that the receiver was overrun.
    add_rx_over_errors => rx_over_errors;
    /// Adds to the packets with a bad format.
    add_rx_frame_errors => rx_frame_errors;
    /// Adds to the packets missed by the receiver.
    add_rx_missed_errors => rx_missed_errors;
    /// Adds to the packets sent.
    add_tx_packets => tx_packets;
    /// Adds to the bytes sent.
    add_tx_bytes => tx_bytes;
    /// Adds to the packets that were to be sent and were not.
    add_tx_dropped => tx_dropped;
}

impl LinkStats {
    /// Lets a driver fill in C's structure.
    ///
    /// # Safety
    ///
    /// `ptr` must be valid, and nobody else may use it for the lifetime that the caller chooses.
    pub(super) unsafe fn from_raw<'a>(ptr: *mut bindings::rtnl_link_stats64) -> &'a mut Self {
        // SAFETY: The caller promises validity; the wrapper is transparent.
        unsafe { &mut *ptr.cast() }
    }
}
