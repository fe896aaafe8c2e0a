// SPDX-License-Identifier: GPL-2.0

//! Evidence that this machine is a subject of the Muen Separation Kernel, which gives access to
//! hypercalls and to the memory of the subject.

use super::mapping::Mapping;
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

mod hypercall;

/// The first bytes of every subject information.
const MAGIC: [u8; 6] = *b"muinfo";

/// The size in bytes of what every subject information begins with: `MAGIC` and the version.
const MAGIC_SIZE: usize = 8;

/// Why there is no subject information at an address.
pub(crate) enum FindError {
    /// The address cannot be mapped. Contains the error of [`Mapping::new`].
    Mapping(Error),
    /// Reading from the address faulted.
    Fault,
    /// The memory at the address begins with these bytes instead.
    Magic([u8; MAGIC_SIZE]),
}

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
    /// [`FindError`] says why there is no subject information at `address`.
    pub(crate) fn found_at(address: u64) -> Result<Self, FindError> {
        // SAFETY:
        // - The address is trusted: the subject information is there, or there is nothing. With a
        //   wrong one, this function only reads eight bytes, and catches faults.
        // - Nothing is written.
        let mapping = unsafe { Mapping::new(address, PAGE_SIZE as u64) };
        let mapping = mapping.map_err(FindError::Mapping)?;
        let mut magic = [0; MAGIC_SIZE];
        mapping
            .copy_out_nofault(0, &mut magic)
            .map_err(|_| FindError::Fault)?;
        if !magic.starts_with(&MAGIC) {
            return Err(FindError::Magic(magic));
        }
        // INVARIANT: The separation kernel wrote the subject information before it started this
        // kernel.
        Ok(Self(()))
    }

    /// Maps memory of this subject: `size` bytes at the physical address `start`, which the subject
    /// information lists, or at which it has its images. May sleep.
    ///
    /// # Errors
    ///
    /// Those of [`Mapping::new`].
    pub(crate) fn map(self, start: u64, size: u64) -> Result<Mapping> {
        // SAFETY: By the type invariant this machine is a subject.
        // - The separation kernel wrote the subject information before it started this kernel. The
        //   memory resources in it are memory: devices have resources of their own. The images are
        //   at addresses that the separation kernel keeps for them, where there is memory or
        //   nothing.
        // - What is no System RAM is shared with other subjects, or written by the separation
        //   kernel. A driver of it expects that others write to it.
        unsafe { Mapping::new(start, size) }
    }

    /// Triggers the event `number` of this processor. The separation kernel ignores events that the
    /// subject information does not grant.
    #[inline]
    pub(crate) fn trigger_event(self, number: u8) {
        // SAFETY: By the type invariant this machine is a subject.
        unsafe { hypercall::trigger_event(number) }
    }
}

/// Maps `size` bytes at the physical address `start` for a benchmark, which needs no subject. May
/// sleep.
///
/// # Errors
///
/// Those of [`Mapping::new`].
#[cfg(CONFIG_MUENNET_BENCH)]
pub(crate) fn map_for_bench(start: u64, size: u64) -> Result<Mapping> {
    // SAFETY: The address is that of the module parameter `sinfo`, and the size one of the module
    // parameter `bench`. Only the system's administrator can set them, in a kernel that was built
    // for the benchmark. They name memory that nothing else uses.
    unsafe { Mapping::new(start, size) }
}
