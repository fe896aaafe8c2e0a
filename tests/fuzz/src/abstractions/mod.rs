// SPDX-License-Identifier: GPL-2.0

//! What the driver's sources use of the kernel, on the host: the names and the promises of
//! `abstractions/`, with memory that somebody else writes between any two accesses, and packets that
//! remember which accesses they are made of.

pub(crate) mod mapping;
pub(crate) mod napi;
pub(crate) mod skbuff;

pub(crate) use self::napi::RxContext;
