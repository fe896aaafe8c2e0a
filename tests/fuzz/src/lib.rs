// SPDX-License-Identifier: GPL-2.0

//! A rogue writer against the driver's own way in, in one thread: the rogue acts at every load and
//! in the middle of every copy of the driver, as its seed says. So everything that happens in a run
//! happens again with the same seed.
//!
//! All that touches an element is the driver's own source: the channel, the formats, what puts
//! large packets together, and the loop that reads. [`abstractions`] stands for the kernel below
//! it: memory in which somebody else acts between any two accesses, and packets that remember
//! which accesses they are made of.
//!
//! A run takes turns: the rogue breaks the rules for some calls of the reader, then an honest
//! writer starts an epoch, and its elements have to arrive; then the driver's own writer sends
//! packets. What holds in every call is checked by [`judge`]; what holds for an honest writer, whose
//! steps fall between any two of the reader's, by [`honest`].

#![deny(unsafe_code)]

// The driver's sources name what they use of the kernel by this name.
extern crate self as kernel;

/// As `kernel::error`, as far as the sources here use it.
pub(crate) mod error {
    /// What the stand-ins for the kernel fail with; nobody here asks which error it was.
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

    /// The memory of an in channel, in a mapping.
    pub(crate) fn in_memory(mapping: Mapping) -> memory::InMemory {
        memory::InMemory(mapping)
    }

    /// The memory of an out channel, in a mapping.
    pub(crate) fn out_memory(mapping: Mapping) -> memory::OutMemory {
        memory::OutMemory(mapping)
    }

    /// Sends a packet as the driver does; returns whether the mode can carry it.
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
pub mod figures;
mod honest;
mod judge;
mod memory;
mod own;
mod random;
mod rogue;
pub mod table;
