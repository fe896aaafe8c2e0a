// SPDX-License-Identifier: GPL-2.0

//! The device of a child.

use super::{
    generation,
    tell, //
};
use crate::{
    abstractions::{
        ethtool,
        napi::{
            Poll,
            Polled, //
        },
        netdevice::{
            Device,
            Kind,
            Link,
            NetDevice,
            Operations,
            Stacked, //
        },
        netlink::ExtAck,
        rtnl::Rtnl,
        skbuff::SkBuff,
        stats::LinkStats, //
    },
    netdev::{
        config::Text,
        mode::Mode,
        Counters,
        Interface,
        PortId,
        Sums, //
    }, //
};
use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            ordering::Relaxed,
            Atomic, //
        },
        Arc, //
    }, //
};

/// The kind of links that children are.
pub(super) static KIND: Kind<Child> = Kind::new();

/// A child; the data of its device.
pub(crate) struct Child {
    parent: ARef<Device<Interface>>,
    counters: Arc<Counters>,
    /// The child's port of its parent; 0 while it has none. Written with the RTNL held.
    port: Atomic<PortId>,
    /// Whether listeners know of the child. Written with the RTNL held.
    announced: Atomic<bool>,
}

impl Child {
    /// The interface whose channels the child uses.
    pub(super) fn parent(&self) -> &Device<Interface> {
        &self.parent
    }

    /// The child's port of its parent.
    pub(super) fn port(&self) -> PortId {
        self.port.load(Relaxed)
    }

    /// How many marks the child owns.
    pub(super) fn mark_count(&self) -> u32 {
        let port = self.parent.data().ports().get(self.port());
        port.map_or(0, |(_, marks)| marks)
    }

    /// What the child has counted.
    pub(super) fn sums(&self) -> Sums {
        Sums::of(&self.counters)
    }

    /// Makes the carrier what it should be: there while parent and child are up.
    pub(super) fn update_carrier(dev: &Device<Self>) {
        let parent = dev.data().parent().any();
        dev.set_carrier(dev.is_running() && parent.is_running() && parent.has_carrier());
    }
}

/// The interface that `lower` is, if it may have children.
///
/// # Errors
///
/// - `EINVAL`: it may not; `extack` says why.
fn parent<'a>(
    lower: &'a NetDevice,
    extack: &ExtAck<'_>,
    rtnl: &Rtnl,
) -> Result<&'a Device<Interface>> {
    let name = Text::new(lower.name(rtnl).to_bytes());
    if let Some(child) = lower.downcast::<Child>() {
        let parent = Text::new(child.data().parent().any().name(rtnl).to_bytes());
        let fits = extack.message(fmt!(
            "{name} is itself a child of {parent}: children cannot have children"
        ));
        if !fits {
            extack.message(fmt!(
                "{name} is itself a child: children cannot have children"
            ));
        }
        return Err(EINVAL);
    }
    let Some(parent) = lower.downcast::<Interface>() else {
        extack.message(fmt!("{name} is not a muennet interface"));
        return Err(EINVAL);
    };
    let mode = match parent.data().mode() {
        Mode::Ip | Mode::Large => return Ok(parent),
        Mode::Raw => "a raw",
        Mode::Ethernet | Mode::Vlan => "an Ethernet",
    };
    extack.message(fmt!(
        "{name} is {mode} interface: only IP ones (net_hdr) have children"
    ));
    Err(EINVAL)
}

impl Stacked for Child {
    const KIND: &'static CStr = c"muennet";

    fn create(
        lower: &NetDevice,
        mtu: Option<u32>,
        extack: &ExtAck<'_>,
        rtnl: &Rtnl,
    ) -> Result<(Link, Self)> {
        let parent = parent(lower, extack, rtnl)?;
        let link = parent
            .data()
            .port_link(mtu, parent.mtu())
            .map_err(|range| {
                let (least, most) = (range.start(), range.end());
                extack.message(fmt!(
                    "the MTU of a child is {least} to {most}, that of its parent"
                ));
                EINVAL
            })?;
        let child = Self {
            parent: parent.into(),
            counters: Arc::new(Counters::new()?, GFP_KERNEL)?,
            port: Atomic::new(0),
            announced: Atomic::new(false),
        };
        Ok((link, child))
    }

    fn init(dev: &Device<Self>, rtnl: &Rtnl) -> Result {
        let this = dev.data();
        let port = this.parent.data().ports().add(dev.any(), &this.counters)?;
        this.port.store(port, Relaxed);
        generation::raise(rtnl);
        Ok(())
    }

    fn created(dev: &Device<Self>, rtnl: &Rtnl) {
        dev.data().announced.store(true, Relaxed);
        tell::child_added(dev, rtnl);
    }

    fn uninit(dev: &Device<Self>, rtnl: &Rtnl) {
        let this = dev.data();
        // C comes here also where it gives up after `init`: nobody has heard of the child then, and
        // its index may be another interface's.
        if this.announced.load(Relaxed) {
            tell::child_deleted(dev, rtnl);
        }
        this.parent.data().ports().remove(this.port());
        generation::raise(rtnl);
    }

    fn lower(&self) -> &NetDevice {
        self.parent.any()
    }
}

#[vtable]
impl Operations for Child {
    fn open(_dev: &Device<Self>) -> Result {
        Ok(())
    }

    fn start(dev: &Device<Self>) {
        Self::update_carrier(dev);
    }

    fn quiesce(_dev: &Device<Self>) {}

    fn close(_dev: &Device<Self>) {}

    fn transmit(dev: &Device<Self>, skb: SkBuff, more: bool) {
        let this = dev.data();
        let counters = this.counters.this_cpu();
        this.parent.data().send(skb, more, counters);
    }

    fn receives(_dev: &Device<Self>) -> bool {
        false
    }

    /// The parent polls.
    fn poll(_dev: &Device<Self>, _poll: &Poll<'_>) -> Polled {
        Polled::Done(0)
    }

    fn rearmed(_dev: &Device<Self>) -> bool {
        false
    }

    fn interrupted(_dev: &Device<Self>) {}

    fn stats(dev: &Device<Self>, stats: &mut LinkStats) {
        dev.data().sums().add_to(stats);
    }

    fn ethtool() -> Option<ethtool::Table<Self>> {
        Some(ethtool::Table::new())
    }

    fn change_mtu(_dev: &Device<Self>, _mtu: u32) -> Result {
        Ok(())
    }
}
