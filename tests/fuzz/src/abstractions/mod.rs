// SPDX-License-Identifier: GPL-2.0

//! The part of the kernel that the driver's sources use, on the host. The modules have the names
//! and the guarantees of those in `abstractions/`. Another party writes the memory between any two
//! accesses, and packets record the accesses they consist of.

pub(crate) mod mapping;
pub(crate) mod napi;
pub(crate) mod skbuff;

pub(crate) use self::napi::RxContext;
