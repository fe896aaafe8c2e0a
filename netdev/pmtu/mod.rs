// SPDX-License-Identifier: GPL-2.0

//! Path MTU: packets that some path behind the peer cannot carry.
//!
//! Another subject knows how long packets may be on each path, and tells by a table in memory: an
//! array of `u32` in native byte order, in which entry `m - 1` is for packets with mark `m`. It may
//! change at any time. Zero is no limit, and so is a mark that the table has no entry for; a limit
//! below what every host must take counts as that.
//!
//! - [`decide`]: what becomes of a packet, from its mark and its entry.
//! - [`fragment`]: an IPv4 packet in several pieces.
//! - [`table`]: the table, in mapped memory.

pub(crate) mod decide;
pub(crate) mod fragment;
#[cfg(CONFIG_RUST)]
pub(crate) mod table;
