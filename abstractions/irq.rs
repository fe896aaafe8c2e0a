// SPDX-License-Identifier: GPL-2.0

//! Interrupts that a driver knows by number, and masks while it polls.
//!
//! `kernel::irq` requests interrupts of bound devices of a bus; the devices here have no bus.
//!
//! ```text
//!               enable                 interrupt
//!   [ off ] ------------> [ armed ] ----------------> [ masked: NAPI polls ]
//!      ^                   |     ^                        |        |
//!      +---- disable ------+     +---- unmask ------------+        |
//!      +------------------------- disable -------------------------+
//! ```
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use super::{
    bindings,
    fault_inject, //
};
use kernel::{
    error::to_result,
    ffi::{
        c_char,
        c_int,
        c_void, //
    },
    prelude::*,
    sync::atomic::{
        ordering::Full,
        AtomicFlag, //
    }, //
};

/// An interrupt that the policy of the separation kernel gives to this driver. On arm64, dropping
/// it removes its mapping from the interrupt domain, if it was mapped for this value.
///
/// # Invariants
///
/// If `is_mapped`, this value owns the mapping of `number`: it was created for this value, and no
/// other driver uses it.
pub(crate) struct Irq {
    number: u32,
    #[cfg(target_arch = "aarch64")]
    is_mapped: bool,
}

impl Irq {
    /// Returns the interrupt with this Linux interrupt number.
    #[cfg(not(target_arch = "aarch64"))]
    pub(crate) const fn with_number(number: u32) -> Self {
        Self { number }
    }

    /// Returns the interrupt with this hardware number in the default interrupt domain. Returns
    /// `None` if there is no default domain, or if it has no such interrupt. May sleep.
    ///
    /// A mapping that exists remains when the value is dropped. The caller must not call this for
    /// the same number at the same time.
    #[cfg(target_arch = "aarch64")]
    pub(crate) fn of_default_domain(number: u32) -> Option<Self> {
        let mut is_mapped = false;
        // SAFETY: The function takes a number, and a pointer to a value that lives until it
        // returns.
        let number = unsafe { bindings::muennet_irq_create_mapping(number, &mut is_mapped) };
        // INVARIANT: The function has created the mapping if it says so. Vectors have no node in
        // the device tree, by which other drivers would find them, and callers take turns.
        (number != 0).then(|| Self { number, is_mapped })
    }

    /// Returns the Linux interrupt number.
    pub(crate) const fn number(&self) -> u32 {
        self.number
    }
}

#[cfg(target_arch = "aarch64")]
impl Drop for Irq {
    fn drop(&mut self) {
        if self.is_mapped {
            // SAFETY: By the type invariant the mapping is this value's, and no other driver has
            // requested the interrupt. If a `Registration` had, it has freed it before it drops
            // this value.
            unsafe { bindings::irq_dispose_mapping(self.number) };
        }
    }
}

/// A handler: `irq_handler_t`.
pub(super) type Handler =
    unsafe extern "C" fn(irq: c_int, cookie: *mut c_void) -> bindings::irqreturn_t;

/// A requested interrupt.
///
/// # Invariants
///
/// The interrupt is requested with `cookie` until this value is dropped. It is disabled once while
/// it is off, and once more while `masked` (and for a moment before and after that).
pub(super) struct Registration {
    irq: Irq,
    cookie: *mut c_void,
    masked: AtomicFlag,
}

// SAFETY: The interrupt core has locks of its own, `masked` is atomic, and the cookie is only
// passed back to it.
unsafe impl Send for Registration {}

// SAFETY: As above.
unsafe impl Sync for Registration {}

impl Registration {
    /// Requests the interrupt, which stays disabled: `request_irq()`. It stays on the CPU to which
    /// it belongs. May sleep.
    ///
    /// # Errors
    ///
    /// - `EBUSY`: another driver has it.
    /// - `EINVAL`: there is no such interrupt.
    ///
    /// # Safety
    ///
    /// `name` must be a C string and `handler` must accept `cookie`, both until the value is
    /// dropped.
    pub(super) unsafe fn request(
        irq: Irq,
        handler: Handler,
        name: *const c_char,
        cookie: *mut c_void,
    ) -> Result<Self> {
        fault_inject::should_fail("interrupt", EBUSY)?;
        // SAFETY: The caller guarantees that the name and the handler outlive the request, and that
        // the handler accepts the cookie.
        to_result(unsafe {
            bindings::request_threaded_irq(
                irq.number,
                Some(handler),
                None,
                (bindings::IRQF_NO_AUTOEN | bindings::IRQF_NOBALANCING) as usize,
                name,
                cookie,
            )
        })?;
        // INVARIANT: The interrupt is requested, and disabled by `IRQF_NO_AUTOEN`.
        Ok(Self {
            irq,
            cookie,
            masked: AtomicFlag::new(false),
        })
    }

    /// Enables the interrupt.
    ///
    /// # Safety
    ///
    /// The interrupt must be off.
    pub(super) unsafe fn enable(&self) {
        // SAFETY: By the type invariant the interrupt is requested, and disabled once.
        unsafe { bindings::enable_irq(self.irq.number) }
    }

    /// Disables the interrupt and waits for its handler. The caller calls
    /// [`unmask`](Self::unmask) once it no longer polls.
    ///
    /// # Safety
    ///
    /// The interrupt must be on.
    pub(super) unsafe fn disable(&self) {
        // SAFETY: By the type invariant the interrupt is requested.
        unsafe { bindings::disable_irq(self.irq.number) }
    }

    /// Masks the interrupt while the caller polls.
    ///
    /// Another CPU may end a poll and unmask at the same time. Hence the interrupt is disabled
    /// before the flag is set: otherwise it could be enabled before it is disabled.
    pub(super) fn mask(&self) {
        // SAFETY: By the type invariant the interrupt is requested; the handler may call this.
        unsafe { bindings::disable_irq_nosync(self.irq.number) };
        if self.masked.xchg(true, Full) {
            // SAFETY: By the type invariant the interrupt is requested; it was disabled just now.
            unsafe { bindings::enable_irq(self.irq.number) }
        }
    }

    /// Reverts [`mask`](Self::mask). An interrupt that was raised in between is handled now.
    pub(super) fn unmask(&self) {
        if self.masked.xchg(false, Full) {
            // SAFETY: By the type invariant the interrupt is requested, and disabled by `mask`.
            unsafe { bindings::enable_irq(self.irq.number) }
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the interrupt was requested with this cookie. The function
        // waits for the handler.
        unsafe { bindings::free_irq(self.irq.number, self.cookie) };
    }
}
