// SPDX-License-Identifier: GPL-2.0

//! Conversions of the parser's errors to the kernel's types. The parser itself uses `core` only.

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

/// Implements the kernel's `Display`, which `pr_err!` and similar macros require, with that of
/// `core`.
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
