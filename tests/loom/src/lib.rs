// SPDX-License-Identifier: GPL-2.0

//! The reader of a channel against its writer, under a model checker for weak memory.
//!
//! Each model is run through every interleaving of its threads, and through every value that the
//! memory model of C11 lets a load return, within the bounds that README.md states.

#![cfg(test)]
#![deny(unsafe_code)]

#[allow(
    dead_code,
    unused_imports,
    reason = "the driver uses more of it than the models"
)]
#[path = "../../../channel/mod.rs"]
mod channel;

/// See `abstractions/napi.rs`.
#[path = "../../../abstractions/napi"]
mod napi {
    mod rest;

    pub(crate) use self::rest::rest;
}

mod bed;
mod epochs;
mod memory;
mod stream;
mod wakeup;
