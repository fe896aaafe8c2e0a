// SPDX-License-Identifier: GPL-2.0

//! Network devices of whatever driver.

use super::{
    super::{
        netns::Net,
        rtnl::Rtnl, //
    },
    ops::Adapter,
    *, //
};

/// A network device, of this driver or another one: `struct net_device`.
///
/// # Invariants
///
/// The device has been registered, and is valid as long as a reference (`dev_hold()`) is held.
#[repr(transparent)]
pub(crate) struct NetDevice(Opaque<bindings::net_device>);

// SAFETY: The methods are those that any context may call.
unsafe impl Sync for NetDevice {}

// SAFETY: A device is not tied to a task.
unsafe impl Send for NetDevice {}

impl NetDevice {
    #[inline]
    pub(in super::super) fn as_ptr(&self) -> *mut bindings::net_device {
        self.0.get()
    }

    /// Takes C's pointer for a device.
    ///
    /// # Safety
    ///
    /// `ptr` must be a device that is valid for as long as `'a` and has been registered.
    #[inline]
    pub(in super::super) unsafe fn from_raw<'a>(ptr: *mut bindings::net_device) -> &'a Self {
        // SAFETY: As the caller promises; the wrapper is transparent.
        unsafe { &*ptr.cast() }
    }

    /// Whether the device is up, or about to go up or down: `netif_running()`.
    #[inline]
    pub(crate) fn is_running(&self) -> bool {
        // SAFETY: By the type invariant the device is valid.
        unsafe { bindings::muennet_netif_running(self.as_ptr()) }
    }

    /// The index of the device in its namespace. It changes only when the device moves to another
    /// one.
    pub(crate) fn index(&self) -> u32 {
        // SAFETY: By the type invariant the device is valid; C reads and writes the field in one
        // access each.
        let index = unsafe { (&raw const (*self.as_ptr()).ifindex).read_volatile() };
        u32::try_from(index).unwrap_or(0)
    }

    /// Whether the device has a carrier: `netif_carrier_ok()`.
    pub(crate) fn has_carrier(&self) -> bool {
        // SAFETY: By the type invariant the device is valid.
        unsafe { bindings::muennet_netif_carrier_ok(self.as_ptr()) }
    }

    /// The MTU in bytes.
    pub(crate) fn mtu(&self) -> u32 {
        // SAFETY: As in `index`.
        unsafe { (&raw const (*self.as_ptr()).mtu).read_volatile() }
    }

    /// The name of the device.
    pub(crate) fn name<'a>(&'a self, _rtnl: &'a Rtnl) -> &'a CStr {
        // SAFETY: By the type invariant the device is valid. Its name is a C string, and does not
        // change while the RTNL is held.
        unsafe { CStr::from_char_ptr((&raw const (*self.as_ptr()).name).cast()) }
    }

    /// The namespace of the device.
    pub(crate) fn net<'a>(&'a self, _rtnl: &'a Rtnl) -> &'a Net {
        // SAFETY: By the type invariant the device is valid. It does not leave its namespace, which
        // lives as long, while the RTNL is held.
        unsafe { Net::from_raw(bindings::muennet_dev_net(self.as_ptr())) }
    }

    /// The device as one whose driver's data are of type `T`, if they are.
    pub(crate) fn downcast<T: Operations>(&self) -> Option<&Device<T>> {
        let ptr = self.as_ptr();
        // SAFETY: By the type invariant the device is valid; it has been registered.
        let owns = unsafe { Adapter::<T>::owns(ptr) };
        // SAFETY: The device is one whose data are of type `T`.
        owns.then(|| unsafe { Device::from_raw(ptr) })
    }

    /// Sets the largest MTU in bytes that users may ask for, and the MTU with it where that is the
    /// largest one so far, or above the new one.
    ///
    /// # Errors
    ///
    /// What the driver or a notifier returns about the new MTU. The MTU is unchanged then; the
    /// largest one is not.
    pub(crate) fn set_max_mtu(&self, max: u32, _rtnl: &Rtnl) -> Result {
        let ptr = self.as_ptr();
        let value = c_int::try_from(max)?;
        let mtu = self.mtu();
        // SAFETY: By the type invariant the device is valid; who changes this field holds the RTNL.
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
        kernel::error::to_result(unsafe { bindings::dev_set_mtu(ptr, value) })
    }
}

// SAFETY:
// - `dev_hold()` keeps the device alive until `dev_put()`.
// - Every device is counted by C.
unsafe impl AlwaysRefCounted for NetDevice {
    fn inc_ref(&self) {
        // SAFETY: By the type invariant the device is valid.
        unsafe { bindings::muennet_dev_hold(self.as_ptr()) }
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller owns a reference to the device and gives it up.
        unsafe { bindings::muennet_dev_put(obj.cast().as_ptr()) }
    }
}

impl<T: Operations> Device<T> {
    /// The device as one of whatever driver.
    #[inline]
    pub(crate) fn any(&self) -> &NetDevice {
        // SAFETY: By the type invariant the device is valid as long as `self`.
        unsafe { NetDevice::from_raw(self.as_ptr()) }
    }
}

/// Whether `name` can be the name of a new device; one `%d` in it stands for a number.
pub(crate) fn is_valid_name(name: &CStr) -> bool {
    // SAFETY: The name is a C string.
    let valid = unsafe { bindings::dev_valid_name(name.as_char_ptr()) };
    let mut formats = name.to_bytes().split(|&byte| byte == b'%').skip(1);
    let first = formats.next();
    valid && first.is_none_or(|rest| rest.starts_with(b"d")) && formats.next().is_none()
}
