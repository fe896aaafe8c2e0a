// SPDX-License-Identifier: GPL-2.0

//! C items: those of the `bindings` crate of the kernel, and the ones that it lacks, which take
//! precedence.
//!
//! `bindings.h` and `parameters` are the input of bindgen. `layout.c` contains the layout,
//! according to the C compiler, of the types that the abstractions access.

#![expect(
    clippy::all,
    clippy::cast_lossless,
    clippy::ptr_as_ptr,
    clippy::ref_as_ptr,
    dead_code,
    non_camel_case_types,
    non_upper_case_globals,
    non_snake_case,
    improper_ctypes,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    clippy::undocumented_unsafe_blocks,
    reason = "generated code"
)]

use kernel::ffi;
use pin_init::MaybeZeroable;

pub use kernel::bindings::*;

include!(concat!(
    env!("MUENNET_OBJ"),
    "/abstractions/bindings/bindings_generated.rs"
));

// SAFETY: A bit field unit contains only its storage, an array of integers, for which zero is
// valid.
unsafe impl<Storage: pin_init::Zeroable> pin_init::Zeroable for __BindgenBitfieldUnit<Storage> {}

mod layout;
pub(super) use layout::{
    CALL_SINGLE_DATA_ALIGN,
    SK_BUFF_MARK,
    SK_BUFF_PROTOCOL, //
};
