// SPDX-License-Identifier: GPL-2.0

//! The operations of a driver, and the `struct net_device_ops` that calls them.

use super::*;

/// The operations of a driver's devices. `Self` is the data that the driver keeps for one device.
#[vtable]
pub(crate) trait Operations: Sized + Send + Sync + 'static {
    /// How the devices receive packets.
    type Receive: Receive<Self>;

    /// The type of the devices, if they have one: `SET_NETDEV_DEVTYPE()`.
    const TYPE: Option<&'static DeviceType> = None;

    /// `ndo_features_check()`, if the driver cannot handle all packets that the features of a
    /// device allow.
    const FEATURES_CHECK: Option<FeaturesCheck> = None;

    /// `ndo_open()`, before the device can receive packets. May sleep.
    ///
    /// # Errors
    ///
    /// Returned to the user; the device stays down.
    fn open(_dev: &Device<Self>) -> Result {
        Ok(())
    }

    /// Sets the carrier of a device that has gone up. It is on unless this changes it.
    /// Must not sleep: the driver may call it in any context, and concurrently. Not called for
    /// drivers with [`Self::change_carrier`].
    fn update_carrier(_dev: &Device<Self>) {}

    /// `ndo_stop()`, after the device has stopped receiving packets. May sleep.
    fn stop(_dev: &Device<Self>) {}

    /// `ndo_start_xmit()`: transmits a packet or drops it before it returns. `xmit_more`: another
    /// packet follows at once, as `netdev_xmit_more()` says. Softirqs are off, hard interrupts on:
    /// netpoll is refused.
    ///
    /// # Errors
    ///
    /// - The packet itself: it cannot be transmitted now, and the driver has stopped the queue. The
    ///   queueing discipline keeps it. Only for devices that have one: see
    ///   [`DriverDevice::has_qdisc`].
    fn start_xmit<'a>(
        dev: &Device<Self>,
        skb: SkBuff<'a>,
        xmit_more: bool,
    ) -> Result<(), SkBuff<'a>>;

    /// `ndo_get_stats64()`: adds the device's counters to `stats`.
    fn get_stats64(dev: &Device<Self>, stats: &mut LinkStats);

    /// `ndo_change_mtu()`: `mtu` is in the range of the device's [`DeviceParams`], in bytes. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// Returned to the user; the MTU does not change.
    fn change_mtu(_dev: &Device<Self>, _mtu: u32, _rtnl: &Rtnl) -> Result {
        Ok(())
    }

    /// `ndo_change_carrier()`: the user turns the carrier on or off.
    ///
    /// The carrier of a driver with this operation is on from the start, and is the user's: it does
    /// not change when the device goes up or down. A driver without this operation has a carrier
    /// while its devices are up; see [`Self::update_carrier`].
    ///
    /// # Errors
    ///
    /// Returned to the user.
    fn change_carrier(_dev: &Device<Self>, _on: bool, _rtnl: &Rtnl) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The operations for `ethtool`, if there are any.
    fn ethtool_ops() -> Option<EthtoolOps<Self>> {
        None
    }
}

/// A C function that removes features of a packet which a driver cannot handle for it:
/// `ndo_features_check()`.
pub(crate) struct FeaturesCheck(
    unsafe extern "C" fn(
        *mut bindings::sk_buff,
        *mut bindings::net_device,
        bindings::netdev_features_t,
    ) -> bindings::netdev_features_t,
);

impl FeaturesCheck {
    /// Leaves segmentation to the stack for packets whose headers are longer than
    /// [`SEGMENT_HEADER_MAX`](super::super::skbuff::SEGMENT_HEADER_MAX), those with IPv4 options or
    /// IPv6 extension headers, and those with more segments than [`DriverDevice::limit_gso`]
    /// allows.
    pub(crate) const GSO_HEADER_MAX: Self = Self(bindings::muennet_gso_features_check);
}

/// The `struct ethtool_ops` for devices with data of type `T`.
pub(crate) struct EthtoolOps<T>(&'static bindings::ethtool_ops, PhantomData<T>);

impl<T: Operations> EthtoolOps<T> {
    /// Wraps a table.
    ///
    /// # Safety
    ///
    /// The functions of the table must accept devices of `T`.
    pub(in super::super) const unsafe fn new(ops: &'static bindings::ethtool_ops) -> Self {
        Self(ops, PhantomData)
    }

    pub(super) fn as_ops(&self) -> &'static bindings::ethtool_ops {
        self.0
    }
}

