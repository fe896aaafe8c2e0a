// SPDX-License-Identifier: GPL-2.0

//! Generic netlink families: requests, dumps and notifications.
//!
//! ```text
//!   Family --- SplitOp --- Doit::doit(GenlInfo) --- reply
//!         \          \
//!          \          +--- Dumpit::dumpit(GenlInfo, Dump) --- a message for each entry
//!           +-- MulticastGroup: multicast, in one namespace
//! ```
//!
//! Each [`SplitOp`] has a policy. The core validates the attributes of a request with it before it
//! calls the operation. An operation that fails explains the error in the [`ExtAck`] of the
//! request.
//!
//! C header: [`include/net/genetlink.h`](srctree/include/net/genetlink.h)

use super::{
    super::{
        fault_inject,
        rtnl::{
            self,
            Rtnl, //
        }, //
    },
    bindings,
    Attribute,
    ExtAck,
    Net,
    NetlinkSkBuff,
    Policy, //
};
use core::{
    marker::PhantomData,
    num::NonZero,
    ptr::NonNull, //
};
use kernel::{
    error::{
        from_result,
        to_result, //
    },
    ffi::c_int,
    fmt,
    prelude::*,
    sync::atomic::{
        ordering::Relaxed,
        Atomic, //
    },
    types::Opaque, //
};
use pin_init::Zeroable;

/// A multicast group: `struct genl_multicast_group`.
#[repr(transparent)]
pub(crate) struct MulticastGroup(bindings::genl_multicast_group);

// SAFETY: A group is never written.
unsafe impl Sync for MulticastGroup {}

/// Copies a name into a C array. Intended for const contexts only: panics if the name is too long.
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

impl MulticastGroup {
    /// Creates a group. Intended for const contexts only: panics if the name is too long.
    pub(crate) const fn new(name: &CStr) -> Self {
        let mut group: bindings::genl_multicast_group = pin_init::zeroed();
        group.name = self::name(name);
        Self(group)
    }
}

/// A family: `struct genl_family`. It exists in all network namespaces, and its operations run in
/// parallel.
pub(crate) struct Family {
    inner: Opaque<bindings::genl_family>,
    /// Whether the family is registered, so that the groups have their numbers. Written with the
    /// RTNL held.
    registered: Atomic<bool>,
}

// SAFETY: The core has locks for the fields that it changes.
unsafe impl Sync for Family {}

