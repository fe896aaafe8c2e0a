// SPDX-License-Identifier: GPL-2.0

//! Dynamically allocated per-CPU data.
//!
//! C header: [`include/linux/percpu.h`](srctree/include/linux/percpu.h)

use super::{
    bindings,
    fault, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    cpu::nr_cpu_ids,
    prelude::*,
    sync::atomic::{
        ordering::Relaxed,
        Atomic, //
    }, //
};
use pin_init::Zeroable;

/// A counter of events of one CPU, meant to be an item of [`PerCpu`] or part of one.
///
/// Only softirqs of that CPU, or whoever else excludes all others, raise it; anybody may read it.
#[repr(transparent)]
pub(crate) struct Counter(Atomic<u64>);

// SAFETY: An atomic has the same bit validity as its integer, for which zero is valid.
unsafe impl Zeroable for Counter {}

impl Counter {
    /// Raises the counter; wraps at 2^64.
    ///
    /// It is a load and a store, not a locked operation, but where softirqs are preempted by others
    /// on their CPU (`CONFIG_PREEMPT_RT`).
    #[inline]
    pub(crate) fn add(&self, count: u64) {
        #[cfg(not(CONFIG_PREEMPT_RT))]
        self.0
            .store(self.0.load(Relaxed).wrapping_add(count), Relaxed);
        #[cfg(CONFIG_PREEMPT_RT)]
        self.0.add(count, Relaxed);
    }

    /// Reads the counter.
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// One `T` for every possible CPU, zeroed at first.
///
/// `T` is shared by whoever reads a sum, and the task that asks for its CPU's `T` may be moved
/// before it uses it: hence `Sync`, and atomic fields in practice. A counter that is raised by a
/// load and a store is exact only where the caller cannot be moved or interrupted by another
/// writer, as in softirqs without `CONFIG_PREEMPT_RT`.
///
/// # Invariants
///
/// `ptr` is a per-CPU allocation of one `T` that this value owns.
pub(crate) struct PerCpu<T: Zeroable + Sync> {
    ptr: NonNull<kernel::ffi::c_void>,
    _items: PhantomData<T>,
}

// SAFETY: The allocation is not tied to a task. `T: Send` lets its items be dropped elsewhere,
// `T: Sync` lets them be used from the task that now owns them.
unsafe impl<T: Zeroable + Sync + Send> Send for PerCpu<T> {}

// SAFETY: Only `&T` is ever given out, and `T: Sync`.
unsafe impl<T: Zeroable + Sync> Sync for PerCpu<T> {}

impl<T: Zeroable + Sync> PerCpu<T> {
    /// Allocates the items; may sleep.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for them.
    pub(crate) fn new() -> Result<Self> {
        const {
            assert!(!core::mem::needs_drop::<T>());
        }
        fault::point("per-CPU memory", ENOMEM)?;
        // SAFETY: Size and alignment are those of a type; the call may sleep, as documented.
        let ptr = unsafe { bindings::muennet_alloc_percpu(size_of::<T>(), align_of::<T>()) };
        // INVARIANT: The allocation is zeroed, which is a valid `T`, and nobody else has it.
        Ok(Self {
            ptr: NonNull::new(ptr.cast()).ok_or(ENOMEM)?,
            _items: PhantomData,
        })
    }

    /// The item of the CPU on which the caller runs just now.
    #[inline]
    pub(crate) fn this_cpu(&self) -> &T {
        // SAFETY: By the type invariant `ptr` is a per-CPU allocation.
        let item = unsafe { bindings::muennet_this_cpu(self.ptr.as_ptr()) };
        // SAFETY:
        // - By the type invariant `item` is a valid `T` that lives as long as `self`.
        // - Only shared references to it exist.
        unsafe { &*item.cast::<T>() }
    }

    /// The items of all CPUs.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let mut cpu: kernel::ffi::c_int = -1;
        core::iter::from_fn(move || {
            // SAFETY: The function takes a number and reads the mask of possible CPUs.
            let next = unsafe { bindings::muennet_next_possible_cpu(cpu) };
            cpu = kernel::ffi::c_int::try_from(next).ok()?;
            if next >= nr_cpu_ids() {
                return None;
            }
            // SAFETY: By the type invariant `ptr` is a per-CPU allocation, and `next` is a
            // possible CPU.
            let item = unsafe { bindings::muennet_per_cpu(self.ptr.as_ptr(), next) };
            // SAFETY: As in `this_cpu`.
            Some(unsafe { &*item.cast::<T>() })
        })
    }
}

impl<T: Zeroable + Sync> Drop for PerCpu<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the allocation is owned, so nobody uses it any more. Its
        // items need no drop, as `new` asserts.
        unsafe { bindings::free_percpu(self.ptr.as_ptr()) }
    }
}
