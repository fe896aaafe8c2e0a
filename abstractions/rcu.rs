// SPDX-License-Identifier: GPL-2.0

//! Maps whose values are looked up under RCU, without a lock, and freed after a grace period.
//!
//! C headers: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h),
//! [`include/linux/xarray.h`](srctree/include/linux/xarray.h)

use super::bindings;
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    ffi::{
        c_ulong,
        c_void, //
    },
    prelude::*,
    sync::{
        rcu::{
            rcu_barrier,
            Guard, //
        },
        Arc,
        Completion,
        Refcount, //
    },
    types::Opaque, //
};

/// A reference to a shared value of a map. The value outlives its last reference by an RCU grace
/// period.
///
/// [`RcuMap::share`] creates the value, and the map outlives it. The value is dropped in a softirq,
/// so its drop must not sleep.
///
/// # Invariants
///
/// `ptr` was created from a [`KBox`], and `refs` counts this reference.
pub(crate) struct RcuArc<T: Send + Sync + 'static> {
    ptr: NonNull<Inner<T>>,
}

#[repr(C)]
struct Inner<T> {
    /// The first field: [`free`] casts the pointer to it to one to the whole.
    rcu: Opaque<bindings::callback_head>,
    refs: Refcount,
    values: Arc<Values>,
    value: T,
}

/// Counts the values of a map that are not dropped yet, and the map itself.
#[pin_data]
struct Values {
    count: Refcount,
    /// Completes when the count drops to zero.
    #[pin]
    none: Completion,
}

impl Values {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            count: Refcount::new(1),
            none <- Completion::new(),
        })
    }

    fn put(&self) {
        if self.count.dec_and_test() {
            self.none.complete_all();
        }
    }
}

// SAFETY: References are counted atomically. Any task may use and drop the value: `T: Send + Sync`.
unsafe impl<T: Send + Sync> Send for RcuArc<T> {}

// SAFETY: As above.
unsafe impl<T: Send + Sync> Sync for RcuArc<T> {}

impl<T: Send + Sync> RcuArc<T> {
    fn into_raw(self) -> *mut c_void {
        ManuallyDrop::new(self).ptr.as_ptr().cast()
    }

    /// Reverts `into_raw()`. Returns `None` for a null pointer.
    ///
    /// # Safety
    ///
    /// `ptr` must be null or a result of `into_raw()` that has not been passed to this function
    /// before.
    unsafe fn from_raw(ptr: *mut c_void) -> Option<Self> {
        NonNull::new(ptr.cast()).map(|ptr| Self { ptr })
    }
}

impl<T: Send + Sync> Deref for RcuArc<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: By the type invariant the value lives as long as the reference.
        unsafe { &(*self.ptr.as_ptr()).value }
    }
}

impl<T: Send + Sync> Clone for RcuArc<T> {
    fn clone(&self) -> Self {
        // SAFETY: By the type invariant the value lives as long as the reference.
        unsafe { (*self.ptr.as_ptr()).refs.inc() };
        // INVARIANT: The new reference has just been counted.
        Self { ptr: self.ptr }
    }
}

impl<T: Send + Sync> Drop for RcuArc<T> {
    fn drop(&mut self) {
        let inner = self.ptr.as_ptr();
        // SAFETY: By the type invariant the value lives as long as the reference.
        if unsafe { (*inner).refs.dec_and_test() } {
            // SAFETY: This was the last reference, so that the head is used only once. The callback
            // frees the allocation that the head begins.
            unsafe { bindings::call_rcu((*inner).rcu.get(), Some(free::<T>)) };
        }
    }
}

/// # Safety
///
/// The kernel calls it with the head of an [`Inner<T>`] without references, after a grace period.
unsafe extern "C" fn free<T>(head: *mut bindings::callback_head) {
    // SAFETY: The head is the first field of a value that was created from a `KBox`. No reference
    // is left, and all RCU readers that could have found it are done.
    let inner = unsafe { KBox::from_raw(head.cast::<Inner<T>>()) };
    let values = inner.values.clone();
    drop(inner);
    values.put();
}

/// A map from numbers to shared values: an XArray. Readers use RCU and find the entries in the
/// order of their numbers.
///
/// A lookup visits at most six nodes, independently of the number of entries. Any task may change
/// the map; each change is one publication. Dropping the map sleeps until all references to its
/// values are dropped and the RCU callbacks of this module have dropped all values.
///
/// # Invariants
///
/// `xa` is an initialised XArray. Its entries are results of `RcuArc::into_raw`.
///
/// # Examples
///
/// ```
/// use kernel::sync::{rcu, rcu_map::RcuMap};
///
/// let map = KBox::pin_init(RcuMap::<u32>::new(), GFP_KERNEL)?;
/// map.insert(1, map.share(7)?)?;
/// assert_eq!(map.get(1, &rcu::read_lock()).copied(), Some(7));
/// drop(map.remove(1));
/// assert!(map.get(1, &rcu::read_lock()).is_none());
/// # Ok::<(), Error>(())
/// ```
#[pin_data(PinnedDrop)]
pub(crate) struct RcuMap<T: Send + Sync + 'static> {
    #[pin]
    xa: Opaque<bindings::xarray>,
    values: Arc<Values>,
    _entries: PhantomData<RcuArc<T>>,
}

