// SPDX-License-Identifier: GPL-2.0

//! ICMP errors to the sender of a packet that is too long.
//!
//! The stack sends the error before these functions return, possibly through the device whose
//! driver calls them: the driver must not hold a lock that its `ndo_start_xmit()` takes. Packets
//! from packet sockets have no route, and no error is sent for them.
//!
//! C headers: [`include/net/icmp.h`](srctree/include/net/icmp.h),
//! [`include/linux/icmpv6.h`](srctree/include/linux/icmpv6.h)

use super::{
    bindings,
    skbuff::SkBuff, //
};

/// Sends `ICMP_FRAG_NEEDED`: the IPv4 packet is longer than `mtu` bytes and must not be fragmented.
/// Softirqs must be off, as they are in `ndo_start_xmit()`.
pub(crate) fn fragmentation_needed(skb: &mut SkBuff<'_>, mtu: u32) {
    // SAFETY: The packet and its device are valid. The function may change the bytes of the packet
    // for the message and restore them (NAT); it makes sure that they are not shared while it does
    // so.
    unsafe { bindings::muennet_icmp_fragmentation_needed(skb.as_ptr(), mtu) }
}

/// Sends `ICMPV6_PKT_TOOBIG`: the IPv6 packet is longer than `mtu` bytes. Softirqs must be off, as
/// they are in `ndo_start_xmit()`.
pub(crate) fn packet_too_big(skb: &mut SkBuff<'_>, mtu: u32) {
    // SAFETY: As in `fragmentation_needed`.
    unsafe { bindings::muennet_icmpv6_packet_too_big(skb.as_ptr(), mtu) }
}
