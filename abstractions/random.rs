// SPDX-License-Identifier: GPL-2.0

//! Random numbers from the kernel's generator.
//!
//! C header: [`include/linux/random.h`](srctree/include/linux/random.h)

use super::bindings;
use core::num::NonZeroU64;

/// Returns a random number that is not zero: `get_random_u64()`. Any context.
///
/// # Examples
///
/// ```
/// assert_ne!(kernel::random::nonzero_u64().get(), 0);
/// ```
pub(crate) fn nonzero_u64() -> NonZeroU64 {
    loop {
        // SAFETY: The function takes no arguments and may be called from any context.
        let number = unsafe { bindings::muennet_random_u64() };
        if let Some(number) = NonZeroU64::new(number) {
            return number;
        }
    }
}
