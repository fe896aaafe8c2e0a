// SPDX-License-Identifier: GPL-2.0

//! Network devices: of any driver ([`NetDevice`]), and of a driver with its data ([`Device`]).

use super::*;

/// A network device of any driver: `struct net_device`.
///
/// # Invariants
///
/// The device is valid as long as a reference (`dev_hold()`) is held. It has been registered, or is
/// about to be.
#[repr(transparent)]
pub(crate) struct NetDevice(Opaque<bindings::net_device>);

// SAFETY: The methods may be called by any thread, also by several at a time.
unsafe impl Sync for NetDevice {}

// SAFETY: A device is not tied to a task.
unsafe impl Send for NetDevice {}

impl NetDevice {
    /// Returns the device as a C pointer, valid for the lifetime of the reference.
    #[inline]
    pub(in super::super) fn as_ptr(&self) -> *mut bindings::net_device {
        self.0.get()
    }

    /// Creates a reference from a C pointer.
    ///
    /// # Safety
    ///
    /// `ptr` must be a device that is valid for `'a` and is registered, or about to be.
    #[inline]
    pub(in super::super) unsafe fn from_raw<'a>(ptr: *mut bindings::net_device) -> &'a Self {
        // SAFETY: The caller guarantees a valid device; the wrapper is transparent.
        unsafe { &*ptr.cast() }
    }

    /// Returns the device with this name or alternative name: `__dev_get_by_name()`.
    pub(crate) fn by_name<'a>(net: &Net, name: &CStr, _rtnl: &'a Rtnl) -> Option<&'a Self> {
        // SAFETY: The namespace is valid, the name is a C string, and the RTNL is held.
        let dev = unsafe { bindings::__dev_get_by_name(net.as_ptr(), name.as_char_ptr()) };
        // SAFETY: Devices are not freed while the RTNL is held.
        (!dev.is_null()).then(|| unsafe { Self::from_raw(dev) })
    }

    /// Returns the device with this index: `__dev_get_by_index()`.
    pub(crate) fn by_index<'a>(net: &Net, ifindex: u32, _rtnl: &'a Rtnl) -> Option<&'a Self> {
        let ifindex = i32::try_from(ifindex).ok()?;
        // SAFETY: The namespace is valid, and the RTNL is held.
        let dev = unsafe { bindings::__dev_get_by_index(net.as_ptr(), ifindex) };
        // SAFETY: Devices are not freed while the RTNL is held.
        (!dev.is_null()).then(|| unsafe { Self::from_raw(dev) })
    }

    /// Returns the device with the lowest index that is at least `ifindex`.
    pub(crate) fn next<'a>(net: &Net, ifindex: u32, _rtnl: &'a Rtnl) -> Option<&'a Self> {
        let mut ifindex = ifindex as c_ulong;
        // SAFETY: The namespace is valid, and the RTNL is held.
        let dev = unsafe { bindings::muennet_next_netdev(net.as_ptr(), &mut ifindex) };
        // SAFETY: Devices are not freed while the RTNL is held.
        (!dev.is_null()).then(|| unsafe { Self::from_raw(dev) })
    }

    /// Returns whether the device is up, or about to go up or down: `netif_running()`.
    #[inline]
    pub(crate) fn is_running(&self) -> bool {
        // SAFETY: By the type invariant the device is valid.
        unsafe { bindings::muennet_netif_running(self.as_ptr()) }
    }

    /// Returns the index of the device in its namespace. It changes only when the device moves to
    /// another namespace.
    pub(crate) fn ifindex(&self) -> u32 {
        // SAFETY: By the type invariant the device is valid; C accesses the field with single loads
        // and stores.
        let ifindex = unsafe { (&raw const (*self.as_ptr()).ifindex).read_volatile() };
        u32::try_from(ifindex).unwrap_or(0)
    }

    /// Returns whether the device has a carrier: `netif_carrier_ok()`.
    pub(crate) fn carrier_ok(&self) -> bool {
        // SAFETY: By the type invariant the device is valid.
        unsafe { bindings::muennet_netif_carrier_ok(self.as_ptr()) }
    }

    /// Returns the MTU in bytes.
    #[inline]
    pub(crate) fn mtu(&self) -> u32 {
        // SAFETY: By the type invariant the device is valid; C accesses the field with single loads
        // and stores.
        unsafe { (&raw const (*self.as_ptr()).mtu).read_volatile() }
    }

    /// Returns the name of the device.
    pub(crate) fn name<'a>(&'a self, _rtnl: &'a Rtnl) -> &'a CStr {
        // SAFETY: By the type invariant the device is valid. Its name is a C string and does not
        // change while the RTNL is held.
        unsafe { CStr::from_char_ptr((&raw const (*self.as_ptr()).name).cast()) }
    }

    /// Returns the network namespace of the device.
    pub(crate) fn net<'a>(&'a self, _rtnl: &'a Rtnl) -> &'a Net {
        // SAFETY: By the type invariant the device is valid. While the RTNL is held it does not
        // leave its namespace, which therefore stays valid.
        unsafe { Net::from_raw(bindings::muennet_dev_net(self.as_ptr())) }
    }

    /// Returns the device with its driver's data, if these are of type `T`.
    pub(crate) fn downcast<T: Operations>(&self) -> Option<&Device<T>> {
        let ptr = self.as_ptr();
        // SAFETY: By the type invariant the device is valid and registered, or about to be.
        let is_own = unsafe { Adapter::<T>::is_own(ptr) };
        // SAFETY: The driver's data of the device are of type `T`.
        is_own.then(|| unsafe { Device::from_raw(ptr) })
    }

    /// Sets the MTU in bytes, which must be in the range that users may choose: `dev_set_mtu()`.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the MTU is out of that range.
    /// - The errors of the driver or of a notifier for the new MTU.
    pub(crate) fn set_mtu(&self, mtu: u32, _rtnl: &Rtnl) -> Result {
        let mtu = c_int::try_from(mtu)?;
        // SAFETY: By the type invariant the device is valid, and the RTNL is held.
        to_result(unsafe { bindings::dev_set_mtu(self.as_ptr(), mtu) })
    }

    /// Returns the range of the MTUs in bytes that users may choose.
    pub(crate) fn mtu_range(&self, _rtnl: &Rtnl) -> RangeInclusive<u32> {
        // SAFETY: By the type invariant the device is valid; the RTNL guards the fields.
        unsafe { (*self.as_ptr()).min_mtu..=(*self.as_ptr()).max_mtu }
    }

    /// Logs a line about the device; see [`netdev_info!`].
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

    /// Logs a warning about the device unless `net_ratelimit()` suppresses it; see
    /// [`netdev_warn_ratelimited!`].
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

