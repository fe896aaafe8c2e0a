// SPDX-License-Identifier: GPL-2.0

//! The functions that C calls, and their table.

use super::{
    super::napi::rest,
    *, //
};

/// Makes the table of a driver's operations.
pub(super) struct Adapter<T: Operations>(PhantomData<T>);

impl<T: Operations> Adapter<T> {
    /// The driver's `struct net_device_ops`.
    pub(super) const OPS: bindings::net_device_ops = bindings::net_device_ops {
        ndo_open: Some(Self::open),
        ndo_stop: Some(Self::stop),
        ndo_start_xmit: Some(Self::start_xmit),
        ndo_features_check: Some(bindings::muennet_features_check),
        ndo_change_mtu: Some(Self::change_mtu),
        ndo_get_stats64: Some(Self::get_stats64),
        ..pin_init::zeroed()
    };

    /// The same for an Ethernet device.
    const ETHERNET_OPS: bindings::net_device_ops = ethernet::operations(Self::OPS);

    /// Where the tables lie.
    pub(super) const TABLE: &'static bindings::net_device_ops = &Self::OPS;

    /// The same for an Ethernet device.
    pub(super) const ETHERNET_TABLE: &'static bindings::net_device_ops = &Self::ETHERNET_OPS;

    /// Whether a device is one of the driver's with data of type `T`.
    ///
    /// # Safety
    ///
    /// `dev` must be valid, and registered or about to be.
    pub(super) unsafe fn owns(dev: *mut bindings::net_device) -> bool {
        let ours: unsafe extern "C" fn(_, _) -> _ = Self::start_xmit;
        // SAFETY: As the caller promises; a device's table is valid as long as the device.
        let transmit = unsafe { (*dev).netdev_ops.as_ref() }.and_then(|ops| ops.ndo_start_xmit);
        if transmit.map(|it| it as usize) != Some(ours as usize) {
            return false;
        }
        // The compiler may have made one function of those for two types; but who has any of them
        // also has a `Private<_>`, in which the type comes first.
        // SAFETY: So it has, and the type is written before the device is registered.
        unsafe { (*Device::<T>::private(dev)).data_type == Some(TypeId::of::<T>()) }
    }

