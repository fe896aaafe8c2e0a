// SPDX-License-Identifier: GPL-2.0

//! NAPI: reception by polling, in softirqs.
//!
//! Every [`Device`] has one NAPI instance, which its registration adds and removes and which is
//! enabled while the device is up; see [`netdevice`] for the order.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)
//!
//! [`Device`]: super::netdevice::Device
//! [`netdevice`]: super::netdevice

use super::{
    bindings,
    ethernet,
    mapping::Mapping,
    netdevice::NetDevice,
    skbuff::{
        CompleteSkBuff,
        NewSkBuff,
        OFFLOADS_SIZE, //
    }, //
};
use core::{
    cell::Cell,
    ptr::NonNull, //
};
use kernel::{
    error::code::EINVAL,
    error::Result,
    ffi::c_int,
    types::Opaque, //
};

mod rest;

pub(super) use self::rest::rest;

/// The layer 3 protocol of a received packet, as `ETH_P_*`.
#[derive(Clone, Copy)]
pub(crate) enum Protocol {
    /// Internet Protocol version 4.
    Ipv4,
    /// Internet Protocol version 6.
    Ipv6,
    /// None: only packet sockets take the packet.
    Unknown,
}

impl Protocol {
    fn as_be16(self) -> u16 {
        match self {
            Self::Ipv4 => bindings::ETH_P_IP as u16,
            Self::Ipv6 => bindings::ETH_P_IPV6 as u16,
            Self::Unknown => 0,
        }
        .to_be()
    }
}

/// A NAPI instance: `struct napi_struct`.
///
/// # Invariants
///
/// The instance has been added to a network device, and is removed only when that is freed.
#[repr(transparent)]
pub(crate) struct Napi(Opaque<bindings::napi_struct>);

// SAFETY: The methods are those that any context may call; C's atomic bits serialise them.
unsafe impl Sync for Napi {}

// SAFETY: A NAPI instance is not tied to a task.
unsafe impl Send for Napi {}

impl Napi {
    #[inline]
    pub(super) fn as_ptr(&self) -> *mut bindings::napi_struct {
        self.0.get()
    }

    /// Adds an instance to a device.
    ///
    /// # Safety
    ///
    /// - `dev` must be a valid device that is not registered yet.
    /// - `slot` must be zeroed memory that lives as long as `dev` and does not move.
    /// - `poll` must be callable for as long as `dev` lives.
    pub(super) unsafe fn add(
        slot: *mut Self,
        dev: *mut bindings::net_device,
        poll: unsafe extern "C" fn(*mut bindings::napi_struct, c_int) -> c_int,
    ) {
        // INVARIANT: The instance is added; `free_netdev()` removes it.
        // SAFETY: As the caller promises; the wrapper is transparent.
        unsafe { bindings::muennet_napi_add(dev, slot.cast(), Some(poll)) }
    }

    /// Lets the instance be scheduled.
    ///
    /// # Safety
    ///
    /// The instance must be disabled, and the caller its device's `ndo_open`.
    pub(super) unsafe fn enable(&self) {
        // SAFETY: By the type invariant the instance is valid; it is disabled as promised.
        unsafe { bindings::napi_enable(self.as_ptr()) }
    }

    /// Waits for a poll in progress and keeps others from starting.
    ///
    /// # Safety
    ///
    /// The instance must be enabled, and the caller its device's `ndo_stop`.
    pub(super) unsafe fn disable(&self) {
        // SAFETY: By the type invariant the instance is valid; it is enabled as promised.
        unsafe { bindings::napi_disable(self.as_ptr()) }
    }

    /// Says which interrupt schedules the instance: `napi-get` of the netlink family `netdev` shows
    /// it.
    ///
    /// # Safety
    ///
    /// The instance's device must not be registered yet.
    pub(super) unsafe fn set_irq(&self, irq: u32) {
        // SAFETY: By the type invariant the instance is valid, and nobody else knows its device.
        unsafe { bindings::netif_napi_set_irq_locked(self.as_ptr(), irq as c_int) }
    }

