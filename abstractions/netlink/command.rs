// SPDX-License-Identifier: GPL-2.0

//! What a family can be asked for.
//!
//! C header: [`include/net/genetlink.h`](srctree/include/net/genetlink.h)

use super::{
    bindings,
    message::Dump,
    Family,
    Policy,
    Request, //
};
use core::ptr::NonNull;
use kernel::{
    error::from_result,
    ffi::c_int,
    prelude::*, //
};
use pin_init::Zeroable;

/// Who may ask.
#[derive(Clone, Copy)]
pub(crate) enum Permission {
    /// Everybody.
    Everybody,
    /// Who has `CAP_NET_ADMIN` over the namespace of the socket: `GENL_UNS_ADMIN_PERM`.
    NetAdmin,
}

/// A command that does something, or asks for one thing.
pub(crate) trait Handler: 'static {
    /// What the attributes have to be.
    const POLICY: &'static [Policy];

    /// Does it. May sleep. Several run at a time.
    ///
    /// # Errors
    ///
    /// What is returned reaches the asker, together with what is in the request's
    /// [`ExtAck`](super::ExtAck).
    fn run(request: &Request<'_>) -> Result;
}

/// A command that asks for all there are.
pub(crate) trait Dumper: 'static {
    /// What the attributes have to be.
    const POLICY: &'static [Policy];

    /// The family, for the messages.
    fn family() -> &'static Family;

    /// Where a dump goes on when it has filled a buffer. All zeroes at first; any bytes are valid.
    type Position: Zeroable + Copy;

    /// Fills one buffer. May sleep. Several run at a time.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: the buffer is full; it is to be asked for again, with the same `position`.
    /// - else as for a [`Handler`].
    fn run(request: &Request<'_>, position: &mut Self::Position, dump: &mut Dump<'_>) -> Result;
}

/// A command of a family: `struct genl_split_ops`.
#[repr(transparent)]
pub(crate) struct Command(bindings::genl_split_ops);

// SAFETY: A command is never written to, and points to what is static.
unsafe impl Sync for Command {}

impl Command {
    const fn operation(
        number: u8,
        flags: u32,
        policy: &'static [Policy],
    ) -> bindings::genl_split_ops {
        let mut ops: bindings::genl_split_ops = pin_init::zeroed();
        ops.cmd = number;
        ops.flags = flags as u8;
        if let Some(last) = policy.len().checked_sub(1) {
            ops.policy = policy.as_ptr().cast();
            ops.maxattr = last as u32;
        }
        ops
    }

    /// A command that does something, or asks for one thing.
    pub(crate) const fn handled_by<H: Handler>(number: u8, permission: Permission) -> Self {
        let permission = match permission {
            Permission::Everybody => 0,
            Permission::NetAdmin => bindings::GENL_UNS_ADMIN_PERM,
        };
        let flags = bindings::GENL_CMD_CAP_DO | permission;
        let mut ops = Self::operation(number, flags, H::POLICY);
        ops.__bindgen_anon_1.__bindgen_anon_1 =
            bindings::genl_split_ops__bindgen_ty_1__bindgen_ty_1 {
                pre_doit: None,
                doit: Some(doit::<H>),
                post_doit: None,
            };
        Self(ops)
    }

    /// A command that asks for all there are. Where the same number also does something, that comes
    /// first in the family's table.
    pub(crate) const fn dumped_by<D: Dumper>(number: u8) -> Self {
        const {
            assert!(size_of::<D::Position>() <= size_of::<[u8; 48]>());
            assert!(align_of::<D::Position>() <= align_of::<u64>());
        }
        let mut ops = Self::operation(number, bindings::GENL_CMD_CAP_DUMP, D::POLICY);
        ops.__bindgen_anon_1.__bindgen_anon_2 =
            bindings::genl_split_ops__bindgen_ty_1__bindgen_ty_2 {
                start: None,
                dumpit: Some(dumpit::<D>),
                done: None,
            };
        Self(ops)
    }
}

/// The highest attribute that `policy` knows.
const fn last(policy: &[Policy]) -> u16 {
    policy.len().saturating_sub(1) as u16
}

/// # Safety
///
/// C calls it with a request that it has checked by the policy of `H`.
unsafe extern "C" fn doit<H: Handler>(
    skb: *mut bindings::sk_buff,
    info: *mut bindings::genl_info,
) -> c_int {
    from_result(|| {
        let skb = NonNull::new(skb).ok_or(EINVAL)?;
        let info = NonNull::new(info).ok_or(EINVAL)?;
        // SAFETY: As C promises.
        let request = unsafe { Request::from_raw(skb, info, last(H::POLICY)) };
        H::run(&request)?;
        Ok(0)
    })
}

/// # Safety
///
/// C calls it with a buffer to be filled, and the state of a dump whose request it has checked by
/// the policy of `D`.
unsafe extern "C" fn dumpit<D: Dumper>(
    skb: *mut bindings::sk_buff,
    callback: *mut bindings::netlink_callback,
) -> c_int {
    from_result(|| {
        let skb = NonNull::new(skb).ok_or(EINVAL)?;
        let state = NonNull::new(callback).ok_or(EINVAL)?;
        // SAFETY: The state is valid, and so is what it tells of the request, which C keeps until
        // the dump is done.
        let (request, address, command, position) = unsafe {
            let info = bindings::muennet_genl_dump_info(callback).cast_mut();
            let asked = NonNull::new((*callback).skb).ok_or(EINVAL)?;
            let info = NonNull::new(info).ok_or(EINVAL)?;
            let address = ((*info.as_ptr()).snd_portid, (*info.as_ptr()).snd_seq);
            let command = (*(*info.as_ptr()).genlhdr).cmd;
            // Zeroes at first, aligned for a long, and C leaves them alone.
            let position = &mut *(&raw mut (*callback).__bindgen_anon_1).cast::<D::Position>();
            (
                Request::from_raw(asked, info, last(D::POLICY)),
                address,
                command,
                position,
            )
        };
        // SAFETY: C gives the buffer for this call, and does not touch the state's numbers meanwhile;
        // the position is none of these.
        let mut dump = unsafe { Dump::from_raw(skb, state, address, D::family(), command) };
        D::run(&request, position, &mut dump)?;
        Ok(0)
    })
}
