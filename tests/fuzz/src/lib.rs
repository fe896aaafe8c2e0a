// SPDX-License-Identifier: GPL-2.0

//! A rogue writer against the driver's own reader and frame formats, in one thread: the rogue acts
//! at every load and in the middle of every copy of the reader, as its seed says. So everything
//! that happens in a run happens again with the same seed.
//!
//! A run takes turns: the rogue breaks the rules for some calls of the reader, then an honest
//! writer starts an epoch, and its elements have to arrive. What holds in every call is checked by
//! [`attack::Attack`]; what holds for an honest writer, whose steps fall between any two of the
//! reader's, by [`honest`].

#![deny(unsafe_code)]

#[allow(
    dead_code,
    unused_imports,
    reason = "the driver uses what this does not"
)]
#[path = "../../../channel/mod.rs"]
mod channel;

/// See `netdev/mod.rs`.
#[allow(dead_code, reason = "the driver uses what this does not")]
#[path = "../../../netdev"]
mod netdev {
    pub(crate) mod frame;
}

pub mod attack;
mod honest;
mod memory;
mod modes;
mod random;
mod rogue;