// SAFETY:
// - `dev_hold()` keeps the device valid until `dev_put()`.
// - Every device has a reference count.
unsafe impl AlwaysRefCounted for NetDevice {
    fn inc_ref(&self) {
        // SAFETY: By the type invariant the device is valid.
        unsafe { bindings::muennet_dev_hold(self.as_ptr()) }
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller gives up its reference to the device.
        unsafe { bindings::muennet_dev_put(obj.cast().as_ptr()) }
    }
}

/// A network device whose driver keeps data of type `T` for it.
///
/// # Invariants
///
/// The device was allocated with a [`Private<T>`], which is initialised. Both are valid as long as
/// a reference (`dev_hold()`) is held, and as long as the device is registered.
#[repr(transparent)]
pub(crate) struct Device<T: Operations> {
    inner: Opaque<bindings::net_device>,
    _data: PhantomData<T>,
}

// SAFETY: The methods may be called by any thread, also by several at a time, and `T` and
// `T::Receive` are `Sync`.
unsafe impl<T: Operations> Sync for Device<T> {}

// SAFETY: A device is not tied to a task, and `T` and `T::Receive` are `Send`.
unsafe impl<T: Operations> Send for Device<T> {}

/// The private area behind `struct net_device`: `netdev_priv()`.
#[repr(C)]
pub(in super::super) struct Private<T: Operations> {
    /// The type of the driver's data, for [`NetDevice::downcast`].
    pub(super) data_type: Option<TypeId>,
    /// Dropped before the data: an interrupt handler uses them.
    pub(super) receive: T::Receive,
    pub(super) data: T,
    /// What `ethtool` shows and sets of the link.
    pub(super) link: RtnlCell<LinkSettings>,
}

/// The speed and the duplex mode of a link. A virtual device has neither, but users may set them
/// for protocols that need them, such as LACP.
#[derive(Clone, Copy)]
pub(in super::super) struct LinkSettings {
    /// In Mbit/s.
    pub(in super::super) speed: u32,
    /// `DUPLEX_*`.
    pub(in super::super) duplex: u8,
}

impl LinkSettings {
    /// Neither is known.
    pub(super) const UNKNOWN: Self = Self {
        speed: bindings::SPEED_UNKNOWN as u32,
        duplex: bindings::DUPLEX_UNKNOWN as u8,
    };
}

impl<T: Operations> Device<T> {
    /// Creates a reference from a C pointer.
    ///
    /// # Safety
    ///
    /// `ptr` must be a device whose private area is an initialised [`Private<T>`], valid for `'a`.
    #[inline]
    pub(in super::super) unsafe fn from_raw<'a>(ptr: *mut bindings::net_device) -> &'a Self {
        // SAFETY: The caller guarantees a valid device; the wrapper is transparent.
        unsafe { &*ptr.cast() }
    }

    /// Returns the private area of a device.
    ///
    /// # Safety
    ///
    /// `dev` must have been allocated with room for a `Private<T>`.
    #[inline]
    pub(in super::super) unsafe fn private(dev: *mut bindings::net_device) -> *mut Private<T> {
        // SAFETY: The area is the end of the allocation that the caller guarantees.
        unsafe { (&raw mut (*dev).priv_).cast() }
    }

    /// Returns the driver's data.
    #[inline]
    pub(crate) fn data(&self) -> &T {
        // SAFETY: By the type invariant the area is initialised, and only shared.
        unsafe { &(*Self::private(self.as_ptr())).data }
    }

