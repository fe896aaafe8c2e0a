// SPDX-License-Identifier: GPL-2.0

//! Module parameters: from lists of words to checked configurations.
//!
//! The parameters that describe interfaces are lists of the same order: entry `i` of each belongs
//! to interface `i`. C has split them at the commas. An entry that is missing at the end of a list,
//! or empty, stands for the default of its parameter; where the name is empty there is no
//! interface, and what else there is at its place is skipped. This is pure: it borrows the words,
//! allocates nothing and looks at nothing else.
//!
//! ```text
//!   name             names of the interfaces, at most 15 characters; "%d" becomes a number
//!   in, out          names of the channels; none = nothing in that direction
//!   reader_protocol  hexadecimal, not zero; needed with a channel in
//!   writer_protocol  the same with a channel out
//!   flags            "net_hdr", "net_hdr+offload", "eth_dev" or "eth_dev+vlan"; none = raw
//!   mtu              decimal, in the range of the mode; 1500
//!   pmtu             name of the memory region with the path MTUs; none
//!   mac              address in Ethernet mode, as 02:00:00:00:00:01; random
//! ```

mod error;
mod interface;
#[cfg(CONFIG_RUST)]
mod kernel_glue;
mod lists;
mod module;
mod number;

#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod tests;

pub(crate) use self::error::{
    ConfigError,
    Problem,
    Text, //
};
pub(crate) use self::interface::{
    is_reserved_name,
    Channel,
    InterfaceConfig,
    MacAddress, //
};
pub(crate) use self::lists::{
    List,
    Lists, //
};
pub(crate) use self::module::{
    parse_sinfo,
    Poll, //
};
