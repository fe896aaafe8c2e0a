// SPDX-License-Identifier: GPL-2.0

//! The netdevice notifier of the driver.

use crate::{
    abstractions::{
        debugfs,
        netdevice::{
            Callback,
            Event,
            NetDevice, //
        },
        rtnl::Rtnl, //
    },
    child::{
        self,
        Child, //
    },
    netdev::Interface, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// The callback of the notifier.
///
/// It maintains the directories in debugfs, has children follow their parent, and marks running
/// dumps as interrupted when an interface gets another name or another namespace.
pub(crate) struct NetdevEvents {
    debugfs: Arc<debugfs::Dir>,
}

impl NetdevEvents {
    /// Creates the driver's directory in debugfs.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: out of memory.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            debugfs: Arc::new(debugfs::Dir::new(c"muennet"), GFP_KERNEL)?,
        })
    }
}

impl Callback for NetdevEvents {
    fn event(&self, dev: &NetDevice, event: Event, rtnl: &Rtnl) {
        if let Some(interface) = dev.downcast::<Interface>() {
            debugfs::update(interface, event, &self.debugfs, rtnl);
            child::changed(event, rtnl);
            child::parent_changed(interface, event, rtnl);
        }
        if let Some(child) = dev.downcast::<Child>() {
            debugfs::update(child, event, &self.debugfs, rtnl);
            child::changed(event, rtnl);
        }
    }
}
