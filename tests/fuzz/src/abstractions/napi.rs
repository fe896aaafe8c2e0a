// SPDX-License-Identifier: GPL-2.0

//! Replaces `abstractions/napi/mod.rs` and the receive context of `netdev/endpoint.rs`. Stores the
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

/// The smallest mark that selects a child interface. Smaller marks select the device itself.
pub(crate) const MIN_CHILD_MARK: u32 = 1 << 31;

/// The function that delivered a packet, and its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// `gro_receive_eth()`: an Ethernet frame with its header.
    Frame,
    /// `gro_receive()`: a packet without offloads.
    Packet { mark: u32, protocol: Protocol },
    /// `receive_offload()`: a packet with offloads.
    Offload {
        mark: u32,
        protocol: Protocol,
        offloads: Offloads,
    },
}

/// A packet that the driver delivered.
pub(crate) struct DeliveredPacket {
    pub(crate) delivery: Delivery,
    /// All copied bytes, including the pulled ones.
    pub(crate) bytes: Vec<u8>,
    /// The number of bytes pulled from the front.
    pub(crate) pulled: usize,
    /// The numbers of the accesses that copied the bytes.
    pub(crate) copies: Vec<usize>,
}

impl DeliveredPacket {
    /// Returns whether the packet was for the device itself, not for a child interface.
    pub(crate) fn is_for_device(&self) -> bool {
        match self.delivery {
            Delivery::Frame => true,
            Delivery::Packet { mark, .. } | Delivery::Offload { mark, .. } => mark < MIN_CHILD_MARK,
        }
    }
}

/// One poll.
pub(crate) struct Poll<'a> {
    budget: usize,
    delivered: &'a RefCell<Vec<DeliveredPacket>>,
}

impl<'a> Poll<'a> {
    pub(crate) fn new(budget: usize, delivered: &'a RefCell<Vec<DeliveredPacket>>) -> Self {
        Self { budget, delivered }
    }

    pub(crate) fn budget(&self) -> usize {
        self.budget
    }

    pub(crate) fn copy_skb(
        &self,
        from: &Mapping,
        offset: usize,
        length: usize,
        _csum: bool,
    ) -> Option<RxSkBuff> {
        RxSkBuff::copy_from(from, offset, length)
    }

    fn deliver(&self, skb: RxSkBuff, delivery: Delivery) {
        self.delivered.borrow_mut().push(DeliveredPacket {
            delivery,
            bytes: skb.bytes,
            pulled: skb.pulled,
            copies: skb.copies,
        });
    }

    pub(crate) fn gro_receive_eth(&self, skb: RxSkBuff) -> bool {
        let has_header = skb.len() >= ethernet::HEADER_SIZE;
        if has_header {
            self.deliver(skb, Delivery::Frame);
        }
        has_header
    }

    pub(crate) fn gro_receive(&self, skb: RxSkBuff, mark: u32, protocol: Protocol) {
        self.deliver(skb, Delivery::Packet { mark, protocol });
    }
}

/// The receive context. Delivers each packet to the interface that its mark selects.
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
        (mark < MIN_CHILD_MARK).then_some(bytes)
    }

    /// Delivers a packet with offloads. Rejects some values of the offloads, as the kernel does, so
    /// that the driver's error path runs.
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
        let delivery = Delivery::Offload {
            mark,
            protocol,
            offloads: *offloads,
        };
        self.poll.delivered.borrow_mut().push(DeliveredPacket {
            delivery,
            bytes: skb.bytes,
            pulled: 0,
            copies: skb.copies,
        });
        Ok((mark < MIN_CHILD_MARK).then_some(bytes))
    }
}
