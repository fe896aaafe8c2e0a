// SPDX-License-Identifier: GPL-2.0

//! NAPI: reception by polling in softirqs.
//!
//! A driver whose devices use NAPI sets [`Operations::Receive`] to [`Context`] and implements
//! [`NapiOperations`]. The instance is added with the device and removed with it, and enabled while
//! the device is up. A timer of the driver, started in [`NapiOperations::start_polling`], schedules
//! it, or an interrupt of the device, which is masked while NAPI polls:
//!
//! ```text
//!   ndo_open():  open, napi_enable(), carrier, start_polling, interrupt on, first poll
//!   ndo_stop():  interrupt off, stop_polling, napi_disable(), carrier off, stop
//! ```
//!
//! `poll` runs only between `open` and `stop`, on one CPU at a time.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use super::{
    bindings,
    ethernet,
    irq::{
        self,
        Irq, //
    },
    mapping::Mapping,
    netdevice::{
        Device,
        NetDevice,
        Operations,
        Receive, //
    },
    skbuff::{
        FilledFragSkBuff,
        RxSkBuff,
        VNET_HDR_SIZE, //
    }, //
};
use core::{
    cell::Cell,
    marker::PhantomData,
    mem::offset_of,
    ptr::NonNull, //
};
use kernel::{
    ffi::{
        c_int,
        c_void, //
    },
    prelude::*,
    types::Opaque, //
};

mod complete;

use self::complete::complete_and_rearm;

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

/// The NAPI operations of a driver's devices.
pub(crate) trait NapiOperations: Operations<Receive = Context<Self>> {
    /// Returns whether NAPI serves the receive queue of the device: `queue-get` of the netlink
    /// family `netdev` shows it. May sleep.
    fn has_rx_queue(dev: &Device<Self>) -> bool;

    /// NAPI is enabled: it may be scheduled from now on. May sleep.
    fn start_polling(dev: &Device<Self>);

    /// NAPI is about to be disabled: it must not be scheduled any more when this returns. May
    /// sleep.
    fn stop_polling(dev: &Device<Self>);

    /// Receives at most [`Poll::budget`] packets. In a softirq, or a thread with softirqs off.
    fn poll(dev: &Device<Self>, poll: &Poll<'_>) -> PollResult;

    /// Returns whether there is something to receive. Called when NAPI has completed and the
    /// interrupt, if there is one, is unmasked: packets that arrived before that raised none.
    /// Softirqs are off. It may run beside the next [`Self::poll`], and beside
    /// [`Self::stop_polling`], `ndo_stop()` and what follows, as NAPI is no longer scheduled for
    /// this call.
    fn has_pending(dev: &Device<Self>) -> bool;

    /// The interrupt was raised; NAPI is scheduled already. In hard interrupt context, or in the
    /// thread of the interrupt (`threadirqs`, `CONFIG_PREEMPT_RT`).
    fn interrupt(dev: &Device<Self>);
}

/// The NAPI instance of a device, and the interrupt that schedules it, if there is one.
pub(crate) struct Context<T> {
    /// Dropped first: the handler uses the rest.
    irq: Option<irq::Registration>,
    /// Dropped second: its callback uses the NAPI instance.
    timer: Timer,
    napi: Napi,
    _data: PhantomData<fn(T)>,
}

/// A timer: `struct hrtimer`. Dropping it cancels it.
///
/// # Invariants
///
/// The timer is initialised, and does not move.
#[repr(transparent)]
struct Timer(Opaque<bindings::hrtimer>);

// SAFETY: The timer has locks of its own.
unsafe impl Sync for Timer {}

// SAFETY: A timer is not tied to a task.
unsafe impl Send for Timer {}

impl Timer {
    fn start(&self, us: u32) {
        // SAFETY: By the type invariant the timer is initialised.
        unsafe {
            bindings::hrtimer_start_range_ns(
                self.0.get(),
                i64::from(us) * i64::from(bindings::NSEC_PER_USEC),
                0,
                bindings::hrtimer_mode_HRTIMER_MODE_REL_HARD,
            );
        }
    }

