// SPDX-License-Identifier: GPL-2.0

//! Netlink: attributes and their policies, extended acknowledgments, message buffers, and generic
//! netlink families.
//!
//! `kernel::net::netlink` supports multicast only: its families have no operations, dumps, requests
//! or extended acknowledgments.
//!
//! C header: [`include/net/netlink.h`](srctree/include/net/netlink.h)

use super::{
    bindings,
    netns::Net, //
};
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    ffi::{
        c_char,
        c_int,
        c_void, //
    },
    fmt,
    prelude::*, //
};

mod family;

pub(crate) use self::family::{
    Doit,
    Dump,
    Dumpit,
    Family,
    FamilyRegistration,
    GenlInfo,
    GenlMsg,
    MulticastGroup,
    OpFlags,
    SplitOp, //
};

/// An attribute of a request: `struct nlattr`.
///
/// # Invariants
///
/// For `'a`, the pointer is valid for as many bytes as the length of the attribute, and nothing
/// writes them.
#[derive(Clone, Copy)]
pub(crate) struct Attribute<'a> {
    ptr: NonNull<bindings::nlattr>,
    _life: PhantomData<&'a bindings::nlattr>,
}

impl<'a> Attribute<'a> {
    /// Wraps a C pointer. Returns [`None`] for null: the attribute is absent.
    ///
    /// # Safety
    ///
    /// `ptr` must be null, or valid for as many bytes as the length of the attribute, for `'a`.
    /// Nothing may write these bytes meanwhile.
    pub(super) unsafe fn from_raw(ptr: *mut bindings::nlattr) -> Option<Self> {
        // INVARIANT: The caller guarantees a valid attribute that nothing writes.
        Some(Self {
            ptr: NonNull::new(ptr)?,
            _life: PhantomData,
        })
    }

    /// Returns the attribute as a C pointer, valid for `'a`.
    pub(super) fn as_ptr(self) -> *const bindings::nlattr {
        self.ptr.as_ptr()
    }

    /// Returns the payload: the bytes behind the header of the attribute.
    fn payload(self) -> &'a [u8] {
        const HEADER: usize = size_of::<bindings::nlattr>();
        // SAFETY:
        // - By the type invariant the attribute is valid for its length.
        // - The request is private to the kernel, and nothing writes it.
        unsafe {
            let length = usize::from((*self.as_ptr()).nla_len).saturating_sub(HEADER);
            core::slice::from_raw_parts(self.as_ptr().cast::<u8>().add(HEADER), length)
        }
    }

    /// Returns the value of a `u32` attribute.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the payload is not 4 bytes long.
    pub(crate) fn u32(self) -> Result<u32> {
        let bytes = <[u8; 4]>::try_from(self.payload()).map_err(|_| EINVAL)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    /// Returns the value of an `s32` attribute.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the payload is not 4 bytes long.
    pub(crate) fn i32(self) -> Result<i32> {
        let bytes = <[u8; 4]>::try_from(self.payload()).map_err(|_| EINVAL)?;
        Ok(i32::from_ne_bytes(bytes))
    }

    /// Returns the value of a `uint` attribute: `nla_get_uint()`.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the payload is neither 4 nor 8 bytes long.
    pub(crate) fn uint(self) -> Result<u64> {
        if let Ok(bytes) = <[u8; 8]>::try_from(self.payload()) {
            return Ok(u64::from_ne_bytes(bytes));
        }
        self.u32().map(u64::from)
    }

    /// Returns the payload of a binary attribute of `N` bytes.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the payload is not `N` bytes long.
    pub(crate) fn bytes<const N: usize>(self) -> Result<[u8; N]> {
        self.payload().try_into().map_err(|_| EINVAL)
    }

    /// Returns the first attribute with this number that is nested in this attribute, if there is
    /// one: `nla_find()`.
    pub(crate) fn nested(self, number: u16) -> Option<Attribute<'a>> {
        let payload = self.payload();
        let length = c_int::try_from(payload.len()).ok()?;
        // SAFETY: The payload is valid for its length. The function checks the lengths in it.
        let ptr =
            unsafe { bindings::nla_find(payload.as_ptr().cast(), length, c_int::from(number)) };
        // INVARIANT: The attribute is a part of the payload, as long as its length says.
        Some(Attribute {
            ptr: NonNull::new(ptr)?,
            _life: PhantomData,
        })
    }

    /// Returns the value of a string attribute.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the payload contains no NUL.
    pub(crate) fn string(self) -> Result<&'a CStr> {
        CStr::from_bytes_until_nul(self.payload()).map_err(|_| EINVAL)
    }
}

