// SPDX-License-Identifier: GPL-2.0

//! What C checks the attributes of a request by.
//!
//! C header: [`include/net/netlink.h`](srctree/include/net/netlink.h)

use super::bindings;

/// What an attribute has to be: `struct nla_policy`.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct Policy(bindings::nla_policy);

// SAFETY: A policy is never written to, and those made here point to nothing.
unsafe impl Sync for Policy {}

impl Policy {
    /// No attribute of this number is accepted.
    const NONE: Self = Self::of(bindings::NLA_UNSPEC, 0);

    const fn of(kind: u32, length: u16) -> Self {
        let mut policy: bindings::nla_policy = pin_init::zeroed();
        policy.type_ = kind as u8;
        policy.len = length;
        Self(policy)
    }

    /// A number of 32 bits.
    pub(crate) const fn u32() -> Self {
        Self::of(bindings::NLA_U32, 0)
    }

    /// A signed number of 32 bits.
    pub(crate) const fn i32() -> Self {
        Self::of(bindings::NLA_S32, 0)
    }

    /// A C string of up to `length` bytes and a NUL.
    pub(crate) const fn string(length: u16) -> Self {
        Self::of(bindings::NLA_NUL_STRING, length)
    }
}

/// Makes the table for a command from the attributes that it takes; `N` is the highest number of
/// them, plus one. For use in a const context: it panics where a number is too high.
pub(crate) const fn policies<const N: usize>(accepted: &[(u16, Policy)]) -> [Policy; N] {
    let mut table = [Policy::NONE; N];
    let mut i = 0;
    while i < accepted.len() {
        table[accepted[i].0 as usize] = accepted[i].1;
        i += 1;
    }
    table
}
