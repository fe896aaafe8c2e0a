// SPDX-License-Identifier: GPL-2.0

//! Evidence that this machine is a subject of the Muen Separation Kernel, which gives access to
//! hypercalls.

use super::mapping::Mapping;
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

mod hypercall;

/// The first bytes of every subject information.
const MAGIC: [u8; 6] = *b"muinfo";

/// Evidence that this machine runs on the separation kernel.
///
/// # Invariants
///
/// This machine is a subject.
#[derive(Clone, Copy)]
pub(crate) struct Platform(());

impl Platform {
    /// Looks for a subject information at a physical address: the default one, or that of the
    /// module parameter `sinfo`. The parameter is trusted: only the system's administrator can set
    /// it, and lockdown forbids that. May sleep.
    ///
    /// # Errors
    ///
    /// - `ENODEV`: there is no subject information at `address`.
    /// - The errors of [`Mapping::new`].
    pub(crate) fn found_at(address: u64) -> Result<Self> {
        let mapping = Mapping::new(address, PAGE_SIZE as u64)?;
        let mut start = [0; MAGIC.len()];
        mapping
            .copy_out_nofault(0, &mut start)
            .map_err(|_| ENODEV)?;
        if start != MAGIC {
            return Err(ENODEV);
        }
        // INVARIANT: The separation kernel wrote the subject information before it started this
        // kernel.
        Ok(Self(()))
    }

    /// Triggers the event `number` of this processor. The separation kernel ignores events that the
    /// subject information does not grant.
    #[inline]
    pub(crate) fn trigger_event(self, number: u8) {
        // SAFETY: By the type invariant this machine is a subject.
        unsafe { hypercall::trigger_event(number) }
    }
}
