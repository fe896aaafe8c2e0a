// SPDX-License-Identifier: GPL-2.0

//! The RTNL: the mutex over the configuration of all network devices.
//!
//! C header: [`include/linux/rtnetlink.h`](srctree/include/linux/rtnetlink.h)

use super::bindings;
use core::{
    marker::PhantomData,
    ops::Deref, //
};
use kernel::types::NotThreadSafe;

/// Evidence that the RTNL is held by this task.
///
/// While it is, no device is freed, moved to another namespace, or renamed.
///
/// # Invariants
///
/// The RTNL is held while references to the value exist.
pub(crate) struct Rtnl(PhantomData<NotThreadSafe>);

impl Rtnl {
    /// Evidence for a function that C calls with the RTNL held.
    ///
    /// # Safety
    ///
    /// The RTNL must be held by this task for as long as the caller uses the reference.
    pub(super) unsafe fn assume_held<'a>() -> &'a Self {
        // INVARIANT: As the caller promises.
        &Self(PhantomData)
    }
}

/// The RTNL, held until this is dropped. Devices whose end began meanwhile are gone then: what
/// dropping does may sleep for long.
pub(crate) struct Guard(Rtnl);

/// Takes the RTNL. May sleep.
pub(crate) fn lock() -> Guard {
    // SAFETY: The function may be called by any task; that it does not hold it already is what
    // lockdep checks.
    unsafe { bindings::rtnl_lock() };
    // INVARIANT: It is held now.
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
        // SAFETY: It has been held since the guard was made, and the guard stays with its task.
        unsafe { bindings::rtnl_unlock() }
    }
}