// SAFETY: The XArray has a lock of its own. Any task may use and drop the values:
// `T: Send + Sync`.
unsafe impl<T: Send + Sync> Send for RcuMap<T> {}

// SAFETY: As above.
unsafe impl<T: Send + Sync> Sync for RcuMap<T> {}

impl<T: Send + Sync> RcuMap<T> {
    /// Creates an empty map.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // SAFETY: The function initialises the XArray.
            xa <- Opaque::ffi_init(|xa| unsafe { bindings::muennet_xa_init_account(xa) }),
            values: Arc::pin_init(Values::new(), GFP_KERNEL)?,
            _entries: PhantomData,
        })
    }

    /// Creates a value for this map. A task that drops the map must not hold a reference: the drop
    /// would wait for it forever.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory.
    pub(crate) fn share(&self, value: T) -> Result<RcuArc<T>> {
        let inner = KBox::new(
            Inner {
                rcu: Opaque::uninit(),
                refs: Refcount::new(1),
                values: self.values.clone(),
                value,
            },
            GFP_KERNEL,
        )?;
        self.values.count.inc();
        // INVARIANT: `refs` counts this reference, the only one so far.
        Ok(RcuArc {
            ptr: NonNull::from(KBox::leak(inner)),
        })
    }

    fn made(&self, value: &RcuArc<T>) -> bool {
        // SAFETY: By its type invariant the value lives as long as the reference.
        Arc::ptr_eq(&self.values, unsafe { &(*value.ptr.as_ptr()).values })
    }

    /// Adds an entry: `xa_insert()`. [`Self::share`] of this map must have created the value. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// - `EEXIST`: there is an entry for `key`.
    /// - `ENOMEM`: there is no memory.
    pub(crate) fn insert(&self, key: u32, value: RcuArc<T>) -> Result {
        debug_assert!(self.made(&value));
        let entry = value.into_raw();
        // SAFETY: The XArray is initialised by the type invariant.
        let inserted = unsafe { bindings::muennet_xa_insert(self.xa.get(), key as c_ulong, entry) };
        let inserted = to_result(inserted);
        if inserted.is_err() {
            // SAFETY: The entry comes from `into_raw()`, and the XArray has not taken it.
            drop(unsafe { RcuArc::<T>::from_raw(entry) });
        }
        inserted.map_err(|error| if error == EBUSY { EEXIST } else { error })
    }

    /// Replaces the value of an entry and returns the old one: `xa_cmpxchg()`. Readers find the old
    /// or the new value, never none. [`Self::share`] of this map must have created the new value.
    /// May sleep.
    ///
    /// # Errors
    ///
    /// - `ENOENT`: there is no entry for `key`.
    pub(crate) fn replace(&self, key: u32, value: RcuArc<T>) -> Result<RcuArc<T>> {
        let key = key as c_ulong;
        // SAFETY: The XArray is initialised by the type invariant.
        let mut old = unsafe { bindings::xa_load(self.xa.get(), key) };
        debug_assert!(self.made(&value));
        let new = value.into_raw();
        loop {
            if old.is_null() {
                // SAFETY: The entry comes from `into_raw()`, and the XArray has not taken it.
                drop(unsafe { RcuArc::<T>::from_raw(new) });
                return Err(ENOENT);
            }
            // SAFETY: The XArray is initialised by the type invariant.
            let found = unsafe { bindings::muennet_xa_replace(self.xa.get(), key, old, new) };
            if found == old {
                // SAFETY: The entry was in the XArray, so that it comes from `into_raw()`, and has
                // been removed.
                return unsafe { RcuArc::from_raw(old) }.ok_or(ENOENT);
            }
            old = found;
        }
    }

    /// Removes an entry and returns its value, if there is one: `xa_erase()`.
    pub(crate) fn remove(&self, key: u32) -> Option<RcuArc<T>> {
        // SAFETY:
        // - The XArray is initialised by the type invariant.
        // - The entry is null or comes from `into_raw()`, and is no longer in the XArray.
        unsafe { RcuArc::from_raw(bindings::xa_erase(self.xa.get(), key as c_ulong)) }
    }

    /// Looks up the value of `key`: `xa_load()`.
    #[inline]
    pub(crate) fn get<'a>(&'a self, key: u32, _guard: &'a Guard) -> Option<&'a T> {
        // SAFETY: The XArray is initialised by the type invariant.
        let entry = unsafe { bindings::xa_load(self.xa.get(), key as c_ulong) };
        let inner = NonNull::new(entry.cast::<Inner<T>>())?;
        // SAFETY: The map had a reference to the value when the entry was found. The value outlives
        // this reference by a grace period, which does not end before the guard is dropped.
        Some(unsafe { &(*inner.as_ptr()).value })
    }

    /// Returns the entry with the lowest number that is at least `key`: `xa_find()`.
    pub(crate) fn next<'a>(&'a self, key: u32, _guard: &'a Guard) -> Option<(u32, &'a T)> {
        let mut index = key as c_ulong;
        // SAFETY: The XArray is initialised by the type invariant.
        let entry = unsafe {
            bindings::xa_find(
                self.xa.get(),
                &mut index,
                u32::MAX as c_ulong,
                bindings::XA_PRESENT,
            )
        };
        let inner = NonNull::new(entry.cast::<Inner<T>>())?;
        // SAFETY: As in `get`.
        let value = unsafe { &(*inner.as_ptr()).value };
        Some((u32::try_from(index).ok()?, value))
    }
}