/// How a device receives packets; part of its private area.
///
/// # Safety
///
/// [`Self::init`] must initialise `*slot`.
pub(crate) unsafe trait Receive<T: Operations>: Sized + Send + Sync {
    /// The argument of [`Self::setup`].
    type Config;

    /// Initialises the part of the private area.
    ///
    /// # Safety
    ///
    /// `slot` must be the zeroed `receive` of the private area of `dev`, which must be valid and
    /// not registered.
    unsafe fn init(slot: *mut Self, dev: *mut bindings::net_device);

    /// Sets it up, before the device is registered. May sleep.
    ///
    /// # Errors
    ///
    /// Those of the implementation; the device is not registered then.
    ///
    /// # Safety
    ///
    /// `slot` must be initialised, and its device `dev` must not be registered. The private area of
    /// `dev` must be initialised and be dropped before the device is freed.
    unsafe fn setup(
        slot: *mut Self,
        dev: *mut bindings::net_device,
        config: Self::Config,
    ) -> Result;

    /// The device goes up: packets may be received from now on.
    ///
    /// # Safety
    ///
    /// The caller must be the `ndo_open()` of the device.
    unsafe fn enable(dev: &Device<T>);

    /// The device is up, and has its carrier.
    ///
    /// # Safety
    ///
    /// The caller must be the `ndo_open()` of the device, after [`Self::enable`].
    unsafe fn start(dev: &Device<T>);

    /// The device goes down: no packet is received any more when this returns.
    ///
    /// # Safety
    ///
    /// The caller must be the `ndo_stop()` of the device.
    unsafe fn stop(dev: &Device<T>);
}

/// The device receives no packets itself. Another device may hand packets up for it.
pub(crate) struct NoReceive;

// SAFETY: The type has no fields.
unsafe impl<T: Operations> Receive<T> for NoReceive {
    type Config = ();

    unsafe fn init(_slot: *mut Self, _dev: *mut bindings::net_device) {}

    unsafe fn setup(_slot: *mut Self, _dev: *mut bindings::net_device, (): ()) -> Result {
        Ok(())
    }

    unsafe fn enable(_dev: &Device<T>) {}

    unsafe fn start(_dev: &Device<T>) {}

    unsafe fn stop(_dev: &Device<T>) {}
}

/// The C functions for devices with data of type `T`.
pub(in super::super) struct Adapter<T: Operations>(PhantomData<T>);

impl<T: Operations> Adapter<T> {
    /// The driver's `struct net_device_ops`.
    pub(in super::super) const OPS: bindings::net_device_ops = bindings::net_device_ops {
        ndo_open: Some(Self::open),
        ndo_stop: Some(Self::stop),
        ndo_start_xmit: Some(Self::start_xmit),
        ndo_features_check: match T::FEATURES_CHECK {
            Some(FeaturesCheck(check)) => Some(check),
            None => None,
        },
        ndo_change_mtu: Some(Self::change_mtu),
        ndo_change_carrier: if T::HAS_CHANGE_CARRIER {
            Some(Self::change_carrier)
        } else {
            None
        },
        ndo_get_stats64: Some(Self::get_stats64),
        ..pin_init::zeroed()
    };

    /// The same for an Ethernet device.
    const ETHERNET_OPS: bindings::net_device_ops = ethernet::operations(Self::OPS);

