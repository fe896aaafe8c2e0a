// SPDX-License-Identifier: GPL-2.0

//! The timer that wakes idle readers.
//!
//! A channel without a vector has nobody who tells of new elements. One timer for all interfaces
//! looks at two words of each channel and schedules NAPI where they have moved. While there is
//! news it looks often; then it backs off to the period that the user chose. Without an interface
//! that is up there is no timer.

use super::Interface;
use crate::abstractions::{
    netdevice::Device,
    sync::{
        new_spinlock_bh,
        SpinLockBh, //
    }, //
};
use kernel::{
    impl_has_hr_timer,
    new_mutex,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            ordering::Relaxed,
            Atomic, //
        },
        Arc,
        ArcBorrow,
        Mutex, //
    },
    time::{
        hrtimer::{
            ArcHrTimerHandle,
            HrTimer,
            HrTimerCallback,
            HrTimerCallbackContext,
            HrTimerPointer,
            HrTimerRestart,
            RelativeSoftMode, //
        },
        Delta,
        Monotonic, //
    }, //
};

/// The shortest period, in microseconds: that of a channel with traffic.
const SHORTEST_US: u32 = 50;

/// How many looks without news the shortest period is kept for. Then it doubles with each.
const PATIENCE: u32 = 40;

/// The readers that are polled, and their timer.
#[pin_data]
pub(crate) struct Poller {
    longest_us: u32,
    /// Looks since there was news.
    quiet: Atomic<u32>,
    /// The devices that are up and poll.
    #[pin]
    devices: SpinLockBh<KVec<ARef<Device<Interface>>>>,
    /// Runs while there are devices.
    #[pin]
    timer_handle: Mutex<Option<ArcHrTimerHandle<Poller>>>,
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Poller {
        mode: RelativeSoftMode<Monotonic>, field: self.timer
    }
}

impl Poller {
    /// Makes a poller for up to `capacity` devices whose longest period is `longest_us`
    /// microseconds, 50 to 1,000,000.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for it.
    pub(crate) fn new(longest_us: u32, capacity: usize) -> Result<Arc<Self>> {
        let devices = KVec::with_capacity(capacity, GFP_KERNEL)?;
        Arc::pin_init(
            try_pin_init!(Self {
                longest_us: longest_us.max(SHORTEST_US),
                quiet: Atomic::new(0),
                devices <- new_spinlock_bh!(devices, "muennet_poller"),
                timer_handle <- new_mutex!(None),
                timer <- HrTimer::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// The longest period in microseconds.
    pub(crate) fn longest_us(&self) -> u32 {
        self.longest_us
    }

    /// Polls a device from now on. Its interface must have a receiver.
    pub(crate) fn attach(self: &Arc<Self>, dev: &Device<Interface>) {
        let mut handle = self.timer_handle.lock();
        // The capacity is the number of interfaces that there can be; the copy waits for an error
        // path that does not exist.
        let attached = self
            .devices
            .lock()
            .push_within_capacity(ARef::from(dev))
            .is_ok();
        if attached && handle.is_none() {
            self.quiet.store(0, Relaxed);
            *handle = Some(self.clone().start(Delta::from_micros(i64::from(SHORTEST_US))));
        }
    }

    /// Does not poll a device any more: when this returns, it has no reference to it.
    pub(crate) fn detach(&self, dev: &Device<Interface>) {
        let mut handle = self.timer_handle.lock();
        let mut devices = self.devices.lock();
        let position = devices.iter().position(|it| core::ptr::eq(&**it, dev));
        let removed = position.and_then(|index| devices.remove(index).ok());
        let empty = devices.is_empty();
        drop(devices);
        drop(removed);
        if empty {
            // Cancels the timer, and waits for its callback, which takes the other lock only.
            *handle = None;
        }
    }

    /// The period after `quiet` looks without news, in microseconds.
    fn period_us(&self, quiet: u32) -> u32 {
        let doublings = quiet.saturating_sub(PATIENCE).min(16);
        SHORTEST_US
            .saturating_mul(1 << doublings)
            .min(self.longest_us)
    }
}

impl HrTimerCallback for Poller {
    type Pointer<'a> = Arc<Self>;

    fn run(
        this: ArcBorrow<'_, Self>,
        mut context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        let mut news = false;
        for dev in this.devices.lock().iter() {
            if dev.data().has_news() {
                dev.napi().schedule();
                news = true;
            }
        }
        let quiet = if news {
            0
        } else {
            this.quiet.load(Relaxed).saturating_add(1)
        };
        this.quiet.store(quiet, Relaxed);
        context.forward_now(Delta::from_micros(i64::from(this.period_us(quiet))));
        HrTimerRestart::Restart
    }
}
