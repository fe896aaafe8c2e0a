// SPDX-License-Identifier: GPL-2.0

//! What others may ask of an interface: to send on its channels, and what it is like.

use super::{
    counters::{
        CpuCounters,
        Sums, //
    },
    interface::Interface,
    mode::Mode,
    ports::Ports,
    receive::Peer, //
};
use crate::{
    abstractions::{
        netdevice::Link,
        skbuff::SkBuff, //
    },
    channel::Geometry, //
};
use core::ops::RangeInclusive;

/// What there is to know of one direction of an interface.
pub(crate) struct Direction<'a> {
    /// The name of its channel.
    pub(crate) name: &'a [u8],
    /// The number that both ends agree on.
    pub(crate) protocol: u64,
    /// Bytes of the channel's region.
    pub(crate) region_size: usize,
    /// The elements of the current epoch; none if there is none, or none that is followed.
    pub(crate) ring: Option<Geometry>,
}

impl Interface {
    /// What the interfaces on channels of this mode are to the stack, but for their MTU. `pmtu`:
    /// packets must not be longer than their path's MTU.
    pub(super) fn link(mode: Mode, pmtu: bool) -> Link {
        let link = match mode {
            Mode::Raw => Link::point_to_point(),
            Mode::Ip => Link::point_to_point().carries_ip().checks_checksums(),
            // The other end has checked, or says that nothing has to be.
            Mode::Large => Link::point_to_point().carries_ip(),
            Mode::Ethernet | Mode::Vlan => Link::ethernet().checks_checksums(),
        };
        let link = link.copies_and_checksums();
        match (mode, pmtu) {
            // Senders of packets that are too long are told so, by the route of the packet; and
            // each packet is judged as it is, for segments may be too long in their turn.
            (_, true) => link.keeps_dst(),
            // Whatever is in them is not known.
            (Mode::Raw, false) => link,
            (Mode::Ip | Mode::Large | Mode::Ethernet | Mode::Vlan, false) => link.segments(),
        }
    }

    /// What another interface on the same channels is to the stack. Its MTU in bytes is `mtu`, or
    /// that of this interface, `own`, above which it must not be.
    ///
    /// # Errors
    ///
    /// The range in which its MTU can be.
    pub(crate) fn port_link(
        &self,
        mtu: Option<u32>,
        own: u32,
    ) -> Result<Link, RangeInclusive<u32>> {
        let range = *self.mode.mtu_range().start()..=own;
        let mtu = mtu.unwrap_or(own);
        if !range.contains(&mtu) {
            return Err(range);
        }
        let pmtu = self.sender.as_ref().is_some_and(|it| it.has_pmtu());
        Ok(Self::link(self.mode, pmtu).mtu(mtu, *range.start(), own))
    }

    /// What the elements of the channels hold.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// The other interfaces on the same channels.
    pub(crate) fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Sends a packet, or drops it; either way `counters`, those of the sending interface, take
    /// note. `more`: another one follows at once.
    #[inline]
    pub(crate) fn send(&self, skb: SkBuff, more: bool, counters: &CpuCounters) {
        match &self.sender {
            Some(sender) => sender.transmit(skb, more, counters),
            // Without an out channel there is nowhere to send to.
            None => {
                counters.tx_no_channel.add(1);
                counters.tx_dropped.add(1);
            }
        }
    }

    /// The name of the in channel; empty without one.
    pub(crate) fn in_name(&self) -> &[u8] {
        &self.in_name
    }

    /// The name of the out channel; empty without one.
    pub(crate) fn out_name(&self) -> &[u8] {
        &self.out_name
    }

    /// What the interface has counted.
    pub(crate) fn sums(&self) -> Sums {
        Sums::of(&self.counters)
    }

    /// What the peer does with the in channel; none without one.
    pub(crate) fn peer(&self) -> Option<Peer> {
        self.receiver.as_ref().map(|receiver| receiver.peer())
    }

    /// The way in, if there is one.
    pub(crate) fn way_in(&self) -> Option<Direction<'_>> {
        self.receiver.as_ref().map(|receiver| Direction {
            name: &self.in_name,
            protocol: receiver.protocol(),
            region_size: receiver.region_size(),
            ring: receiver.geometry(),
        })
    }

    /// The way out, if there is one.
    pub(crate) fn way_out(&self) -> Option<Direction<'_>> {
        self.sender.as_ref().map(|sender| Direction {
            name: &self.out_name,
            protocol: sender.protocol(),
            region_size: sender.region_size(),
            ring: sender.geometry(),
        })
    }
}
