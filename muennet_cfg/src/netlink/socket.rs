// SPDX-License-Identifier: GPL-2.0

//! The way to the kernel.

use std::io;

use netlink_sys::protocols::NETLINK_GENERIC;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::SocketAddr;
use nix::libc::MSG_DONTWAIT;
use nix::libc::MSG_TRUNC;

use super::Transport;

/// Room for a datagram: the kernel fills at most 32 KiB of it in a dump.
const ROOM: usize = 64 * 1024;

/// A netlink protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Generic netlink.
    Generic,
    /// rtnetlink.
    Route,
}

/// A socket to the kernel, in the network namespace that the process is in.
pub struct Socket(netlink_sys::Socket);

impl Socket {
    /// Opens a socket.
    ///
    /// # Errors
    ///
    /// Those of `socket` and `bind`.
    pub fn open(protocol: Protocol) -> io::Result<Self> {
        let mut socket = netlink_sys::Socket::new(match protocol {
            Protocol::Generic => NETLINK_GENERIC,
            Protocol::Route => NETLINK_ROUTE,
        })?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        Ok(Socket(socket))
    }
}

impl Transport for Socket {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        self.0.send(datagram, 0).map(|_| ())
    }

    fn receive(&mut self, datagram: &mut Vec<u8>, wait: bool) -> io::Result<()> {
        let flags = if wait { 0 } else { MSG_DONTWAIT };
        datagram.clear();
        datagram.reserve(ROOM);
        loop {
            match self.0.recv(datagram, MSG_TRUNC | flags) {
                Ok(length) if length > datagram.len() => {
                    return Err(io::Error::other("a datagram is too long"));
                }
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn subscribe(&mut self, group: u32) -> io::Result<()> {
        self.0.add_membership(group)
    }
}
