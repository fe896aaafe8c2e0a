// SPDX-License-Identifier: GPL-2.0

//! Replaces the kernel for the driver's sources on the host. The modules have the names and the
//! guarantees of those in `abstractions/`. A peer writes the memory between any two accesses, and
//! each packet records the accesses that copied its bytes.

pub(crate) mod mapping;
pub(crate) mod napi;
pub(crate) mod skbuff;

pub(crate) use self::napi::RxContext;
