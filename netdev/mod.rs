// SPDX-License-Identifier: GPL-2.0

//! The network interface: packets between the stack and a pair of channels.
//!
//! ```text
//!   stack --> tx ----------> format (wire) --> channel::Writer --> memory of the out channel
//!   stack <-- rx, endpoint <-- format (wire) <-- channel::Reader <-- memory of the in channel
//!             ^
//!             poll_timer: one timer for all interfaces
//! ```
//!
//! - [`interfaces`]: all interfaces: adds and deletes them. [`params`]: their configurations, and
//!   the module parameters. [`mode`]: the modes of an interface.
//! - [`device`]: the network device: its registration, net_device and NAPI operations. [`ethtool`]:
//!   its ethtool operations. [`debugfs`]: its file in debugfs. [`stats`]: its counters.
//! - [`tx`], [`rx`]: the two channels of an interface. [`rx_ring`]: the loop that reads elements.
//!   [`memory`]: the memory of the channels.
//! - [`format`]: encodes packets into elements and decodes them, for each mode. [`wire`]: the
//!   headers of elements.
//! - [`gso`]: segmentation of TCP and UDP packets. [`reassembly`]: packets that are spread over
//!   several elements.
//! - [`pause`]: flow control of the transmit path.
//! - [`pmtu`]: the table of path MTUs; [`tx`] answers longer packets with ICMP errors.
//!   [`ip_fragment`]: IPv4 fragmentation.
//! - [`endpoint`]: child interfaces and the marks that they own.
//! - [`poll_timer`]: the timer that schedules NAPI of interfaces without an interrupt.
//!   [`poll_interval`]: its period.
//! - `bench`, with `CONFIG_MUENNET_BENCH`: a benchmark of one element.
//!
//! # Lock order
//!
//! 1. `Interfaces::table`, while interfaces are added and deleted; the netlink core holds its lock
//!    of families before, and the lock of reboot notifiers is taken after it
//! 2. the RTNL, which the networking core holds around `ndo_open()`, `ndo_stop()` and others
//! 3. `PollTimer::timer_handle`, while devices are attached and detached
//! 4. `PollTimer::devices`, also taken by the timer
//! 5. `RxChannel::ring`, taken by NAPI, `ndo_open()` and `ndo_stop()`
//! 6. `TxChannel::state`, the only lock of an out channel
//!
//! `Endpoints::members` is taken after the RTNL. No other lock of this list is taken under it.
//!
//! Under locks 4 and 6 the driver only schedules NAPI and queueing disciplines, and starts the
//! timer of NAPI, which takes none of these locks. Lock 6 is not held while packets are passed to
//! the stack, because the stack may send a reply from there.

#[cfg(CONFIG_MUENNET_BENCH)]
pub(crate) mod bench;
mod debugfs;
mod device;
mod endpoint;
mod ethtool;
mod format;
pub(crate) mod gso;
mod interfaces;
mod ip_fragment;
mod memory;
pub(crate) mod mode;
pub(crate) mod params;
mod pause;
pub(crate) mod pmtu;
mod poll_interval;
mod poll_timer;
mod reassembly;
mod rx;
mod rx_ring;
mod stats;
mod tx;
pub(crate) mod wire;

pub(crate) use self::{
    device::{
        ChannelInfo,
        Interface,
        MappedChannel,
        Setup, //
    },
    endpoint::EndpointId,
    interfaces::{
        Interfaces,
        Part, //
    },
    pause::Sender,
    poll_timer::PollTimer,
    rx::Peer,
    stats::{
        Counters,
        Sums, //
    }, //
};
