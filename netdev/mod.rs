// SPDX-License-Identifier: GPL-2.0

//! The network interface: packets between the stack and a pair of channels.
//!
//! ```text
//!   stack --> transmit --> format (frame) --> channel::Writer --> memory of the out channel
//!   stack <-- receive  <-- format (frame) <-- channel::Reader <-- memory of the in channel
//!                ^
//!             poller: one timer for all interfaces
//! ```
//!
//! - [`config`]: the module parameters, checked. [`mode`]: what the kinds of elements differ in.
//! - [`frame`]: what an element of IP mode holds, and one of Ethernet mode. [`format`]: the modes,
//!   one by one: from packets to elements and back.
//! - [`segment`]: large packets cut into those that fit an element.
//! - [`assembly`]: large packets put together from several elements.
//! - [`ports`]: other interfaces on the same channels, and whose packet is whose. [`sharing`]: what
//!   they need of this one.
//! - [`setup`]: how an interface is made. [`interface`]: its life and its operations.
//! - [`info`]: its file in debugfs. [`tools`]: what `ethtool` shows and changes.
//! - [`transmit`], [`receive`]: its two directions. [`memory`]: their channels' memory.
//! - `bench`, in kernels that ask for it: what an element costs.
//! - [`poller`]: the timer that wakes idle readers. [`counters`]: what is counted.
//!
//! # Lock order
//!
//! 1. the RTNL, held by C around `open`, `close` and their like
//! 2. `Poller::timer`, while devices are attached and detached
//! 3. `Poller::devices`, also taken by the timer
//! 4. `Receiver::reader`, taken by NAPI and by `open`
//! 5. `Sender::writer`, the one lock of an out channel
//!
//! `Ports::members` comes after the RTNL, and nothing is taken under it.
//!
//! Under 3 only NAPI is scheduled, which takes none of these. Receiving may send (a reply), so 5 is
//! never held when packets are handed up.

mod assembly;
#[cfg(CONFIG_MUENNET_BENCH)]
pub(crate) mod bench;
pub(crate) mod config;
mod counters;
mod format;
pub(crate) mod frame;
mod info;
mod interface;
mod memory;
pub(crate) mod mode;
pub(crate) mod pmtu;
mod poller;
mod ports;
mod receive;
pub(crate) mod segment;
mod setup;
mod sharing;
mod tools;
mod transmit;

pub(crate) use self::{
    counters::{
        Counters,
        Sums, //
    },
    interface::Interface,
    poller::Poller,
    ports::PortId,
    receive::Peer,
    setup::{
        Channel,
        Setup, //
    },
    sharing::Direction, //
};
