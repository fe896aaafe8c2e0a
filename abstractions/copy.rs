// SPDX-License-Identifier: GPL-2.0

//! Copies of bytes that somebody else may write meanwhile.
//!
//! To copy first and look then is of use only if it is the copy that is looked at. Rust and LLVM
//! know `memcpy()` by its name, and assume that its source does not change: they may do without the
//! copy and load from the source instead, again for each look. The copy here is followed by an
//! empty assembly block with the address of the copy as its operand. The compiler has to assume that the
//! block changes the copy, so that later reads load from the copy. The block in front of it may
//! change the source in the same way.
//!
//! The comments in the assembly mark the copy in the machine code: `tests/lint/checks/copies` looks
//! there for loads that are missing, or that are one too many.

use super::bindings;
use core::{
    arch::asm,
    ptr::NonNull, //
};

/// Copies `length` bytes, each of which is loaded once.
///
/// # Safety
///
/// - `from` has `length` bytes that can be read. They may change at any time.
/// - `to` has room for as many, which nobody else uses, and does not overlap with them.
#[inline(always)]
pub(super) unsafe fn copy_once(to: NonNull<u8>, from: NonNull<u8>, length: usize) {
    // SAFETY: The assembly is empty.
    unsafe { asm!("/* copy_once from {} */", in(reg) from.as_ptr(), options(nostack)) };
    // SAFETY: As the caller promises. A concurrent write makes the copy any mixture of old and new
    // bytes, of which nothing is assumed until they have passed the assembly below.
    unsafe { bindings::memcpy(to.as_ptr().cast(), from.as_ptr().cast(), length) };
    // SAFETY: The assembly is empty; what it might do is to write the bytes at `to`.
    unsafe { asm!("/* copy_once to {} */", in(reg) to.as_ptr(), options(nostack)) };
}