/// The registration of a family. Dropping it unregisters the family and waits for running
/// operations.
///
/// # Invariants
///
/// The family is registered.
pub(crate) struct FamilyRegistration(&'static Family);

impl Family {
    /// Creates a family that is not registered. `commands` must be sorted by their numbers.
    /// Intended for const contexts only: panics if the arguments are invalid.
    pub(crate) const fn new(
        module: &ThisModule,
        name: &CStr,
        version: u32,
        commands: &'static [SplitOp],
        groups: &'static [MulticastGroup],
    ) -> Self {
        assert!(commands.len() <= u8::MAX as usize && groups.len() <= u8::MAX as usize);
        // The bit fields `netnsok` and `parallel_ops`.
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

    fn as_ptr(&self) -> *mut bindings::genl_family {
        self.inner.get()
    }

    /// Registers the family: `genl_register_family()`. Takes the RTNL.
    ///
    /// # Errors
    ///
    /// - `EEXIST`: a family with this name is registered.
    /// - `ENOMEM`: there is no memory.
    pub(crate) fn register(&'static self) -> Result<FamilyRegistration> {
        fault_inject::should_fail("family", ENOMEM)?;
        // SAFETY: The family is static, and so is everything that it points to.
        to_result(unsafe { bindings::genl_register_family(self.as_ptr()) })?;
        let _rtnl = rtnl::lock();
        self.registered.store(true, Relaxed);
        // INVARIANT: The family is registered.
        Ok(FamilyRegistration(self))
    }

    /// Allocates a buffer and writes a message to it. May sleep.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory.
    /// - The errors of `fill`.
    fn build(
        &'static self,
        port: u32,
        sequence: u32,
        command: u8,
        fill: impl FnOnce(&mut GenlMsg<'_>) -> Result,
    ) -> Result<NetlinkSkBuff> {
        let buffer = NetlinkSkBuff::new()?;
        let skb = NonNull::new(buffer.as_ptr()).ok_or(ENOMEM)?;
        // SAFETY: The buffer is valid, and nothing else uses it. There is no dump.
        unsafe { GenlMsg::build(skb, self, (port, sequence), None, command, fill) }?;
        Ok(buffer)
    }

    /// Sends a message to the listeners of a group in one namespace, if there are any:
    /// `genlmsg_multicast_netns()`. `group` is an index into the groups of the family. Does nothing
    /// while the family is not registered. May sleep.
    ///
    /// If there is no memory for the message, or `fill` fails, the sockets of the listeners report
    /// `ENOBUFS`: they have lost a message.
    pub(crate) fn multicast(
        &'static self,
        net: &Net,
        group: u32,
        command: u8,
        _rtnl: &Rtnl,
        fill: impl FnOnce(&mut GenlMsg<'_>) -> Result,
    ) {
        if !self.registered.load(Relaxed) {
            return;
        }
        // SAFETY: The family is registered and stays so while the RTNL is held. The function checks
        // the group: it warns about one that the family does not have, and returns an error.
        let listeners = unsafe { bindings::genl_has_listeners(self.as_ptr(), net.as_ptr(), group) };
        if listeners <= 0 {
            return;
        }
        match self.build(0, 0, command, fill) {
            Ok(skb) => {
                // Ignore errors: either no listener is left, or the function has already set the
                // errors of the sockets that did not get the message.
                //
                // SAFETY: As above. The function takes over the message, which is complete: the
                // family has the group.
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
                // SAFETY: As above.
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
            // From now on `multicast`, which needs the RTNL, does not use the groups.
            let _rtnl = rtnl::lock();
            self.0.registered.store(false, Relaxed);
        }
        // SAFETY: By the type invariant the family is registered.
        unsafe { bindings::genl_unregister_family(self.0.as_ptr()) };
    }
}

/// The permission that an operation requires: the flags of `struct genl_split_ops`.
#[derive(Clone, Copy)]
pub(crate) enum OpFlags {
    /// No permission is required.
    None,
    /// `GENL_ADMIN_PERM`: `CAP_NET_ADMIN` over the initial user namespace.
    AdminPerm,
    /// `GENL_UNS_ADMIN_PERM`: `CAP_NET_ADMIN` over the network namespace of the socket.
    UnsAdminPerm,
}

impl OpFlags {
    const fn bits(self) -> u32 {
        match self {
            Self::None => 0,
            Self::AdminPerm => bindings::GENL_ADMIN_PERM,
            Self::UnsAdminPerm => bindings::GENL_UNS_ADMIN_PERM,
        }
    }
}

/// An operation that changes or returns one object.
pub(crate) trait Doit: 'static {
    /// The policy of the attributes, indexed by their numbers.
    const POLICY: &'static [Policy];

    /// Handles a request. May sleep. Several calls may run in parallel.
    ///
    /// # Errors
    ///
    /// Returned to the sender of the request, together with the [`ExtAck`] of the request.
    fn doit(info: &GenlInfo<'_>) -> Result;
}

/// An operation that returns all objects: a dump.
pub(crate) trait Dumpit: 'static {
    /// The policy of the attributes, indexed by their numbers.
    const POLICY: &'static [Policy];

    /// Returns the family of the messages.
    fn family() -> &'static Family;

    /// The position at which a dump continues in the next buffer. It is zero when the dump starts,
    /// and may have any bit pattern.
    type Position: Zeroable + Copy;

    /// Fills one buffer. May sleep. Several dumps may run in parallel.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: the buffer is full. The core calls the function again with another buffer and
    ///   the same `position`.
    /// - Other errors are returned to the sender of the request, as for [`Doit::doit`].
    fn dumpit(info: &GenlInfo<'_>, position: &mut Self::Position, dump: &mut Dump<'_>) -> Result;
}

/// An operation of a family: `struct genl_split_ops`.
#[repr(transparent)]
pub(crate) struct SplitOp(bindings::genl_split_ops);

// SAFETY: An operation is never written, and its pointers are to static data.
unsafe impl Sync for SplitOp {}

impl SplitOp {
    const fn split_op(
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

    /// Creates an operation with a `doit` callback.
    pub(crate) const fn doit<H: Doit>(number: u8, permission: OpFlags) -> Self {
        let flags = bindings::GENL_CMD_CAP_DO | permission.bits();
        let mut ops = Self::split_op(number, flags, H::POLICY);
        ops.__bindgen_anon_1.__bindgen_anon_1 =
            bindings::genl_split_ops__bindgen_ty_1__bindgen_ty_1 {
                pre_doit: None,
                doit: Some(doit::<H>),
                post_doit: None,
            };
        Self(ops)
    }

    /// Creates an operation with a `dumpit` callback. If the same command also has a `doit`
    /// callback, that one must be first in the table of the family.
    pub(crate) const fn dumpit<D: Dumpit>(number: u8, permission: OpFlags) -> Self {
        const {
            assert!(size_of::<D::Position>() <= size_of::<[u8; 48]>());
            assert!(align_of::<D::Position>() <= align_of::<u64>());
        }
        let flags = bindings::GENL_CMD_CAP_DUMP | permission.bits();
        let mut ops = Self::split_op(number, flags, D::POLICY);
        ops.__bindgen_anon_1.__bindgen_anon_2 =
            bindings::genl_split_ops__bindgen_ty_1__bindgen_ty_2 {
                start: None,
                dumpit: Some(dumpit::<D>),
                done: None,
            };
        Self(ops)
    }
}

/// Returns the highest attribute number of a policy table.
const fn last(policy: &[Policy]) -> u16 {
    policy.len().saturating_sub(1) as u16
}

/// # Safety
///
/// The core calls it with a request whose attributes it has validated with the policy of `H`.
unsafe extern "C" fn doit<H: Doit>(
    skb: *mut bindings::sk_buff,
    info: *mut bindings::genl_info,
) -> c_int {
    from_result(|| {
        let skb = NonNull::new(skb).ok_or(EINVAL)?;
        let info = NonNull::new(info).ok_or(EINVAL)?;
        // SAFETY: The core has validated the attributes with this policy. The request is valid
        // during the call.
        let request = unsafe { GenlInfo::from_raw(skb, info, last(H::POLICY)) };
        H::doit(&request)?;
        Ok(0)
    })
}

/// # Safety
///
/// The core calls it with a buffer to fill, and with the state of a dump. It has validated the
/// attributes of the request of the dump with the policy of `D`.
unsafe extern "C" fn dumpit<D: Dumpit>(
    skb: *mut bindings::sk_buff,
    callback: *mut bindings::netlink_callback,
) -> c_int {
    from_result(|| {
        let skb = NonNull::new(skb).ok_or(EINVAL)?;
        let state = NonNull::new(callback).ok_or(EINVAL)?;
        // SAFETY:
        // - The state is valid. So are its pointers to the request, which the core keeps until the
        //   dump is done, and which it has validated with this policy.
        // - `Dumpit::Position` fits the space for the position, as `SplitOp::dumpit` asserts.
        let (request, address, command, position) = unsafe {
            let info = bindings::muennet_genl_dump_info(callback).cast_mut();
            let asked = NonNull::new((*callback).skb).ok_or(EINVAL)?;
            let info = NonNull::new(info).ok_or(EINVAL)?;
            let address = ((*info.as_ptr()).snd_portid, (*info.as_ptr()).snd_seq);
            let command = (*(*info.as_ptr()).genlhdr).cmd;
            // The bytes are zero at the start of the dump and aligned for a `long`. The core does
            // not change them.
            let position = &mut *(&raw mut (*callback).__bindgen_anon_1).cast::<D::Position>();
            (
                GenlInfo::from_raw(asked, info, last(D::POLICY)),
                address,
                command,
                position,
            )
        };
        // SAFETY: The buffer is valid and exclusive for this call. The core does not access the
        // sequence numbers of the state meanwhile, and the position does not overlap with them.
        let mut dump = unsafe { Dump::from_raw(skb, state, address, D::family(), command) };
        D::dumpit(&request, position, &mut dump)?;
        Ok(0)
    })
}

/// A request: `struct genl_info`. For a dump, the request that started it.
///
/// # Invariants
///
/// All pointers are valid for `'a`. The table of attributes is null, or has an entry for each
/// number up to `last`.
pub(crate) struct GenlInfo<'a> {
    skb: NonNull<bindings::sk_buff>,
    info: NonNull<bindings::genl_info>,
    last: u16,
    extack: ExtAck<'a>,
}

impl<'a> GenlInfo<'a> {
    /// Wraps the C pointers of a request.
    ///
    /// # Safety
    ///
    /// `skb` and `info` must be those of a request that the core has validated with a policy for
    /// the attributes up to `last`, and be valid for `'a`.
    unsafe fn from_raw(
        skb: NonNull<bindings::sk_buff>,
        info: NonNull<bindings::genl_info>,
        last: u16,
    ) -> Self {
        // INVARIANT: The caller guarantees valid pointers, and a table of attributes up to `last`.
        Self {
            skb,
            info,
            last,
            // SAFETY: The extended acknowledgment is null or belongs to the request, and the core
            // does not use it meanwhile.
            extack: unsafe { ExtAck::from_raw((*info.as_ptr()).extack) },
        }
    }

    fn info(&self) -> &bindings::genl_info {
        // SAFETY: By the type invariant the pointer is valid.
        unsafe { self.info.as_ref() }
    }

    /// Returns the extended acknowledgment of the request.
    pub(crate) fn extack(&self) -> &ExtAck<'a> {
        &self.extack
    }

    /// Returns the network namespace of the socket that sent the request: `genl_info_net()`.
    pub(crate) fn net(&self) -> &Net {
        // SAFETY: By the type invariant the pointer is valid. The socket holds a reference to the
        // namespace.
        unsafe { Net::from_raw(bindings::muennet_genl_net(self.info.as_ptr())) }
    }

    /// Returns whether the sender of the request has `CAP_NET_ADMIN` over the user namespace that
    /// owns `net`, and the task that opened the socket had it, too: `netlink_ns_capable()`.
    pub(crate) fn has_net_admin(&self, net: &Net) -> bool {
        // SAFETY: By the type invariant `skb` is the message of a request. The namespace is valid.
        unsafe {
            bindings::muennet_genl_capable_over(
                self.skb.as_ptr(),
                net.as_ptr(),
                bindings::CAP_NET_ADMIN as i32,
            )
        }
    }

    /// Returns an attribute of the request, if it is present.
    pub(crate) fn attr(&self, number: u16) -> Option<Attribute<'_>> {
        let attributes = self.info().attrs;
        if number > self.last || attributes.is_null() {
            return None;
        }
        // SAFETY: By the type invariant the table has an entry for the number.
        let ptr = NonNull::new(unsafe { *attributes.add(usize::from(number)) })?;
        // INVARIANT: The core has validated the attributes of the request, which nothing writes.
        Some(Attribute {
            ptr,
            _life: PhantomData,
        })
    }

    /// Returns a required attribute of the request. If it is missing, sets the error text, which
    /// contains `name`, and the missing attribute.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the attribute is missing.
    pub(crate) fn require_attr(&self, number: u16, name: &str) -> Result<Attribute<'_>> {
        self.attr(number).ok_or_else(|| {
            self.extack.set_miss_type(number);
            self.extack.set_err_msg(fmt!("the request has no {name}"));
            EINVAL
        })
    }

    /// Sets the error text and the bad attribute, and returns `error`: `NL_SET_ERR_MSG_ATTR_FMT()`.
    pub(crate) fn err_attr(
        &self,
        attribute: Attribute<'_>,
        error: Error,
        args: fmt::Arguments<'_>,
    ) -> Error {
        self.extack.set_bad_attr(attribute);
        self.extack.set_err_msg(args);
        error
    }

    /// Replies to the request with one message: `genlmsg_reply()`. May sleep.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory.
    /// - The errors of `fill` and of `genlmsg_reply()`.
    pub(crate) fn reply(
        &self,
        family: &'static Family,
        command: u8,
        fill: impl FnOnce(&mut GenlMsg<'_>) -> Result,
    ) -> Result {
        let info = self.info();
        let skb = family.build(info.snd_portid, info.snd_seq, command, fill)?;
        // SAFETY: The function takes over the message, which is complete. By the type invariant the
        // pointer to the request is valid.
        to_result(unsafe { bindings::muennet_genl_reply(skb.into_raw(), self.info.as_ptr()) })
    }
}

/// A message under construction.
///
/// # Invariants
///
/// `skb` is a buffer that is valid and exclusive for `'a`. This message is the last one in it.
pub(crate) struct GenlMsg<'a> {
    skb: NonNull<bindings::sk_buff>,
    _life: PhantomData<&'a mut bindings::sk_buff>,
}

impl GenlMsg<'_> {
    /// Appends a message to a buffer. `dump` is the state of the dump that it belongs to, if any.
    /// `address` is the port ID of the receiver and the sequence number of its request.
    ///
    /// The message is complete if this succeeds. Otherwise the buffer is unchanged.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: the buffer is full.
    /// - The errors of `fill`.
    ///
    /// # Safety
    ///
    /// `skb` must be a valid buffer, and `dump` the valid state of a dump, if any. Nothing else may
    /// use them meanwhile.
    unsafe fn build(
        skb: NonNull<bindings::sk_buff>,
        family: &'static Family,
        address: (u32, u32),
        dump: Option<NonNull<bindings::netlink_callback>>,
        command: u8,
        fill: impl FnOnce(&mut GenlMsg<'_>) -> Result,
    ) -> Result {
        let (port, sequence) = address;
        let flags = dump.map_or(0, |_| bindings::NLM_F_MULTI as c_int);
        // SAFETY: The caller guarantees a valid buffer. The family is static.
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
        // INVARIANT: The caller guarantees a valid and exclusive buffer. The message was just
        // begun.
        let mut message = GenlMsg {
            skb,
            _life: PhantomData,
        };
        let filled = fill(&mut message);
        if let (Ok(()), Some(dump)) = (&filled, dump) {
            // SAFETY: The caller guarantees a valid state. The header is that of a message in the
            // buffer, and follows its netlink header.
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

    /// Puts an attribute into the message: `nla_put()`.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: the buffer is full.
    pub(crate) fn put(&mut self, number: u16, payload: &[u8]) -> Result {
        let length = c_int::try_from(payload.len())?;
        // SAFETY: By the type invariant the buffer is valid. The payload is `length` bytes long.
        to_result(unsafe {
            bindings::nla_put(
                self.skb.as_ptr(),
                c_int::from(number),
                length,
                payload.as_ptr().cast(),
            )
        })
    }

    /// Puts a `u32` attribute into the message: `nla_put_u32()`.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: the buffer is full.
    pub(crate) fn put_u32(&mut self, number: u16, value: u32) -> Result {
        self.put(number, &value.to_ne_bytes())
    }

    /// Puts an `s32` attribute into the message: `nla_put_s32()`.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: the buffer is full.
    pub(crate) fn put_s32(&mut self, number: u16, value: i32) -> Result {
        self.put(number, &value.to_ne_bytes())
    }

    /// Puts a `uint` attribute into the message: 32 bits if the value fits, otherwise 64 bits.
    /// `nla_put_uint()`.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: the buffer is full.
    pub(crate) fn put_uint(&mut self, number: u16, value: u64) -> Result {
        match u32::try_from(value) {
            Ok(value) => self.put_u32(number, value),
            Err(_) => self.put(number, &value.to_ne_bytes()),
        }
    }

    /// Puts a string attribute into the message: `nla_put_string()`.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: the buffer is full.
    pub(crate) fn put_string(&mut self, number: u16, value: &CStr) -> Result {
        self.put(number, value.to_bytes_with_nul())
    }

    /// Puts a string attribute into the message. `value` has no NUL and at most 127 bytes.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: `value` is longer than 127 bytes, or the buffer is full.
    pub(crate) fn put_bytes(&mut self, number: u16, value: &[u8]) -> Result {
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

    /// Puts a flag attribute into the message: `nla_put_flag()`.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: the buffer is full.
    pub(crate) fn put_flag(&mut self, number: u16) -> Result {
        self.put(number, &[])
    }

    /// Puts an attribute into the message that nests the attributes of `fill`: `nla_nest_start()`
    /// and `nla_nest_end()`.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: the buffer is full.
    /// - The errors of `fill`. The caller must not send the message then.
    pub(crate) fn put_nest(
        &mut self,
        number: u16,
        fill: impl FnOnce(&mut GenlMsg<'_>) -> Result,
    ) -> Result {
        // SAFETY: By the type invariant the buffer is valid.
        let start = unsafe { bindings::muennet_nest_start(self.skb.as_ptr(), c_int::from(number)) };
        let start = NonNull::new(start).ok_or(EMSGSIZE)?;
        fill(self)?;
        // SAFETY: The nest was started in this buffer, and everything put since then belongs to it.
        unsafe { bindings::muennet_nest_end(self.skb.as_ptr(), start.as_ptr()) };
        Ok(())
    }
}

/// A dump in progress, with the buffer to fill: `struct netlink_callback`.
///
/// # Invariants
///
/// Both pointers are valid for `'a`. Nothing else uses the buffer, or the sequence numbers `seq`
/// and `prev_seq`.
pub(crate) struct Dump<'a> {
    skb: NonNull<bindings::sk_buff>,
    callback: NonNull<bindings::netlink_callback>,
    address: (u32, u32),
    family: &'static Family,
    command: u8,
    _life: PhantomData<&'a mut bindings::sk_buff>,
}

impl Dump<'_> {
    /// Wraps the C pointers of a dump.
    ///
    /// # Safety
    ///
    /// `callback` must be the state of a dump and `skb` the buffer to fill, both valid for the
    /// lifetime of the returned value. Meanwhile nothing else may use the buffer, or the sequence
    /// numbers `seq` and `prev_seq`.
    unsafe fn from_raw(
        skb: NonNull<bindings::sk_buff>,
        callback: NonNull<bindings::netlink_callback>,
        address: (u32, u32),
        family: &'static Family,
        command: u8,
    ) -> Self {
        // INVARIANT: The caller guarantees valid pointers, and exclusive access.
        Self {
            skb,
            callback,
            address,
            family,
            command,
            _life: PhantomData,
        }
    }

    /// Sets the dump sequence: `cb->seq`, the generation of the objects in this buffer. If it
    /// differs from that of the previous buffer, the core sets `NLM_F_DUMP_INTR` in the messages:
    /// the dump is inconsistent.
    pub(crate) fn set_seq(&mut self, generation: NonZero<u32>) {
        // SAFETY: By the type invariant the state of the dump is valid, and nothing else uses the
        // sequence number.
        unsafe { (&raw mut (*self.callback.as_ptr()).seq).write(generation.get()) };
    }

    /// Adds a message for an object.
    ///
    /// # Errors
    ///
    /// - `EMSGSIZE`: the buffer is full. Return this error, and continue with the same object in
    ///   the next call of [`Dumpit::dumpit`].
    /// - The errors of `fill`.
    pub(crate) fn put_msg(&mut self, fill: impl FnOnce(&mut GenlMsg<'_>) -> Result) -> Result {
        // SAFETY: By the type invariant both pointers are valid, and nothing else uses the buffer
        // or the sequence numbers, which are all that the function uses of the state.
        unsafe {
            GenlMsg::build(
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
