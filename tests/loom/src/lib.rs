// SPDX-License-Identifier: GPL-2.0

//! The reader and the writer of a channel, under a model checker for weak memory.
//!
//! Each model runs through every interleaving of its threads, and through every value that a load
//! may return in the memory model of C11, within the bounds that README.md states.

#![cfg(test)]
#![deny(unsafe_code)]

#[allow(
    dead_code,
    unused_imports,
    reason = "the driver uses more of it than the models"
)]
#[path = "../../../channel/mod.rs"]
mod channel;

/// See `abstractions/napi/mod.rs`.
#[path = "../../../abstractions/napi"]
mod napi {
    mod complete;

    pub(crate) use self::complete::complete_and_rearm;
}

mod epochs;
mod fixtures;
mod memory;
mod stream;
mod wakeup;
