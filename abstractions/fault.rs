// SPDX-License-Identifier: GPL-2.0

//! Places where a kernel that injects faults can make a call fail.
//!
//! What fails for want of memory alone needs none: such a kernel fails allocations by itself. What
//! can fail in other ways, or allocates where that kernel does not look (per-CPU memory, mappings),
//! has a [`point`] before it. In a kernel with `CONFIG_FAULT_INJECTION` it counts as one more
//! allocation for `/proc/<pid>/fail-nth`; in any other it is nothing.
//!
//! C header: [`include/linux/fault-inject.h`](srctree/include/linux/fault-inject.h)

use kernel::prelude::*;

/// Fails with `error` if this is the fault that the task shall meet, and tells the log of it by
/// `name`.
///
/// # Errors
///
/// - `error`, in a kernel that injects faults, when it is asked to.
#[cfg(CONFIG_FAULT_INJECTION)]
pub(super) fn point(name: &str, error: Error) -> Result {
    // SAFETY: The function may be called from any context.
    if unsafe { super::bindings::muennet_should_fail() } {
        pr_info!("Fault injected: {}\n", name);
        return Err(error);
    }
    Ok(())
}

/// Never fails: this kernel injects no faults.
///
/// # Errors
///
/// None.
#[cfg(not(CONFIG_FAULT_INJECTION))]
#[inline(always)]
pub(super) const fn point(_name: &str, _error: Error) -> Result {
    Ok(())
}
