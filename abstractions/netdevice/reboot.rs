// SPDX-License-Identifier: GPL-2.0

//! A reboot notifier that takes a network device down.
//!
//! When the machine restarts or halts, or kexec starts another kernel, drivers are not unloaded:
//! the device would stay up for its peer.
//!
//! C header: [`include/linux/reboot.h`](srctree/include/linux/reboot.h)

use super::*;

/// Takes a device down when the machine reboots.
///
/// # Invariants
///
/// `block` is registered, and its callback is [`RebootNotifier::callback`].
#[pin_data(PinnedDrop)]
pub(super) struct RebootNotifier {
    #[pin]
    block: Opaque<bindings::notifier_block>,
    dev: NonNull<bindings::net_device>,
}

// SAFETY: The notifier chain has a lock of its own.
unsafe impl Send for RebootNotifier {}

// SAFETY: There is nothing to do with a shared reference.
unsafe impl Sync for RebootNotifier {}

impl RebootNotifier {
    /// Registers the notifier. May sleep. The RTNL must not be held, neither here nor when the
    /// value is dropped: the callback takes it while the lock of the notifier chain is held.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory.
    /// - The errors of `register_reboot_notifier()`.
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
                    ..pin_init::zeroed()
                };
                fault_inject::should_fail("reboot notifier", ENOMEM)?;
                // SAFETY: `slot` is valid for writes.
                unsafe { slot.write(block) };
                // SAFETY:
                // - The block does not move, and is unregistered before it is freed.
                // - The field `dev`, which the callback reads, is initialised before this one:
                //   fields are initialised in the order in which they stand here.
                to_result(unsafe { bindings::register_reboot_notifier(slot) })
            }),
        })
    }

    /// # Safety
    ///
    /// The kernel calls it with the block of a `RebootNotifier`.
    unsafe extern "C" fn callback(
        block: *mut bindings::notifier_block,
        _how: c_ulong,
        _command: *mut c_void,
    ) -> c_int {
        // SAFETY: The block is the field of a `RebootNotifier`, as the caller guarantees.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(block), Self, block) };
        let _rtnl = rtnl::lock();
        // SAFETY: The device is valid, and the RTNL held. One that is down, or not registered yet,
        // is left as it is.
        unsafe { bindings::dev_close(this.dev.as_ptr()) };
        bindings::NOTIFY_DONE as c_int
    }
}

#[pinned_drop]
impl PinnedDrop for RebootNotifier {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant the notifier is registered. The callback does not run any
        // more when the function returns.
        unsafe { bindings::unregister_reboot_notifier(self.block.get()) };
    }
}
