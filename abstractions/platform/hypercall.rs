// SPDX-License-Identifier: GPL-2.0

//! The hypercall that triggers an event of the Muen Separation Kernel.

/// Triggers the event `number`.
///
/// The instruction traps to the separation kernel, which returns at once.
///
/// Earlier writes are visible to the subject that receives the event. The compiler does not move
/// them behind the assembly, because it assumes that the assembly accesses memory. On x86 the exit
/// to the hypervisor completes the writes. On arm64 it does not, so `dsb` completes them.
///
/// # Safety
///
/// This machine must be a Muen subject. On other machines the instruction is invalid, or has
/// another meaning.
#[inline]
pub(super) unsafe fn trigger_event(number: u8) {
    #[cfg(all(target_arch = "x86_64", not(CONFIG_UML)))]
    // SAFETY: The hypercall takes its number in RAX, where other hypervisors return a status, and
    // touches neither memory nor other registers of this subject.
    unsafe {
        core::arch::asm!("vmcall", inlateout("rax") u64::from(number) => _, options(nostack))
    };
    #[cfg(target_arch = "aarch64")]
    // SAFETY: The hypercall takes its number in X0, where other hypervisors return a status, and
    // touches neither memory nor other registers of this subject.
    unsafe {
        core::arch::asm!(
            "dsb ishst",
            "hvc #1",
            inlateout("x0") u64::from(number) => _,
            options(nostack)
        )
    };
    // User-mode Linux cannot be a subject, and its subject information grants no events.
    #[cfg(CONFIG_UML)]
    let _ = number;
}
