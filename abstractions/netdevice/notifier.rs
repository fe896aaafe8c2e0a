// SPDX-License-Identifier: GPL-2.0

//! News of network devices, of whatever driver and in all namespaces.
//!
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)

use super::{
    super::rtnl::Rtnl,
    *, //
};
use core::marker::PhantomPinned;
use kernel::{
    error::to_result,
    ffi::c_ulong, //
};

/// What has happened to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// It is up now.
    Up,
    /// It is down now.
    Down,
    /// Its flags or its carrier are others now.
    Change,
    /// Its MTU is another one now.
    ChangeMtu,
    /// It has another name now.
    ChangeName,
    /// It is in its namespace now: it is new, or comes from another one.
    Register,
}

/// Who wants to know.
pub(crate) trait Watcher: 'static {
    /// Something has happened to a device.
    fn event(dev: &NetDevice, event: Event, rtnl: &Rtnl);
}

/// The registration of a [`Watcher`]. Dropping it ends the news.
///
/// # Invariants
///
/// The block is registered, unless registering it has failed.
#[pin_data(PinnedDrop)]
pub(crate) struct Notifier<W: Watcher> {
    #[pin]
    block: Opaque<bindings::notifier_block>,
    #[pin]
    _pinned: PhantomPinned,
    _watcher: PhantomData<W>,
}

// SAFETY: It may be unregistered by any task.
unsafe impl<W: Watcher> Send for Notifier<W> {}

// SAFETY: There is nothing to do with a shared one.
unsafe impl<W: Watcher> Sync for Notifier<W> {}

impl<W: Watcher> Notifier<W> {
    /// Registers a watcher, which is told at once of all devices, and of those that are up. Takes
    /// the RTNL.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for it.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            block <- Opaque::try_ffi_init(|block: *mut bindings::notifier_block| {
                let new = bindings::notifier_block {
                    notifier_call: Some(Self::call),
                    ..pin_init::zeroed()
                };
                fault::point("notifier", ENOMEM)?;
                // SAFETY: The memory is there for a block, and does not move once registered.
                to_result(unsafe {
                    block.write(new);
                    bindings::register_netdevice_notifier(block)
                })
            }),
            _pinned: PhantomPinned,
            _watcher: PhantomData,
        })
    }

    /// # Safety
    ///
    /// C calls it with the information on a device, with the RTNL held.
    unsafe extern "C" fn call(
        _block: *mut bindings::notifier_block,
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
            _ => return bindings::NOTIFY_DONE as c_int,
        };
        // SAFETY: C holds the RTNL.
        let rtnl = unsafe { Rtnl::assume_held() };
        // SAFETY: The information on a device begins with a pointer to it, which is valid. It has been
        // registered: C sets its state before it tells of that, the first of these events.
        let dev =
            unsafe { NetDevice::from_raw((*info.cast::<bindings::netdev_notifier_info>()).dev) };
        W::event(dev, event, rtnl);
        bindings::NOTIFY_DONE as c_int
    }
}

#[pinned_drop]
impl<W: Watcher> PinnedDrop for Notifier<W> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant the block is registered.
        unsafe { bindings::unregister_netdevice_notifier(self.block.get()) };
    }
}
