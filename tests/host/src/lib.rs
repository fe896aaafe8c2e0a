// SPDX-License-Identifier: GPL-2.0

//! The modules of the driver that do not depend on the kernel, each at the same position in the
//! module tree as in the driver.

#![deny(unsafe_code)]
#![allow(
    dead_code,
    unused_imports,
    reason = "the driver uses what tests do not"
)]

#[path = "../../../channel/mod.rs"]
pub mod channel;

/// See `muen/mod.rs`.
#[path = "../../../muen"]
pub mod muen {
    pub mod sinfo;
}

/// See `netdev/mod.rs`.
#[path = "../../../netdev"]
pub mod netdev {
    pub mod gso;
    mod ip_fragment;
    pub mod mode;
    pub mod params;
    pub mod pmtu;
    mod poll_interval;
    mod reassembly;
    pub mod wire;
}
