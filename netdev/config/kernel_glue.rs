// SPDX-License-Identifier: GPL-2.0

//! The errors of the parameters in the kernel's terms; the rest knows `core` only.

use kernel::{
    error::Error,
    fmt,
    prelude::*, //
};

use super::{
    ConfigError,
    Problem,
    Text, //
};

impl From<ConfigError<'_>> for Error {
    fn from(error: ConfigError<'_>) -> Self {
        match error.problem {
            Problem::NameTaken => EEXIST,
            _ => EINVAL,
        }
    }
}

// The kernel's `Display` is what `pr_err!` and friends ask for.

impl fmt::Display for ConfigError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}
