// SPDX-License-Identifier: GPL-2.0

//! Network devices.
//!
//! A driver implements [`Operations`] for the data that it keeps for each device, and registers a
//! device by [`Registration::new`]. The device is down then; C calls the operations:
//!
//! ```text
//!               +-- open, (NAPI enabled), start <--+
//!               v                                  |
//!   new ---> [ up: transmit, poll ]            [ down ] ---> drop
//!               |                                  ^
//!               +-- quiesce, (NAPI disabled), close+
//! ```
//!
//! What schedules NAPI is a timer or the like of the driver's, started in `start` and stopped in
//! `quiesce`, or an interrupt line of the device's: then it is enabled with NAPI, masked while NAPI
//! polls, and disabled with it.
//!
//! `open`, `start`, `quiesce`, `close` and `change_mtu` are serialised by the RTNL. `poll` never
//! runs but between `open` and `close`, on one CPU at a time. `transmit` is not serialised, may
//! call itself by way of the stack (a packet that answers the one to be sent), and may be called
//! even while the device goes down: it must tell by its own state whether it can send. `stats` may
//! be called at any time.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use super::{
    bindings,
    ethernet,
    ethtool,
    fault,
    napi::{
        Napi,
        Poll,
        Polled, //
    },
    rtnl,
    skbuff::SkBuff,
    stats::LinkStats, //
};
use core::{
    any::TypeId,
    cell::UnsafeCell,
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::from_result,
    ffi::{
        c_int,
        c_void, //
    },
    fmt,
    prelude::*,
    sync::aref::AlwaysRefCounted,
    types::Opaque, //
};

mod any;
mod features;
mod folder;
mod irq;
mod kind;
mod notifier;
mod ops;
mod reboot;
mod registration;

use irq::IrqLine;

pub(crate) use any::{
    is_valid_name,
    NetDevice, //
};
pub(crate) use features::Link;
pub(crate) use folder::{
    Folder,
    Folders,
    Inspect, //
};
pub(crate) use irq::Irq;
pub(crate) use kind::{
    Kind,
    KindRegistration,
    Stacked, //
};
pub(crate) use notifier::{
    Event,
    Notifier,
    Watcher, //
};
pub(crate) use registration::{
    RegisterError,
    Registration, //
};

/// What a driver does for its devices; `Self` is the data that it keeps for one of them.
#[vtable]
pub(crate) trait Operations: Sized + Send + Sync + 'static {
    /// Gets ready for packets: the device goes up. May sleep.
    ///
    /// # Errors
    ///
    /// What is returned reaches who asked for it, and the device stays down.
    fn open(dev: &Device<Self>) -> Result;

    /// NAPI can be scheduled from now on. May sleep.
    fn start(dev: &Device<Self>);

    /// NAPI must not be scheduled any more: the device goes down. May sleep.
    fn quiesce(dev: &Device<Self>);

    /// No poll is running any more, and none will. May sleep.
    fn close(dev: &Device<Self>);

    /// Sends a packet, or drops it. `more`: another one follows at once. With softirqs off; never
    /// with interrupts off, for no device here can be polled by netconsole.
    fn transmit(dev: &Device<Self>, skb: SkBuff, more: bool);

    /// Whether packets are received by polls of the device's own. May sleep.
    fn receives(dev: &Device<Self>) -> bool;

    /// Receives packets, at most the budget of `poll`. In a softirq.
    fn poll(dev: &Device<Self>, poll: &Poll<'_>) -> Polled;

    /// NAPI has completed, and the interrupt, if the device has one, comes again: returns whether
    /// there is something to do already. In a softirq.
    fn rearmed(dev: &Device<Self>) -> bool;

    /// The interrupt came and has asked for a poll. In hard interrupt context.
    fn interrupted(dev: &Device<Self>);

    /// Adds the device's counters to `stats`.
    fn stats(dev: &Device<Self>, stats: &mut LinkStats);

    /// What `ethtool` shows of the driver's devices, if it shows anything.
    fn ethtool() -> Option<ethtool::Table<Self>> {
        None
    }

    /// Changes the MTU, which is within the range of the device's [`Link`], in bytes. May sleep.
    ///
    /// # Errors
    ///
    /// What is returned reaches who asked for it, and the MTU stays as it is.
    fn change_mtu(dev: &Device<Self>, mtu: u32) -> Result;
}

/// A network device of a driver: `struct net_device`.
///
/// # Invariants
///
/// The device was allocated by [`Registration::new`] with a [`Private<T>`] that is initialised.
/// Both live at least as long as a reference (`dev_hold()`) is held, and as the registration.
#[repr(transparent)]
pub(crate) struct Device<T: Operations> {
    inner: Opaque<bindings::net_device>,
    _data: PhantomData<T>,
}

// SAFETY: The methods are those that any context may call, and `T: Sync`.
unsafe impl<T: Operations> Sync for Device<T> {}

// SAFETY: A device is not tied to a task, and `T: Send`.
unsafe impl<T: Operations> Send for Device<T> {}

/// The driver's area behind `struct net_device`.
#[repr(C)]
struct Private<T> {
    /// The type of the data, for [`NetDevice::downcast`].
    data_type: Option<TypeId>,
    napi: Napi,
    data: T,
    irq: Option<IrqLine>,
    /// The folder in debugfs, if there is one; guarded by the RTNL.
    folder: UnsafeCell<*mut bindings::dentry>,
    /// What `ethtool` says of the link; guarded by the RTNL.
    link: UnsafeCell<ethtool::LinkSettings>,
}

