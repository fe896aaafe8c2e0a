// SPDX-License-Identifier: GPL-2.0

//! Values that are read under RCU: found without a lock, freed a grace period later.
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

/// A shared value of a map that outlives its last reference by an RCU grace period.
///
/// [`RcuMap::share`] makes it, and the map does not go before it. The value is dropped in a
/// softirq, so its drop must not sleep.
///
/// # Invariants
///
/// `ptr` comes from a [`KBox`], and this reference is one of those that `refs` counts.
pub(crate) struct RcuArc<T: Send + Sync + 'static> {
    ptr: NonNull<Inner<T>>,
}

#[repr(C)]
struct Inner<T> {
    /// First, so that C's pointer to it is one to the whole.
    rcu: Opaque<bindings::callback_head>,
    refs: Refcount,
    values: Arc<Values>,
    value: T,
}

/// Counts the values of a map that have not been dropped, and the map itself.
#[pin_data]
struct Values {
    count: Refcount,
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

// SAFETY: References are counted atomically, and the value may be used and dropped anywhere.
unsafe impl<T: Send + Sync> Send for RcuArc<T> {}

// SAFETY: As above.
unsafe impl<T: Send + Sync> Sync for RcuArc<T> {}

impl<T: Send + Sync> RcuArc<T> {
    fn into_raw(self) -> *mut c_void {
        ManuallyDrop::new(self).ptr.as_ptr().cast()
    }

    /// Takes back what `into_raw()` gave away.
    ///
    /// # Safety
    ///
    /// `ptr` must come from `into_raw()`, and be taken back once only.
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
            // SAFETY: This was the last reference, so that the head is used once only; the
            // function frees what the head is the beginning of.
            unsafe { bindings::call_rcu((*inner).rcu.get(), Some(free::<T>)) };
        }
    }
}

/// # Safety
///
/// C calls it for the head of an [`Inner<T>`] that nobody refers to any more.
unsafe extern "C" fn free<T>(head: *mut bindings::callback_head) {
    // SAFETY: The head is the first field of what came from a `KBox`, and all references and all
    // RCU readers that could have found it are gone.
    let inner = unsafe { KBox::from_raw(head.cast::<Inner<T>>()) };
    let values = inner.values.clone();
    drop(inner);
    values.put();
}

/// A map from numbers to shared values, read under RCU and in order.
///
/// A look-up walks at most six nodes, however many entries there are. Any task may change the map;
/// each change is one publication. Dropping the map sleeps until nobody refers to a value of it
/// and all have been dropped, which functions of this module do.
///
/// # Invariants
///
/// `xa` is an initialised XArray whose entries come from [`RcuArc::into_raw`].
#[pin_data(PinnedDrop)]
pub(crate) struct RcuMap<T: Send + Sync + 'static> {
    #[pin]
    xa: Opaque<bindings::xarray>,
    values: Arc<Values>,
    _entries: PhantomData<RcuArc<T>>,
}

// SAFETY: The XArray locks for itself; values may be used and dropped anywhere.
unsafe impl<T: Send + Sync> Send for RcuMap<T> {}

// SAFETY: As above.
unsafe impl<T: Send + Sync> Sync for RcuMap<T> {}

impl<T: Send + Sync> RcuMap<T> {
    /// Makes an empty map.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for it.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // SAFETY: The function initialises the XArray.
            xa <- Opaque::ffi_init(|xa| unsafe { bindings::muennet_xa_init(xa) }),
            values: Arc::pin_init(Values::new(), GFP_KERNEL)?,
            _entries: PhantomData,
        })
    }

    /// Makes a value that can be added. What drops the map must not have one.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for it.
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
        // INVARIANT: This is the one reference counted so far.
        Ok(RcuArc {
            ptr: NonNull::from(KBox::leak(inner)),
        })
    }

    fn made(&self, value: &RcuArc<T>) -> bool {
        // SAFETY: By its type invariant the value lives as long as the reference.
        Arc::ptr_eq(&self.values, unsafe { &(*value.ptr.as_ptr()).values })
    }

    /// Adds an entry, which this map made. May sleep.
    ///
    /// # Errors
    ///
    /// - `EEXIST`: there is one for `key`.
    /// - `ENOMEM`: there is no memory for it.
    pub(crate) fn insert(&self, key: u32, value: RcuArc<T>) -> Result {
        debug_assert!(self.made(&value));
        let entry = value.into_raw();
        // SAFETY: The XArray is initialised by the type invariant.
        let inserted = unsafe { bindings::muennet_xa_insert(self.xa.get(), key as c_ulong, entry) };
        let inserted = to_result(inserted);
        if inserted.is_err() {
            // SAFETY: The entry has not been taken.
            drop(unsafe { RcuArc::<T>::from_raw(entry) });
        }
        inserted.map_err(|error| if error == EBUSY { EEXIST } else { error })
    }

    /// Puts another value, which this map made, in the place of one: a reader finds the old one or
    /// the new one, never none. Returns the old one. May sleep.
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
                // SAFETY: The entry has not been taken.
                drop(unsafe { RcuArc::<T>::from_raw(new) });
                return Err(ENOENT);
            }
            // SAFETY: The XArray is initialised by the type invariant.
            let found = unsafe { bindings::muennet_xa_replace(self.xa.get(), key, old, new) };
            if found == old {
                // SAFETY: The entry was in the map and is not any more.
                return unsafe { RcuArc::from_raw(old) }.ok_or(ENOENT);
            }
            old = found;
        }
    }

    /// Removes an entry and returns its value, if there is one.
    pub(crate) fn remove(&self, key: u32) -> Option<RcuArc<T>> {
        // SAFETY:
        // - The XArray is initialised by the type invariant.
        // - Its entries come from `into_raw()`, and this one is not in it any more.
        unsafe { RcuArc::from_raw(bindings::xa_erase(self.xa.get(), key as c_ulong)) }
    }

    /// Looks a value up.
    #[inline]
    pub(crate) fn get<'a>(&'a self, key: u32, _guard: &'a Guard) -> Option<&'a T> {
        // SAFETY: The XArray is initialised by the type invariant.
        let entry = unsafe { bindings::xa_load(self.xa.get(), key as c_ulong) };
        let inner = NonNull::new(entry.cast::<Inner<T>>())?;
        // SAFETY: The entry had a reference when it was found, and the value outlives that by a
        // grace period, which does not end before the guard is dropped.
        Some(unsafe { &(*inner.as_ptr()).value })
    }

    /// The entry with the lowest number that is at least `key`.
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
        // SAFETY: Nobody uses the XArray any more.
        unsafe { bindings::xa_destroy(self.xa.get()) };
        self.values.put();
        self.values.none.wait_for_completion();
        // The last one has been dropped by a function of this module that may not have returned.
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
        },
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
        // One is in the map, and the map drops it.
        drop(map);
        assert_eq!(count.load(Relaxed), 3);
        Ok(())
    }

    /// Drops a reference, later than the map is dropped.
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

    /// The map waits for who has a value, too.
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
