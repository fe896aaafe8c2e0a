// SPDX-License-Identifier: GPL-2.0

//! Network namespaces.
//!
//! C header: [`include/net/net_namespace.h`](srctree/include/net/net_namespace.h)

use super::bindings;
use core::{
    ops::Deref,
    ptr::NonNull, //
};
use kernel::types::Opaque;

/// A network namespace: `struct net`.
#[repr(transparent)]
pub(crate) struct Net(Opaque<bindings::net>);

// SAFETY: The methods may be called by any thread, also by several at a time.
unsafe impl Sync for Net {}

// SAFETY: A namespace is not tied to a task.
unsafe impl Send for Net {}

impl Net {
    /// Creates a reference from a C pointer.
    ///
    /// # Safety
    ///
    /// `ptr` must be a valid namespace for as long as `'a`.
    pub(super) unsafe fn from_raw<'a>(ptr: *mut bindings::net) -> &'a Self {
        // SAFETY: The caller guarantees a valid namespace; the wrapper is transparent.
        unsafe { &*ptr.cast() }
    }

    /// Returns the initial namespace: `init_net`.
    pub(crate) fn init() -> &'static Self {
        // SAFETY: The initial namespace is always valid.
        unsafe { Self::from_raw(&raw mut bindings::init_net) }
    }

    /// Returns the namespace as a C pointer, valid for the lifetime of the reference.
    pub(super) fn as_ptr(&self) -> *mut bindings::net {
        self.0.get()
    }

    /// Returns the number of another namespace in this one, -1 if it cannot be allocated:
    /// `peernet2id_alloc()`. May sleep.
    pub(crate) fn peernet2id(&self, other: &Self) -> i32 {
        // SAFETY: Both namespaces are valid.
        unsafe { bindings::peernet2id_alloc(self.as_ptr(), other.as_ptr(), bindings::GFP_KERNEL) }
    }

    /// Returns the namespace that has a number in this one: `get_net_ns_by_id()`.
    pub(crate) fn by_id(&self, id: i32) -> Option<NetRef> {
        // SAFETY: The namespace is valid.
        let net = unsafe { bindings::get_net_ns_by_id(self.as_ptr(), id) };
        // INVARIANT: The function returns a reference.
        NonNull::new(net).map(NetRef)
    }
}

/// A reference to a namespace, which keeps it valid.
///
/// `ARef<Net>` would not do: a namespace that is being deleted is used, by the devices in it, with
/// a reference count of zero.
///
/// # Invariants
///
/// The value owns one reference to a valid namespace.
pub(crate) struct NetRef(NonNull<bindings::net>);

impl Deref for NetRef {
    type Target = Net;

    fn deref(&self) -> &Net {
        // SAFETY: By the type invariant the namespace is valid as long as the value.
        unsafe { Net::from_raw(self.0.as_ptr()) }
    }
}

impl Drop for NetRef {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the value owns one reference, which it gives up.
        unsafe { bindings::muennet_put_net(self.0.as_ptr()) }
    }
}

impl PartialEq for Net {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}
