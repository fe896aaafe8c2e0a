// SPDX-License-Identifier: GPL-2.0

//! The network device of a child: its link and device operations, its ethtool operations, its file
//! in debugfs, and how children follow their parent.

use super::netlink;
use crate::{
    abstractions::{
        debugfs::{
            self,
            Show, //
        },
        ethtool::{
            self,
            EthtoolOperations, //
        },
        netdevice::{
            netdev_warn_ratelimited,
            Device,
            DeviceParams,
            DeviceType,
            EthtoolOps,
            Event,
            FeaturesCheck,
            NetDevice,
            NoReceive,
            Operations, //
        },
        netlink::ExtAck,
        rtnl::{
            Rtnl,
            RtnlCell, //
        },
        rtnl_link::{
            self,
            NewLink, //
        },
        skbuff::SkBuff,
        stats::LinkStats, //
    },
    netdev::{
        mode::Mode,
        params::Text,
        Counters,
        EndpointId,
        Interface,
        Sender,
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
pub(super) static LINK_OPS: rtnl_link::Ops<Child> = rtnl_link::Ops::new();

/// The device type of children, for udev.
static TYPE: DeviceType = DeviceType::new(c"muennet_child");

/// The private data of a child's device.
pub(crate) struct Child {
    parent: ARef<Device<Interface>>,
    counters: Arc<Counters>,
    /// The ID of the child's endpoint at its parent; 0 until `init` has added it. Written under the
    /// RTNL.
    endpoint: Atomic<EndpointId>,
    /// Whether listeners have been notified of the child. Written under the RTNL.
    announced: Atomic<bool>,
    /// The directory in debugfs.
    debugfs: debugfs::Slot<Child>,
}

impl Child {
    /// Returns the main interface whose channels the child uses.
    pub(super) fn parent(&self) -> &Device<Interface> {
        &self.parent
    }

    /// Returns the ID of the child's endpoint at its parent.
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
        let parent = Text::new(child.data().parent().name(rtnl).to_bytes());
        let fits = extack.set_err_msg(fmt!(
            "{name} is itself a child of {parent}: children cannot have children"
        ));
        if !fits {
            extack.set_err_msg(fmt!(
                "{name} is itself a child: children cannot have children"
            ));
        }
        return Err(EINVAL);
    }
    let Some(interface) = lower.downcast::<Interface>() else {
        extack.set_err_msg(fmt!("{name} is not a muennet interface"));
        return Err(EINVAL);
    };
    let mode = match interface.data().mode() {
        Mode::Ip | Mode::Offload => return Ok(interface),
        Mode::Raw => "a raw",
        Mode::Ethernet | Mode::Vlan => "an Ethernet",
    };
    extack.set_err_msg(fmt!(
        "{name} is {mode} interface: only IP ones (net_hdr) have children"
    ));
    Err(EINVAL)
}

#[vtable]
impl rtnl_link::Driver for Child {
    const KIND: &'static CStr = c"muennet";

    /// `newlink` replaces them by those of the parent.
    const PARAMS: DeviceParams = DeviceParams::point_to_point();

    fn newlink(link: &mut NewLink<'_>, rtnl: &Rtnl) -> Result<Self> {
        let extack = link.extack();
        let parent = main_interface(link.lower()?, extack, rtnl)?;
        let params = parent
            .data()
            .child_params(link.mtu(), parent.mtu())
            .map_err(|range| {
                let (least, most) = (range.start(), range.end());
                extack.set_err_msg(fmt!(
                    "the MTU of a child must be {least} to {most}, the MTU of its parent"
                ));
                EINVAL
            })?;
        link.set_params(params);
        Ok(Self {
            parent: parent.into(),
            counters: Arc::new(Counters::new()?, GFP_KERNEL)?,
            endpoint: Atomic::new(0),
            announced: Atomic::new(false),
            debugfs: RtnlCell::new(None),
        })
    }

    fn init(dev: &Device<Self>, rtnl: &Rtnl) -> Result {
        let this = dev.data();
        let endpoint = this
            .parent
            .data()
            .add_endpoint(dev.as_driver_device(), &this.counters)?;
        this.endpoint.store(endpoint, Relaxed);
        netlink::dump_seq_inc(rtnl);
        Ok(())
    }

    fn registered(dev: &Device<Self>, rtnl: &Rtnl) {
        let this = dev.data();
        Interface::set_queueing_of(this.parent(), dev.as_driver_device(), rtnl);
        this.announced.store(true, Relaxed);
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
        &self.parent
    }
}

#[vtable]
impl Operations for Child {
    /// The parent receives packets for its children.
    type Receive = NoReceive;

    const TYPE: Option<&'static DeviceType> = Some(&TYPE);
    const FEATURES_CHECK: Option<FeaturesCheck> = Some(FeaturesCheck::GSO_HEADER_MAX);

    fn update_carrier(dev: &Device<Self>) {
        let parent = dev.data().parent();
        dev.set_carrier(dev.is_running() && parent.is_running() && parent.carrier_ok());
    }

    fn stop(dev: &Device<Self>) {
        dev.data()
            .parent()
            .data()
            .forget_waiting(dev.as_driver_device());
    }

    fn start_xmit<'a>(
        dev: &Device<Self>,
        skb: SkBuff<'a>,
        xmit_more: bool,
    ) -> Result<(), SkBuff<'a>> {
        let this = dev.data();
        let sender = Sender {
            interface: this.parent(),
            dev: dev.as_driver_device(),
            counters: this.counters.this_cpu(),
        };
        this.parent.data().transmit(skb, xmit_more, &sender)
    }

    fn get_stats64(dev: &Device<Self>, stats: &mut LinkStats) {
        dev.data().sums().add_to(stats);
    }

    fn ethtool_ops() -> Option<EthtoolOps<Self>> {
        Some(ethtool::ops())
    }
}

