// SPDX-License-Identifier: GPL-2.0

//! The hypercall that triggers an event of the Muen Separation Kernel.

/// Triggers the event `number`.
///
/// The instruction traps to the separation kernel, which keeps all registers and returns at once.
/// Outside of a Muen subject it is no valid instruction, or means something else; so it must be
/// executed for events only that the subject information grants.
#[inline]
pub(crate) fn trigger_event(number: u8) {
    // The writes before it are visible to whoever gets the event: an exit to the hypervisor
    // serialises, and the blocks may access memory as far as the compiler knows.
    #[cfg(all(target_arch = "x86_64", not(CONFIG_UML)))]
    // SAFETY: The hypercall takes its number in RAX and touches neither memory nor other registers
    // of this subject.
    unsafe {
        core::arch::asm!("vmcall", in("rax") u64::from(number), options(nostack))
    };
    #[cfg(target_arch = "aarch64")]
    // SAFETY: The hypercall takes its number in X0 and touches neither memory nor other registers
    // of this subject.
    unsafe {
        core::arch::asm!("hvc #1", in("x0") u64::from(number), options(nostack))
    };
    // User mode cannot be a subject; it grants no events either.
    #[cfg(CONFIG_UML)]
    let _ = number;
}
