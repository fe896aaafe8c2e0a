// SPDX-License-Identifier: GPL-2.0

//! As `abstractions/napi.rs` and `netdev/ports.rs`: what is handed up is kept for the judge.

use std::cell::RefCell;

use super::{
    mapping::Mapping,
    skbuff::{
        CompleteSkBuff,
        NewSkBuff, //
    }, //
};
use crate::{
    error::{
        Error,
        Result, //
    },
    netdev::wire::{
        ethernet,
        offload::Offloads, //
    }, //
};

/// The layer 3 protocol of a received packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Ipv4,
    Ipv6,
    Unknown,
}

/// Marks from here on are those of other interfaces.
pub(crate) const FOREIGN: u32 = 1 << 31;

/// How a packet was handed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum As {
    /// A frame, with its own header.
    Frame,
    /// A packet of a protocol.
    Packet { mark: u32, protocol: Protocol },
    /// The same in IP mode with offloads.
    Large {
        mark: u32,
        protocol: Protocol,
        offloads: Offloads,
    },
}

/// A packet that was handed up.
pub(crate) struct Handed {
    pub(crate) how: As,
    /// All bytes that were copied for it, also those that were pulled from its front.
    pub(crate) bytes: Vec<u8>,
    /// How many were pulled.
    pub(crate) pulled: usize,
    /// The numbers of the accesses that copied them.
    pub(crate) copies: Vec<usize>,
}

impl Handed {
    /// Whether it was the interface's own.
    pub(crate) fn is_own(&self) -> bool {
        match self.how {
            As::Frame => true,
            As::Packet { mark, .. } | As::Large { mark, .. } => mark < FOREIGN,
        }
    }
}

/// One poll.
pub(crate) struct Poll<'a> {
    budget: usize,
    handed: &'a RefCell<Vec<Handed>>,
}

impl<'a> Poll<'a> {
    pub(crate) fn new(budget: usize, handed: &'a RefCell<Vec<Handed>>) -> Self {
        Self { budget, handed }
    }

    pub(crate) fn budget(&self) -> usize {
        self.budget
    }

    pub(crate) fn copy_skb(
        &self,
        from: &Mapping,
        offset: usize,
        length: usize,
        _sum: bool,
    ) -> Option<NewSkBuff> {
        NewSkBuff::copied(from, offset, length)
    }

    fn hand_up(&self, skb: NewSkBuff, how: As) {
        self.handed.borrow_mut().push(Handed {
            how,
            bytes: skb.bytes,
            pulled: skb.pulled,
            copies: skb.copies,
        });
    }

    pub(crate) fn receive_frame(&self, skb: NewSkBuff) -> bool {
        let whole = skb.len() >= ethernet::HEADER_SIZE;
        if whole {
            self.hand_up(skb, As::Frame);
        }
        whole
    }

    pub(crate) fn receive(&self, skb: NewSkBuff, mark: u32, protocol: Protocol) {
        self.hand_up(skb, As::Packet { mark, protocol });
    }
}

/// The way out of the interface, to whom the mark says.
pub(crate) struct RxContext<'a> {
    poll: &'a Poll<'a>,
}

impl<'a> RxContext<'a> {
    pub(crate) fn new(poll: &'a Poll<'a>) -> Self {
        Self { poll }
    }

    pub(crate) fn poll(&self) -> &'a Poll<'a> {
        self.poll
    }

    pub(crate) fn receive(&self, skb: NewSkBuff, mark: u32, protocol: Protocol) -> Option<usize> {
        let bytes = skb.len();
        self.poll.receive(skb, mark, protocol);
        (mark < FOREIGN).then_some(bytes)
    }

    /// The kernel's own check of the offloads is not here: some do not pass.
    pub(crate) fn receive_large(
        &self,
        skb: CompleteSkBuff,
        mark: u32,
        protocol: Protocol,
        offloads: &Offloads,
    ) -> Result<Option<usize>> {
        if offloads[0] > 3 {
            return Err(Error);
        }
        let bytes = skb.bytes.len();
        let how = As::Large {
            mark,
            protocol,
            offloads: *offloads,
        };
        self.poll.handed.borrow_mut().push(Handed {
            how,
            bytes: skb.bytes,
            pulled: 0,
            copies: skb.copies,
        });
        Ok((mark < FOREIGN).then_some(bytes))
    }
}
