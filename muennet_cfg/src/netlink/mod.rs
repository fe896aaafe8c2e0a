// SPDX-License-Identifier: GPL-2.0

//! Netlink: messages, attributes and sockets.
//!
//! The crates provide sockets, headers and attributes. This module adds sequence numbers, dumps,
//! acknowledgments and extended acknowledgments
//! (`Documentation/userspace-api/netlink/intro.rst`). It uses the socket through [`Transport`], so
//! that tests can mock the kernel.

mod attr;
mod message;
#[cfg(test)]
pub mod mock;
mod request;
mod socket;

pub use attr::Attributes;
pub use attr::Value;
pub use message::Extack;
pub use message::Payload;
pub use request::Request;
pub use socket::Connection;
pub use socket::NetlinkError;
pub use socket::Protocol;
pub use socket::Socket;
pub use socket::Transport;

use std::fmt;

/// A message that violates the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed netlink message: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

impl From<netlink_packet_core::DecodeError> for Malformed {
    fn from(error: netlink_packet_core::DecodeError) -> Self {
        Malformed(error.to_string())
    }
}
