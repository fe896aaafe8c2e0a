// SPDX-License-Identifier: GPL-2.0

//! The ethtool operations of an interface: statistics, the sizes of the rings, the poll period
//! (`rx-usecs`), and the private flags.

use super::{
    device::Interface,
    params::{
        Settings,
        POLL_MAX_US, //
    },
    rx::Peer,
    stats::{
        OutSums,
        Sums, //
    }, //
};
use crate::{
    abstractions::{
        ethtool::{
            EthtoolOperations,
            PauseParam,
            PauseStats,
            RingParam,
            StringField, //
        },
        netdevice::Device,
        rtnl::Rtnl, //
    },
    channel::Geometry, //
};
use kernel::prelude::*;

/// The private flag `carrier-follows-peer`: the carrier follows the peer's epoch.
const FOLLOW_PEER: u32 = 1 << 0;

/// The private flag `restart-with-peer`: the out channel starts a new epoch when the peer does.
const RESTART_WITH_PEER: u32 = 1 << 1;

/// The names of the values for the state of the peer. `ethtool -S` shows only numbers, so each
/// state has a value, and that of the current state is 1.
const PEER_NAMES: [&str; 4] = [
    "peer_inactive",
    "peer_active",
    "peer_incompatible",
    "peer_broken",
];

const NAMES_LEN: usize = Sums::NAMES.len() + OutSums::NAMES.len() + PEER_NAMES.len();

/// The names of all statistics, in the order of their values.
static NAMES: [&str; NAMES_LEN] = {
    let mut names = [""; NAMES_LEN];
    let lists: [&[&str]; 3] = [Sums::NAMES, OutSums::NAMES, &PEER_NAMES];
    let (mut list, mut at) = (0, 0);
    while list < lists.len() {
        let mut i = 0;
        while i < lists[list].len() {
            names[at] = lists[list][i];
            at += 1;
            i += 1;
        }
        list += 1;
    }
    names
};

#[vtable]
impl EthtoolOperations for Interface {
    const DRIVER: &'static CStr = c"muennet";
    const LINK_SETTINGS: bool = true;
    const STATS: &'static [&'static str] = &NAMES;
    const PRIV_FLAGS: &'static [&'static str] = &["carrier-follows-peer", "restart-with-peer"];

    fn bus_info(dev: &Device<Self>, info: &mut StringField<'_>) {
        let this = dev.data();
        info.push(&this.in_name);
        info.push(b":");
        info.push(&this.out_name);
    }

    fn stats(dev: &Device<Self>, values: &mut [u64]) {
        let this = dev.data();
        let own = Sums::of(&this.counters).values();
        let out = this.tx.as_ref().map(|tx| tx.sums());
        let out = out.unwrap_or_default().values();
        let peer = this.peer();
        let peers = [
            Peer::Inactive,
            Peer::Active,
            Peer::Incompatible,
            Peer::Broken,
        ]
        .map(|state| u64::from(peer == Some(state)));

        let mut values = values.iter_mut();
        for numbers in [&own[..], &out, &peers] {
            // With `numbers` first, `zip` takes no element of `values` without a number for it.
            for (number, value) in numbers.iter().zip(values.by_ref()) {
                *value = *number;
            }
        }
    }

    fn ringparam(dev: &Device<Self>) -> RingParam {
        let this = dev.data();
        let elements = |ring: Option<Geometry>| {
            ring.map_or(0, |ring| u32::try_from(ring.elements()).unwrap_or(u32::MAX))
        };
        RingParam {
            rx: elements(this.rx.as_ref().and_then(|it| it.geometry())),
            tx: elements(this.tx.as_ref().and_then(|it| it.geometry())),
        }
    }

    fn rx_usecs(dev: &Device<Self>) -> u32 {
        dev.data().poll_us().unwrap_or(0)
    }

    fn set_rx_usecs(dev: &Device<Self>, usecs: u32) -> Result<(), (Error, &'static CStr)> {
        if usecs > POLL_MAX_US && dev.data().is_polled() {
            return Err((EINVAL, c"rx-usecs is above 1000000"));
        }
        dev.data().set_poll_us(usecs).map_err(|error| {
            (
                error,
                c"the interface is not polled: it has a vector, or no in channel",
            )
        })
    }

    fn pauseparam(dev: &Device<Self>) -> PauseParam {
        let (rx, tx) = dev.data().pause();
        PauseParam { rx, tx }
    }

    fn set_pauseparam(dev: &Device<Self>, param: PauseParam, rtnl: &Rtnl) -> Result {
        Self::set_pause(dev, param.rx, param.tx, rtnl)
    }

    fn pause_stats(dev: &Device<Self>) -> PauseStats {
        let sums = dev
            .data()
            .tx
            .as_ref()
            .map(|tx| tx.sums())
            .unwrap_or_default();
        PauseStats {
            rx: sums.tx_paused,
            tx: sums.rx_pauses,
        }
    }

    fn priv_flags(dev: &Device<Self>) -> u32 {
        let settings = dev.data().settings();
        let flag = |set, bit| if set { bit } else { 0 };
        flag(settings.follow_peer, FOLLOW_PEER)
            | flag(settings.restart_with_peer, RESTART_WITH_PEER)
    }

    fn set_priv_flags(dev: &Device<Self>, flags: u32, rtnl: &Rtnl) -> Result {
        let settings = Settings {
            follow_peer: flags & FOLLOW_PEER != 0,
            restart_with_peer: flags & RESTART_WITH_PEER != 0,
            ..dev.data().settings()
        };
        Self::set_settings(dev, settings, rtnl).map_err(|_| EOPNOTSUPP)
    }
}
