// SPDX-License-Identifier: GPL-2.0

//! Child interfaces: network devices of their own over the channels of a main interface.
//!
//! ```text
//!   ip link add ... type muennet --+
//!                                  +--> device (Child) --> ports of the parent
//!   genetlink: add-child ... ------+                         ^
//!   genetlink: add-mark ... -------> steering --> marks -----+
//! ```
//!
//! - [`device`]: the network device of a child, and the notifier by which children follow the MTU
//!   and the carrier of their parent.
//! - [`marks`]: who may own which mark.
//! - [`family`]: the netlink family, which `muennet.yaml` specifies. [`uapi`]: its numbers.
//!   [`netlink`], [`steering`], [`dumps`]: what can be asked for. [`find`]: the interfaces that
//!   requests name. [`show`]: interfaces and marks in messages. [`tell`]: notifications.
//!   [`generation`]: what a dump is interrupted by.
//!
//! # Locks and lifetimes
//!
//! All changes are made with the RTNL held; the lock of a parent's ports comes after it, and nothing
//! else is taken under that. Packets take neither: they find their child under RCU.
//!
//! A child holds a reference to its parent, and the parent's ports one to the child. C's `uninit`
//! of a child, the one path on which children end, takes the child and its marks from the ports,
//! and their reference goes a grace period later. So children go before their parent: when the
//! module goes, the family is unregistered first, then the kind and with it all children, then the
//! main interfaces. When a namespace goes, its children go with it; a main interface returns to the
//! initial namespace, and keeps its children elsewhere.

mod device;
mod dumps;
mod family;
mod find;
mod generation;
mod marks;
mod netlink;
mod show;
mod steering;
mod tell;
mod uapi;

use crate::abstractions::{
    netdevice::{
        Folder,
        Folders,
        KindRegistration,
        Notifier, //
    },
    netlink::FamilyRegistration, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(crate) use device::Child;

/// All that manages children, while the module is loaded. The fields are dropped in their order.
pub(crate) struct Children {
    _family: FamilyRegistration,
    _kind: KindRegistration<Child>,
    _folders: Pin<KBox<Folders<Child>>>,
    _notifier: Pin<KBox<Notifier<device::DeviceEvents>>>,
}

impl Children {
    /// Lets users add children from now on, whose folders of debugfs are in `folder`.
    ///
    /// # Errors
    ///
    /// - `EEXIST`: there is such a family or kind already.
    /// - `ENOMEM`: there is no memory for it.
    pub(crate) fn register(folder: Arc<Folder>) -> Result<Self> {
        let notifier = KBox::pin_init(Notifier::new(), GFP_KERNEL)?;
        let folders = KBox::pin_init(Folders::new(folder), GFP_KERNEL)?;
        let kind = device::LINK_OPS.register()?;
        Ok(Self {
            _family: family::FAMILY.register()?,
            _kind: kind,
            _folders: folders,
            _notifier: notifier,
        })
    }
}
