// SPDX-License-Identifier: GPL-2.0

//! Safe abstractions that a network driver needs and the `kernel` crate lacks.
//!
//! Each module wraps one C interface and knows nothing of this driver, so that it can move to the
//! `kernel` crate. All `unsafe` code of the driver is here. There are no cycles
//! between modules; a lint checks that. The examples are for the `kernel` crate and its paths,
//! where `make check-series` runs them.
//!
//! - [`bindings`]: generated C items. [`copy`]: copies of memory that another subject may change.
//! - [`fault_inject`]: points for fault injection. [`random`]: random numbers. [`sync`],
//!   [`percpu`], [`rcu`], [`smp`]: locks, per-CPU data, RCU maps, calls of other CPUs.
//! - [`platform`]: the separation kernel, and hypercalls. [`mapping`]: memory mapped with
//!   `memremap()`. [`irq`]: interrupts by number. [`params`]: module parameters.
//! - [`netns`], [`rtnl`]: network namespaces and the RTNL. [`ethernet`], [`skbuff`], [`icmp`],
//!   [`stats`]: Ethernet devices, packets, ICMP errors, counters of links.
//! - [`netdevice`]: network devices. [`netlink`]: netlink and generic netlink.
//! - [`napi`], [`ethtool`], [`rtnl_link`], [`debugfs`]: optional parts of a network device.

#![expect(unsafe_code, reason = "this module calls C")]

mod bindings;
mod copy;
mod fault_inject;

pub(crate) mod debugfs;
pub(crate) mod ethernet;
pub(crate) mod ethtool;
pub(crate) mod icmp;
pub(crate) mod irq;
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
pub(crate) mod rtnl_link;
pub(crate) mod skbuff;
pub(crate) mod smp;
pub(crate) mod stats;
pub(crate) mod sync;