/// The validation policy of an attribute: `struct nla_policy`.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct Policy(bindings::nla_policy);

// SAFETY: A policy is never written, and its pointer, if it has one, is to a static table.
unsafe impl Sync for Policy {}

impl Policy {
    /// `NLA_UNSPEC`: an attribute of this number is refused.
    const NONE: Self = Self::of(bindings::NLA_UNSPEC, 0);

    const fn of(kind: u32, length: u16) -> Self {
        let mut policy: bindings::nla_policy = pin_init::zeroed();
        policy.type_ = kind as u8;
        policy.len = length;
        Self(policy)
    }

    /// `NLA_U32`: an unsigned number of 32 bits.
    pub(crate) const fn u32() -> Self {
        Self::of(bindings::NLA_U32, 0)
    }

    /// `NLA_S32`: a signed number of 32 bits.
    pub(crate) const fn i32() -> Self {
        Self::of(bindings::NLA_S32, 0)
    }

    /// `NLA_UINT`: an unsigned number of 32 or 64 bits.
    pub(crate) const fn uint() -> Self {
        Self::of(bindings::NLA_UINT, 0)
    }

    /// `NLA_FLAG`: present or absent.
    pub(crate) const fn flag() -> Self {
        Self::of(bindings::NLA_FLAG, 0)
    }

    /// `NLA_BINARY` of exactly `length` bytes: `NLA_POLICY_EXACT_LEN()`.
    pub(crate) const fn bytes(length: u16) -> Self {
        let mut policy = Self::of(bindings::NLA_BINARY, 0);
        policy.0.validation_type = bindings::nla_policy_validation_NLA_VALIDATE_RANGE as u8;
        policy.0.__bindgen_anon_1.__bindgen_anon_1.min = length as i16;
        policy.0.__bindgen_anon_1.__bindgen_anon_1.max = length as i16;
        policy
    }

    /// `NLA_U32` with only the bits of `mask` set: `NLA_POLICY_MASK()`.
    pub(crate) const fn mask(mask: u32) -> Self {
        let mut policy = Self::of(bindings::NLA_U32, 0);
        policy.0.validation_type = bindings::nla_policy_validation_NLA_VALIDATE_MASK as u8;
        policy.0.__bindgen_anon_1.mask = mask;
        policy
    }

    /// `NLA_NESTED`: attributes with a policy table of their own.
    pub(crate) const fn nested(table: &'static [Policy]) -> Self {
        let mut policy = Self::of(bindings::NLA_NESTED, table.len().saturating_sub(1) as u16);
        policy.0.__bindgen_anon_1.nested_policy = table.as_ptr().cast();
        policy
    }

    /// `NLA_NUL_STRING`: a string of at most `length` bytes and a NUL.
    pub(crate) const fn string(length: u16) -> Self {
        Self::of(bindings::NLA_NUL_STRING, length)
    }
}

/// Creates the policy table of an operation from the attributes that it accepts. `N` is the highest
/// of their numbers, plus one. Intended for const contexts only: panics if a number is too high.
pub(crate) const fn policy_table<const N: usize>(accepted: &[(u16, Policy)]) -> [Policy; N] {
    let mut table = [Policy::NONE; N];
    let mut i = 0;
    while i < accepted.len() {
        table[accepted[i].0 as usize] = accepted[i].1;
        i += 1;
    }
    table
}

/// An extended acknowledgment: `struct netlink_ext_ack`. It reports an error text and the bad or
/// missing attribute to the sender of a request.
///
/// # Invariants
///
/// If there is a pointer, it is valid for `'a`, and only this task uses it. Some callers in the
/// kernel pass none.
pub(crate) struct ExtAck<'a> {
    ptr: Option<NonNull<bindings::netlink_ext_ack>>,
    _life: PhantomData<&'a mut bindings::netlink_ext_ack>,
}

