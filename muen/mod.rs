// SPDX-License-Identifier: GPL-2.0

//! The platform: the resources that the Muen Separation Kernel grants to this subject.
//!
//! - [`event`]: notifications between subjects.
//! - [`sinfo`]: the parser of the subject information.
//! - [`subject`]: the subject information of this subject, and mappings of its memory regions.

pub(crate) mod event;
pub(crate) mod sinfo;
pub(crate) mod subject;
