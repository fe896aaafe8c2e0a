// SPDX-License-Identifier: GPL-2.0

//! Sockets to the kernel, and conversations over them: who asks is answered, and told where the
//! answer ends.

use std::fmt;
use std::io;

use netlink_packet_core::NLM_F_ACK;
use netlink_packet_core::NLM_F_DUMP;
use netlink_sys::protocols::NETLINK_GENERIC;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::SocketAddr;
use nix::libc::MSG_DONTWAIT;
use nix::libc::MSG_TRUNC;

use super::message::messages;
use super::message::Body;
use super::Extack;
use super::Malformed;
use super::Payload;
use super::Request;

/// Room for a datagram: the kernel fills at most 32 KiB of it in a dump.
const BUFFER_SIZE: usize = 64 * 1024;

/// A way to the kernel.
pub trait Transport {
    /// Sends a datagram of one or more requests.
    ///
    /// # Errors
    ///
    /// Those of `send`.
    fn send(&mut self, datagram: &[u8]) -> io::Result<()>;

    /// Takes a datagram of one or more messages, and puts it in place of what is in `datagram`.
    /// Where there is none it waits for one, if it shall.
    ///
    /// # Errors
    ///
    /// Those of `recv`: `EAGAIN` where there is none and it shall not wait.
    fn receive(&mut self, datagram: &mut Vec<u8>, wait: bool) -> io::Result<()>;

    /// Joins a multicast group.
    ///
    /// # Errors
    ///
    /// Those of `setsockopt`.
    fn subscribe(&mut self, group: u32) -> io::Result<()>;
}

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
        datagram.reserve(BUFFER_SIZE);
        loop {
            match self.0.recv(datagram, MSG_TRUNC | flags) {
                Ok(length) if length > datagram.len() => {
                    return Err(io::Error::other("datagram is too long"));
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

/// Why a connection failed.
#[derive(Debug)]
pub enum NetlinkError {
    /// The kernel refused.
    Rejected(Extack),
    /// The kernel's answer makes no sense.
    Malformed(Malformed),
    /// The socket failed.
    Io(io::Error),
}

impl fmt::Display for NetlinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NetlinkError::Rejected(extack) => extack.fmt(f),
            NetlinkError::Malformed(malformed) => malformed.fmt(f),
            NetlinkError::Io(error) => write!(f, "netlink socket: {error}"),
        }
    }
}

impl std::error::Error for NetlinkError {}

impl From<Malformed> for NetlinkError {
    fn from(malformed: Malformed) -> Self {
        NetlinkError::Malformed(malformed)
    }
}

impl From<io::Error> for NetlinkError {
    fn from(error: io::Error) -> Self {
        NetlinkError::Io(error)
    }
}

/// A connection over a transport.
pub struct Connection<T> {
    transport: T,
    sequence: u32,
    datagram: Vec<u8>,
}

impl<T: Transport> Connection<T> {
    /// Begins a connection.
    pub fn new(transport: T) -> Self {
        Connection {
            transport,
            sequence: 0,
            datagram: Vec::new(),
        }
    }

