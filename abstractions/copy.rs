// SPDX-License-Identifier: GPL-2.0

//! Copies of memory that another subject may write at the same time.
//!
//! A check of a copy is valid only if the checked and the used values come from the copy. Rust and
//! LLVM know `memcpy()` by its name, and assume that its source does not change: they may omit the
//! copy and load from the source instead, once for each use. Here an empty assembly block, whose
//! operand is the address of the copy, follows the copy. The compiler has to assume that the block
//! changes the copy, so that later reads load from the copy. Likewise it has to assume that the
//! block before the copy changes the source.
//!
//! The comments in the assembly mark the copy in the machine code: `tests/lint/checks/copies`
//! searches there for missing and for additional loads.

use super::bindings;
use core::{
    arch::asm,
    ptr::NonNull, //
};

/// Copies `length` bytes, and loads each of them once.
///
/// # Safety
///
/// - `from` must be valid for reads of `length` bytes. They may change at any time.
/// - `to` must be valid for writes of `length` bytes that nothing else uses, and that do not
///   overlap with those of `from`.
#[inline(always)]
pub(super) unsafe fn copy_once(to: NonNull<u8>, from: NonNull<u8>, length: usize) {
    // SAFETY: The assembly is empty.
    unsafe { asm!("/* copy_once from {} */", in(reg) from.as_ptr(), options(nostack)) };
    // SAFETY: The caller guarantees that both pointers are valid for `length` bytes, and that these
    // do not overlap. With a concurrent write the copy is any mixture of old and new bytes; nothing
    // is assumed of them until they have passed the assembly below.
    unsafe { bindings::memcpy(to.as_ptr().cast(), from.as_ptr().cast(), length) };
    // SAFETY: The assembly is empty. The compiler only has to assume that it writes the bytes at
    // `to`, which nothing else uses.
    unsafe { asm!("/* copy_once to {} */", in(reg) to.as_ptr(), options(nostack)) };
}
