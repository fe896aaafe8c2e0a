// SPDX-License-Identifier: GPL-2.0

//! Children follow their parent, and dumps notice what has moved.

use super::{
    device::Child,
    generation, //
};
use crate::{
    abstractions::{
        netdevice::{
            netdev_warn_ratelimited,
            Event,
            NetDevice,
            Watcher, //
        },
        rtnl::Rtnl, //
    },
    netdev::Interface, //
};

/// Makes children follow, and dumps notice.
pub(super) struct Follow;

impl Watcher for Follow {
    fn event(dev: &NetDevice, event: Event, rtnl: &Rtnl) {
        let parent = dev.downcast::<Interface>();
        if let Event::ChangeName | Event::Register = event {
            if parent.is_some() || dev.downcast::<Child>().is_some() {
                generation::raise(rtnl);
            }
            return;
        }
        let Some(parent) = parent else {
            return;
        };
        let mut next = 1;
        while let Some((port, _)) = parent.data().ports().next(next) {
            next = port.id().saturating_add(1);
            let Some(child) = port.device().downcast::<Child>() else {
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
                            "Cannot take over the MTU {}: {:?}\n",
                            mtu,
                            error
                        );
                    }
                }
            }
        }
    }
}
