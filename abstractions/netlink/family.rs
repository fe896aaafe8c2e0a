// SPDX-License-Identifier: GPL-2.0

//! A family and its multicast groups.
//!
//! C header: [`include/net/genetlink.h`](srctree/include/net/genetlink.h)

use super::{
    super::{
        fault,
        rtnl::{
            self,
            Rtnl, //
        }, //
    },
    bindings,
    message::{
        Buffer,
        Message, //
    },
    Command,
    Net, //
};
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    prelude::*,
    sync::atomic::{
        ordering::Relaxed,
        Atomic, //
    },
    types::Opaque, //
};

/// A multicast group: `struct genl_multicast_group`.
#[repr(transparent)]
pub(crate) struct Group(bindings::genl_multicast_group);

// SAFETY: A group is never written to.
unsafe impl Sync for Group {}

/// Copies a name into an array of C's. For use in a const context: it panics where it is too long.
const fn name<const N: usize>(from: &CStr) -> [kernel::ffi::c_char; N] {
    let from = from.to_bytes_with_nul();
    let mut to = [0; N];
    let mut i = 0;
    while i < from.len() {
        to[i] = from[i];
        i += 1;
    }
    to
}

impl Group {
    /// Makes a group.
    pub(crate) const fn new(name: &CStr) -> Self {
        let mut group: bindings::genl_multicast_group = pin_init::zeroed();
        group.name = self::name(name);
        Self(group)
    }
}

/// A family: `struct genl_family`. It is in all namespaces, and its commands run in parallel.
pub(crate) struct Family {
    inner: Opaque<bindings::genl_family>,
    /// Whether the groups have their numbers. Written with the RTNL held.
    registered: Atomic<bool>,
}

// SAFETY: What C changes in it, it locks.
unsafe impl Sync for Family {}

/// The registration of a family. Dropping it unregisters the family, and waits for the commands
/// that are being run.
///
/// # Invariants
///
/// The family is registered.
pub(crate) struct FamilyRegistration(&'static Family);

impl Family {
    /// Makes a family that is not registered. `commands` are in the order of their numbers.
    pub(crate) const fn new(
        module: &ThisModule,
        name: &CStr,
        version: u32,
        commands: &'static [Command],
        groups: &'static [Group],
    ) -> Self {
        assert!(commands.len() <= u8::MAX as usize && groups.len() <= u8::MAX as usize);
        // netnsok and parallel_ops.
        const FLAGS: [u8; 1] = [if cfg!(target_endian = "little") {
            0b11
        } else {
            0b1100_0000
        }];
        Self {
            inner: Opaque::new(bindings::genl_family {
                name: self::name(name),
                version,
                _bitfield_1: kernel::bindings::__BindgenBitfieldUnit::new(FLAGS),
                module: module.as_ptr(),
                split_ops: commands.as_ptr().cast(),
                n_split_ops: commands.len() as u8,
                mcgrps: groups.as_ptr().cast(),
                n_mcgrps: groups.len() as u8,
                ..pin_init::zeroed()
            }),
            registered: Atomic::new(false),
        }
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::genl_family {
        self.inner.get()
    }

    /// Registers the family. Takes the RTNL.
    ///
    /// # Errors
    ///
    /// - `EEXIST`: there is one of its name.
    /// - `ENOMEM`: there is no memory for it.
    pub(crate) fn register(&'static self) -> Result<FamilyRegistration> {
        fault::point("family", ENOMEM)?;
        // SAFETY: The family is static, and whatever it points to.
        to_result(unsafe { bindings::genl_register_family(self.as_ptr()) })?;
        let _rtnl = rtnl::lock();
        self.registered.store(true, Relaxed);
        // INVARIANT: It is registered now.
        Ok(FamilyRegistration(self))
    }

    /// Makes a message in a buffer of its own.
    pub(super) fn message(
        &'static self,
        port: u32,
        sequence: u32,
        command: u8,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
    ) -> Result<Buffer> {
        let buffer = Buffer::new()?;
        let skb = NonNull::new(buffer.as_ptr()).ok_or(ENOMEM)?;
        // SAFETY: The buffer is new, and nobody else uses it; there is no dump.
        unsafe { Message::append(skb, self, (port, sequence), None, command, fill) }?;
        Ok(buffer)
    }

    /// Tells the members of a group in one namespace, if there are any; `group` is an index of the
    /// family's table. Nothing is told while the family is not registered. May sleep.
    ///
    /// The sockets of those who miss the message, because there is no memory for it or `fill`
    /// fails, report `ENOBUFS`, which is how netlink says that something was lost.
    pub(crate) fn notify(
        &'static self,
        net: &Net,
        group: u32,
        command: u8,
        _rtnl: &Rtnl,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
    ) {
        if !self.registered.load(Relaxed) {
            return;
        }
        // SAFETY: The family is registered and stays so while the RTNL is held; C checks the group.
        if unsafe { bindings::genl_has_listeners(self.as_ptr(), net.as_ptr(), group) } == 0 {
            return;
        }
        match self.message(0, 0, command, fill) {
            Ok(skb) => {
                // It fails where there is no listener any more, and where it has set the error of
                // those whom it did not reach itself.
                //
                // SAFETY: As before; the message is complete and given away.
                let _ = unsafe {
                    bindings::muennet_genl_multicast(
                        self.as_ptr(),
                        net.as_ptr(),
                        skb.into_raw(),
                        group,
                    )
                };
            }
            Err(_) => {
                // SAFETY: As before.
                unsafe {
                    bindings::muennet_genl_set_err(
                        self.as_ptr(),
                        net.as_ptr(),
                        group,
                        ENOBUFS.to_errno(),
                    )
                };
            }
        }
    }
}

impl Drop for FamilyRegistration {
    fn drop(&mut self) {
        {
            // Nobody who holds the RTNL uses the groups from here on.
            let _rtnl = rtnl::lock();
            self.0.registered.store(false, Relaxed);
        }
        // SAFETY: By the type invariant the family is registered.
        unsafe { bindings::genl_unregister_family(self.0.as_ptr()) };
    }
}