    /// Says whether the instance serves the receive queue of its device: `queue-get` of the netlink
    /// family `netdev` shows it.
    ///
    /// # Safety
    ///
    /// The instance's device must be going up or down, with the RTNL held.
    pub(super) unsafe fn set_serving(&self, serving: bool) {
        let napi = match serving {
            true => self.as_ptr(),
            false => core::ptr::null_mut(),
        };
        // SAFETY: By the type invariant the instance is valid, and so is its device, which has one
        // receive queue.
        unsafe {
            bindings::netif_queue_set_napi(
                (*self.as_ptr()).dev,
                0,
                bindings::netdev_queue_type_NETDEV_QUEUE_TYPE_RX,
                napi,
            )
        }
    }

    /// Ends polling, after `work` packets. Returns whether it has ended, rather than being asked
    /// for again meanwhile.
    ///
    /// # Safety
    ///
    /// The caller must be the instance's poll function, with `work` below its budget.
    pub(super) unsafe fn complete(&self, work: c_int) -> bool {
        // SAFETY: As the caller promises.
        unsafe { bindings::napi_complete_done(self.as_ptr(), work) }
    }

    /// Asks for a poll. Nothing happens where one is due or under way already, also by a thread or a
    /// socket that polls all the time, or while the device is down. Returns whether it was news.
    #[inline]
    pub(crate) fn schedule(&self) -> bool {
        self.schedule_with(|| ())
    }

    /// The same; `first` is called where a poll was not due yet, before it can run.
    #[inline]
    pub(crate) fn schedule_with(&self, first: impl FnOnce()) -> bool {
        // SAFETY: By the type invariant the instance is valid.
        let new = unsafe { bindings::napi_schedule_prep(self.as_ptr()) };
        if new {
            first();
            // SAFETY: `napi_schedule_prep()` gave the permission.
            unsafe { bindings::__napi_schedule(self.as_ptr()) };
        }
        new
    }
}

/// What a poll came to.
#[derive(Clone, Copy)]
pub(crate) enum Polled {
    /// The budget is used up, or more is known to be there: poll again soon.
    Again,
    /// This many packets were handled and there are no more.
    Done(usize),
}

/// One poll in progress: what may be done only there.
pub(crate) struct Poll<'a> {
    napi: &'a Napi,
    budget: usize,
    /// Whether GRO may hold packets of other devices.
    foreign: Cell<bool>,
}

impl<'a> Poll<'a> {
    /// Starts a poll.
    ///
    /// # Safety
    ///
    /// The caller must be the poll function of `napi`, called by the networking core, and the
    /// value must not outlive the call.
    #[inline]
    pub(super) unsafe fn new(napi: &'a Napi, budget: c_int) -> Self {
        Self {
            napi,
            budget: usize::try_from(budget).unwrap_or(0),
            foreign: Cell::new(false),
        }
    }

    /// How many packets this poll may handle. Zero: none, it is netpoll that asks to clean up.
    #[inline]
    pub(crate) fn budget(&self) -> usize {
        self.budget
    }

    /// Makes a packet of `length` bytes copied out of a mapping, from `offset` on, in one copy.
    /// `sum`: the packet's checksums are checked by it, if the device is to do that. `None`: there
    /// is no memory, or the bytes do not lie in the mapping.
    #[inline]
    pub(crate) fn copy_skb(
        &self,
        from: &Mapping,
        offset: usize,
        length: usize,
        sum: bool,
    ) -> Option<NewSkBuff> {
        let source = from.source(offset, length)?.as_ptr();
        let count = u32::try_from(length).ok()?;
        // SAFETY:
        // - The instance is valid and this is its poll, where softirqs are off.
        // - `source` has as many bytes. They may change: C's `memcpy()` and the assembly that sums
        //   up load each of them once, and nothing is assumed of what they load.
        let skb = unsafe {
            bindings::muennet_skb_copy_new(self.napi.as_ptr(), source.cast(), count, sum)
        };
        // SAFETY: The packet has just been made.
        Some(unsafe { NewSkBuff::from_raw(NonNull::new(skb)?) })
    }

