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
pub(super) const SHORTEST_US: u32 = 50;

/// How many looks without news the shortest period is kept for. Then it doubles with each.
const PATIENCE: u32 = 40;

/// The readers that are polled, and their timer.
#[pin_data]
pub(crate) struct Poller {
    /// The longest period of interfaces that nobody has given another, in microseconds.
    default_us: u32,
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
    /// Makes a poller for up to `capacity` devices whose longest period is, unless they are given
    /// another, `default_us` microseconds, 50 to 1,000,000.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for it.
    pub(crate) fn new(default_us: u32, capacity: usize) -> Result<Arc<Self>> {
        let devices = KVec::with_capacity(capacity, GFP_KERNEL)?;
        Arc::pin_init(
            try_pin_init!(Self {
                default_us: default_us.max(SHORTEST_US),
                quiet: Atomic::new(0),
                devices <- new_spinlock_bh!(devices, "muennet_poller"),
                timer_handle <- new_mutex!(None),
                timer <- HrTimer::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// The longest period of an interface at first, in microseconds.
    pub(crate) fn default_us(&self) -> u32 {
        self.default_us
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
        if attached {
            self.restart(&mut handle);
        }
    }

    /// Heeds a period that was changed, if the poller runs.
    pub(crate) fn refresh(self: &Arc<Self>) {
        let mut handle = self.timer_handle.lock();
        if handle.is_some() {
            self.restart(&mut handle);
        }
    }

    /// Starts the timer, or starts it anew.
    fn restart(self: &Arc<Self>, handle: &mut Option<ArcHrTimerHandle<Self>>) {
        // Dropping a handle cancels the timer, so the old one must go first.
        *handle = None;
        self.quiet.store(0, Relaxed);
        let first = Delta::from_micros(i64::from(SHORTEST_US));
        *handle = Some(self.clone().start(first));
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
}

/// The period after `quiet` looks without news, at most `longest_us`, in microseconds.
fn period_us(quiet: u32, longest_us: u32) -> u32 {
    let doublings = quiet.saturating_sub(PATIENCE).min(16);
    SHORTEST_US.saturating_mul(1 << doublings).min(longest_us)
}

impl HrTimerCallback for Poller {
    type Pointer<'a> = Arc<Self>;

    fn run(
        this: ArcBorrow<'_, Self>,
        mut context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        let mut news = false;
        let mut longest_us = u32::MAX;
        for dev in this.devices.lock().iter() {
            longest_us = longest_us.min(dev.data().poll_us.load(Relaxed));
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
        let period = Delta::from_micros(i64::from(period_us(quiet, longest_us)));
        context.forward_now(period);
        HrTimerRestart::Restart
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(muennet_poller)]
mod tests {
    use super::*;

    #[test]
    fn the_period_backs_off() {
        const P: u32 = PATIENCE;
        // Looks without news, longest period, period.
        let table = [
            (0, 1_000, 50),
            (P, 1_000, 50),
            (P + 1, 1_000, 100),
            (P + 2, 1_000, 200),
            (P + 4, 1_000, 800),
            (P + 5, 1_000, 1_000),
            (u32::MAX, 1_000, 1_000),
            (0, 50, 50),
            (u32::MAX, 50, 50),
            (P + 14, 1_000_000, 819_200),
            (P + 15, 1_000_000, 1_000_000),
            (u32::MAX, 1_000_000, 1_000_000),
        ];
        for (quiet, longest, period) in table {
            assert_eq!(
                (quiet, longest, period_us(quiet, longest)),
                (quiet, longest, period)
            );
        }
    }
}
