// SPDX-License-Identifier: GPL-2.0

//! Child interfaces: network devices that use the channels of a main interface, their parent.
//!
//! ```text
//!   ip link add ... type muennet --+
//!                                  +--> device (Child) --> ports of the parent
//!   genetlink: child-add ... ------+                         ^
//!   genetlink: mark-add ... -------> netlink --> marks ------+
//! ```
//!
//! - [`device`]: the network device of a child, and the notifier by which children follow the MTU
//!   and the carrier of their parent.
//! - [`marks`]: which child may own which mark.
//! - [`netlink`]: the generic netlink family, which `muennet.yaml` specifies.
//! - [`uapi`]: the numbers of the family.
//!
//! # Locking
//!
//! All changes are made under the RTNL. The lock of a parent's ports nests inside it, and no other
//! lock is taken under that one. The data path takes neither: it looks up children under RCU.
//!
//! # Lifetimes
//!
//! A child holds a reference to its parent, and the parent's ports hold a reference to the child.
//! Every child is removed by its `ndo_uninit`. That removes the child and its marks from the ports,
//! which drop their reference after a grace period. Hence children are removed before their parent:
//!
//! - When the module is unloaded, the family is unregistered first, then the link operations and
//!   with them all children, then the main interfaces.
//! - When a namespace is deleted, the children in it are deleted. A main interface returns to the
//!   initial namespace, and keeps its children in other namespaces.

mod device;
mod marks;
mod netlink;
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

/// The registrations for children. The fields are dropped in the order of their declaration.
pub(crate) struct Children {
    _family: FamilyRegistration,
    _kind: KindRegistration<Child>,
    _folders: Pin<KBox<Folders<Child>>>,
    _notifier: Pin<KBox<Notifier<device::DeviceEvents>>>,
}

impl Children {
    /// Registers everything that users need to add children. `folder` gets the debugfs directories
    /// of the children.
    ///
    /// # Errors
    ///
    /// - `EEXIST`: the family or the link operations are registered already.
    /// - `ENOMEM`: out of memory.
    pub(crate) fn register(folder: Arc<Folder>) -> Result<Self> {
        let notifier = KBox::pin_init(Notifier::new(), GFP_KERNEL)?;
        let folders = KBox::pin_init(Folders::new(folder), GFP_KERNEL)?;
        let kind = device::LINK_OPS.register()?;
        Ok(Self {
            _family: netlink::FAMILY.register()?,
            _kind: kind,
            _folders: folders,
            _notifier: notifier,
        })
    }
}
