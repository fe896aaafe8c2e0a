// SPDX-License-Identifier: GPL-2.0

//! Points where fault injection can make a call fail.
//!
//! A kernel with `CONFIG_FAILSLAB` makes allocations fail by itself. Calls that fail in other ways,
//! or that allocate where it does not look (per-CPU memory, mappings), have a call of
//! [`should_fail`] before them. With `CONFIG_FAULT_INJECTION` it counts as one allocation for
//! `/proc/<pid>/fail-nth`; without, it does nothing.
//!
//! C header: [`include/linux/fault-inject.h`](srctree/include/linux/fault-inject.h)

use kernel::prelude::*;

/// Fails with `error` if fault injection selects this call, and logs the name of the point.
///
/// # Errors
///
/// - `error`: fault injection selects this call.
#[cfg(CONFIG_FAULT_INJECTION)]
pub(super) fn should_fail(name: &str, error: Error) -> Result {
    // SAFETY: The function may be called from any context.
    if unsafe { super::bindings::muennet_fault_injected() } {
        pr_info!("Fault injected: {}\n", name);
        return Err(error);
    }
    Ok(())
}

/// Never fails: this kernel has no fault injection.
///
/// # Errors
///
/// None.
#[cfg(not(CONFIG_FAULT_INJECTION))]
#[inline(always)]
pub(super) const fn should_fail(_name: &str, _error: Error) -> Result {
    Ok(())
}
