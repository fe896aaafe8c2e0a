// SPDX-License-Identifier: GPL-2.0

//! Netlink sockets, and the exchange of requests and replies over them.

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

/// Size of the receive buffer. In a dump, the kernel sends datagrams of at most 32 KiB.
const BUFFER_SIZE: usize = 64 * 1024;

/// Transport of datagrams to and from the kernel.
pub trait Transport {
    /// Sends a datagram of one or more requests.
    ///
    /// # Errors
    ///
    /// Those of `send()`.
    fn send(&mut self, datagram: &[u8]) -> io::Result<()>;

    /// Receives a datagram of one or more messages into `datagram`, and replaces its contents. If
    /// the queue is empty and `wait` is set, waits for a datagram.
    ///
    /// # Errors
    ///
    /// Those of `recv()`. `EAGAIN` if the queue is empty and `wait` is not set.
    fn receive(&mut self, datagram: &mut Vec<u8>, wait: bool) -> io::Result<()>;

    /// Joins a multicast group.
    ///
    /// # Errors
    ///
    /// Those of `setsockopt()`.
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

/// A netlink socket in the network namespace of the process.
pub struct Socket(netlink_sys::Socket);

impl Socket {
    /// Opens a socket.
    ///
    /// # Errors
    ///
    /// Those of `socket()`, `bind()`, `connect()` and `setsockopt()`.
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

/// The reason why a request failed.
#[derive(Debug)]
pub enum NetlinkError {
    /// The kernel rejected the request.
    Rejected(Extack),
    /// A message of the kernel is malformed.
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

/// A connection to the kernel. Assigns sequence numbers to requests.
pub struct Connection<T> {
    transport: T,
    sequence: u32,
    datagram: Vec<u8>,
}

impl<T: Transport> Connection<T> {
    /// Creates a connection.
    pub fn new(transport: T) -> Self {
        Connection {
            transport,
            sequence: 0,
            datagram: Vec::new(),
        }
    }

    /// Sends a request, and calls `handle` for each reply until the kernel acknowledges the
    /// request.
    ///
    /// # Errors
    ///
    /// The kernel rejects the request, the reply is malformed (or `handle` fails), or the socket
    /// fails.
    pub fn transact(
        &mut self,
        request: &mut Request,
        handle: impl FnMut(Payload<'_>) -> Result<(), Malformed>,
    ) -> Result<(), NetlinkError> {
        self.exchange(request, NLM_F_ACK, handle).map(|_| ())
    }

    /// Sends a dump request, and calls `handle` for each object. Returns whether the dump is
    /// consistent: it is not if objects changed during the dump.
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

    /// Sends requests at once. The kernel executes them in order, also those after one that it
    /// rejects. Callers must limit their number, so that all rejections fit into the receive buffer
    /// of the socket.
    ///
    /// # Errors
    ///
    /// A reply is malformed, or the socket fails. Rejections are not errors here: they are in the
    /// result of each request.
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
            // The kernel reports each rejection. The acknowledgment of the last request shows that
            // all are executed.
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

    /// Joins a multicast group. [`Self::receive`] returns its notifications.
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub fn subscribe(&mut self, group: u32) -> Result<(), NetlinkError> {
        Ok(self.transport.subscribe(group)?)
    }

    /// Sends a request without waiting. [`Self::receive`] returns the reply.
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub fn send(&mut self, request: &mut Request) -> Result<(), NetlinkError> {
        self.sequence = self.sequence.wrapping_add(1);
        Ok(self.transport.send(request.finalize(0, self.sequence))?)
    }

    /// Receives one datagram, and calls `handle` for each message. If `wait` is set, waits for it.
    ///
    /// # Errors
    ///
    /// A message is malformed, or is the rejection of a request of [`Self::send`], or the socket
    /// fails: with `ENOBUFS` if notifications were lost, with `EAGAIN` if the queue is empty and
    /// `wait` is not set.
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
                    // Reply to an earlier request that failed.
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
