// SPDX-License-Identifier: GPL-2.0

//! The life of a network device.

use super::{
    ops::Adapter,
    reboot::Reboot,
    *, //
};

/// A registered network device, together with the driver's data.
///
/// Dropping it takes the device down and unregisters it, waits until nobody holds a reference,
/// drops the driver's data, and frees the device, in this order. The device is also taken down
/// before the machine restarts or halts.
///
/// # Invariants
///
/// `dev` is a registered device as the invariant of [`Device<T>`] wants it.
pub(crate) struct Registration<T: Operations> {
    dev: NonNull<bindings::net_device>,
    /// There until this is dropped.
    reboot: Option<Pin<KBox<Reboot>>>,
    _data: PhantomData<T>,
}

// SAFETY: Unregistering may be done by any task, and `T: Send`.
unsafe impl<T: Operations> Send for Registration<T> {}

// SAFETY: Only `&Device<T>` is given out, which is `Sync`.
unsafe impl<T: Operations> Sync for Registration<T> {}

/// An allocated device that is freed unless it is released; its driver's data are not there yet.
struct Allocation(NonNull<bindings::net_device>);

impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: The device was allocated and is not registered; NAPI is removed with it.
        unsafe { bindings::free_netdev(self.0.as_ptr()) }
    }
}

/// C wants a function to set up a device; [`Registration::new`] does so when it has returned.
///
/// # Safety
///
/// None: it does nothing.
unsafe extern "C" fn no_setup(_dev: *mut bindings::net_device) {}

/// Why there is no device.
pub(crate) enum RegisterError {
    /// Its interrupt cannot be had.
    Interrupt(Error),
    /// It cannot be made, or the kernel does not take it.
    Device(Error),
}

impl From<Error> for RegisterError {
    fn from(error: Error) -> Self {
        Self::Device(error)
    }
}

impl From<RegisterError> for Error {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Interrupt(error) | RegisterError::Device(error) => error,
        }
    }
}

