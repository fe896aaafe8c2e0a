// SPDX-License-Identifier: GPL-2.0

//! A network device that counts the packets which are sent through it, and drops them.
//!
//! It is `drivers/net/dummy.c` in Rust: `ip link add type dummy_rust` creates a device to which
//! routes can point. Unlike the C driver, it has no parameter `numdummies`, so that it creates no
//! device when it is loaded, and it refuses netpoll.
//!
//! In a kernel tree this file differs in the paths of the abstractions only.

#![deny(unsafe_code)]

use crate::abstractions::{
    ethtool::{
        self,
        EthtoolOperations, //
    },
    netdevice::{
        Device,
        DeviceParams,
        EthtoolOps,
        NoReceive,
        Operations, //
    },
    percpu::{
        Counter,
        PerCpu, //
    },
    rtnl::Rtnl,
    rtnl_link::{
        self,
        NewLink, //
    },
    skbuff::SkBuff,
    stats::LinkStats, //
};
use kernel::prelude::*;

#[expect(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "this driver uses a part of the abstractions"
)]
mod abstractions;

module! {
    type: DummyModule,
    name: "dummy_rust",
    authors: ["The muennet authors"],
    description: "Dummy netdevice driver which discards all packets sent to it",
    license: "GPL",
    alias: ["rtnl-link-dummy_rust"],
}

/// The link operations: `struct rtnl_link_ops`.
static LINK_OPS: rtnl_link::Ops<Dummy> = rtnl_link::Ops::new();

/// The loaded module. Dropping it deletes all devices.
struct DummyModule {
    _link: rtnl_link::Registration<Dummy>,
}

impl kernel::Module for DummyModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self {
            _link: LINK_OPS.register()?,
        })
    }
}

/// The counters of a device on one CPU.
#[derive(Zeroable)]
struct Counters {
    packets: Counter,
    bytes: Counter,
}

/// The private data of a device.
struct Dummy {
    counters: PerCpu<Counters>,
}

#[vtable]
impl rtnl_link::Driver for Dummy {
    const KIND: &'static CStr = c"dummy_rust";

    const PARAMS: DeviceParams = DeviceParams::ethernet()
        .noarp()
        .no_multicast()
        .sg_hw_csum()
        .gso_software()
        .gso_encap_all()
        .mtu(1500, 0, 0);

    fn newlink(_link: &mut NewLink<'_>, _rtnl: &Rtnl) -> Result<Self> {
        Ok(Self {
            counters: PerCpu::new()?,
        })
    }
}

#[vtable]
impl Operations for Dummy {
    type Receive = NoReceive;

    fn start_xmit<'a>(
        dev: &Device<Self>,
        skb: SkBuff<'a>,
        _xmit_more: bool,
    ) -> Result<(), SkBuff<'a>> {
        let counters = dev.data().counters.this_cpu();
        counters.packets.add(1);
        counters.bytes.add(skb.len() as u64);
        skb.tx_timestamp();
        skb.consume();
        Ok(())
    }

    fn get_stats64(dev: &Device<Self>, stats: &mut LinkStats) {
        for counters in dev.data().counters.iter() {
            stats.add_tx_packets(counters.packets.get());
            stats.add_tx_bytes(counters.bytes.get());
        }
    }

    fn change_carrier(dev: &Device<Self>, on: bool, _rtnl: &Rtnl) -> Result {
        dev.set_carrier(on);
        Ok(())
    }

    fn ethtool_ops() -> Option<EthtoolOps<Self>> {
        Some(ethtool::ops())
    }
}

#[vtable]
impl EthtoolOperations for Dummy {
    const DRIVER: &'static CStr = c"dummy_rust";
}
