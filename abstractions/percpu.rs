// SPDX-License-Identifier: GPL-2.0

//! Dynamically allocated per-CPU data.
//!
//! C header: [`include/linux/percpu.h`](srctree/include/linux/percpu.h)

use super::{
    bindings,
    fault_inject, //
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

/// A counter of events on one CPU, as an item of [`PerCpu`] or as a field of one.
///
/// Only softirqs of that CPU, or code that excludes all other writers, may increase it. Any task
/// may read it.
#[repr(transparent)]
pub(crate) struct Counter(Atomic<u64>);

// SAFETY: An atomic has the bit validity of its integer, for which zero is valid.
unsafe impl Zeroable for Counter {}

impl Counter {
    /// Adds to the counter, which wraps at 2^64.
    ///
    /// This is a load and a store instead of an atomic operation. With `CONFIG_PREEMPT_RT` it is an
    /// atomic operation, because softirqs may preempt each other on their CPU.
    #[inline]
    pub(crate) fn add(&self, count: u64) {
        #[cfg(not(CONFIG_PREEMPT_RT))]
        self.0
            .store(self.0.load(Relaxed).wrapping_add(count), Relaxed);
        #[cfg(CONFIG_PREEMPT_RT)]
        self.0.add(count, Relaxed);
    }

    /// Returns the value of the counter.
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// One `T` for each possible CPU, initialised to zero.
///
/// `T` must be `Sync`, and its fields usually are atomics: readers of a sum access the items of all
/// CPUs, and a task that gets the item of its CPU may be migrated before it uses it. A counter that
/// is increased with a load and a store is exact only where the caller is neither migrated nor
/// interrupted by another writer, as in softirqs without `CONFIG_PREEMPT_RT`.
///
/// # Invariants
///
/// `ptr` is a per-CPU allocation of one valid `T`, which this value owns.
///
/// # Examples
///
/// ```
/// use kernel::percpu::{Counter, PerCpu};
///
/// let counters = PerCpu::<Counter>::new()?;
/// counters.this_cpu().add(3);
/// counters.this_cpu().add(4);
/// assert_eq!(counters.iter().map(Counter::get).sum::<u64>(), 7);
/// # Ok::<(), Error>(())
/// ```
pub(crate) struct PerCpu<T: Zeroable + Sync> {
    ptr: NonNull<kernel::ffi::c_void>,
    _items: PhantomData<T>,
}

// SAFETY: The allocation is not tied to a task. With `T: Send` another task may drop the items, and
// with `T: Sync` another task may use them.
unsafe impl<T: Zeroable + Sync + Send> Send for PerCpu<T> {}

// SAFETY: The methods return `&T` only, and `T: Sync`.
unsafe impl<T: Zeroable + Sync> Sync for PerCpu<T> {}

impl<T: Zeroable + Sync> PerCpu<T> {
    /// Allocates the items: `__alloc_percpu()`. May sleep.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory.
    pub(crate) fn new() -> Result<Self> {
        const {
            assert!(!core::mem::needs_drop::<T>());
        }
        fault_inject::should_fail("per-CPU memory", ENOMEM)?;
        // SAFETY: The size and the alignment are those of a type. The caller may sleep, as
        // documented.
        let ptr = unsafe { bindings::muennet_alloc_percpu(size_of::<T>(), align_of::<T>()) };
        // INVARIANT: The allocation is zeroed, which is a valid `T`, and nothing else uses it.
        Ok(Self {
            ptr: NonNull::new(ptr.cast()).ok_or(ENOMEM)?,
            _items: PhantomData,
        })
    }

    /// Returns the item of the CPU on which the caller runs now: `raw_cpu_ptr()`.
    #[inline]
    pub(crate) fn this_cpu(&self) -> &T {
        // SAFETY: By the type invariant `ptr` is a per-CPU allocation.
        let item = unsafe { bindings::muennet_this_cpu(self.ptr.as_ptr()) };
        // SAFETY:
        // - By the type invariant `item` is a valid `T` that lives as long as `self`.
        // - Only shared references to it exist.
        unsafe { &*item.cast::<T>() }
    }

    /// Returns the items of all possible CPUs.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let mut cpu: kernel::ffi::c_int = -1;
        core::iter::from_fn(move || {
            // SAFETY: The function accepts any number from -1 on, and reads the mask of possible
            // CPUs.
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
        // SAFETY: By the type invariant this value owns the allocation, so that nothing uses it any
        // more. Its items need no drop, as `new` asserts.
        unsafe { bindings::free_percpu(self.ptr.as_ptr()) }
    }
}
