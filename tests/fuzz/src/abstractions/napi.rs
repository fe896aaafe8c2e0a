// SPDX-License-Identifier: GPL-2.0

//! Replaces `abstractions/napi/mod.rs` and the receive context of `netdev/endpoint.rs`: keeps
//! delivered packets for the checks.

use std::cell::RefCell;

use super::{
    mapping::Mapping,
    skbuff::{
        FilledFragSkBuff,
        RxSkBuff, //
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

/// Marks with this value or a larger one belong to other interfaces.
pub(crate) const FOREIGN: u32 = 1 << 31;

/// The way in which a packet was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum As {
    /// An Ethernet frame, including its header.
    Frame,
    /// A packet of this protocol.
    Packet { mark: u32, protocol: Protocol },
    /// A packet of IP mode with offloads.
    Large {
        mark: u32,
        protocol: Protocol,
        offloads: Offloads,
    },
}

/// A packet that was delivered.
pub(crate) struct Handed {
    pub(crate) how: As,
    /// All bytes that were copied for it, including those that were pulled from its front.
    pub(crate) bytes: Vec<u8>,
    /// The number of bytes that were pulled.
    pub(crate) pulled: usize,
    /// The numbers of the accesses that copied the bytes.
    pub(crate) copies: Vec<usize>,
}

impl Handed {
    /// Returns whether the packet was for the interface itself.
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
    ) -> Option<RxSkBuff> {
        RxSkBuff::copied(from, offset, length)
    }

    fn hand_up(&self, skb: RxSkBuff, how: As) {
        self.handed.borrow_mut().push(Handed {
            how,
            bytes: skb.bytes,
            pulled: skb.pulled,
            copies: skb.copies,
        });
    }

    pub(crate) fn gro_receive_eth(&self, skb: RxSkBuff) -> bool {
        let whole = skb.len() >= ethernet::HEADER_SIZE;
        if whole {
            self.hand_up(skb, As::Frame);
        }
        whole
    }

    pub(crate) fn gro_receive(&self, skb: RxSkBuff, mark: u32, protocol: Protocol) {
        self.hand_up(skb, As::Packet { mark, protocol });
    }
}

/// The receive context: delivers each packet to the interface that the mark selects.
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

    pub(crate) fn receive(&self, skb: RxSkBuff, mark: u32, protocol: Protocol) -> Option<usize> {
        let bytes = skb.len();
        self.poll.gro_receive(skb, mark, protocol);
        (mark < FOREIGN).then_some(bytes)
    }

    /// Delivers a large packet. Instead of the kernel's check of the offloads, it rejects some of
    /// them.
    pub(crate) fn receive_offload(
        &self,
        skb: FilledFragSkBuff,
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
