// SPDX-License-Identifier: GPL-2.0

//! Tests the reader and the writer of a channel in a model checker for weak memory.
//!
//! The model checker explores every interleaving of the threads of a model, and every value that a
//! load may return in the memory model of C11, within the bounds in README.md.

#![cfg(test)]
#![deny(unsafe_code)]

#[allow(
    dead_code,
    unused_imports,
    reason = "the models do not use all of the driver's functions"
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
mod pause;
mod stream;
mod wakeup;
