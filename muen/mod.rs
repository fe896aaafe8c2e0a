// SPDX-License-Identifier: GPL-2.0

//! The platform: what the Muen Separation Kernel gives to this subject.
//!
//! - [`event`]: how subjects wake each other.
//! - [`sinfo`]: the parser of the subject information.
//! - [`subject`]: this subject, its information read from where it lies, and its memory regions.

pub(crate) mod event;
pub(crate) mod sinfo;
pub(crate) mod subject;
