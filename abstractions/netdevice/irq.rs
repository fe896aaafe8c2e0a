// SPDX-License-Identifier: GPL-2.0

//! The interrupt line of a network device, which schedules its NAPI.
//!
//! ```text
//!               enable                 interrupt
//!   [ off ] ------------> [ armed ] ----------------> [ masked: NAPI polls ]
//!      ^                   |     ^                        |        |
//!      +---- disable ------+     +---- poll completed ----+        |
//!      +------------------------- disable -------------------------+
//! ```
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use super::{
    ops::Adapter,
    *, //
};
use kernel::sync::atomic::{
    ordering::Full,
    AtomicFlag, //
};

/// A number of an interrupt, by which a device may request it.
#[derive(Clone, Copy)]
pub(crate) struct Irq(u32);

impl Irq {
    /// The interrupt that Linux knows by this number.
    #[cfg(not(target_arch = "aarch64"))]
    pub(crate) const fn number(number: u32) -> Self {
        Self(number)
    }

    /// The interrupt that the default interrupt controller knows by this number.
    #[cfg(target_arch = "aarch64")]
    pub(crate) fn of_default_domain(number: u32) -> Option<Self> {
        // SAFETY: The function takes numbers; without a domain it takes the default one.
        let irq = unsafe { bindings::muennet_irq_create_mapping(number) };
        (irq != 0).then_some(Self(irq))
    }

    /// Linux' number of the interrupt.
    pub(crate) const fn as_u32(self) -> u32 {
        self.0
    }
}

/// A requested interrupt of a device.
///
/// # Invariants
///
/// The interrupt is requested with `cookie` until this value is dropped. It is disabled once while
/// the device is down, and once more while `masked` (and for a moment before and after it).
pub(super) struct IrqLine {
    irq: Irq,
    cookie: *mut bindings::net_device,
    masked: AtomicFlag,
}

impl IrqLine {
    /// Requests the interrupt for a device of `T`; it stays disabled. May sleep.
    ///
    /// # Errors
    ///
    /// - `EBUSY`: somebody else has it.
    /// - `EINVAL`: there is no such interrupt.
    ///
    /// # Safety
    ///
    /// `dev` must be a device of `T` with an initialised area, and the value must be dropped before
    /// the area is.
    pub(super) unsafe fn request<T: Operations>(
        irq: Irq,
        dev: *mut bindings::net_device,
    ) -> Result<Self> {
        fault::point("interrupt", EBUSY)?;
        // SAFETY:
        // - The device, and with it its name, outlives the request, as the caller promises.
        // - The handler takes a device of `T` as its cookie.
        kernel::error::to_result(unsafe {
            bindings::request_threaded_irq(
                irq.0,
                Some(Adapter::<T>::interrupt),
                None,
                // It comes to the processor to which it belongs, wherever others would have it.
                (bindings::IRQF_NO_AUTOEN | bindings::IRQF_NOBALANCING) as usize,
                (&raw const (*dev).name).cast(),
                dev.cast(),
            )
        })?;
        // INVARIANT: The interrupt is requested, and disabled by `IRQF_NO_AUTOEN`.
        Ok(Self {
            irq,
            cookie: dev,
            masked: AtomicFlag::new(false),
        })
    }

    /// Lets the interrupt come: the device goes up.
    ///
    /// # Safety
    ///
    /// The device must be down, and the caller its `ndo_open`.
    pub(super) unsafe fn enable(&self) {
        // SAFETY: By the type invariant the interrupt is ours and disabled once.
        unsafe { bindings::enable_irq(self.irq.0) }
    }

    /// Keeps the interrupt from coming, and waits for its handler: the device goes down.
    ///
    /// # Safety
    ///
    /// The device must be up, and the caller its `ndo_stop`, which calls [`IrqLine::unmask`] when
    /// no poll runs any more.
    pub(super) unsafe fn disable(&self) {
        // SAFETY: By the type invariant the interrupt is ours.
        unsafe { bindings::disable_irq(self.irq.0) }
    }

    /// Keeps the interrupt from coming while NAPI polls.
    ///
    /// Another CPU may end a poll and unmask at the same time: the interrupt is disabled before
    /// the flag says so, for else it might be enabled before it is disabled.
    pub(super) fn mask(&self) {
        // SAFETY: By the type invariant the interrupt is ours; the handler may do this.
        unsafe { bindings::disable_irq_nosync(self.irq.0) };
        if self.masked.xchg(true, Full) {
            // SAFETY: By the type invariant the interrupt is ours; it was disabled just now.
            unsafe { bindings::enable_irq(self.irq.0) }
        }
    }

    /// Undoes [`IrqLine::mask`]. An interrupt that was raised meanwhile comes now.
    pub(super) fn unmask(&self) {
        if self.masked.xchg(false, Full) {
            // SAFETY: By the type invariant the interrupt is ours and disabled by `mask`.
            unsafe { bindings::enable_irq(self.irq.0) }
        }
    }
}

impl Drop for IrqLine {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the interrupt was requested with this cookie. The function
        // waits for the handler.
        unsafe { bindings::free_irq(self.irq.0, self.cookie.cast()) };
    }
}
