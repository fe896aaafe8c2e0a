// SPDX-License-Identifier: GPL-2.0

//! What a peer did wrong, for the kernel's log; the rest of this room knows `core` only.

use kernel::fmt;

use super::progress::{
    Mismatch,
    Violation, //
};

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}
