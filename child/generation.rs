// SPDX-License-Identifier: GPL-2.0

//! Which state of children and marks a dump tells of.
//!
//! A dump of several buffers lets others go on between two of them. The asker is told so if what
//! there is has another generation then: which interfaces there are, their names and namespaces, and
//! whose the marks are. There is one generation for all namespaces, so that a change in one of them
//! may interrupt a dump in another; who asks again for that reason loses nothing but time.

use crate::abstractions::rtnl::Rtnl;
use core::num::NonZero;
use kernel::sync::atomic::{
    ordering::Relaxed,
    Atomic, //
};

/// Written with the RTNL held.
static GENERATION: Atomic<u32> = Atomic::new(1);

/// The generation of what there is.
pub(super) fn current(_rtnl: &Rtnl) -> NonZero<u32> {
    NonZero::new(GENERATION.load(Relaxed)).unwrap_or(NonZero::<u32>::MIN)
}

/// Something has changed: what there is has a generation of its own.
pub(super) fn raise(rtnl: &Rtnl) {
    // C takes 0 for none.
    let next = current(rtnl).checked_add(1).unwrap_or(NonZero::<u32>::MIN);
    GENERATION.store(next.get(), Relaxed);
}
