// SPDX-License-Identifier: GPL-2.0

//! Network namespaces.
//!
//! C header: [`include/net/net_namespace.h`](srctree/include/net/net_namespace.h)

use super::{
    bindings,
    netdevice::NetDevice,
    rtnl::Rtnl, //
};
use core::{
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    ffi::c_ulong,
    prelude::*,
    types::Opaque, //
};

/// A network namespace: `struct net`.
#[repr(transparent)]
pub(crate) struct Net(Opaque<bindings::net>);

// SAFETY: The methods are those that any context may call.
unsafe impl Sync for Net {}

// SAFETY: A namespace is not tied to a task.
unsafe impl Send for Net {}

impl Net {
    /// Takes C's pointer for a namespace.
    ///
    /// # Safety
    ///
    /// `ptr` must be a valid namespace for as long as `'a`.
    pub(super) unsafe fn from_raw<'a>(ptr: *mut bindings::net) -> &'a Self {
        // SAFETY: As the caller promises; the wrapper is transparent.
        unsafe { &*ptr.cast() }
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::net {
        self.0.get()
    }

    /// The device of this name, or of this alternative name.
    pub(crate) fn device_by_name<'a>(&self, name: &CStr, _rtnl: &'a Rtnl) -> Option<&'a NetDevice> {
        // SAFETY: The namespace is valid, the name is a C string, and the RTNL is held.
        let dev = unsafe { bindings::__dev_get_by_name(self.as_ptr(), name.as_char_ptr()) };
        // SAFETY: Devices are not freed while the RTNL is held.
        (!dev.is_null()).then(|| unsafe { NetDevice::from_raw(dev) })
    }

    /// The device of this index.
    pub(crate) fn device_by_index<'a>(&self, index: u32, _rtnl: &'a Rtnl) -> Option<&'a NetDevice> {
        let index = i32::try_from(index).ok()?;
        // SAFETY: The namespace is valid, and the RTNL is held.
        let dev = unsafe { bindings::__dev_get_by_index(self.as_ptr(), index) };
        // SAFETY: Devices are not freed while the RTNL is held.
        (!dev.is_null()).then(|| unsafe { NetDevice::from_raw(dev) })
    }

    /// The device with the lowest index that is at least `index`.
    pub(crate) fn next_device<'a>(&self, index: u32, _rtnl: &'a Rtnl) -> Option<&'a NetDevice> {
        let mut index = index as c_ulong;
        // SAFETY: The namespace is valid, and the RTNL is held.
        let dev = unsafe { bindings::muennet_next_netdev(self.as_ptr(), &mut index) };
        // SAFETY: Devices are not freed while the RTNL is held.
        (!dev.is_null()).then(|| unsafe { NetDevice::from_raw(dev) })
    }

    /// The number that another namespace has in this one, -1 if none can be given. May sleep.
    pub(crate) fn id_of(&self, other: &Self) -> i32 {
        // SAFETY: Both namespaces are valid.
        unsafe { bindings::peernet2id_alloc(self.as_ptr(), other.as_ptr(), bindings::GFP_KERNEL) }
    }

    /// The namespace that has a number in this one.
    pub(crate) fn by_id(&self, id: i32) -> Option<NetRef> {
        // SAFETY: The namespace is valid.
        let net = unsafe { bindings::get_net_ns_by_id(self.as_ptr(), id) };
        // INVARIANT: The function returns a reference.
        NonNull::new(net).map(NetRef)
    }
}

impl PartialEq for Net {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}

/// A reference to a namespace, which lives as long.
///
/// # Invariants
///
/// The value owns one reference to a valid namespace.
pub(crate) struct NetRef(NonNull<bindings::net>);

impl Deref for NetRef {
    type Target = Net;

    fn deref(&self) -> &Net {
        // SAFETY: By the type invariant the namespace is valid.
        unsafe { Net::from_raw(self.0.as_ptr()) }
    }
}

impl Drop for NetRef {
    fn drop(&mut self) {
        // SAFETY: By the type invariant one reference is owned, and it is given up here.
        unsafe { bindings::muennet_put_net(self.0.as_ptr()) }
    }
}
