// SPDX-License-Identifier: GPL-2.0

//! The network device of a child: its link and device operations, its ethtool operations, its file
//! in debugfs, and the notifier by which children follow their parent.

use super::netlink;
use crate::{
    abstractions::{
        ethtool::{
            self,
            EthtoolOperations, //
        },
        napi::{
            Poll,
            Polled, //
        },
        netdevice::{
            netdev_warn_ratelimited,
            Device,
            Event,
            Inspect,
            Kind,
            Link,
            NetDevice,
            Operations,
            Stacked,
            Watcher, //
        },
        netlink::ExtAck,
        rtnl::Rtnl,
        skbuff::SkBuff,
        stats::LinkStats, //
    },
    netdev::{
        mode::Mode,
        params::Text,
        Counters,
        EndpointId,
        Interface,
        Sums, //
    }, //
};
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::{
        aref::ARef,
        atomic::{
            ordering::Relaxed,
            Atomic, //
        },
        Arc, //
    }, //
};

/// The link operations of children.
pub(super) static LINK_OPS: Kind<Child> = Kind::new();

/// The private data of a child's device.
pub(crate) struct Child {
    parent: ARef<Device<Interface>>,
    counters: Arc<Counters>,
    /// The port of the child at its parent; 0 until `init` has added it. Written under the RTNL.
    endpoint: Atomic<EndpointId>,
    /// Whether listeners have been notified of the child. Written under the RTNL.
    announced: Atomic<bool>,
}

impl Child {
    /// Returns the main interface whose channels the child uses.
    pub(super) fn parent(&self) -> &Device<Interface> {
        &self.parent
    }

    /// Returns the port of the child at its parent.
    pub(super) fn endpoint(&self) -> EndpointId {
        self.endpoint.load(Relaxed)
    }

    /// Returns the number of marks that the child owns.
    pub(super) fn mark_count(&self) -> u32 {
        let endpoint = self.parent.data().endpoints().get(self.endpoint());
        endpoint.map_or(0, |(_, marks)| marks)
    }

    /// Returns the counters of the child, summed over all CPUs.
    pub(super) fn sums(&self) -> Sums {
        Sums::of(&self.counters)
    }

    /// Sets the carrier: it is on while child and parent are up and the parent has a carrier.
    fn update_carrier(dev: &Device<Self>) {
        let parent = dev.data().parent().any();
        dev.set_carrier(dev.is_running() && parent.is_running() && parent.has_carrier());
    }
}

/// Returns `lower` as a main interface that can have children.
///
/// # Errors
///
/// - `EINVAL`: it cannot have children; `extack` says why.
fn main_interface<'a>(
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
    let Some(interface) = lower.downcast::<Interface>() else {
        extack.message(fmt!("{name} is not a muennet interface"));
        return Err(EINVAL);
    };
    let mode = match interface.data().mode() {
        Mode::Ip | Mode::Offload => return Ok(interface),
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
        let parent = main_interface(lower, extack, rtnl)?;
        let link = parent
            .data()
            .child_params(mtu, parent.mtu())
            .map_err(|range| {
                let (least, most) = (range.start(), range.end());
                extack.message(fmt!(
                    "the MTU of a child must be {least} to {most}, the MTU of its parent"
                ));
                EINVAL
            })?;
        let child = Self {
            parent: parent.into(),
            counters: Arc::new(Counters::new()?, GFP_KERNEL)?,
            endpoint: Atomic::new(0),
            announced: Atomic::new(false),
        };
        Ok((link, child))
    }

    fn init(dev: &Device<Self>, rtnl: &Rtnl) -> Result {
        let this = dev.data();
        let endpoint = this.parent.data().endpoints().add(dev.any(), &this.counters)?;
        this.endpoint.store(endpoint, Relaxed);
        netlink::dump_seq_inc(rtnl);
        Ok(())
    }

    fn created(dev: &Device<Self>, rtnl: &Rtnl) {
        dev.data().announced.store(true, Relaxed);
        netlink::notify_child_add(dev, rtnl);
    }

    fn uninit(dev: &Device<Self>, rtnl: &Rtnl) {
        let this = dev.data();
        // register_netdevice() also calls this when it fails after `init`. No listener has been
        // notified of the child then, and its ifindex may belong to another device.
        if this.announced.load(Relaxed) {
            netlink::notify_child_del(dev, rtnl);
        }
        this.parent.data().endpoints().remove(this.endpoint());
        netlink::dump_seq_inc(rtnl);
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

    /// Never runs: the parent polls the in channel.
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

#[vtable]
impl EthtoolOperations for Child {
    const DRIVER: &'static CStr = c"muennet";
    const STATISTICS: &'static [&'static str] = &[
        "rx_packets",
        "rx_bytes",
        "rx_down",
        "tx_packets",
        "tx_bytes",
        "tx_dropped",
        "tx_no_channel",
        "tx_too_big",
        "tx_fragmented",
    ];

    /// The channels are those of the parent.
    fn bus_info(dev: &Device<Self>, info: &mut ethtool::Text<'_>) {
        let parent = dev.data().parent().data();
        info.push(parent.in_name());
        info.push(b":");
        info.push(parent.out_name());
    }

    fn statistics(dev: &Device<Self>, values: &mut [u64]) {
        let sums = dev.data().sums();
        let own = [
            sums.rx_packets,
            sums.rx_bytes,
            sums.rx_down,
            sums.tx_packets,
            sums.tx_bytes,
            sums.tx_dropped,
            sums.tx_no_channel,
            sums.tx_too_big,
            sums.tx_fragmented,
        ];
        for (value, number) in values.iter_mut().zip(own) {
            *value = number;
        }
    }
}

impl Inspect for Child {
    /// The channels are those of the parent, the counters those of the child.
    fn info(dev: &Device<Self>, out: &SeqFile) {
        let this = dev.data();
        let parent = this.parent();
        let up = dev.is_running() && parent.is_running();
        parent.data().describe(dev.mtu(), up, &this.sums(), out);
        seq_print!(out, "marks: {}\n", this.mark_count());
    }
}

/// The notifier: children follow the carrier and the MTU of their parent, and running dumps are
/// marked as interrupted when an interface gets another name or another namespace.
pub(super) struct DeviceEvents;

impl Watcher for DeviceEvents {
    fn event(dev: &NetDevice, event: Event, rtnl: &Rtnl) {
        let parent = dev.downcast::<Interface>();
        if let Event::ChangeName | Event::Register = event {
            if parent.is_some() || dev.downcast::<Child>().is_some() {
                netlink::dump_seq_inc(rtnl);
            }
            return;
        }
        let Some(parent) = parent else {
            return;
        };
        let mut next = 1;
        while let Some((endpoint, _)) = parent.data().endpoints().next(next) {
            next = endpoint.id().saturating_add(1);
            let Some(child) = endpoint.device().downcast::<Child>() else {
                continue;
            };
            match event {
                Event::Up | Event::Down | Event::Change => Child::update_carrier(child),
                Event::ChangeName | Event::Register => {}
                Event::ChangeMtu => {
                    let mtu = parent.mtu();
                    if let Err(error) = child.any().set_max_mtu(mtu, rtnl) {
                        netdev_warn_ratelimited!(
                            child,
                            "Cannot set the MTU to {}: {:?}\n",
                            mtu,
                            error
                        );
                    }
                }
            }
        }
    }
}
