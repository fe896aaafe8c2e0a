// SPDX-License-Identifier: GPL-2.0

//! The timer that schedules NAPI of interfaces without an interrupt.
//!
//! A channel without a vector raises no interrupt for new elements. One high-resolution timer for
//! all interfaces compares two words of each channel with the snapshot of its reader, and schedules
//! NAPI if they have changed. [`poll_interval`](super::poll_interval) determines the period. The
//! timer runs while at least one such interface is up.

use super::{
    poll_interval::{
        PollInterval,
        PollOutcome,
        SHORTEST_US, //
    },
    Interface, //
};
use crate::abstractions::{
    netdevice::Device,
    sync::{
        new_raw_spinlock,
        RawSpinLock, //
    }, //
};
use kernel::{
    impl_has_hr_timer,
    new_mutex,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::ordering::Relaxed,
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
            RelativeHardMode, //
        },
        Delta,
        Monotonic, //
    }, //
};

/// The poll timer and the devices that it polls.
#[pin_data]
pub(crate) struct PollTimer {
    /// The default of the longest period of an interface, in microseconds.
    default_us: u32,
    /// The devices that are up and polled.
    #[pin]
    devices: RawSpinLock<Devices>,
    /// The handle of the running timer; [`None`] without devices.
    #[pin]
    timer_handle: Mutex<Option<ArcHrTimerHandle<PollTimer>>>,
    #[pin]
    timer: HrTimer<Self>,
}

struct Devices {
    list: KVec<ARef<Device<Interface>>>,
    interval: PollInterval,
}

// In soft mode, the clock would be programmed twice for each expiry: in the interrupt, and again in
// the softirq.
impl_has_hr_timer! {
    impl HasHrTimer<Self> for PollTimer {
        mode: RelativeHardMode<Monotonic>, field: self.timer
    }
}

impl PollTimer {
    /// Returns a timer for up to `capacity` devices. `default_us` is the default of the longest
    /// period of an interface: 50 to 1,000,000 microseconds.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for the timer.
    pub(crate) fn new(default_us: u32, capacity: usize) -> Result<Arc<Self>> {
        let devices = Devices {
            list: KVec::with_capacity(capacity, GFP_KERNEL)?,
            interval: PollInterval::new(),
        };
        Arc::pin_init(
            try_pin_init!(Self {
                default_us: default_us.max(SHORTEST_US),
                devices <- new_raw_spinlock!(devices, "muennet_poll_timer"),
                timer_handle <- new_mutex!(None),
                timer <- HrTimer::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the initial value of the longest period of an interface, in microseconds.
    pub(crate) fn default_us(&self) -> u32 {
        self.default_us
    }

    /// Starts polling a device. Its interface must have an in channel.
    pub(crate) fn attach(self: &Arc<Self>, dev: &Device<Interface>) {
        let mut handle = self.timer_handle.lock();
        // The capacity is the largest possible number of interfaces, so the list has room. On an
        // error, which cannot occur, `pushed` would keep the reference until the spinlock is
        // released.
        let reference = ARef::from(dev);
        let pushed = self.devices.lock().list.push_within_capacity(reference);
        let attached = pushed.is_ok();
        if attached {
            self.restart(&mut handle);
        }
    }

    /// Restarts the timer if it is running, so that a changed period takes effect.
    pub(crate) fn refresh(self: &Arc<Self>) {
        let mut handle = self.timer_handle.lock();
        if handle.is_some() {
            self.restart(&mut handle);
        }
    }

    /// Starts the timer, or restarts it if it is running.
    fn restart(self: &Arc<Self>, handle: &mut Option<ArcHrTimerHandle<Self>>) {
        // Dropping a handle cancels the timer, so drop the old handle before the timer is started.
        *handle = None;
        self.devices.lock().interval = PollInterval::new();
        let first = Delta::from_micros(i64::from(SHORTEST_US));
        *handle = Some(self.clone().start(first));
    }

    /// Stops polling a device. When this returns, the timer has no reference to the device.
    pub(crate) fn detach(&self, dev: &Device<Interface>) {
        let mut handle = self.timer_handle.lock();
        let mut devices = self.devices.lock();
        let list = &mut devices.list;
        let position = list.iter().position(|it| core::ptr::eq(&**it, dev));
        let removed = position.and_then(|index| list.remove(index).ok());
        let empty = list.is_empty();
        drop(devices);
        drop(removed);
        if empty {
            // Cancels the timer and waits for its callback, which takes only the other lock.
            *handle = None;
        }
    }
}

impl HrTimerCallback for PollTimer {
    type Pointer<'a> = Arc<Self>;

    fn run(
        this: ArcBorrow<'_, Self>,
        mut context: HrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        let mut devices = this.devices.lock();
        let mut outcome = PollOutcome::Nothing;
        let mut longest_us = u32::MAX;
        for dev in devices.list.iter() {
            longest_us = longest_us.min(dev.data().poll_us.load(Relaxed));
            let pending = dev.data().pending_elements();
            if pending > 0 {
                outcome = outcome.max(PollOutcome::of(pending, dev.schedule_napi()));
            }
        }
        let period_us = devices.interval.next(outcome, longest_us);
        drop(devices);
        let period = Delta::from_micros(i64::from(period_us));
        context.forward_now(period);
        HrTimerRestart::Restart
    }
}
