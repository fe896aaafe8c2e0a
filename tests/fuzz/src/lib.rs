// SPDX-License-Identifier: GPL-2.0

//! A fuzzer for the driver's receive path.
//!
//! Each run has one thread. The rogue changes the shared memory before every load of the driver,
//! and before and in the middle of every peek and every copy. The seed of a run determines all
//! changes, so a run is reproducible.
//!
//! All code that accesses an element is the driver's own source: the channel, the formats, the
//! reassembly, and the receive loop. [`abstractions`] replaces the kernel: it provides memory that
//! a peer writes between any two accesses, and packets that record the accesses that copied their
//! bytes.
//!
//! A run consists of cases ([`attack`]). In each case, the rogue ([`rogue`]) violates the protocol
//! during some calls of the reader. Then an honest writer ([`honest_writer`]) starts an epoch, and
//! the reader must deliver its elements. Then the driver's own writer sends packets, which must
//! arrive unchanged ([`round_trip`]). [`checker`] checks every call.

#![deny(unsafe_code)]

// The driver's sources refer to the kernel by this name.
extern crate self as kernel;

/// Replaces `kernel::error`.
pub(crate) mod error {
    /// The only error. The driver's sources do not distinguish errors here.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Error;

    pub(crate) type Result<T = (), E = Error> = core::result::Result<T, E>;
}

#[allow(
    dead_code,
    unused_imports,
    reason = "the fuzzer does not use all of the driver's functions"
)]
#[path = "../../../channel/mod.rs"]
mod channel;

/// See `netdev/mod.rs`.
#[allow(
    dead_code,
    unused_imports,
    reason = "the fuzzer does not use all of the driver's functions"
)]
#[path = "../../../netdev"]
mod netdev {
    mod format;
    mod gso;
    mod ip_fragment;
    pub(crate) mod memory;
    pub(crate) mod mode;
    mod reassembly;
    pub(crate) mod rx_ring;
    pub(crate) mod wire;

    /// See `netdev/endpoint.rs`.
    pub(crate) mod endpoint {
        pub(crate) use crate::abstractions::RxContext;
    }

    use crate::{
        abstractions::{
            mapping::Mapping,
            skbuff::SkBuff, //
        },
        channel::Writer, //
    };

    /// Returns the memory of an in channel in a mapping.
    pub(crate) fn in_memory(mapping: Mapping) -> memory::InMemory {
        memory::InMemory(mapping)
    }

    /// Returns the memory of an out channel in a mapping.
    pub(crate) fn out_memory(mapping: Mapping) -> memory::OutMemory {
        memory::OutMemory(mapping)
    }

    /// Sends a packet as the driver does. Returns whether the mode can carry it.
    pub(crate) fn write(
        mode: mode::Mode,
        writer: &mut Writer,
        memory: &memory::OutMemory,
        skb: &SkBuff<'_>,
    ) -> bool {
        use format::Format as _;
        match mode {
            mode::Mode::Raw => format::Raw::write(writer, memory, skb).is_ok(),
            mode::Mode::Ip => format::Ip::write(writer, memory, skb).is_ok(),
            mode::Mode::Offload => format::Offload::write(writer, memory, skb).is_ok(),
            mode::Mode::Ethernet | mode::Mode::Vlan => {
                format::Ethernet::write(writer, memory, skb).is_ok()
            }
        }
    }
}

mod abstractions;
pub mod attack;
mod checker;
mod honest_writer;
mod memory;
mod random;
mod rogue;
mod round_trip;
pub mod stats;
pub mod table;
