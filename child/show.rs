// SPDX-License-Identifier: GPL-2.0

//! Interfaces and marks in messages, as a namespace knows them.

use super::{
    device::Child,
    uapi::{
        channel,
        muennet as attr,
        stats, //
    }, //
};
use crate::{
    abstractions::{
        netdevice::{
            Device,
            NetDevice, //
        },
        netlink::Message,
        netns::Net,
        rtnl::Rtnl, //
    },
    netdev::{
        mode::Mode,
        Direction,
        Interface,
        Peer,
        Sums, //
    }, //
};
use kernel::prelude::*;

/// The attributes that an interface is named by.
pub(super) struct Naming {
    ifindex: u16,
    ifname: u16,
    netnsid: u16,
}

const OWN: Naming = Naming {
    ifindex: attr::IFINDEX,
    ifname: attr::IFNAME,
    netnsid: attr::NETNSID,
};

const PARENT: Naming = Naming {
    ifindex: attr::PARENT_IFINDEX,
    ifname: attr::PARENT_IFNAME,
    netnsid: attr::PARENT_NETNSID,
};

/// Where a mark came from.
pub(super) const FROM: Naming = Naming {
    ifindex: attr::FROM_IFINDEX,
    ifname: attr::FROM_IFNAME,
    netnsid: attr::FROM_NETNSID,
};

/// Puts what an interface is known by in `net`.
pub(super) fn names(
    message: &mut Message<'_>,
    naming: &Naming,
    net: &Net,
    dev: &NetDevice,
    rtnl: &Rtnl,
) -> Result {
    message.u32(naming.ifindex, dev.index())?;
    message.string(naming.ifname, dev.name(rtnl))?;
    let own = dev.net(rtnl);
    if own != net {
        message.i32(naming.netnsid, net.id_of(own))?;
    }
    Ok(())
}

/// Puts what a child and its parent are known by in `net`.
pub(super) fn child_names(
    message: &mut Message<'_>,
    net: &Net,
    child: &Device<Child>,
    rtnl: &Rtnl,
) -> Result {
    names(message, &OWN, net, child.any(), rtnl)?;
    names(message, &PARENT, net, child.data().parent().any(), rtnl)
}

/// Puts a mark and the child that owns it.
pub(super) fn mark(
    message: &mut Message<'_>,
    net: &Net,
    child: &Device<Child>,
    mark: u32,
    rtnl: &Rtnl,
) -> Result {
    child_names(message, net, child, rtnl)?;
    message.u32(attr::MARK, mark)
}

/// Puts all about a child.
pub(super) fn child(
    message: &mut Message<'_>,
    net: &Net,
    child: &Device<Child>,
    rtnl: &Rtnl,
) -> Result {
    child_names(message, net, child, rtnl)?;
    message.u32(attr::MARK_COUNT, child.data().mark_count())?;
    common(message, child.any(), child.data().parent().data().mode())?;
    counters(message, &child.data().sums())
}

/// Puts all about a main interface.
pub(super) fn interface(
    message: &mut Message<'_>,
    net: &Net,
    dev: &Device<Interface>,
    rtnl: &Rtnl,
) -> Result {
    let this = dev.data();
    names(message, &OWN, net, dev.any(), rtnl)?;
    common(message, dev.any(), this.mode())?;
    if let Some(way) = this.way_in() {
        direction(message, attr::IN_CHANNEL, &way)?;
    }
    if let Some(way) = this.way_out() {
        direction(message, attr::OUT_CHANNEL, &way)?;
    }
    let peer = match this.peer() {
        None | Some(Peer::Unknown) => 0,
        Some(Peer::Inactive) => 1,
        Some(Peer::Active) => 2,
        Some(Peer::Incompatible) => 3,
        Some(Peer::Broken) => 4,
    };
    message.u32(attr::PEER_STATE, peer)?;
    counters(message, &this.sums())
}

fn common(message: &mut Message<'_>, dev: &NetDevice, mode: Mode) -> Result {
    let mode = match mode {
        Mode::Raw => 0,
        Mode::Ip => 1,
        Mode::Ethernet | Mode::Vlan => 2,
        Mode::Large => 3,
    };
    message.u32(attr::MODE, mode)?;
    message.u32(attr::MTU, dev.mtu())?;
    if dev.is_running() {
        message.flag(attr::UP)?;
    }
    Ok(())
}

fn direction(message: &mut Message<'_>, number: u16, way: &Direction<'_>) -> Result {
    message.nest(number, |message| {
        message.text(channel::NAME, way.name)?;
        message.uint(channel::PROTOCOL, way.protocol)?;
        message.uint(channel::REGION_SIZE, way.region_size as u64)?;
        if let Some(ring) = &way.ring {
            message.uint(channel::ELEMENT_SIZE, ring.size() as u64)?;
            message.uint(channel::ELEMENTS, ring.elements())?;
        }
        Ok(())
    })
}

fn counters(message: &mut Message<'_>, sums: &Sums) -> Result {
    message.nest(attr::STATS, |message| {
        for (number, value) in [
            (stats::RX_PACKETS, sums.rx_packets),
            (stats::RX_BYTES, sums.rx_bytes),
            (stats::RX_ERRORS, sums.rx_errors()),
            (stats::RX_DROPPED, sums.rx_dropped()),
            (stats::RX_OVER_ERRORS, sums.rx_overruns),
            (stats::RX_FRAME_ERRORS, sums.rx_malformed),
            (stats::RX_MISSED_ERRORS, sums.rx_missed),
            (stats::TX_PACKETS, sums.tx_packets),
            (stats::TX_BYTES, sums.tx_bytes),
            (stats::TX_DROPPED, sums.tx_dropped),
        ] {
            message.uint(number, value)?;
        }
        Ok(())
    })
}