impl ExtAck<'_> {
    /// Wraps a C pointer, which may be null.
    ///
    /// # Safety
    ///
    /// `ptr` must be null, or valid for the lifetime of the returned value. Nothing else may use it
    /// meanwhile.
    pub(in super::super) unsafe fn from_raw(ptr: *mut bindings::netlink_ext_ack) -> Self {
        // INVARIANT: The caller guarantees that the pointer is null, or valid and exclusive.
        Self {
            ptr: NonNull::new(ptr),
            _life: PhantomData,
        }
    }

    /// Returns the C pointer, which may be null.
    pub(in super::super) fn as_ptr(&self) -> *mut bindings::netlink_ext_ack {
        self.ptr.map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    /// Sets the error text: `NL_SET_ERR_MSG_FMT()`. A text that is too long is truncated and ends
    /// with `...`.
    ///
    /// Returns `false` if the text was truncated: the caller may then replace it with a shorter
    /// one. Without a `struct netlink_ext_ack` it returns `true`.
    pub(crate) fn set_err_msg(&self, args: fmt::Arguments<'_>) -> bool {
        const MORE: &[u8] = b"...\0";
        let Some(ptr) = self.ptr else { return true };
        let ptr = ptr.as_ptr();
        // SAFETY: By the type invariant the structure is valid.
        let text: *mut [c_char] = unsafe { &raw mut (*ptr)._msg_buf };
        let size = text.len();
        // SAFETY:
        // - The buffer is valid for writes of `size` bytes. There is no reference to it: `args` may
        //   run code that calls this method for the same structure.
        // - `%pA` takes a pointer to `fmt::Arguments`.
        let length = unsafe {
            bindings::snprintf(
                text.cast(),
                size,
                c"%pA".as_char_ptr(),
                (&raw const args).cast::<c_void>(),
            )
        };
        let fits = usize::try_from(length).is_ok_and(|length| length < size);
        // SAFETY: The buffer is valid, and by the type invariant only this task uses it, which runs
        // no other code before the end of this method.
        let buffer = unsafe { &mut *text };
        if !fits {
            let end = buffer.iter_mut().skip(size.saturating_sub(MORE.len()));
            for (to, from) in end.zip(MORE) {
                *to = *from as c_char;
            }
        }
        // SAFETY: As above. The text is a part of the structure, and lives as long.
        unsafe { (*ptr)._msg = buffer.as_ptr().cast() };
        fits
    }

    /// Sets the bad attribute: `NL_SET_BAD_ATTR()`.
    pub(crate) fn set_bad_attr(&self, attribute: Attribute<'_>) {
        if let Some(ptr) = self.ptr {
            // SAFETY: By the type invariant the structure is valid. The attribute is a part of the
            // request, which the core keeps until it has sent the acknowledgment.
            unsafe { (*ptr.as_ptr()).bad_attr = attribute.as_ptr() };
        }
    }

    /// Sets the missing attribute: `NL_SET_ERR_ATTR_MISS()`.
    pub(crate) fn set_miss_type(&self, attribute: u16) {
        if let Some(ptr) = self.ptr {
            // SAFETY: By the type invariant the structure is valid.
            unsafe {
                (*ptr.as_ptr()).miss_type = attribute;
                (*ptr.as_ptr()).miss_nest = core::ptr::null();
            }
        }
    }
}

/// A buffer for netlink messages: a `struct sk_buff`.
///
/// # Invariants
///
/// The pointer is valid, and this value owns the buffer.
pub(super) struct NetlinkSkBuff(NonNull<bindings::sk_buff>);

impl NetlinkSkBuff {
    /// Allocates a buffer of the default size: `genlmsg_new()`. May sleep.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory.
    pub(super) fn new() -> Result<Self> {
        // SAFETY: The function accepts any size.
        let skb =
            unsafe { bindings::genlmsg_new(bindings::GENLMSG_DEFAULT_SIZE, bindings::GFP_KERNEL) };
        // INVARIANT: The buffer was just allocated.
        NonNull::new(skb).map(Self).ok_or(ENOMEM)
    }

    /// Returns the message as a C pointer, valid for the lifetime of the reference.
    pub(super) fn as_ptr(&self) -> *mut bindings::sk_buff {
        self.0.as_ptr()
    }

    /// Returns the message as a C pointer. The caller owns it.
    pub(super) fn into_raw(self) -> *mut bindings::sk_buff {
        ManuallyDrop::new(self).as_ptr()
    }
}

impl Drop for NetlinkSkBuff {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the buffer is valid, and this value owns it.
        unsafe { bindings::nlmsg_free(self.as_ptr()) }
    }
}
