// SPDX-License-Identifier: GPL-2.0

//! What is told about a refused request besides the error number.
//!
//! C header: [`include/linux/netlink.h`](srctree/include/linux/netlink.h)

use super::{
    bindings,
    request::Attribute, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    ffi::{
        c_char,
        c_void, //
    },
    fmt,
    str::CStrExt as _, //
};

/// The place for a message and for the attribute that is to blame: `struct netlink_ext_ack`.
///
/// # Invariants
///
/// The pointer is valid for `'a`, and only this task uses it, or there is none: some who ask do not
/// want to know.
pub(crate) struct ExtAck<'a> {
    ptr: Option<NonNull<bindings::netlink_ext_ack>>,
    _life: PhantomData<&'a mut bindings::netlink_ext_ack>,
}

impl ExtAck<'_> {
    /// Takes C's pointer, which may be null.
    ///
    /// # Safety
    ///
    /// `ptr` must be null, or valid for the lifetime that the caller chooses and used by nobody
    /// else meanwhile.
    pub(in super::super) unsafe fn from_raw(ptr: *mut bindings::netlink_ext_ack) -> Self {
        // INVARIANT: As the caller promises.
        Self {
            ptr: NonNull::new(ptr),
            _life: PhantomData,
        }
    }

    /// C's pointer; null where nobody wants to know.
    pub(in super::super) fn as_ptr(&self) -> *mut bindings::netlink_ext_ack {
        self.ptr.map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    /// Says why the request is refused: what comes of `args`, or the start of it and `...` where
    /// there is no room for all.
    ///
    /// Returns whether there was, or nobody wants to know: a shorter text may then replace it.
    pub(crate) fn message(&self, args: fmt::Arguments<'_>) -> bool {
        const MORE: &[u8] = b"...\0";
        let Some(ptr) = self.ptr else { return true };
        let ptr = ptr.as_ptr();
        // SAFETY: By the type invariant the structure is valid, and nobody else uses it.
        let buffer = unsafe { &mut (*ptr)._msg_buf };
        let size = buffer.len();
        // SAFETY:
        // - The buffer has the size that is told; `%pA` takes a pointer to `fmt::Arguments`.
        // - The function returns how long the text would be.
        let length = unsafe {
            bindings::snprintf(
                buffer.as_mut_ptr().cast(),
                size,
                c"%pA".as_char_ptr(),
                (&raw const args).cast::<c_void>(),
            )
        };
        let fits = usize::try_from(length).is_ok_and(|length| length < size);
        if !fits {
            let end = buffer.iter_mut().skip(size.saturating_sub(MORE.len()));
            for (to, from) in end.zip(MORE) {
                *to = *from as c_char;
            }
        }
        // SAFETY: As before. The text lives as long as the structure, being part of it.
        unsafe { (*ptr)._msg = buffer.as_ptr().cast() };
        fits
    }

    /// Points to the attribute that is to blame.
    pub(crate) fn blame(&self, attribute: Attribute<'_>) {
        if let Some(ptr) = self.ptr {
            // SAFETY: By the type invariant the structure is valid. The attribute is part of the
            // request, which C keeps until it has answered it.
            unsafe { (*ptr.as_ptr()).bad_attr = attribute.as_ptr() };
        }
    }

    /// Says which attribute is missing.
    pub(crate) fn missing(&self, attribute: u16) {
        if let Some(ptr) = self.ptr {
            // SAFETY: By the type invariant the structure is valid.
            unsafe {
                (*ptr.as_ptr()).miss_type = attribute;
                (*ptr.as_ptr()).miss_nest = core::ptr::null();
            }
        }
    }
}
