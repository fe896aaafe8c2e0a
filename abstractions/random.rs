// SPDX-License-Identifier: GPL-2.0

//! Random numbers of the kernel's generator.
//!
//! C header: [`include/linux/random.h`](srctree/include/linux/random.h)

use super::bindings;
use core::num::NonZeroU64;

/// Draws a random number that is not zero.
pub(crate) fn nonzero_u64() -> NonZeroU64 {
    loop {
        // SAFETY: The function takes nothing and may be called from any context.
        let number = unsafe { bindings::muennet_random_u64() };
        if let Some(number) = NonZeroU64::new(number) {
            return number;
        }
    }
}