    /// Hands up an Ethernet frame, through GRO. Returns whether it has a header; if not, it is
    /// dropped.
    #[inline]
    pub(crate) fn receive_frame(&self, skb: NewSkBuff) -> bool {
        if skb.data().len() < ethernet::HEADER_SIZE {
            return false;
        }
        // SAFETY: The instance is valid and this is its poll; the packet is given away. Its linear
        // part has a header.
        unsafe { bindings::muennet_skb_receive_frame(self.napi.as_ptr(), skb.into_raw()) };
        true
    }

    /// Hands up a packet that begins with its layer 3 header, through GRO.
    #[inline]
    pub(crate) fn receive(&self, skb: NewSkBuff, mark: u32, protocol: Protocol) {
        // SAFETY: The instance was added to a device, which is valid as long.
        let dev = unsafe { (*self.napi.as_ptr()).dev };
        // SAFETY: The device is valid, and the instance's own.
        unsafe { self.receive_by(dev, skb, mark, protocol) }
    }

    /// Hands up a packet that begins with its layer 3 header, through GRO, as if another device had
    /// received it. That one is up, or was so since the poll began.
    #[inline]
    pub(crate) fn receive_for(
        &self,
        dev: &NetDevice,
        skb: NewSkBuff,
        mark: u32,
        protocol: Protocol,
    ) {
        self.foreign.set(true);
        // SAFETY: The device is valid now. GRO gives the packet up at the end of the poll at the
        // latest, which is one RCU read-side section (softirqs are off), and a device that is
        // unregistered lives until such sections have ended.
        unsafe { self.receive_by(dev.as_ptr(), skb, mark, protocol) }
    }

    /// Hands up a packet.
    ///
    /// # Safety
    ///
    /// `dev` must be valid for as long as the packet is with GRO.
    #[inline]
    unsafe fn receive_by(
        &self,
        dev: *mut bindings::net_device,
        skb: NewSkBuff,
        mark: u32,
        protocol: Protocol,
    ) {
        // SAFETY: The instance is valid and this is its poll; the packet is given away. The device
        // is valid as the caller promises.
        unsafe {
            bindings::muennet_skb_receive(
                self.napi.as_ptr(),
                skb.into_raw(),
                dev,
                mark,
                protocol.as_be16(),
            )
        }
    }

    /// Hands up a large packet that begins with its layer 3 header, through GRO: by the device of
    /// the poll, or as [`receive_for`](Self::receive_for) does by another one. `offloads` is the
    /// peer's `struct virtio_net_hdr` for it, in little-endian order.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the offloads do not fit the packet, which is dropped.
    pub(crate) fn receive_large(
        &self,
        port: Option<&NetDevice>,
        skb: CompleteSkBuff,
        mark: u32,
        protocol: Protocol,
        offloads: &[u8; OFFLOADS_SIZE],
    ) -> Result {
        let dev = match port {
            Some(dev) => {
                self.foreign.set(true);
                dev.as_ptr()
            }
            // SAFETY: The instance was added to a device, which is valid as long.
            None => unsafe { (*self.napi.as_ptr()).dev },
        };
        // SAFETY:
        // - The instance is valid and this is its poll; the packet is given away.
        // - The device is the instance's own, or lives as long as GRO has the packet: see
        //   `receive_for()`.
        // - `offloads` has the bytes of a `struct virtio_net_hdr`, which the function
        //   copies.
        let fits = unsafe {
            bindings::muennet_skb_receive_large(
                self.napi.as_ptr(),
                skb.into_raw(),
                dev,
                mark,
                protocol.as_be16(),
                offloads.as_ptr().cast(),
            )
        };
        fits.then_some(()).ok_or(EINVAL)
    }

    /// Ends what the poll itself has begun, before NAPI is told that it is done.
    #[inline]
    pub(super) fn finish(&self) {
        if self.foreign.take() {
            // GRO may keep packets beyond a poll for the sake of this device, whose removal waits
            // for them; the removal of another device would not.
            // SAFETY: The instance is valid and this is its poll.
            unsafe { bindings::muennet_napi_gro_flush(self.napi.as_ptr()) }
        }
    }
}
