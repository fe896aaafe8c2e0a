// SPDX-License-Identifier: GPL-2.0

//! Child interfaces: network devices that use the channels of a main interface, their parent.
//!
//! ```text
//!   ip link add ... type muennet --+
//!                                  +--> device (Child) --> endpoints of the parent
//!   genetlink: child-add ... ------+                         ^
//!   genetlink: mark-add ... -------> netlink --> marks ------+
//! ```
//!
//! - [`device`]: the network device of a child, and how it follows the MTU and the carrier of its
//!   parent.
//! - [`marks`]: which child may own which mark.
//! - [`netlink`]: the generic netlink family, which `muennet.yaml` specifies.
//! - [`uapi`]: the numbers of the family.
//!
//! # Locking
//!
//! All changes are made under the RTNL. The lock of a parent's endpoints nests inside it, and no
//! other lock is taken under that one. The data path takes neither: it looks up children under RCU,
//! in `RxContext::receive()` of `netdev::endpoint`.
//!
//! # Lifetimes
//!
//! A child holds a reference to its parent, and the parent's endpoints hold a reference to the
//! child. Every child is removed by its `ndo_uninit`. That removes the child and its marks from the
//! endpoints, which drop their reference after a grace period. Hence children are removed before
//! their parent:
//!
//! - When the module is unloaded, the family is unregistered first, then the link operations and
//!   with them all children, then the main interfaces.
//! - When a namespace is deleted, the children in it are deleted. A main interface returns to the
//!   initial namespace, and keeps its children in other namespaces.

mod device;
mod marks;
mod netlink;
mod uapi;

use crate::{
    abstractions::{
        netdevice::Event,
        netlink::FamilyRegistration,
        rtnl::{
            self,
            Rtnl, //
        },
        rtnl_link, //
    },
    netdev::Interfaces, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(crate) use self::device::{
    parent_changed,
    Child, //
};

/// Marks running dumps as interrupted if an interface or a child changed what dumps show.
pub(crate) fn changed(event: Event, rtnl: &Rtnl) {
    if let Event::ChangeName | Event::Register = event {
        netlink::dump_seq_inc(rtnl);
    }
}

/// The registrations for children. The fields are dropped in the order of their declaration.
pub(crate) struct Children {
    _family: FamilyRegistration,
    _link: rtnl_link::Registration<Child>,
    _interfaces: FamilyInterfaces,
}

/// The reference of the family to the main interfaces. Dropping it gives up the reference.
struct FamilyInterfaces;

impl FamilyInterfaces {
    fn new(interfaces: Arc<Interfaces>) -> Self {
        netlink::INTERFACES.replace(Some(interfaces), &rtnl::lock());
        Self
    }
}

impl Drop for FamilyInterfaces {
    fn drop(&mut self) {
        // The interfaces must not be dropped with the RTNL held.
        let interfaces = netlink::INTERFACES.replace(None, &rtnl::lock());
        drop(interfaces);
    }
}

impl Children {
    /// Registers the link kind and the netlink family, with which users add children and main
    /// interfaces.
    ///
    /// # Errors
    ///
    /// - `EEXIST`: the family or the kind is registered already.
    /// - `ENOMEM`: out of memory.
    pub(crate) fn register(interfaces: Arc<Interfaces>) -> Result<Self> {
        let interfaces = FamilyInterfaces::new(interfaces);
        let link = device::LINK_OPS.register()?;
        Ok(Self {
            _family: netlink::FAMILY.register()?,
            _link: link,
            _interfaces: interfaces,
        })
    }
}
