// SPDX-License-Identifier: GPL-2.0

//! Spinlocks that disable softirqs, or interrupts, on the CPU while they are held.
//!
//! C header: [`include/linux/spinlock.h`](srctree/include/linux/spinlock.h)

use super::bindings;
use kernel::{
    ffi::{
        c_char,
        c_ulong, //
    },
    sync::lock::{
        Backend,
        Lock, //
    }, //
};

/// A spinlock for data that softirqs (NAPI, transmission, soft timers) and system calls share.
///
/// Locking disables softirqs on the CPU: `spin_lock_bh()`. Do not take the lock in hard interrupt
/// context.
///
/// # Examples
///
/// ```
/// use kernel::sync::lock::spinlock_bh::new_spinlock_bh;
///
/// let lock = KBox::pin_init(new_spinlock_bh!(5, "example"), GFP_KERNEL)?;
/// *lock.lock() += 1;
/// assert_eq!(*lock.lock(), 6);
/// # Ok::<(), Error>(())
/// ```
pub(crate) type SpinLockBh<T> = Lock<T, SpinLockBhBackend>;

/// Creates a [`SpinLockBh`] initialiser with a lock class of its own.
macro_rules! new_spinlock_bh {
    ($inner:expr, $name:literal) => {
        $crate::abstractions::sync::SpinLockBh::new(
            $inner,
            kernel::optional_name!($name),
            kernel::static_lock_class!(),
        )
    };
}
pub(crate) use new_spinlock_bh;

/// A kernel `spinlock_t` lock backend that disables softirqs.
pub(crate) struct SpinLockBhBackend;

// SAFETY:
// - `spin_lock_bh()` and a successful `spin_trylock_bh()` make the caller the only owner until
//   `spin_unlock_bh()`. This is the mutual exclusion that the trait requires.
// - `relock` is the default of the trait, which calls `lock`.
unsafe impl Backend for SpinLockBhBackend {
    type State = bindings::spinlock_t;
    type GuardState = ();

    unsafe fn init(ptr: *mut Self::State, name: *const c_char, key: *mut bindings::lock_class_key) {
        // SAFETY: The caller guarantees that `ptr` is valid for writes, and that `name` and `key`
        // live as long as the kernel may use them.
        unsafe { bindings::__spin_lock_init(ptr, name, key) }
    }

    #[inline]
    unsafe fn lock(ptr: *mut Self::State) -> Self::GuardState {
        // SAFETY: The caller guarantees that `ptr` is an initialised spinlock.
        unsafe { bindings::muennet_spin_lock_bh(ptr) }
    }

    #[inline]
    unsafe fn try_lock(ptr: *mut Self::State) -> Option<Self::GuardState> {
        // SAFETY: The caller guarantees that `ptr` is an initialised spinlock.
        unsafe { bindings::muennet_spin_trylock_bh(ptr) }.then_some(())
    }

    #[inline]
    unsafe fn unlock(ptr: *mut Self::State, _guard_state: &Self::GuardState) {
        // SAFETY: The caller guarantees that it owns the lock.
        unsafe { bindings::muennet_spin_unlock_bh(ptr) }
    }

    unsafe fn assert_is_held(ptr: *mut Self::State) {
        // SAFETY: The caller guarantees that `ptr` is an initialised spinlock.
        unsafe { bindings::spin_assert_is_held(ptr) }
    }
}

/// A spinlock for data that hard interrupts (timers) and system calls share.
///
/// Locking disables interrupts on the CPU, also with `CONFIG_PREEMPT_RT`:
/// `raw_spin_lock_irqsave()`. Hold the lock for a short time only.
///
/// # Examples
///
/// ```
/// use kernel::sync::lock::spinlock_bh::new_raw_spinlock;
///
/// let lock = KBox::pin_init(new_raw_spinlock!(5, "example"), GFP_KERNEL)?;
/// *lock.lock() += 1;
/// assert_eq!(lock.try_lock().map(|value| *value), Some(6));
/// # Ok::<(), Error>(())
/// ```
pub(crate) type RawSpinLock<T> = Lock<T, RawSpinLockBackend>;

/// Creates a [`RawSpinLock`] initialiser with a lock class of its own.
macro_rules! new_raw_spinlock {
    ($inner:expr, $name:literal) => {
        $crate::abstractions::sync::RawSpinLock::new(
            $inner,
            kernel::optional_name!($name),
            kernel::static_lock_class!(),
        )
    };
}
pub(crate) use new_raw_spinlock;

/// A kernel `raw_spinlock_t` lock backend that disables interrupts.
pub(crate) struct RawSpinLockBackend;

// SAFETY:
// - `raw_spin_lock_irqsave()` and a successful `raw_spin_trylock_irqsave()` make the caller the
//   only owner until `raw_spin_unlock_irqrestore()`. This is the mutual exclusion that the trait
//   requires.
// - `relock` is the default of the trait, which calls `lock`.
unsafe impl Backend for RawSpinLockBackend {
    type State = bindings::raw_spinlock_t;
    /// The interrupt flags from before the lock was taken.
    type GuardState = c_ulong;

    unsafe fn init(ptr: *mut Self::State, name: *const c_char, key: *mut bindings::lock_class_key) {
        // SAFETY: The caller guarantees that `ptr` is valid for writes, and that `name` and `key`
        // live as long as the kernel may use them.
        unsafe { bindings::muennet_raw_spin_lock_init(ptr, name, key) }
    }

    #[inline]
    unsafe fn lock(ptr: *mut Self::State) -> Self::GuardState {
        // SAFETY: The caller guarantees that `ptr` is an initialised spinlock.
        unsafe { bindings::muennet_raw_spin_lock_irqsave(ptr) }
    }

    #[inline]
    unsafe fn try_lock(ptr: *mut Self::State) -> Option<Self::GuardState> {
        let mut flags = 0;
        // SAFETY: The caller guarantees that `ptr` is an initialised spinlock. The flags are a
        // local variable.
        unsafe { bindings::muennet_raw_spin_trylock_irqsave(ptr, &raw mut flags) }.then_some(flags)
    }

    #[inline]
    unsafe fn unlock(ptr: *mut Self::State, flags: &Self::GuardState) {
        // SAFETY: The caller guarantees that it owns the lock, and that the flags are those that
        // `lock` or `try_lock` returned.
        unsafe { bindings::muennet_raw_spin_unlock_irqrestore(ptr, *flags) }
    }

    unsafe fn assert_is_held(ptr: *mut Self::State) {
        // SAFETY: The caller guarantees that `ptr` is an initialised spinlock.
        unsafe { bindings::muennet_raw_spin_assert_is_held(ptr) }
    }
}
