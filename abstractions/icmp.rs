// SPDX-License-Identifier: GPL-2.0

//! Telling who sent a packet that it is too long.
//!
//! The message is sent by the stack, before these functions return, perhaps by the very device that
//! reports: its driver must hold no lock that its own transmission takes. Packets that came by a
//! packet socket have no route, and nothing is said of them.
//!
//! C headers: [`include/net/icmp.h`](srctree/include/net/icmp.h),
//! [`include/linux/icmpv6.h`](srctree/include/linux/icmpv6.h)

use super::{
    bindings,
    skbuff::SkBuff, //
};

/// Says that an IPv4 packet is longer than `mtu` bytes and must not be fragmented. Softirqs must be
/// off, as in transmission.
pub(crate) fn fragmentation_needed(skb: &mut SkBuff, mtu: u32) {
    // SAFETY: The packet is valid. Where its bytes are changed for the message and back again, the
    // function takes care that nobody else has them.
    unsafe { bindings::muennet_icmp_fragmentation_needed(skb.as_ptr(), mtu) }
}

/// Says that an IPv6 packet is longer than `mtu` bytes. Softirqs must be off, as in transmission.
pub(crate) fn packet_too_big(skb: &mut SkBuff, mtu: u32) {
    // SAFETY: As in `fragmentation_needed`.
    unsafe { bindings::muennet_icmpv6_packet_too_big(skb.as_ptr(), mtu) }
}
