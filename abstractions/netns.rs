// SPDX-License-Identifier: GPL-2.0

//! Network namespaces.
//!
//! C header: [`include/net/net_namespace.h`](srctree/include/net/net_namespace.h)

use super::bindings;
use core::ptr::NonNull;
use kernel::{
    sync::aref::{
        ARef,
        AlwaysRefCounted, //
    },
    types::Opaque, //
};

/// A network namespace: `struct net`.
#[repr(transparent)]
pub(crate) struct Net(Opaque<bindings::net>);

// SAFETY: The methods may be called from any context.
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
    pub(crate) fn by_id(&self, id: i32) -> Option<ARef<Self>> {
        // SAFETY: The namespace is valid.
        let net = NonNull::new(unsafe { bindings::get_net_ns_by_id(self.as_ptr(), id) })?;
        // SAFETY: The function returns a reference to a valid namespace; the wrapper is
        // transparent.
        Some(unsafe { ARef::from_raw(net.cast()) })
    }
}

// SAFETY:
// - A reference keeps the namespace valid until `put_net()`.
// - Every namespace has a reference count, and one that is used is not at zero.
unsafe impl AlwaysRefCounted for Net {
    fn inc_ref(&self) {
        // SAFETY: The namespace is valid, and in use.
        unsafe { bindings::muennet_get_net(self.as_ptr()) }
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller gives up its reference to the namespace.
        unsafe { bindings::muennet_put_net(obj.cast().as_ptr()) }
    }
}

impl PartialEq for Net {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}