    /// Sends a request, and hands over what the kernel answers until it acknowledges.
    ///
    /// # Errors
    ///
    /// The kernel refuses, the answer makes no sense (also to `handle`), or the socket fails.
    pub fn transact(
        &mut self,
        request: &mut Request,
        handle: impl FnMut(Payload<'_>) -> Result<(), Malformed>,
    ) -> Result<(), NetlinkError> {
        self.exchange(request, NLM_F_ACK, handle).map(|_| ())
    }

    /// Sends a request for all there is, and hands it over; says whether it is in one piece, which
    /// it is not when it changed meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Self::transact`].
    pub fn dump(
        &mut self,
        request: &mut Request,
        handle: impl FnMut(Payload<'_>) -> Result<(), Malformed>,
    ) -> Result<bool, NetlinkError> {
        self.exchange(request, NLM_F_DUMP, handle)
    }

    /// Sends many requests at once that the kernel carries out in order, also those after one that
    /// it refuses. They must be few enough for their refusals to fit into the socket's buffer.
    ///
    /// # Errors
    ///
    /// The answers make no sense, or the socket fails. A rejection is no error: there is a result for
    /// each request.
    pub fn transact_batch(
        &mut self,
        requests: &mut [Request],
    ) -> Result<Vec<Result<(), Extack>>, NetlinkError> {
        let first = self.sequence.wrapping_add(1);
        let mut datagram = Vec::new();
        let mut remaining = requests.len();
        let mut results = vec![Ok(()); remaining];
        for request in requests {
            remaining -= 1;
            // The kernel tells about every rejection; one acknowledgement says that all are through.
            let flags = if remaining == 0 { NLM_F_ACK } else { 0 };
            self.sequence = self.sequence.wrapping_add(1);
            datagram.extend_from_slice(request.finalize(flags, self.sequence));
        }
        if results.is_empty() {
            return Ok(results);
        }
        self.transport.send(&datagram)?;
        loop {
            self.transport.receive(&mut self.datagram, true)?;
            for message in messages(&self.datagram) {
                let message = message?;
                let Body::Done(ack) = message.body else {
                    continue;
                };
                let index = message.sequence.wrapping_sub(first);
                let index = usize::try_from(index).unwrap_or(usize::MAX);
                if let Some(result) = results.get_mut(index) {
                    *result = ack;
                }
                if message.sequence == self.sequence {
                    return Ok(results);
                }
            }
        }
    }

    /// Joins a multicast group; what is told to it comes from [`Self::receive`].
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub fn subscribe(&mut self, group: u32) -> Result<(), NetlinkError> {
        Ok(self.transport.subscribe(group)?)
    }

    /// Sends a request whose answer comes from [`Self::receive`].
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub fn send(&mut self, request: &mut Request) -> Result<(), NetlinkError> {
        self.sequence = self.sequence.wrapping_add(1);
        Ok(self.transport.send(request.finalize(0, self.sequence))?)
    }

    /// Waits for notifications, if it shall, and hands them over.
    ///
    /// # Errors
    ///
    /// What came makes no sense, or is a rejection of what was asked by [`Self::send`], or the socket
    /// fails: with `ENOBUFS` where notifications were lost,
    /// with `EAGAIN` where none are there and it shall not wait.
    pub fn receive(
        &mut self,
        wait: bool,
        mut handle: impl FnMut(Payload<'_>) -> Result<(), Malformed>,
    ) -> Result<(), NetlinkError> {
        self.transport.receive(&mut self.datagram, wait)?;
        for message in messages(&self.datagram) {
            match message?.body {
                Body::Payload(payload) => handle(payload)?,
                Body::Done(ack) => ack.map_err(NetlinkError::Rejected)?,
                Body::Noop => {}
            }
        }
        Ok(())
    }

    fn exchange(
        &mut self,
        request: &mut Request,
        flags: u16,
        mut handle: impl FnMut(Payload<'_>) -> Result<(), Malformed>,
    ) -> Result<bool, NetlinkError> {
        self.sequence = self.sequence.wrapping_add(1);
        self.transport
            .send(request.finalize(flags, self.sequence))?;
        let mut consistent = true;
        loop {
            self.transport.receive(&mut self.datagram, true)?;
            for message in messages(&self.datagram) {
                let message = message?;
                if message.sequence != self.sequence {
                    // Left from a connection that was broken off.
                    continue;
                }
                consistent &= !message.interrupted;
                match message.body {
                    Body::Payload(payload) => handle(payload)?,
                    Body::Done(Ok(())) => return Ok(consistent),
                    Body::Done(Err(extack)) => return Err(NetlinkError::Rejected(extack)),
                    Body::Noop => {}
                }
            }
        }
    }
}
