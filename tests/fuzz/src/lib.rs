// SPDX-License-Identifier: GPL-2.0

//! Attacks the driver's receive path with a rogue writer.
//!
//! Each run has one thread. The rogue acts before every load of the driver, and before and in the
//! middle of every copy. The seed of a run decides what it does, so a run with the same seed does
//! the same again.
//!
//! All code that accesses an element is the driver's own source: the channel, the formats, the
//! reassembly of large packets, and the receive loop. [`abstractions`] replaces the kernel: it
//! provides memory that another party writes between any two accesses, and packets that record the
//! accesses they consist of.
//!
//! A run alternates between attacks and honest peers. The rogue violates the protocol during some
//! calls of the reader. Then an honest writer starts an epoch, and its elements must arrive. Then
//! the driver's own writer sends packets, which must arrive. [`checker`] makes the checks that apply
//! to every call. [`honest_writer`] makes those that apply to an honest writer, whose steps take place
//! between any two accesses of the reader.

#![deny(unsafe_code)]

// The driver's sources refer to the kernel by this name.
extern crate self as kernel;

/// The part of `kernel::error` that these sources use.
pub(crate) mod error {
    /// The error of the replacements for the kernel. No code here distinguishes errors.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Error;

    pub(crate) type Result<T = (), E = Error> = core::result::Result<T, E>;
}

#[allow(
    dead_code,
    unused_imports,
    reason = "the driver uses what this does not"
)]
#[path = "../../../channel/mod.rs"]
mod channel;

/// See `netdev/mod.rs`.
#[allow(
    dead_code,
    unused_imports,
    reason = "the driver uses what this does not"
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
        skb: &SkBuff,
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
