// SPDX-License-Identifier: GPL-2.0

//! The timer that schedules NAPI of interfaces without an interrupt.
//!
//! A channel without a vector raises no interrupt for new elements. One high-resolution timer for
//! all interfaces compares two words of each channel and schedules NAPI if they have changed.
//! [`poll_interval`](super::poll_interval) has the period. The timer runs while at least one such
//! interface is up.

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


/// The readers that are polled, and their timer.
#[pin_data]
pub(crate) struct PollTimer {
    /// The longest period of interfaces that nobody has given another, in microseconds.
    default_us: u32,
    /// The devices that are up and poll.
    #[pin]
    devices: RawSpinLock<Devices>,
    /// Runs while there are devices.
    #[pin]
    timer_handle: Mutex<Option<ArcHrTimerHandle<PollTimer>>>,
    #[pin]
    timer: HrTimer<Self>,
}

struct Devices {
    list: KVec<ARef<Device<Interface>>>,
    interval: PollInterval,
}

// A soft timer would program the clock twice for each look: in the interrupt, and once more in the
// softirq.
impl_has_hr_timer! {
    impl HasHrTimer<Self> for PollTimer {
        mode: RelativeHardMode<Monotonic>, field: self.timer
    }
}

impl PollTimer {
    /// Makes a poller for up to `capacity` devices whose longest period is, unless they are given
    /// another, `default_us` microseconds, 50 to 1,000,000.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for it.
    pub(crate) fn new(default_us: u32, capacity: usize) -> Result<Arc<Self>> {
        let devices = Devices {
            list: KVec::with_capacity(capacity, GFP_KERNEL)?,
            interval: PollInterval::new(),
        };
        Arc::pin_init(
            try_pin_init!(Self {
                default_us: default_us.max(SHORTEST_US),
                devices <- new_raw_spinlock!(devices, "muennet_poller"),
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
        let reference = ARef::from(dev);
        let pushed = self.devices.lock().list.push_within_capacity(reference);
        let attached = pushed.is_ok();
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
        self.devices.lock().interval = PollInterval::new();
        let first = Delta::from_micros(i64::from(SHORTEST_US));
        *handle = Some(self.clone().start(first));
    }

    /// Does not poll a device any more: when this returns, it has no reference to it.
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
            // Cancels the timer, and waits for its callback, which takes the other lock only.
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
        let mut found = PollOutcome::Nothing;
        let mut longest_us = u32::MAX;
        for dev in devices.list.iter() {
            longest_us = longest_us.min(dev.data().poll_us.load(Relaxed));
            let pending = dev.data().pending();
            if pending > 0 {
                found = found.max(PollOutcome::of(pending, dev.napi().schedule()));
            }
        }
        let period_us = devices.interval.next(found, longest_us);
        drop(devices);
        let period = Delta::from_micros(i64::from(period_us));
        context.forward_now(period);
        HrTimerRestart::Restart
    }
}