    /// # Safety
    ///
    /// C calls it with a device of this driver, with the RTNL held, while the device is down.
    unsafe extern "C" fn open(ptr: *mut bindings::net_device) -> c_int {
        // SAFETY: `ptr` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(ptr) };
        from_result(|| {
            T::open(dev)?;
            // SAFETY: NAPI is disabled while a device is down, and this is its `ndo_open`.
            unsafe { dev.napi().enable() };
            if T::receives(dev) {
                // SAFETY: The device is going up, and the RTNL is held.
                unsafe { dev.napi().set_serving(true) };
            }
            // SAFETY: The device is valid and going up.
            unsafe { bindings::netif_carrier_on(ptr) };
            T::start(dev);
            // SAFETY: The device is valid, and the RTNL held.
            unsafe { bindings::muennet_netif_operational(ptr) };
            if let Some(irq) = dev.irq() {
                // SAFETY: The device is going up, and this is its `ndo_open`.
                unsafe { irq.enable() };
            }
            // What happened while the device was down woke nobody.
            Self::schedule(dev);
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// C calls it with a device of this driver, with the RTNL held, while the device is up.
    unsafe extern "C" fn stop(ptr: *mut bindings::net_device) -> c_int {
        // SAFETY: `ptr` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(ptr) };
        // Its queues are not stopped: a device without a queueing discipline must never ask for a
        // packet to be kept, and a list of packets that has begun would be broken off, whose last
        // one publishes all. What comes while the device goes down is `transmit`'s to judge.
        if let Some(irq) = dev.irq() {
            // SAFETY: The device is going down, and this is its `ndo_stop`.
            unsafe { irq.disable() };
        }
        T::quiesce(dev);
        // SAFETY: NAPI is enabled while a device is up, and this is its `ndo_stop`.
        unsafe { dev.napi().disable() };
        // SAFETY: The device is going down, and the RTNL is held.
        unsafe { dev.napi().set_serving(false) };
        // Not before: the last poll may have turned it on.
        // SAFETY: The device is valid and going down.
        unsafe { bindings::netif_carrier_off(ptr) };
        if let Some(irq) = dev.irq() {
            // The last poll may have been ended by the core, which knows nothing of the mask.
            irq.unmask();
        }
        T::close(dev);
        0
    }

    /// # Safety
    ///
    /// C calls it with a device of this driver and a packet that it gives away.
    unsafe extern "C" fn start_xmit(
        skb: *mut bindings::sk_buff,
        ptr: *mut bindings::net_device,
    ) -> bindings::netdev_tx_t {
        // SAFETY: `ptr` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(ptr) };
        // SAFETY: The function reads a per-CPU flag, with softirqs off.
        let more = unsafe { bindings::muennet_xmit_more() };
        if let Some(skb) = NonNull::new(skb) {
            // SAFETY: C gives the packet away.
            T::transmit(dev, unsafe { SkBuff::from_raw(skb) }, more);
        }
        bindings::netdev_tx_NETDEV_TX_OK
    }

    /// # Safety
    ///
    /// C calls it with a device of this driver, with the RTNL held, and an MTU within its range.
    unsafe extern "C" fn change_mtu(ptr: *mut bindings::net_device, mtu: c_int) -> c_int {
        // SAFETY: `ptr` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(ptr) };
        from_result(|| {
            let mtu = u32::try_from(mtu)?;
            T::change_mtu(dev, mtu)?;
            // SAFETY: The device is valid; C reads the field in one access while packets flow.
            unsafe { (&raw mut (*ptr).mtu).write_volatile(mtu) };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// C calls it with a device of this driver and counters that it has initialised.
    unsafe extern "C" fn get_stats64(
        ptr: *mut bindings::net_device,
        stats: *mut bindings::rtnl_link_stats64,
    ) {
        // SAFETY: `ptr` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(ptr) };
        // SAFETY: The counters are the caller's and valid for this call.
        T::stats(dev, unsafe { LinkStats::from_raw(stats) });
    }

    /// # Safety
    ///
    /// C calls it with the NAPI instance of a device of this driver, as its poll function.
    pub(super) unsafe extern "C" fn poll(napi: *mut bindings::napi_struct, budget: c_int) -> c_int {
        // SAFETY: The instance was added to a device of this driver, which is up.
        let dev = unsafe { Device::<T>::from_raw((*napi).dev) };
        // SAFETY: This is the poll function of that instance.
        let poll = unsafe { Poll::new(dev.napi(), budget) };
        if budget <= 0 {
            return 0;
        }
        let polled = T::poll(dev, &poll);
        poll.finish();
        match polled {
            Polled::Again => budget,
            Polled::Done(work) => {
                let work = c_int::try_from(work).unwrap_or(budget).min(budget - 1);
                rest(
                    // SAFETY: This is the poll function, and `work` is below the budget.
                    || unsafe { dev.napi().complete(work) },
                    || {
                        if let Some(irq) = dev.irq() {
                            irq.unmask();
                        }
                    },
                    || T::rearmed(dev),
                    || Self::schedule(dev),
                );
                work
            }
        }
    }

    /// # Safety
    ///
    /// C calls it as the handler of an interrupt requested for a device of this driver.
    pub(super) unsafe extern "C" fn interrupt(
        _irq: c_int,
        cookie: *mut c_void,
    ) -> bindings::irqreturn_t {
        // SAFETY: The cookie is a device of this driver, whose area is initialised.
        let dev = unsafe { Device::<T>::from_raw(cookie.cast()) };
        Self::schedule(dev);
        T::interrupted(dev);
        bindings::irqreturn::IRQ_HANDLED
    }

    /// Schedules NAPI, and keeps the device's interrupt, if it has one, from coming meanwhile: a
    /// storm of interrupts would ask for another poll during each.
    fn schedule(dev: &Device<T>) {
        dev.napi().schedule_with(|| {
            if let Some(irq) = dev.irq() {
                irq.mask();
            }
        });
    }
}
