// SPDX-License-Identifier: GPL-2.0

//! The allocation and registration of a network device.

use super::{
    reboot::RebootNotifier,
    *, //
};

/// A registered network device, together with the driver's data.
///
/// Dropping it takes the device down and unregisters it, waits until all references are gone, drops
/// the driver's data, and frees the device, in this order. The device is also taken down before the
/// machine restarts or halts.
///
/// # Invariants
///
/// `dev` is a registered device that meets the invariants of [`Device<T>`].
pub(crate) struct Registration<T: Operations> {
    dev: NonNull<bindings::net_device>,
    /// Some until this is dropped.
    reboot: Option<Pin<KBox<RebootNotifier>>>,
    _data: PhantomData<T>,
}

// SAFETY: Any task may unregister the device, and `T` and `T::Receive` are `Send`.
unsafe impl<T: Operations> Send for Registration<T> {}

// SAFETY: Only `&Device<T>` is given out, which is `Sync`.
unsafe impl<T: Operations> Sync for Registration<T> {}

/// An allocated device whose private area is not initialised. Dropping it frees the device.
struct Allocation(NonNull<bindings::net_device>);

impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: The device was allocated and is not registered; NAPI is removed with it.
        unsafe { bindings::free_netdev(self.0.as_ptr()) }
    }
}

/// An allocated device whose private area is initialised. Dropping it drops the area, then frees
/// the device.
struct Initialised<T: Operations>(Allocation, PhantomData<T>);

impl<T: Operations> Drop for Initialised<T> {
    fn drop(&mut self) {
        // SAFETY:
        // - The area is initialised and not in use: the device is not registered, and no reference
        //   is held. The fields are dropped in order: the interrupt before the data that its
        //   handler uses.
        // - The device is freed when the field is dropped, after this.
        unsafe { Device::<T>::private(self.0 .0.as_ptr()).drop_in_place() };
    }
}

/// Required by `alloc_netdev_mqs()`. The caller sets the device up afterwards.
///
/// # Safety
///
/// None: it does nothing.
unsafe extern "C" fn no_setup(_dev: *mut bindings::net_device) {}

/// Why a device was not registered.
pub(crate) enum RegisterError {
    /// [`Receive::setup`] failed.
    Receive(Error),
    /// The device could not be allocated or registered.
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
            RegisterError::Receive(error) | RegisterError::Device(error) => error,
        }
    }
}

/// Sets up a device that is not registered: its parameters and operations.
///
/// A device without [`Operations::change_carrier`] has no carrier until it goes up, so that its
/// operational state is "up" then rather than "unknown".
///
/// # Safety
///
/// - `dev` must be a valid device that is not registered and that nobody else uses.
/// - The functions of `ops` must accept devices of `T`, and [`init_private`] must initialise the
///   private area of `dev` before it is registered.
pub(in super::super) unsafe fn configure<T: Operations>(
    dev: *mut bindings::net_device,
    params: &DeviceParams,
    ops: &'static bindings::net_device_ops,
) {
    // SAFETY: The caller guarantees a device that is not registered and that nobody else uses. The
    // tables are static, and the functions of both accept devices of `T`.
    unsafe {
        params.apply(dev);
        (*dev).netdev_ops = ops;
        (*dev).dev.type_ = T::TYPE.map_or(core::ptr::null(), DeviceType::as_ptr);
        if let Some(ops) = T::ethtool_ops() {
            (*dev).ethtool_ops = ops.as_ops();
        }
    }
    if !T::HAS_CHANGE_CARRIER {
        // SAFETY: The device is valid and not registered.
        unsafe { bindings::netif_carrier_off(dev) };
    }
}

/// Initialises the private area of a device, which it is when this succeeds, and gives its queues
/// the queueing discipline that drops everything.
///
/// # Errors
///
/// Those of `data`.
///
/// # Safety
///
/// `dev` must be a valid device that is not registered, with room for a zeroed `Private<T>`, that
/// nobody else uses.
pub(in super::super) unsafe fn init_private<T: Operations>(
    dev: *mut bindings::net_device,
    data: impl PinInit<T, Error>,
) -> Result {
    const {
        assert!(align_of::<Private<T>>() <= bindings::NETDEV_ALIGN as usize);
        assert!(size_of::<Private<T>>() <= c_int::MAX as usize);
    }
    // SAFETY: The caller guarantees room for a `Private<T>`.
    let private = unsafe { Device::<T>::private(dev) };
    // SAFETY: The area is not initialised yet, and does not move.
    unsafe { data.__init(&raw mut (*private).data) }?;
    // SAFETY: The device is valid and not registered, and nobody else uses it.
    unsafe { bindings::muennet_netdev_init_qdisc(dev) };
    // SAFETY: The area is zeroed and lives as long as the device. `init` initialises the last
    // field.
    unsafe {
        (&raw mut (*private).data_type).write(Some(TypeId::of::<T>()));
        (&raw mut (*private).link).write(RtnlCell::new(LinkSettings::UNKNOWN));
        T::Receive::init(&raw mut (*private).receive, dev);
    }
    Ok(())
}