impl<T: Operations> Registration<T> {
    /// Registers a device by the name that the user chose (where `%d` stands for a number),
    /// as C's `alloc_netdev()` and `register_netdevice()`. It is down at first. May sleep.
    ///
    /// `irq` is the interrupt that schedules its NAPI, if there is one.
    ///
    /// # Errors
    ///
    /// - [`RegisterError::Interrupt`]: somebody else has the interrupt (`EBUSY`), or there is no
    ///   such interrupt (`EINVAL`).
    /// - [`RegisterError::Device`]: the name is too long, or no valid name of a device (`EINVAL`),
    ///   there is a device of this name (`EEXIST`), there is no memory for it (`ENOMEM`), or what
    ///   `data` returns.
    pub(crate) fn new(
        name: &CStr,
        link: Link,
        irq: Option<Irq>,
        data: impl PinInit<T, Error>,
    ) -> Result<Self, RegisterError> {
        const {
            assert!(align_of::<Private<T>>() <= bindings::NETDEV_ALIGN as usize);
            assert!(size_of::<Private<T>>() <= c_int::MAX as usize);
        }
        if name.to_bytes_with_nul().len() > bindings::IFNAMSIZ as usize {
            return Err(EINVAL.into());
        }

        // SAFETY:
        // - The name is a C string that fits `dev->name`.
        // - The area is large enough for a `Private<T>` and zeroed.
        let dev = unsafe {
            bindings::alloc_netdev_mqs(
                size_of::<Private<T>>() as c_int,
                name.as_char_ptr(),
                bindings::NET_NAME_USER as u8,
                Some(no_setup),
                1,
                1,
            )
        };
        let dev = NonNull::new(dev).ok_or(ENOMEM)?;
        let allocation = Allocation(dev);
        let ptr = dev.as_ptr();

        // SAFETY: The device is allocated and not registered.
        unsafe { link.apply(ptr) };
        // SAFETY: As before; the table is `'static`.
        unsafe {
            (*ptr).netdev_ops = if link.is_ethernet() {
                Adapter::<T>::ETHERNET_TABLE
            } else {
                Adapter::<T>::TABLE
            }
        };
        if let Some(table) = T::ethtool() {
            // SAFETY: As before.
            unsafe { (*ptr).ethtool_ops = table.as_ops() };
        }
        // SAFETY: The device was allocated with room for a `Private<T>`.
        let private = unsafe { Device::<T>::private(ptr) };
        // SAFETY: The area is not initialised yet and does not move.
        unsafe { data.__init(&raw mut (*private).data) }?;
        // SAFETY: As before; valid values for the drop of `Initialised` and for `Folders`.
        unsafe {
            (&raw mut (*private).data_type).write(Some(TypeId::of::<T>()));
            (&raw mut (*private).irq).write(None);
            (&raw mut (*private).folder).write(UnsafeCell::new(core::ptr::null_mut()));
            (&raw mut (*private).link).write(UnsafeCell::new(ethtool::LinkSettings::UNKNOWN));
        }
        let initialised = Initialised::<T>(allocation, PhantomData);

        // SAFETY: The area is zeroed, lives as long as the device, and `poll` is that of `T`.
        unsafe { Napi::add(&raw mut (*private).napi, ptr, Adapter::<T>::poll) };
        // SAFETY: The device is dropped after it, here by the order of the variables.
        let reboot = KBox::pin_init(unsafe { Reboot::new(dev) }, GFP_KERNEL)?;
        // Dropped before `initialised` if anything fails: a device that C has begun to register is
        // not to be freed before the RTNL is released.
        let rtnl = rtnl::lock();
        // The interrupt, whose folder in /proc/irq gets the name of the device, wants to know the
        // number in it.
        if name.to_bytes().contains(&b'%') {
            // SAFETY: The device is valid and not registered, and the name a C string.
            let number = unsafe { bindings::dev_alloc_name(ptr, name.as_char_ptr()) };
            kernel::error::to_result(number)?;
        }
        if let Some(irq) = irq {
            // SAFETY: The area is initialised, and `Initialised` drops the line before the data.
            let line = unsafe { IrqLine::request::<T>(irq, ptr) };
            let line = line.map_err(RegisterError::Interrupt)?;
            // SAFETY: Nobody looks at the field before the device is registered, for the interrupt
            // is disabled.
            unsafe { (*private).irq = Some(line) };
            // SAFETY: The instance has been added, and the device is not registered.
            unsafe { (*private).napi.set_irq(irq.as_u32()) };
        }
        // SAFETY: The device is valid. Its carrier comes when it goes up, which is what makes
        // its operational state "up" rather than "unknown".
        unsafe { bindings::netif_carrier_off(ptr) };
        fault::point("interface", ENOMEM)?;
        // SAFETY: The device is set up completely, and the RTNL is held.
        kernel::error::to_result(unsafe { bindings::register_netdevice(ptr) })?;
        drop(rtnl);

        core::mem::forget(initialised);
        // INVARIANT: The device is registered and its area initialised.
        Ok(Self {
            dev,
            reboot: Some(reboot),
            _data: PhantomData,
        })
    }

    /// The device.
    pub(crate) fn device(&self) -> &Device<T> {
        // SAFETY: By the type invariant it is one of `T`'s and lives as long as `self`.
        unsafe { Device::from_raw(self.dev.as_ptr()) }
    }
}

/// An allocated device whose driver's data are dropped before it is freed.
struct Initialised<T: Operations>(Allocation, PhantomData<T>);

impl<T: Operations> Drop for Initialised<T> {
    fn drop(&mut self) {
        // SAFETY:
        // - The data were initialised, and nobody uses them: the device is not registered, and
        //   nobody holds a reference.
        // - The interrupt's handler, which uses the data, is gone before them.
        // - The device itself lives until the field is dropped, after this.
        unsafe {
            let private = Device::<T>::private(self.0 .0.as_ptr());
            (&raw mut (*private).irq).drop_in_place();
            (&raw mut (*private).data).drop_in_place();
        }
    }
}

impl<T: Operations> Drop for Registration<T> {
    fn drop(&mut self) {
        self.reboot = None;
        // SAFETY: By the type invariant the device is registered. When the function returns, it
        // is down, no operation runs any more, and nobody holds a reference.
        unsafe { bindings::unregister_netdev(self.dev.as_ptr()) };
        drop(Initialised::<T>(Allocation(self.dev), PhantomData));
    }
}
