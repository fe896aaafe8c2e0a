// SPDX-License-Identifier: GPL-2.0

//! The RTNL: the mutex that guards the configuration of all network devices.
//!
//! C header: [`include/linux/rtnetlink.h`](srctree/include/linux/rtnetlink.h)

use super::bindings;
use core::{
    cell::UnsafeCell,
    marker::PhantomData,
    mem,
    ops::Deref, //
};
use kernel::{
    sync::Arc,
    types::NotThreadSafe, //
};

/// Evidence that this task holds the RTNL.
///
/// While it does, no device is freed, moved to another namespace, or renamed by another task.
///
/// # Invariants
///
/// The RTNL is held while references to the value exist.
pub(crate) struct Rtnl(PhantomData<NotThreadSafe>);

impl Rtnl {
    /// Creates the evidence in a function that is called with the RTNL held.
    ///
    /// # Safety
    ///
    /// This task must hold the RTNL as long as the caller uses the reference.
    pub(super) unsafe fn assume_held<'a>() -> &'a Self {
        // INVARIANT: The caller guarantees that the RTNL is held.
        &Self(PhantomData)
    }
}

/// Holds the RTNL. Dropping it releases the RTNL and finishes unregistering devices
/// (`netdev_run_todo()`), which may sleep for long.
pub(crate) struct Guard(Rtnl);

/// Takes the RTNL: `rtnl_lock()`. May sleep.
pub(crate) fn lock() -> Guard {
    // SAFETY: Any task may call the function; lockdep checks that it does not hold the RTNL.
    unsafe { bindings::rtnl_lock() };
    // INVARIANT: The RTNL is held.
    Guard(Rtnl(PhantomData))
}

impl Deref for Guard {
    type Target = Rtnl;

    fn deref(&self) -> &Rtnl {
        &self.0
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // SAFETY: This task has held the RTNL since the guard was created: a guard cannot be sent
        // to another one.
        unsafe { bindings::rtnl_unlock() }
    }
}

/// A value that the RTNL guards.
///
/// # Examples
///
/// ```
/// use kernel::net::rtnl::{self, RtnlCell};
///
/// let cell = RtnlCell::new(5);
/// let rtnl = rtnl::lock();
/// assert_eq!(cell.replace(6, &rtnl), 5);
/// assert_eq!(cell.get(&rtnl), 6);
/// ```
pub(crate) struct RtnlCell<T>(UnsafeCell<T>);

// SAFETY: The methods need the RTNL, so that one task at a time uses the value.
unsafe impl<T: Send> Sync for RtnlCell<T> {}

impl<T> RtnlCell<T> {
    /// Wraps a value.
    pub(crate) const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Replaces the value, and returns the old one.
    pub(crate) fn replace(&self, value: T, _rtnl: &Rtnl) -> T {
        // SAFETY: The RTNL is held, so that no other task uses the value, and no reference to it
        // exists: this method and `get` return it by value.
        mem::replace(unsafe { &mut *self.0.get() }, value)
    }

    /// Returns a copy of the value.
    pub(crate) fn get(&self, _rtnl: &Rtnl) -> T
    where
        T: Copy,
    {
        // SAFETY: As in `replace`.
        unsafe { *self.0.get() }
    }
}

impl<T> RtnlCell<Option<Arc<T>>> {
    /// Returns another reference to the value, if there is one.
    pub(crate) fn get_arc(&self, _rtnl: &Rtnl) -> Option<Arc<T>> {
        // SAFETY: As in `replace`. The reference ends before the method returns: `Arc::clone()`
        // increments a reference count, and calls no code of `T`.
        unsafe { (*self.0.get()).clone() }
    }
}