    /// Cancels the timer, and waits for its callback.
    fn cancel(&self) {
        // SAFETY: By the type invariant the timer is initialised.
        unsafe { bindings::hrtimer_cancel(self.0.get()) };
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// A NAPI instance: `struct napi_struct`.
///
/// # Invariants
///
/// The instance has been added to a network device, and is removed only when that is freed.
#[repr(transparent)]
struct Napi(Opaque<bindings::napi_struct>);

// SAFETY: The methods may be called by any thread. The core serialises them with atomic bit
// operations.
unsafe impl Sync for Napi {}

// SAFETY: A NAPI instance is not tied to a task.
unsafe impl Send for Napi {}

impl Napi {
    #[inline]
    fn as_ptr(&self) -> *mut bindings::napi_struct {
        self.0.get()
    }

    /// Schedules the instance: `napi_schedule()`. `masking` is called before it can run. Does
    /// nothing while it is scheduled or being polled, also by a thread or a busy-polling socket,
    /// and while the device is down. Returns whether it was scheduled now.
    #[inline]
    fn schedule(&self, masking: impl FnOnce()) -> bool {
        // SAFETY: By the type invariant the instance is valid.
        let scheduled = unsafe { bindings::napi_schedule_prep(self.as_ptr()) };
        if scheduled {
            masking();
            // SAFETY: `napi_schedule_prep()` gave the permission.
            unsafe { bindings::__napi_schedule(self.as_ptr()) };
        }
        scheduled
    }

    /// Says whether the instance serves the receive queue of its device.
    ///
    /// # Safety
    ///
    /// The device must be going up or down, with the RTNL held.
    unsafe fn set_queue(&self, serves: bool) {
        let napi = match serves {
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
}

// SAFETY: `init` writes `irq`, sets up `timer`, and adds `napi`; the last field has no size.
unsafe impl<T: NapiOperations> Receive<T> for Context<T> {
    /// The interrupt that schedules NAPI.
    type Config = Option<Irq>;

    unsafe fn init(slot: *mut Self, dev: *mut bindings::net_device) {
        // INVARIANT: The instance is added; `free_netdev()` removes it.
        // SAFETY: The caller guarantees zeroed memory that lives as long as the device, which is
        // not registered.
        unsafe {
            (&raw mut (*slot).irq).write(None);
            let timer = (&raw mut (*slot).timer).cast();
            bindings::hrtimer_setup(
                timer,
                Some(Self::timer_expired),
                bindings::CLOCK_MONOTONIC as bindings::clockid_t,
                bindings::hrtimer_mode_HRTIMER_MODE_REL_HARD,
            );
            let napi = (&raw mut (*slot).napi).cast();
            bindings::muennet_napi_add(dev, napi, Some(Self::poll));
        }
    }

    /// # Errors
    ///
    /// - `EBUSY`: another driver has the interrupt.
    /// - `EINVAL`: there is no such interrupt.
    unsafe fn setup(
        slot: *mut Self,
        dev: *mut bindings::net_device,
        config: Option<Irq>,
    ) -> Result {
        let Some(irq) = config else {
            return Ok(());
        };
        let number = irq.number();
        // SAFETY:
        // - The device and its name outlive the request: the private area is dropped before.
        // - The handler accepts a device of `T`, whose private area is initialised.
        let request = unsafe {
            let name = (&raw const (*dev).name).cast();
            irq::Registration::request(irq, Self::interrupt, name, dev.cast())
        }?;
        // SAFETY: The slot is initialised. Nothing else uses it before the device is registered:
        // the interrupt is disabled.
        unsafe { (*slot).irq = Some(request) };
        // SAFETY: The instance has been added to the device, which is not registered.
        unsafe {
            let napi = (*slot).napi.as_ptr();
            bindings::netif_napi_set_irq_locked(napi, number as c_int);
        }
        Ok(())
    }

    unsafe fn enable(dev: &Device<T>) {
        let this = dev.receive();
        // SAFETY: NAPI is disabled while a device is down, and this is its `ndo_open()`.
        unsafe { bindings::napi_enable(this.napi.as_ptr()) };
        if T::has_rx_queue(dev) {
            // SAFETY: The device is going up, and the RTNL is held.
            unsafe { this.napi.set_queue(true) };
        }
    }

    unsafe fn start(dev: &Device<T>) {
        T::start_polling(dev);
        if let Some(irq) = &dev.receive().irq {
            // SAFETY: The interrupt is off while a device is down, and this is its `ndo_open()`.
            unsafe { irq.enable() };
        }
        // Receive what was written while the device was down: it raised no interrupt.
        dev.schedule_napi();
    }

    unsafe fn stop(dev: &Device<T>) {
        let this = dev.receive();
        if let Some(irq) = &this.irq {
            // SAFETY: The interrupt is on while a device is up, and this is its `ndo_stop()`.
            unsafe { irq.disable() };
        }
        T::stop_polling(dev);
        // SAFETY: NAPI is enabled while a device is up, and this is its `ndo_stop()`.
        unsafe { bindings::napi_disable(this.napi.as_ptr()) };
        this.timer.cancel();
        // SAFETY: The device is going down, and the RTNL is held.
        unsafe { this.napi.set_queue(false) };
        if let Some(irq) = &this.irq {
            // The core may have ended the last poll, and does not know of the mask.
            irq.unmask();
        }
    }
}

impl<T: NapiOperations> Context<T> {
    /// # Safety
    ///
    /// The core calls it with the NAPI instance of a device of this driver, which is up.
    unsafe extern "C" fn poll(napi: *mut bindings::napi_struct, budget: c_int) -> c_int {
        // SAFETY:
        // - The instance was added to a device of this driver.
        // - The device and its private area are valid until this returns. Until
        //   `napi_complete_done()` the device is up, because `ndo_stop()` waits in
        //   `napi_disable()`. After it, the rest of this function may run beside `ndo_stop()`, and
        //   beside the unregistration. But softirqs are off, also in a NAPI thread or a
        //   busy-polling socket. So this is an RCU read-side critical section, and the core waits
        //   for those before the private area is dropped.
        let dev = unsafe { Device::<T>::from_raw((*napi).dev) };
        let this = dev.receive();
        // SAFETY: This is the poll function of that instance.
        let poll = unsafe { Poll::new(&this.napi, budget) };
        if budget <= 0 {
            return 0;
        }
        let result = T::poll(dev, &poll);
        poll.flush_gro();
        match result {
            PollResult::Repoll => budget,
            PollResult::Complete(work) => {
                let work = c_int::try_from(work).unwrap_or(budget).min(budget - 1);
                // After the completion, another CPU may poll, or take the device down. The mask of
                // the interrupt and `NAPI_STATE_SCHED` are atomic flags. The latter is set while
                // the device is down, so that nothing is scheduled then.
                complete_and_rearm(
                    // SAFETY: This is the poll function, and `work` is below the budget.
                    || unsafe { bindings::napi_complete_done(napi, work) },
                    || {
                        if let Some(irq) = &this.irq {
                            irq.unmask();
                        }
                    },
                    || T::has_pending(dev),
                    || {
                        dev.schedule_napi();
                    },
                );
                work
            }
        }
    }

    /// # Safety
    ///
    /// The kernel calls it as the handler of an interrupt requested for a device of this driver.
    unsafe extern "C" fn interrupt(_irq: c_int, cookie: *mut c_void) -> bindings::irqreturn_t {
        // SAFETY: The cookie is a device of this driver, whose private area is initialised.
        let dev = unsafe { Device::<T>::from_raw(cookie.cast()) };
        dev.schedule_napi();
        T::interrupt(dev);
        bindings::irqreturn::IRQ_HANDLED
    }
}

impl<T: NapiOperations> Context<T> {
    /// # Safety
    ///
    /// The kernel calls it with the timer of a context.
    unsafe extern "C" fn timer_expired(timer: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
        // SAFETY: The timer is part of a context.
        let this = unsafe { timer.byte_sub(offset_of!(Self, timer)).cast::<Self>() };
        // SAFETY: The context is valid until the timer has been cancelled. Its instance was added
        // to a device of this driver.
        let dev = unsafe { Device::<T>::from_raw((*(*this).napi.as_ptr()).dev) };
        dev.schedule_napi();
        bindings::hrtimer_restart::HRTIMER_NORESTART
    }
}

impl<T: NapiOperations> Device<T> {
    /// Schedules NAPI after `us` microseconds. An earlier call that has not taken effect is
    /// replaced. If the device is down by then, nothing happens. Any context but that of the timer.
    pub(crate) fn schedule_napi_after(&self, us: u32) {
        self.receive().timer.start(us);
    }

    /// Schedules NAPI, and masks the interrupt of the device until the poll has completed. Returns
    /// whether it was scheduled now; see `napi_schedule()`. Any context.
    #[inline]
    pub(crate) fn schedule_napi(&self) -> bool {
        let this = self.receive();
        this.napi.schedule(|| {
            if let Some(irq) = &this.irq {
                irq.mask();
            }
        })
    }
}

/// The result of a poll.
#[derive(Clone, Copy)]
pub(crate) enum PollResult {
    /// The budget is used up, or there is more to receive: poll again.
    Repoll,
    /// This many packets were received, and there are no more.
    Complete(usize),
}

/// A device that may receive packets in a poll of another device: see [`Poll::receiver`].
///
/// # Invariants
///
/// The device was up at some time since the poll began, which has not ended.
#[derive(Clone, Copy)]
pub(crate) struct Receiver<'a>(&'a NetDevice);

/// A poll in progress. Its methods may be called only in a poll.
pub(crate) struct Poll<'a> {
    napi: &'a Napi,
    budget: usize,
    /// Whether GRO may hold packets of other devices, and must be flushed.
    needs_flush: Cell<bool>,
}

impl<'a> Poll<'a> {
    /// Starts a poll.
    ///
    /// # Safety
    ///
    /// The caller must be the poll function of `napi`, called by the networking core, and the
    /// value must not outlive the call.
    #[inline]
    unsafe fn new(napi: &'a Napi, budget: c_int) -> Self {
        Self {
            napi,
            budget: usize::try_from(budget).unwrap_or(0),
            needs_flush: Cell::new(false),
        }
    }

    /// Returns the maximum number of packets that this poll may receive, at least one: netpoll
    /// polls with a budget of zero, which does not call [`NapiOperations::poll`].
    #[inline]
    pub(crate) fn budget(&self) -> usize {
        self.budget
    }

    /// Allocates a packet and copies `length` bytes out of a mapping at `offset` into it. Each byte
    /// is read once.
    ///
    /// With `sum`, the copy also computes the sum of the bytes, which verifies the TCP or UDP
    /// checksum of the packet when it is passed to the stack, if the device has `NETIF_F_RXCSUM`.
    ///
    /// Returns `None` if there is no memory, or the mapping has less than `length` bytes at
    /// `offset`.
    #[inline]
    pub(crate) fn copy_skb(
        &self,
        from: &Mapping,
        offset: usize,
        length: usize,
        sum: bool,
    ) -> Option<RxSkBuff> {
        let source = from.span(offset, length)?.as_ptr();
        let count = u32::try_from(length).ok()?;
        // SAFETY:
        // - The instance is valid and this is its poll, where softirqs are off.
        // - `source` is valid for `count` bytes. They may change: `memcpy()` and the assembly that
        //   sums up load each byte once, and make no assumptions on its value.
        let skb = unsafe {
            bindings::muennet_skb_copy_new(self.napi.as_ptr(), source.cast(), count, sum)
        };
        // SAFETY: `muennet_skb_copy_new()` has just returned the packet.
        Some(unsafe { RxSkBuff::from_raw(NonNull::new(skb)?) })
    }

    /// Passes an Ethernet frame to the stack: `eth_type_trans()` and `napi_gro_receive()`. Drops a
    /// frame that is shorter than an Ethernet header, and returns `false`.
    #[inline]
    pub(crate) fn gro_receive_eth(&self, skb: RxSkBuff) -> bool {
        if skb.data().len() < ethernet::HEADER_SIZE {
            return false;
        }
        // SAFETY: The instance is valid and this is its poll. The function takes over the packet,
        // whose linear part contains the Ethernet header.
        unsafe { bindings::muennet_skb_receive_frame(self.napi.as_ptr(), skb.into_raw()) };
        true
    }

    /// Passes a packet that begins with its layer 3 header to the stack: `napi_gro_receive()`.
    #[inline]
    pub(crate) fn gro_receive(&self, skb: RxSkBuff, mark: u32, protocol: Protocol) {
        // SAFETY: The instance was added to a device, which is valid as long as the instance.
        let dev = unsafe { (*self.napi.as_ptr()).dev };
        // SAFETY: The device is that of the instance: it is valid while GRO holds the packet, as
        // its removal waits for GRO.
        unsafe { self.gro_receive_by(dev, skb, mark, protocol) }
    }

    /// Returns `dev` as the receiver of packets of this poll; [`None`] if it is down.
    #[inline]
    pub(crate) fn receiver<'p>(&'p self, dev: &'p NetDevice) -> Option<Receiver<'p>> {
        // INVARIANT: The device is up, and the receiver does not outlive the poll.
        dev.is_running().then_some(Receiver(dev))
    }

    /// Like [`gro_receive`](Self::gro_receive), for a packet that the device `dev` receives instead
    /// of the device of the poll.
    #[inline]
    pub(crate) fn gro_receive_on(
        &self,
        dev: Receiver<'_>,
        skb: RxSkBuff,
        mark: u32,
        protocol: Protocol,
    ) {
        self.needs_flush.set(true);
        // SAFETY: By the type invariant the device was up during this poll. GRO releases the packet
        // at the end of the poll at the latest, because of `needs_flush`. The poll is an RCU
        // read-side critical section (softirqs are off), and a device that goes down and is
        // unregistered is not freed before such sections have ended.
        unsafe { self.gro_receive_by(dev.0.as_ptr(), skb, mark, protocol) }
    }

    /// Passes a packet to the stack as one that `dev` received.
    ///
    /// # Safety
    ///
    /// `dev` must be valid as long as GRO holds the packet.
    #[inline]
    unsafe fn gro_receive_by(
        &self,
        dev: *mut bindings::net_device,
        skb: RxSkBuff,
        mark: u32,
        protocol: Protocol,
    ) {
        // SAFETY: The instance is valid and this is its poll. The function takes over the packet.
        // The caller guarantees that the device is valid as long as GRO holds the packet.
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

    /// Passes a large packet that begins with its layer 3 header to the stack:
    /// `napi_gro_receive()`. The receiving device is `dev`, as for
    /// [`gro_receive_on`](Self::gro_receive_on), or the device of the poll for `None`. `vnet_hdr`
    /// are the offloads of the packet: the little-endian `struct virtio_net_hdr` of the peer, which
    /// is not trusted.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: `vnet_hdr` is invalid for the packet, which is dropped.
    pub(crate) fn gro_receive_offload(
        &self,
        dev: Option<Receiver<'_>>,
        skb: FilledFragSkBuff,
        mark: u32,
        protocol: Protocol,
        vnet_hdr: &[u8; VNET_HDR_SIZE],
    ) -> Result {
        let dev = match dev {
            Some(dev) => {
                self.needs_flush.set(true);
                dev.0.as_ptr()
            }
            // SAFETY: The instance was added to a device, which is valid as long as the instance.
            None => unsafe { (*self.napi.as_ptr()).dev },
        };
        // SAFETY:
        // - The instance is valid and this is its poll. The function takes over the packet.
        // - The device is valid as long as GRO holds the packet, as in `gro_receive` and
        //   `gro_receive_on`.
        // - `vnet_hdr` has the size of a `struct virtio_net_hdr`, which the function copies.
        let fits = unsafe {
            bindings::muennet_skb_receive_offload(
                self.napi.as_ptr(),
                skb.into_raw(),
                dev,
                mark,
                protocol.as_be16(),
                vnet_hdr.as_ptr().cast(),
            )
        };
        fits.then_some(()).ok_or(EINVAL)
    }

    /// Flushes GRO if it may hold packets of other devices: `napi_gro_flush()`.
    #[inline]
    fn flush_gro(&self) {
        if self.needs_flush.take() {
            // GRO may hold packets after the poll. The removal of the device of the poll waits for
            // them, but the removal of another device does not.
            // SAFETY: The instance is valid and this is its poll.
            unsafe { bindings::muennet_napi_gro_flush(self.napi.as_ptr()) }
        }
    }
}