#[vtable]
impl EthtoolOperations for Child {
    const DRIVER: &'static CStr = c"muennet";
    const LINK_SETTINGS: bool = true;
    const STATS: &'static [&'static str] = &[
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
    fn bus_info(dev: &Device<Self>, info: &mut ethtool::StringField<'_>) {
        let parent = dev.data().parent().data();
        info.push(parent.in_name());
        info.push(b":");
        info.push(parent.out_name());
    }

    fn stats(dev: &Device<Self>, values: &mut [u64]) {
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

impl Show for Child {
    fn debugfs(&self) -> &debugfs::Slot<Self> {
        &self.debugfs
    }

    /// The channels are those of the parent, the counters those of the child.
    fn show(dev: &Device<Self>, out: &SeqFile) {
        let this = dev.data();
        let parent = this.parent();
        let up = dev.is_running() && parent.is_running();
        parent.data().describe(dev.mtu(), up, &this.sums(), out);
        seq_print!(out, "marks: {}\n", this.mark_count());
    }
}

/// Has children follow a change of their parent: its carrier and its MTU.
pub(crate) fn parent_changed(parent: &Device<Interface>, event: Event, rtnl: &Rtnl) {
    match event {
        Event::Up | Event::Down | Event::Change => {
            for_each_child(parent, Child::update_carrier);
        }
        Event::ChangeMtu => {
            for_each_child(parent, |child| follow_mtu(child, parent.mtu(), rtnl));
        }
        _ => {}
    }
}

/// Calls `f` for each child of a main interface.
fn for_each_child(parent: &Device<Interface>, f: impl Fn(&Device<Child>)) {
    let mut next = 1;
    while let Some((endpoint, _)) = parent.data().endpoints().next(next) {
        next = endpoint.id().saturating_add(1);
        if let Some(child) = endpoint.device().downcast::<Child>() {
            f(child);
        }
    }
}

/// Deletes all children of a main interface.
pub(super) fn delete_children(parent: &Device<Interface>, rtnl: &Rtnl) {
    let mut next = 1;
    LINK_OPS.delete_all(
        || loop {
            let (endpoint, _) = parent.data().endpoints().next(next)?;
            next = endpoint.id().saturating_add(1);
            // Not freed while the RTNL is held.
            if let Some(child) = endpoint.device().downcast::<Child>() {
                return Some(child.into());
            }
        },
        rtnl,
    );
}

/// Limits the MTU of a child to that of its parent.
fn follow_mtu(child: &Device<Child>, mtu: u32, rtnl: &Rtnl) {
    if let Err(error) = child.set_max_mtu(mtu, rtnl) {
        netdev_warn_ratelimited!(
            child,
            "Cannot limit the MTU to that of the parent, {}: {:?}\n",
            mtu,
            error
        );
    }
}