#[pinned_drop]
impl<T: Send + Sync> PinnedDrop for RcuMap<T> {
    fn drop(self: Pin<&mut Self>) {
        let mut key = Some(0);
        while let Some(from) = key {
            let found = self.next(from, &Guard::new()).map(|(found, _)| found);
            if let Some(found) = found {
                drop(self.remove(found));
            }
            key = found.and_then(|found| found.checked_add(1));
        }
        // SAFETY: The XArray is initialised by the type invariant, and nothing uses it any more.
        unsafe { bindings::xa_destroy(self.xa.get()) };
        self.values.put();
        self.values.none.wait_for_completion();
        // The callback that dropped the last value is code of this module and may still be running.
        rcu_barrier();
    }
}

#[kernel::macros::kunit_tests(muennet_rcu)]
mod tests {
    use super::*;
    use kernel::{
        new_delayed_work,
        sync::atomic::{
            Atomic,
            Relaxed, //
        },
        workqueue::{
            self,
            DelayedWork,
            WorkItem, //
        }, //
    };

    /// Counts its drops.
    struct Dropped(Arc<Atomic<u32>>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    fn values(map: &RcuMap<Dropped>, count: &Arc<Atomic<u32>>) -> Result<RcuArc<Dropped>> {
        map.share(Dropped(count.clone()))
    }

    #[test]
    fn entries() -> Result {
        let count = Arc::new(Atomic::new(0), GFP_KERNEL)?;
        let map = KBox::pin_init(RcuMap::new(), GFP_KERNEL)?;
        let value = values(&map, &count)?;
        for (key, expected) in [(1, Ok(())), (7, Ok(())), (1, Err(EEXIST))] {
            assert_eq!(map.insert(key, value.clone()), expected);
        }
        map.replace(7, values(&map, &count)?)?;
        assert_eq!(map.replace(8, values(&map, &count)?).err(), Some(ENOENT));
        let guard = kernel::sync::rcu::read_lock();
        for (from, found) in [(0, Some(1)), (1, Some(1)), (2, Some(7)), (8, None)] {
            assert_eq!(map.next(from, &guard).map(|(key, _)| key), found);
        }
        drop(guard);
        drop(map.remove(1));
        assert!(map.remove(1).is_none());
        drop(value);
        // The map has a value and drops it.
        drop(map);
        assert_eq!(count.load(Relaxed), 3);
        Ok(())
    }

    /// Drops a reference from a work item, after the drop of the map has begun.
    #[pin_data]
    struct Holder {
        value: RcuArc<Dropped>,
        #[pin]
        work: DelayedWork<Holder>,
    }

    kernel::impl_has_delayed_work! {
        impl HasDelayedWork<Self> for Holder { self.work }
    }

    impl WorkItem for Holder {
        type Pointer = Pin<KBox<Holder>>;

        fn run(_: Pin<KBox<Holder>>) {}
    }

    /// The drop of the map waits for other references to its values.
    #[test]
    fn values_that_others_have() -> Result {
        let count = Arc::new(Atomic::new(0), GFP_KERNEL)?;
        let map = KBox::pin_init(RcuMap::new(), GFP_KERNEL)?;
        let value = values(&map, &count)?;
        map.insert(1, value.clone())?;
        let holder = pin_init!(Holder {
            value,
            work <- new_delayed_work!("muennet_rcu"),
        });
        workqueue::system_unbound().enqueue_delayed(KBox::pin_init(holder, GFP_KERNEL)?, 10);
        drop(map);
        assert_eq!(count.load(Relaxed), 1);
        Ok(())
    }
}
