// SPDX-License-Identifier: GPL-2.0

//! The platform: what the Muen Separation Kernel gives to this subject.

pub mod sinfo;
