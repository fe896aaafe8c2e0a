// SPDX-License-Identifier: GPL-2.0

//! Takes a network device down when the machine is restarted or halted, or another kernel is
//! started. Drivers are not unloaded then, and the peer would take the device for an active one.
//!
//! C header: [`include/linux/reboot.h`](srctree/include/linux/reboot.h)

use super::*;
use kernel::ffi::c_ulong;

/// Takes a device down before the kernel ends.
///
/// # Invariants
///
/// `block` is registered, and its callback is [`Reboot::callback`].
#[pin_data(PinnedDrop)]
pub(super) struct Reboot {
    #[pin]
    block: Opaque<bindings::notifier_block>,
    dev: NonNull<bindings::net_device>,
}

// SAFETY: The notifier chain has a lock of its own.
unsafe impl Send for Reboot {}

// SAFETY: There is nothing to do with a shared reference.
unsafe impl Sync for Reboot {}

impl Reboot {
    /// Registers it. May sleep; the RTNL must not be held, neither here nor when it is dropped: the
    /// callback takes it, with the lock of the chain held.
    ///
    /// # Errors
    ///
    /// What registering the notifier returns.
    ///
    /// # Safety
    ///
    /// `dev` must be an allocated device, registered or not, that outlives the value.
    pub(super) unsafe fn new(dev: NonNull<bindings::net_device>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            dev,
            block <- Opaque::try_ffi_init(move |slot: *mut bindings::notifier_block| {
                let block = bindings::notifier_block {
                    notifier_call: Some(Self::callback),
                    ..Default::default()
                };
                fault::point("reboot notifier", ENOMEM)?;
                // SAFETY: `slot` is valid for writes.
                unsafe { slot.write(block) };
                // SAFETY:
                // - The block does not move, and is unregistered before it goes.
                // - The field `dev`, which the callback reads, is initialised before this one:
                //   fields are initialised in the order in which they stand here.
                kernel::error::to_result(unsafe { bindings::register_reboot_notifier(slot) })
            }),
        })
    }

    /// # Safety
    ///
    /// C calls it with the notifier of a `Reboot`.
    unsafe extern "C" fn callback(
        block: *mut bindings::notifier_block,
        _how: c_ulong,
        _command: *mut c_void,
    ) -> c_int {
        // SAFETY: The block is the field of a `Reboot`, as the caller promises.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(block), Self, block) };
        let _rtnl = rtnl::lock();
        // SAFETY: The device is valid, and the RTNL held. One that is down, or not registered yet,
        // is left as it is.
        unsafe { bindings::dev_close(this.dev.as_ptr()) };
        bindings::NOTIFY_DONE as c_int
    }
}

#[pinned_drop]
impl PinnedDrop for Reboot {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant the notifier is registered. The callback does not run any
        // more when the function returns.
        unsafe { bindings::unregister_reboot_notifier(self.block.get()) };
    }
}
