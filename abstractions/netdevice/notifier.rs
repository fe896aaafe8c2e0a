// SPDX-License-Identifier: GPL-2.0

//! Notifiers of events of network devices, of any driver and in all namespaces.
//!
//! C headers: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h),
//! [`include/linux/notifier.h`](srctree/include/linux/notifier.h)

use super::*;

/// An event of a network device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// `NETDEV_UP`: the device is up.
    Up,
    /// `NETDEV_DOWN`: the device is down.
    Down,
    /// `NETDEV_CHANGE`: its flags or its carrier changed.
    Change,
    /// `NETDEV_CHANGEMTU`: its MTU changed.
    ChangeMtu,
    /// `NETDEV_CHANGENAME`: its name changed.
    ChangeName,
    /// `NETDEV_REGISTER`: it was registered, or has moved to another namespace.
    Register,
    /// `NETDEV_UNREGISTER`: it is being unregistered, or moves to another namespace.
    Unregister,
}

/// The callback of a notifier, with its data.
pub(crate) trait Callback: Send + Sync + 'static {
    /// Handles an event of a device. May sleep.
    fn event(&self, dev: &NetDevice, event: Event, rtnl: &Rtnl);
}

/// A registered notifier: `struct notifier_block`. Dropping it unregisters it.
///
/// # Invariants
///
/// `block` is registered. Its function is `call`.
#[pin_data(PinnedDrop)]
pub(crate) struct NotifierBlock<C: Callback> {
    #[pin]
    block: Opaque<bindings::notifier_block>,
    callback: C,
}

// SAFETY: Any task may unregister it, and `C: Send`.
unsafe impl<C: Callback> Send for NotifierBlock<C> {}

// SAFETY: A shared reference gives access to nothing.
unsafe impl<C: Callback> Sync for NotifierBlock<C> {}

impl<C: Callback> NotifierBlock<C> {
    /// Registers a notifier: `register_netdevice_notifier()`. The callback gets [`Event::Register`]
    /// of each device that exists, and [`Event::Up`] of those that are up. Takes the RTNL.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory.
    pub(crate) fn new(callback: C) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            callback,
            block <- Opaque::try_ffi_init(|slot: *mut bindings::notifier_block| {
                let block = bindings::notifier_block {
                    notifier_call: Some(Self::call),
                    ..pin_init::zeroed()
                };
                fault_inject::should_fail("notifier", ENOMEM)?;
                // SAFETY:
                // - `slot` is valid for writes, does not move, and is unregistered before it is
                //   freed.
                // - The field `callback`, which the function uses, is initialised before this one:
                //   fields are initialised in the order of this list.
                to_result(unsafe {
                    slot.write(block);
                    bindings::register_netdevice_notifier(slot)
                })
            }),
        })
    }

    /// # Safety
    ///
    /// The core calls it with the block of a `NotifierBlock<C>` and the information on a device,
    /// with the RTNL held.
    unsafe extern "C" fn call(
        block: *mut bindings::notifier_block,
        event: c_ulong,
        info: *mut c_void,
    ) -> c_int {
        let event = match event as bindings::netdev_cmd {
            bindings::netdev_cmd_NETDEV_UP => Event::Up,
            bindings::netdev_cmd_NETDEV_DOWN => Event::Down,
            bindings::netdev_cmd_NETDEV_CHANGE => Event::Change,
            bindings::netdev_cmd_NETDEV_CHANGEMTU => Event::ChangeMtu,
            bindings::netdev_cmd_NETDEV_CHANGENAME => Event::ChangeName,
            bindings::netdev_cmd_NETDEV_REGISTER => Event::Register,
            bindings::netdev_cmd_NETDEV_UNREGISTER => Event::Unregister,
            _ => return bindings::NOTIFY_DONE as c_int,
        };
        // SAFETY: The core holds the RTNL.
        let rtnl = unsafe { Rtnl::assume_held() };
        // SAFETY: The information on a device begins with a pointer to it. The device is valid, and
        // registered or about to be: these events come later than its initialisation.
        let dev =
            unsafe { NetDevice::from_raw((*info.cast::<bindings::netdev_notifier_info>()).dev) };
        // SAFETY: The block is the field of a `NotifierBlock<C>`.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(block), Self, block) };
        this.callback.event(dev, event, rtnl);
        bindings::NOTIFY_DONE as c_int
    }
}

#[pinned_drop]
impl<C: Callback> PinnedDrop for NotifierBlock<C> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant the block is registered. The callback gets `Event::Down` of
        // devices that are up and `Event::Unregister` of all devices, and does not run any more
        // when the function returns.
        unsafe { bindings::unregister_netdevice_notifier(self.block.get()) };
    }
}
