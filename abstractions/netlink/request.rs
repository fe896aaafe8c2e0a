// SPDX-License-Identifier: GPL-2.0

//! A request and its attributes.
//!
//! C header: [`include/net/genetlink.h`](srctree/include/net/genetlink.h)

use super::{
    bindings,
    message::Message,
    ExtAck,
    Family,
    Net, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    fmt,
    prelude::*, //
};

/// An attribute of a request: `struct nlattr`.
///
/// # Invariants
///
/// The pointer is valid for `'a`, as long as its length says.
#[derive(Clone, Copy)]
pub(crate) struct Attribute<'a> {
    ptr: NonNull<bindings::nlattr>,
    _life: PhantomData<&'a bindings::nlattr>,
}

impl<'a> Attribute<'a> {
    pub(super) fn as_ptr(self) -> *const bindings::nlattr {
        self.ptr.as_ptr()
    }

    /// The bytes behind the attribute's header.
    fn payload(self) -> &'a [u8] {
        const HEADER: usize = size_of::<bindings::nlattr>();
        // SAFETY:
        // - By the type invariant the attribute is as long as it says.
        // - The request is private to the kernel, and nobody writes to it.
        unsafe {
            let length = usize::from((*self.as_ptr()).nla_len).saturating_sub(HEADER);
            core::slice::from_raw_parts(self.as_ptr().cast::<u8>().add(HEADER), length)
        }
    }

    /// The number that the attribute is.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: it is none of 32 bits.
    pub(crate) fn u32(self) -> Result<u32> {
        let bytes = <[u8; 4]>::try_from(self.payload()).map_err(|_| EINVAL)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    /// The signed number that the attribute is.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: it is none of 32 bits.
    pub(crate) fn i32(self) -> Result<i32> {
        let bytes = <[u8; 4]>::try_from(self.payload()).map_err(|_| EINVAL)?;
        Ok(i32::from_ne_bytes(bytes))
    }

    /// The string that the attribute is.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: it does not end.
    pub(crate) fn string(self) -> Result<&'a CStr> {
        CStr::from_bytes_until_nul(self.payload()).map_err(|_| EINVAL)
    }
}

/// A request, or the one that a dump answers: `struct genl_info`.
///
/// # Invariants
///
/// All pointers are valid for `'a`; `attributes` has an entry for each number up to `last`, if it
/// is not null.
pub(crate) struct Request<'a> {
    skb: NonNull<bindings::sk_buff>,
    info: NonNull<bindings::genl_info>,
    last: u16,
    extack: ExtAck<'a>,
}

impl<'a> Request<'a> {
    /// Takes what C tells of a request.
    ///
    /// # Safety
    ///
    /// `skb` and `info` must be those of a request that C has checked by a policy with attributes
    /// up to `last`, and be valid for the lifetime that the caller chooses.
    pub(super) unsafe fn from_raw(
        skb: NonNull<bindings::sk_buff>,
        info: NonNull<bindings::genl_info>,
        last: u16,
    ) -> Self {
        // INVARIANT: As the caller promises.
        Self {
            skb,
            info,
            last,
            // SAFETY: The structure is the request's own, and C does not touch it meanwhile.
            extack: unsafe { ExtAck::from_raw((*info.as_ptr()).extack) },
        }
    }

    fn info(&self) -> &bindings::genl_info {
        // SAFETY: By the type invariant it is valid.
        unsafe { self.info.as_ref() }
    }

    /// The place for what there is to say about a refusal.
    pub(crate) fn extack(&self) -> &ExtAck<'a> {
        &self.extack
    }

    /// The namespace of the socket that the request came from.
    pub(crate) fn net(&self) -> &Net {
        // SAFETY: By the type invariant the information is valid. The socket holds the namespace.
        unsafe { Net::from_raw(bindings::muennet_genl_net(self.info.as_ptr())) }
    }

    /// Whether the sender of the request may administer `net`: it has `CAP_NET_ADMIN` over the
    /// user namespace that owns it, and so had who opened the socket.
    pub(crate) fn may_administer(&self, net: &Net) -> bool {
        // SAFETY: By the type invariant the message is that of a request; the namespace is valid.
        unsafe {
            bindings::muennet_genl_capable_over(
                self.skb.as_ptr(),
                net.as_ptr(),
                bindings::CAP_NET_ADMIN as i32,
            )
        }
    }

    /// An attribute of the request, if it is there.
    pub(crate) fn attribute(&self, number: u16) -> Option<Attribute<'_>> {
        let attributes = self.info().attrs;
        if number > self.last || attributes.is_null() {
            return None;
        }
        // SAFETY: By the type invariant the table has an entry for the number.
        let ptr = NonNull::new(unsafe { *attributes.add(usize::from(number)) })?;
        // INVARIANT: C has checked the attributes of the request.
        Some(Attribute {
            ptr,
            _life: PhantomData,
        })
    }

    /// An attribute of the request that must be there; `name` is for the message if it is not.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: it is missing.
    pub(crate) fn required(&self, number: u16, name: &str) -> Result<Attribute<'_>> {
        self.attribute(number).ok_or_else(|| {
            self.extack.missing(number);
            self.extack.message(fmt!("the request has no {name}"));
            EINVAL
        })
    }

    /// Refuses the request: says why, and which attribute is to blame.
    pub(crate) fn refuse(
        &self,
        attribute: Attribute<'_>,
        error: Error,
        args: fmt::Arguments<'_>,
    ) -> Error {
        self.extack.blame(attribute);
        self.extack.message(args);
        error
    }

    /// Answers the request by one message.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for it.
    /// - what `fill` returns.
    pub(crate) fn reply(
        &self,
        family: &'static Family,
        command: u8,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
    ) -> Result {
        let info = self.info();
        let skb = family.message(info.snd_portid, info.snd_seq, command, fill)?;
        // SAFETY: The message is complete and given away; the information is valid.
        to_result(unsafe { bindings::muennet_genl_reply(skb.into_raw(), self.info.as_ptr()) })
    }
}