    /// Returns the operations for a device.
    pub(super) const fn ops(ethernet: bool) -> &'static bindings::net_device_ops {
        if ethernet {
            &Self::ETHERNET_OPS
        } else {
            &Self::OPS
        }
    }

    /// Returns whether the private area of a device is a [`Private<T>`].
    ///
    /// # Safety
    ///
    /// `dev` must be valid and registered, or about to be.
    pub(super) unsafe fn is_own(dev: *mut bindings::net_device) -> bool {
        let own: unsafe extern "C" fn(_, _) -> _ = Self::start_xmit;
        // SAFETY: The caller guarantees a valid device; its operations are valid as long.
        let start_xmit = unsafe { (*dev).netdev_ops.as_ref() }.and_then(|ops| ops.ndo_start_xmit);
        if start_xmit.map(|it| it as usize) != Some(own as usize) {
            return false;
        }
        // The compiler may have merged the functions for two types. But a device that has any of
        // them also has a `Private<_>`, which begins with the type.
        // SAFETY: The device has a private area, whose type is set before it is registered.
        unsafe { (*Device::<T>::private(dev)).data_type == Some(TypeId::of::<T>()) }
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver, which is down, and the RTNL held.
    unsafe extern "C" fn open(ptr: *mut bindings::net_device) -> c_int {
        // SAFETY: `ptr` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(ptr) };
        from_result(|| {
            T::open(dev)?;
            // SAFETY: This is the device's `ndo_open()`.
            unsafe { T::Receive::enable(dev) };
            if !T::HAS_CHANGE_CARRIER {
                dev.set_carrier(true);
                T::update_carrier(dev);
                // SAFETY: The device is valid, and the RTNL is held.
                unsafe { bindings::muennet_netif_operational(ptr) };
            }
            // SAFETY: This is the device's `ndo_open()`, and the device can receive.
            unsafe { T::Receive::start(dev) };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver, which is up, and the RTNL held.
    unsafe extern "C" fn stop(ptr: *mut bindings::net_device) -> c_int {
        // SAFETY: `ptr` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(ptr) };
        // The queues are not stopped: a device without a queueing discipline must not ask the core
        // to requeue a packet. Nor may a list of packets be cut off, whose last one publishes all
        // of them. `start_xmit` handles packets that come while the device goes down.
        // SAFETY: This is the device's `ndo_stop()`.
        unsafe { T::Receive::stop(dev) };
        if !T::HAS_CHANGE_CARRIER {
            // Only now: the last poll may have turned it on.
            dev.set_carrier(false);
        }
        T::stop(dev);
        0
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver and a packet that it gives away.
    unsafe extern "C" fn start_xmit(
        skb: *mut bindings::sk_buff,
        ptr: *mut bindings::net_device,
    ) -> bindings::netdev_tx_t {
        // SAFETY: `ptr` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(ptr) };
        // SAFETY: The function reads a per-CPU flag, with softirqs off.
        let xmit_more = unsafe { bindings::muennet_xmit_more() };
        let Some(given) = NonNull::new(skb) else {
            return bindings::netdev_tx_NETDEV_TX_OK;
        };
        // SAFETY: The core gives the packet away. `skb->dev` is a device that transmits: the core
        // frees none before this call, for which softirqs are off, has returned. The driver cannot
        // keep the packet longer.
        match T::start_xmit(dev, unsafe { SkBuff::from_raw(given) }, xmit_more) {
            // The core takes the packet back, and only this one. Any other is dropped.
            Err(back) if back.as_ptr() == skb => {
                core::mem::forget(back);
                bindings::netdev_tx_NETDEV_TX_BUSY
            }
            Ok(()) | Err(_) => bindings::netdev_tx_NETDEV_TX_OK,
        }
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver, an MTU in its range, and the RTNL held.
    unsafe extern "C" fn change_mtu(ptr: *mut bindings::net_device, mtu: c_int) -> c_int {
        // SAFETY: `ptr` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(ptr) };
        from_result(|| {
            let mtu = u32::try_from(mtu)?;
            // SAFETY: The core holds the RTNL.
            T::change_mtu(dev, mtu, unsafe { Rtnl::assume_held() })?;
            // SAFETY: The device is valid. The core reads the field with single loads.
            unsafe { (&raw mut (*ptr).mtu).write_volatile(mtu) };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver, and the RTNL held.
    unsafe extern "C" fn change_carrier(ptr: *mut bindings::net_device, on: bool) -> c_int {
        // SAFETY: `ptr` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(ptr) };
        // SAFETY: The core holds the RTNL.
        let rtnl = unsafe { Rtnl::assume_held() };
        from_result(|| T::change_carrier(dev, on, rtnl).map(|()| 0))
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver and initialised counters.
    unsafe extern "C" fn get_stats64(
        ptr: *mut bindings::net_device,
        stats: *mut bindings::rtnl_link_stats64,
    ) {
        // SAFETY: `ptr` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(ptr) };
        // SAFETY: The counters belong to the caller and are valid for this call.
        T::get_stats64(dev, unsafe { LinkStats::from_raw(stats) });
    }
}