    /// Returns the receive context of the device.
    #[inline]
    pub(in super::super) fn receive(&self) -> &T::Receive {
        // SAFETY: As in `data`.
        unsafe { &(*Self::private(self.as_ptr())).receive }
    }

    /// Returns what `ethtool` shows and sets of the link.
    pub(in super::super) fn link_settings(&self) -> &RtnlCell<LinkSettings> {
        // SAFETY: As in `data`.
        unsafe { &(*Self::private(self.as_ptr())).link }
    }

    /// Turns the carrier on or off, and with it the operational state: `netif_carrier_on()`,
    /// `netif_carrier_off()`. A full barrier. Any context.
    pub(crate) fn set_carrier(&self, on: bool) {
        // SAFETY: By the type invariant the device is valid. The functions change the state with
        // atomic bit operations.
        unsafe {
            if on {
                bindings::netif_carrier_on(self.as_ptr());
            } else {
                bindings::netif_carrier_off(self.as_ptr());
            }
        }
    }

    /// Sets the largest MTU in bytes that users may choose. If the MTU is that largest one so far,
    /// or above the new one, it is set as well.
    ///
    /// # Errors
    ///
    /// The errors of the driver or of a notifier for the new MTU. The MTU is unchanged then, but
    /// the largest one has changed.
    pub(crate) fn set_max_mtu(&self, max: u32, _rtnl: &Rtnl) -> Result {
        let ptr = self.as_ptr();
        let value = c_int::try_from(max)?;
        let mtu = self.mtu();
        // SAFETY: By the type invariant the device is valid; the RTNL guards the field.
        let before = unsafe {
            let field = &raw mut (*ptr).max_mtu;
            let before = field.read();
            field.write_volatile(max);
            before
        };
        if mtu <= max && mtu != before {
            return Ok(());
        }
        // SAFETY: By the type invariant the device is valid, and the RTNL is held.
        to_result(unsafe { bindings::dev_set_mtu(ptr, value) })
    }
}

/// A network device of this driver, whatever the data that the driver keeps for it.
///
/// # Invariants
///
/// The device is a [`Device`] of some data.
#[repr(transparent)]
pub(crate) struct DriverDevice(NetDevice);

impl<T: Operations> Device<T> {
    /// Returns the device without the type of its data.
    #[inline]
    pub(crate) fn as_driver_device(&self) -> &DriverDevice {
        let dev: &NetDevice = self;
        // INVARIANT: The device is a `Device<T>`.
        // SAFETY: The wrapper is transparent.
        unsafe { &*core::ptr::from_ref(dev).cast() }
    }
}

impl Deref for DriverDevice {
    type Target = NetDevice;

    #[inline]
    fn deref(&self) -> &NetDevice {
        &self.0
    }
}

// SAFETY: As for `NetDevice`, which it is.
unsafe impl AlwaysRefCounted for DriverDevice {
    fn inc_ref(&self) {
        self.0.inc_ref();
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller gives up its reference to the device. The wrapper is transparent.
        unsafe { NetDevice::dec_ref(obj.cast()) }
    }
}

impl<T: Operations> Deref for Device<T> {
    type Target = NetDevice;

    #[inline]
    fn deref(&self) -> &NetDevice {
        // SAFETY: By the type invariant the device is valid as long as `self`.
        unsafe { NetDevice::from_raw(self.inner.get()) }
    }
}

// SAFETY:
// - `dev_hold()` keeps the device and, since its data are dropped only after all references are
//   gone, the driver's data valid until `dev_put()`.
// - Every device has a reference count.
unsafe impl<T: Operations> AlwaysRefCounted for Device<T> {
    fn inc_ref(&self) {
        // SAFETY: By the type invariant the device is valid.
        unsafe { bindings::muennet_dev_hold(self.as_ptr()) }
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller gives up its reference to the device.
        unsafe { bindings::muennet_dev_put(obj.cast().as_ptr()) }
    }
}

/// Logs a line about a device: `netdev_info()`.
macro_rules! netdev_info {
    ($dev:expr, $($arg:tt)+) => {
        $dev.info(kernel::prelude::fmt!($($arg)+))
    };
}
pub(crate) use netdev_info;

/// Logs a warning about a device, limited by `net_ratelimit()`: `netdev_warn()`.
macro_rules! netdev_warn_ratelimited {
    ($dev:expr, $($arg:tt)+) => {
        $dev.warn_ratelimited(kernel::prelude::fmt!($($arg)+))
    };
}
pub(crate) use netdev_warn_ratelimited;

/// Returns whether `name` can be the name of a new device: `dev_valid_name()`. It may contain one
/// `%d`, which stands for a number.
pub(crate) fn is_valid_name(name: &CStr) -> bool {
    // SAFETY: The name is a C string.
    let valid = unsafe { bindings::dev_valid_name(name.as_char_ptr()) };
    let mut formats = name.to_bytes().split(|&byte| byte == b'%').skip(1);
    let first = formats.next();
    valid && first.is_none_or(|rest| rest.starts_with(b"d")) && formats.next().is_none()
}
