// SPDX-License-Identifier: GPL-2.0

//! What the `kernel` crate lacks for a network driver, as safe Rust.
//!
//! Each file wraps one thing of C's and knows nothing of this driver, so that it can move to the
//! `kernel` crate. This is the only room with `unsafe`.
//!
//! - [`netdevice`], [`napi`], [`skbuff`], [`stats`], [`ethtool`]: network devices and their packets.
//! - [`copy`]: copies of what somebody else may write meanwhile.
//! - [`ethernet`]: what Ethernet devices have on top.
//! - [`icmp`]: what senders of packets are told.
//! - [`fault`]: where a kernel that injects faults can make a call fail.
//! - [`platform`], [`hypercall`]: the separation kernel, and the way to it.
//! - [`smp`]: calls of a function on another CPU.
//! - [`mapping`]: memory shared with somebody else, mapped by `memremap()`.
//! - [`percpu`], [`sync`], [`random`]: what network drivers count and lock with.
//! - [`netlink`], [`netns`], [`rtnl`]: configuration by user space, in its namespaces.
//! - [`rcu`]: what is found without a lock.
//! - [`params`]: module parameters that `module!` cannot express.

#![expect(unsafe_code, reason = "this room is where C is called")]

mod bindings;
mod copy;

pub(crate) mod ethernet;
pub(crate) mod ethtool;
mod fault;
mod hypercall;
pub(crate) mod icmp;
pub(crate) mod mapping;
pub(crate) mod napi;
pub(crate) mod netdevice;
pub(crate) mod netlink;
pub(crate) mod netns;
pub(crate) mod params;
pub(crate) mod percpu;
pub(crate) mod platform;
pub(crate) mod random;
pub(crate) mod rcu;
pub(crate) mod rtnl;
pub(crate) mod skbuff;
pub(crate) mod smp;
pub(crate) mod stats;
pub(crate) mod sync;