impl<T: Operations> Registration<T> {
    /// Allocates and registers a device in `net` with the name that the user chose (`%d` stands for
    /// a number): `alloc_netdev()` and `register_netdevice()`. The device is down. Calls
    /// `registered` before the RTNL is released. May sleep.
    ///
    /// # Errors
    ///
    /// - [`RegisterError::Receive`]: as [`Receive::setup`].
    /// - [`RegisterError::Device`]: the name is too long or invalid (`EINVAL`), another device has
    ///   it (`EEXIST`), there is no memory (`ENOMEM`), or the error of `data`.
    pub(crate) fn new(
        net: &Net,
        name: &CStr,
        params: DeviceParams,
        receive: <T::Receive as Receive<T>>::Config,
        data: impl PinInit<T, Error>,
        registered: impl FnOnce(&Device<T>, &Rtnl),
    ) -> Result<Self, RegisterError> {
        if name.to_bytes_with_nul().len() > bindings::IFNAMSIZ as usize {
            return Err(EINVAL.into());
        }

        // SAFETY:
        // - The name is a C string that fits `dev->name`.
        // - The private area has room for a `Private<T>`, and is zeroed.
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
        // SAFETY: Both are valid, and the device is not registered.
        unsafe { bindings::muennet_dev_net_set(ptr, net.as_ptr()) };
        let ops = Adapter::<T>::ops(params.is_ethernet());
        // SAFETY: The device has just been allocated, with room for a `Private<T>`, and the
        // functions of `ops` accept devices of `T`.
        unsafe {
            configure::<T>(ptr, &params, ops);
            init_private(ptr, data)?;
        }
        let initialised = Initialised::<T>(allocation, PhantomData);

        // SAFETY: The order of the variables drops the notifier before the device.
        let reboot = KBox::pin_init(unsafe { RebootNotifier::new(dev) }, GFP_KERNEL)?;
        // Dropped before `initialised` on errors: a device whose registration has begun must not be
        // freed before the RTNL is released.
        let rtnl = rtnl::lock();
        // The directory of an interrupt in /proc/irq has the name of the device, with its number.
        if name.to_bytes().contains(&b'%') {
            // SAFETY: The device is valid and not registered, and the name is a C string.
            let number = unsafe { bindings::dev_alloc_name(ptr, name.as_char_ptr()) };
            to_result(number)?;
        }
        // SAFETY: The area is initialised, and `initialised` drops it before the device is freed.
        unsafe {
            let slot = &raw mut (*Device::<T>::private(ptr)).receive;
            T::Receive::setup(slot, ptr, receive).map_err(RegisterError::Receive)?;
        }
        fault_inject::should_fail("interface", ENOMEM)?;
        // SAFETY: The device is set up, and the RTNL is held.
        to_result(unsafe {
            bindings::muennet_register_netdevice_bql(ptr, params.has_byte_queue_limits())
        })?;
        // SAFETY: The device is registered, and its private area is initialised.
        registered(unsafe { Device::from_raw(ptr) }, &rtnl);
        drop(rtnl);

        core::mem::forget(initialised);
        // INVARIANT: The device is registered, and its private area is initialised.
        Ok(Self {
            dev,
            reboot: Some(reboot),
            _data: PhantomData,
        })
    }

    /// Returns the device.
    pub(crate) fn device(&self) -> &Device<T> {
        // SAFETY: By the type invariant it is a device of `T` that lives as long as `self`.
        unsafe { Device::from_raw(self.dev.as_ptr()) }
    }

    /// Unregisters the device like [`drop`], and calls `before` first, with the RTNL held:
    /// `before` drops what holds references to the device, and nobody can find the device between
    /// the two. May sleep.
    pub(crate) fn unregister(mut self, before: impl FnOnce(&Device<T>, &Rtnl)) {
        self.unregister_device(before);
        core::mem::forget(self);
    }

    /// Unregisters and frees the device, which must not be used afterwards.
    fn unregister_device(&mut self, before: impl FnOnce(&Device<T>, &Rtnl)) {
        self.reboot = None;
        let rtnl = rtnl::lock();
        before(self.device(), &rtnl);
        // SAFETY: By the type invariant the device is registered, and the RTNL is held.
        unsafe {
            bindings::unregister_netdevice_queue(self.dev.as_ptr(), core::ptr::null_mut());
        }
        // Waits until no reference is held. The device is down by then, and no operation runs.
        drop(rtnl);
        drop(Initialised::<T>(Allocation(self.dev), PhantomData));
    }
}

impl<T: Operations> Drop for Registration<T> {
    fn drop(&mut self) {
        self.unregister_device(|_, _| {});
    }
}
