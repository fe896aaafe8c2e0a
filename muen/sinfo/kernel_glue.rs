// SPDX-License-Identifier: GPL-2.0

//! The errors of the parser in the kernel's terms; the parser itself knows `core` only.

use kernel::{
    error::Error,
    fmt,
    prelude::*, //
};

use super::{
    Conflict,
    ImageError,
    Name,
    ResourceError,
    TwoVectors, //
};

impl From<ImageError> for Error {
    fn from(_: ImageError) -> Self {
        ENODEV
    }
}

impl From<ResourceError<'_>> for Error {
    fn from(error: ResourceError<'_>) -> Self {
        match error {
            ResourceError::NotFound => ENXIO,
            ResourceError::NotAChannel { .. }
            | ResourceError::Writability(_)
            | ResourceError::Differs { .. }
            | ResourceError::Overlap(_) => EPERM,
            ResourceError::Empty
            | ResourceError::Unaligned { .. }
            | ResourceError::Wraps { .. } => EFAULT,
        }
    }
}

/// Forwards the kernel's `Display`, which `pr_err!` and friends ask for, to that of `core`.
macro_rules! forward_display {
    ($($ty:ty),* $(,)?) => {
        $(
            impl fmt::Display for $ty {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    core::fmt::Display::fmt(self, f)
                }
            }
        )*
    };
}

forward_display!(
    Conflict<'_>,
    ImageError,
    Name<'_>,
    ResourceError<'_>,
    TwoVectors
);
