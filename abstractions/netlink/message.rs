// SPDX-License-Identifier: GPL-2.0

//! Messages to user space, while they are made.
//!
//! C header: [`include/net/netlink.h`](srctree/include/net/netlink.h)

use super::{
    bindings,
    Family, //
};
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    num::NonZero,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    ffi::c_int,
    prelude::*, //
};

/// A buffer for messages.
///
/// # Invariants
///
/// The pointer is valid, and this value owns it.
pub(super) struct Buffer(NonNull<bindings::sk_buff>);

impl Buffer {
    /// Makes one with room for a usual message.
    pub(super) fn new() -> Result<Self> {
        // SAFETY: The function takes numbers.
        let skb =
            unsafe { bindings::genlmsg_new(bindings::GENLMSG_DEFAULT_SIZE, bindings::GFP_KERNEL) };
        // INVARIANT: The buffer is new.
        NonNull::new(skb).map(Self).ok_or(ENOMEM)
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::sk_buff {
        self.0.as_ptr()
    }

    pub(super) fn into_raw(self) -> *mut bindings::sk_buff {
        ManuallyDrop::new(self).as_ptr()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the buffer is owned.
        unsafe { bindings::nlmsg_free(self.as_ptr()) }
    }
}

/// A message that is being made.
///
/// # Invariants
///
/// `skb` is a valid buffer for `'a` that ends with this message.
pub(crate) struct Message<'a> {
    skb: NonNull<bindings::sk_buff>,
    _life: PhantomData<&'a mut bindings::sk_buff>,
}

impl Message<'_> {
    /// Appends a message to a buffer, as one of the dump `dump` if there is one. It is complete when
    /// `fill` succeeds; else the buffer is as it was before.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: the buffer has no room for it.
    /// - what `fill` returns.
    ///
    /// # Safety
    ///
    /// `skb` must be a valid buffer, and `dump` the valid state of a dump, that nobody else uses
    /// meanwhile.
    pub(super) unsafe fn append(
        skb: NonNull<bindings::sk_buff>,
        family: &'static Family,
        address: (u32, u32),
        dump: Option<NonNull<bindings::netlink_callback>>,
        command: u8,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
    ) -> Result {
        let (port, sequence) = address;
        let flags = dump.map_or(0, |_| bindings::NLM_F_MULTI as c_int);
        // SAFETY: The buffer is valid, and so is the family.
        let header = unsafe {
            bindings::genlmsg_put(
                skb.as_ptr(),
                port,
                sequence,
                family.as_ptr(),
                flags,
                command,
            )
        };
        let header = NonNull::new(header).ok_or(EMSGSIZE)?;
        // INVARIANT: The message has just been begun.
        let mut message = Message {
            skb,
            _life: PhantomData,
        };
        let filled = fill(&mut message);
        if let (Ok(()), Some(dump)) = (&filled, dump) {
            // SAFETY: The state is valid, and the header is that of a message in the buffer, behind
            // the header of netlink.
            unsafe {
                bindings::muennet_genl_dump_check_consistent(dump.as_ptr(), header.as_ptr());
            }
        }
        // SAFETY: The header is that of the last message in the buffer.
        unsafe {
            match filled {
                Ok(()) => bindings::genlmsg_end(skb.as_ptr(), header.as_ptr()),
                Err(_) => bindings::genlmsg_cancel(skb.as_ptr(), header.as_ptr()),
            }
        }
        filled
    }

    /// Puts an attribute.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: there is no room for it.
    fn put(&mut self, number: u16, payload: &[u8]) -> Result {
        let length = c_int::try_from(payload.len())?;
        // SAFETY: By the type invariant the buffer is valid; the payload is as long as is told.
        to_result(unsafe {
            bindings::nla_put(
                self.skb.as_ptr(),
                c_int::from(number),
                length,
                payload.as_ptr().cast(),
            )
        })
    }

    /// Puts a number of 32 bits.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: there is no room for it.
    pub(crate) fn u32(&mut self, number: u16, value: u32) -> Result {
        self.put(number, &value.to_ne_bytes())
    }

    /// Puts a signed number of 32 bits.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: there is no room for it.
    pub(crate) fn i32(&mut self, number: u16, value: i32) -> Result {
        self.put(number, &value.to_ne_bytes())
    }

    /// Puts a number in 32 bits if it fits, else in 64: the type `uint`.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: there is no room for it.
    pub(crate) fn uint(&mut self, number: u16, value: u64) -> Result {
        match u32::try_from(value) {
            Ok(value) => self.u32(number, value),
            Err(_) => self.put(number, &value.to_ne_bytes()),
        }
    }

    /// Puts a string.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: there is no room for it.
    pub(crate) fn string(&mut self, number: u16, value: &CStr) -> Result {
        self.put(number, value.to_bytes_with_nul())
    }

    /// Puts a string that has no NUL, of up to 127 bytes.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: it is longer, or there is no room for it.
    pub(crate) fn text(&mut self, number: u16, value: &[u8]) -> Result {
        let mut buffer = [0; 128];
        let room = buffer.len() - 1;
        if value.len() > room {
            return Err(EMSGSIZE);
        }
        for (to, from) in buffer.iter_mut().zip(value) {
            *to = *from;
        }
        self.put(number, buffer.get(..value.len() + 1).ok_or(EMSGSIZE)?)
    }

    /// Puts a flag.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: there is no room for it.
    pub(crate) fn flag(&mut self, number: u16) -> Result {
        self.put(number, &[])
    }

    /// Puts an attribute that holds those which `fill` puts.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: there is no room for it.
    /// - what `fill` returns; the message is not to be sent then.
    pub(crate) fn nest(
        &mut self,
        number: u16,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
    ) -> Result {
        // SAFETY: By the type invariant the buffer is valid.
        let start = unsafe { bindings::muennet_nest_start(self.skb.as_ptr(), c_int::from(number)) };
        let start = NonNull::new(start).ok_or(EMSGSIZE)?;
        fill(self)?;
        // SAFETY: The nest was started in this buffer, and everything since then is in it.
        unsafe { bindings::muennet_nest_end(self.skb.as_ptr(), start.as_ptr()) };
        Ok(())
    }
}