impl<T: Operations> Device<T> {
    #[inline]
    fn as_ptr(&self) -> *mut bindings::net_device {
        self.inner.get()
    }

    /// Takes C's pointer for one of ours.
    ///
    /// # Safety
    ///
    /// `ptr` must be a device whose operations are `T`'s, as the type invariant wants it, and live
    /// as long as `'a`.
    #[inline]
    pub(super) unsafe fn from_raw<'a>(ptr: *mut bindings::net_device) -> &'a Self {
        // SAFETY: As the caller promises; the wrapper is transparent.
        unsafe { &*ptr.cast() }
    }

    /// The driver's area of a device.
    ///
    /// # Safety
    ///
    /// `dev` must have been allocated with room for a `Private<T>`.
    #[inline]
    unsafe fn private(dev: *mut bindings::net_device) -> *mut Private<T> {
        // SAFETY: The area is the end of the allocation that the caller promises.
        unsafe { (&raw mut (*dev).priv_).cast() }
    }

    /// The driver's data.
    #[inline]
    pub(crate) fn data(&self) -> &T {
        // SAFETY: By the type invariant the area is initialised; it is only shared from then on.
        unsafe { &(*Self::private(self.as_ptr())).data }
    }

    /// The device's NAPI instance.
    #[inline]
    pub(crate) fn napi(&self) -> &Napi {
        // SAFETY: As in `data`.
        unsafe { &(*Self::private(self.as_ptr())).napi }
    }

    /// The device's interrupt, if it has one.
    #[inline]
    fn irq(&self) -> Option<&IrqLine> {
        // SAFETY: As in `data`.
        unsafe { (*Self::private(self.as_ptr())).irq.as_ref() }
    }

    /// The MTU in bytes.
    #[inline]
    pub(crate) fn mtu(&self) -> u32 {
        // SAFETY: By the type invariant the device is valid; C reads and writes the field in one
        // access each.
        unsafe { (&raw const (*self.as_ptr()).mtu).read_volatile() }
    }

    /// Whether the device is up, or about to go up or down: `netif_running()`.
    #[inline]
    pub(crate) fn is_running(&self) -> bool {
        // SAFETY: By the type invariant the device is valid.
        unsafe { bindings::muennet_netif_running(self.as_ptr()) }
    }

    /// Says whether the device's link works, which the stack and its users see as the carrier and
    /// the operational state. It does at first, when the device has gone up. A full barrier. Any
    /// context.
    pub(crate) fn set_carrier(&self, on: bool) {
        // SAFETY: By the type invariant the device is valid; C's atomic bits serialise the calls.
        unsafe {
            if on {
                bindings::netif_carrier_on(self.as_ptr());
            } else {
                bindings::netif_carrier_off(self.as_ptr());
            }
        }
    }

    /// What `ethtool` says of the link. The RTNL guards it.
    pub(super) fn link_settings(&self) -> *mut ethtool::LinkSettings {
        // SAFETY: By the type invariant the device has an initialised area.
        unsafe { (*Self::private(self.as_ptr())).link.get() }
    }

    /// Logs a line about the device; used by [`netdev_info!`].
    pub(crate) fn info(&self, args: fmt::Arguments<'_>) {
        // SAFETY: The device is valid, and `%pA` takes a pointer to `fmt::Arguments`.
        unsafe {
            bindings::netdev_info(
                self.as_ptr(),
                c"%pA".as_char_ptr(),
                (&raw const args).cast::<c_void>(),
            )
        }
    }

    /// Logs a warning about the device, unless there were many of late: what it tells may be a
    /// peer's doing. Used by [`netdev_warn_ratelimited!`].
    pub(crate) fn warn_ratelimited(&self, args: fmt::Arguments<'_>) {
        // SAFETY: The function may be called from any context.
        if unsafe { bindings::net_ratelimit() } == 0 {
            return;
        }
        // SAFETY: As in `info`.
        unsafe {
            bindings::netdev_warn(
                self.as_ptr(),
                c"%pA".as_char_ptr(),
                (&raw const args).cast::<c_void>(),
            )
        }
    }
}

/// Logs a line about a device, as C's `netdev_info()`.
macro_rules! netdev_info {
    ($dev:expr, $($arg:tt)+) => {
        $dev.info(kernel::prelude::fmt!($($arg)+))
    };
}
pub(crate) use netdev_info;

/// Logs a warning about a device, as C's `netdev_warn()`, unless there were many of late.
macro_rules! netdev_warn_ratelimited {
    ($dev:expr, $($arg:tt)+) => {
        $dev.warn_ratelimited(kernel::prelude::fmt!($($arg)+))
    };
}
pub(crate) use netdev_warn_ratelimited;

// SAFETY:
// - `dev_hold()` keeps the device and, since `Registration` waits for all references before it
//   drops them, the driver's data alive until `dev_put()`.
// - Every device is counted by C.
unsafe impl<T: Operations> AlwaysRefCounted for Device<T> {
    fn inc_ref(&self) {
        // SAFETY: By the type invariant the device is valid.
        unsafe { bindings::muennet_dev_hold(self.as_ptr()) }
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller owns a reference to the device and gives it up.
        unsafe { bindings::muennet_dev_put(obj.cast().as_ptr()) }
    }
}
