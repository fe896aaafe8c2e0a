// SPDX-License-Identifier: GPL-2.0

//! Network devices.
//!
//! A driver implements [`Operations`] for the data that it keeps for each device. It registers a
//! device with [`Registration::new`], or lets users create devices with
//! `rtnl_link`. The networking core calls the operations:
//!
//! ```text
//!              +-- open, (receive starts) ----------+
//!              |                                    v
//!   new --> [ down ]                [ up: start_xmit, receive ]
//!              ^                                    |
//!              +-- (receive stops), stop -----------+
//! ```
//!
//! [`Operations::Receive`] says how the device receives packets: by NAPI
//! ([`napi::Context`](super::napi::Context)), or not at all ([`NoReceive`]).
//!
//! # Context of the operations
//!
//! The RTNL serialises `open`, `stop` and `change_mtu`. Calls of `start_xmit` are not serialised:
//! the device has no transmit lock and, unless [`DriverDevice::set_queueing`] gives it one, no
//! queueing discipline. `start_xmit` may be called recursively (when it answers a packet), and
//! while the device goes down, so the driver's own state must say whether it can transmit.
//! `get_stats64` may be called at any time.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use super::{
    bindings,
    ethernet,
    fault_inject,
    netns::Net,
    rtnl::{
        self,
        Rtnl,
        RtnlCell, //
    },
    skbuff::SkBuff,
    stats::LinkStats, //
};
use core::{
    any::TypeId,
    marker::PhantomData,
    ops::{
        Deref,
        RangeInclusive, //
    },
    ptr::NonNull, //
};
use kernel::{
    error::{
        from_result,
        to_result,
        VTABLE_DEFAULT_ERROR, //
    },
    ffi::{
        c_int,
        c_ulong,
        c_void, //
    },
    fmt,
    prelude::*,
    sync::aref::AlwaysRefCounted,
    types::Opaque, //
};

mod device;
mod notifier;
mod ops;
mod params;
mod queue;
mod reboot;
mod registration;

pub(super) use self::{
    device::{
        LinkSettings,
        Private, //
    },
    ops::Adapter,
    registration::{
        configure,
        init_private, //
    }, //
};

pub(crate) use self::{
    device::{
        is_valid_name,
        netdev_info,
        netdev_warn_ratelimited,
        Device,
        DriverDevice,
        NetDevice, //
    },
    notifier::{
        Callback,
        Event,
        NotifierBlock, //
    },
    ops::{
        EthtoolOps,
        FeaturesCheck,
        NoReceive,
        Operations,
        Receive, //
    },
    params::{
        DeviceParams,
        DeviceType, //
    },
    queue::synchronize_net,
    registration::{
        RegisterError,
        Registration, //
    }, //
};