/// The answer to a dump, one buffer after the other: `struct netlink_callback`.
///
/// # Invariants
///
/// Both pointers are valid for `'a`, and nobody else uses the buffer, nor the numbers of states.
pub(crate) struct Dump<'a> {
    skb: NonNull<bindings::sk_buff>,
    callback: NonNull<bindings::netlink_callback>,
    address: (u32, u32),
    family: &'static Family,
    command: u8,
    _life: PhantomData<&'a mut bindings::sk_buff>,
}

impl Dump<'_> {
    /// Takes what C tells of a dump.
    ///
    /// # Safety
    ///
    /// `callback` must be the state of a dump and `skb` the buffer to be filled now, both for as
    /// long as the caller chooses. Meanwhile nobody else uses the buffer, nor the numbers by which C
    /// tells whether the dump is consistent.
    pub(super) unsafe fn from_raw(
        skb: NonNull<bindings::sk_buff>,
        callback: NonNull<bindings::netlink_callback>,
        address: (u32, u32),
        family: &'static Family,
        command: u8,
    ) -> Self {
        // INVARIANT: As the caller promises.
        Self {
            skb,
            callback,
            address,
            family,
            command,
            _life: PhantomData,
        }
    }

    /// Says of which state the entries of this buffer are. Where that is another one than the
    /// entries before are of, C tells the asker that the answer is not in one piece:
    /// `NLM_F_DUMP_INTR`.
    pub(crate) fn of_state(&mut self, generation: NonZero<u32>) {
        // SAFETY: By the type invariant the state of the dump is valid, and nobody else uses the
        // number.
        unsafe { (&raw mut (*self.callback.as_ptr()).seq).write(generation.get()) };
    }

    /// Adds an entry.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: the buffer is full. The dumper returns this, and goes on with the same entry
    ///   when it is asked again.
    /// - what `fill` returns.
    pub(crate) fn entry(&mut self, fill: impl FnOnce(&mut Message<'_>) -> Result) -> Result {
        // SAFETY: By the type invariant both are valid, and nobody else uses what is used of them.
        unsafe {
            Message::append(
                self.skb,
                self.family,
                self.address,
                Some(self.callback),
                self.command,
                fill,
            )
        }
    }
}
