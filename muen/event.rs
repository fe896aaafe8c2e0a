// SPDX-License-Identifier: GPL-2.0

//! Events and vectors: how one subject wakes another.
//!
//! A channel's writer may have an event, and its reader a vector, of the channel's name. Without an
//! event the writer just writes; without a vector the reader polls.

use super::sinfo::{
    Guest,
    TwoVectors, //
};
use crate::abstractions::{
    netdevice::Irq,
    platform::Platform,
    smp::{
        AsyncCall,
        Function, //
    }, //
};
use kernel::{
    cpu::CpuId,
    fmt,
    prelude::*, //
};

/// An event that this subject may trigger.
///
/// It belongs to the processors whose images have it, each under a number of its own: a hypercall
/// with that number means something else on another processor, or nothing.
pub(crate) struct Event {
    /// At least one.
    owners: KVec<Pin<KBox<AsyncCall<Number>>>>,
}

/// Number of an event on the processor that has it.
struct Number {
    platform: Platform,
    number: u8,
}

impl Function for Number {
    fn run(&self) {
        self.platform.trigger_event(self.number);
    }
}

/// What has become of an event that was to be triggered.
pub(crate) enum Triggered {
    /// This processor has triggered it.
    Local,
    /// Another processor has been called, which triggers it.
    Remote,
    /// It was merged with one for which another processor had been called.
    Merged,
    /// It was not triggered, for all processors that have it are offline.
    Offline,
}

impl Event {
    /// Looks up the event of the channel called `name`; `None`: it has none.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for it.
    pub(crate) fn of_channel(
        guest: &Guest<'_>,
        platform: Platform,
        name: &[u8],
    ) -> Result<Option<Self>> {
        let mut owners = KVec::new();
        for (processor, number) in guest.events(name) {
            let cpu = CpuId::from_u32(processor).ok_or(ENODEV)?;
            let owner =
                KBox::pin_init(AsyncCall::new(cpu, Number { platform, number }), GFP_KERNEL)?;
            owners.push(owner, GFP_KERNEL)?;
        }
        Ok((!owners.is_empty()).then_some(Self { owners }))
    }

    /// Triggers the event, or calls a processor that has it, without waiting. The caller must not
    /// be moved to another processor meanwhile, which softirqs are not.
    #[inline]
    pub(crate) fn trigger(&self) -> Triggered {
        let this_cpu = CpuId::current();
        match self.owners.iter().find(|owner| owner.cpu() == this_cpu) {
            Some(owner) => {
                owner.function().run();
                Triggered::Local
            }
            None => self.trigger_remote(),
        }
    }

    fn trigger_remote(&self) -> Triggered {
        match self.owners.iter().find_map(|owner| owner.call().ok()) {
            Some(true) => Triggered::Remote,
            Some(false) => Triggered::Merged,
            None => Triggered::Offline,
        }
    }
}

/// Why the vector of a channel cannot be used. Displays as the end of a line about the channel.
pub(crate) enum VectorError {
    /// This vector raises no interrupt.
    NoInterrupt(u8),
    /// Two processors have one.
    Two(TwoVectors),
}

impl fmt::Display for VectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInterrupt(vector) => write!(f, "vector {vector:#x} raises no interrupt"),
            Self::Two(error) => fmt::Display::fmt(error, f),
        }
    }
}

/// The first vector of Linux' external interrupts on x86: `FIRST_EXTERNAL_VECTOR` and the vectors
/// of legacy interrupts, which no event of Muen raises.
#[cfg(not(target_arch = "aarch64"))]
const FIRST_VECTOR: u8 = 0x40;

/// Muen's Linux maps the vectors of x86 to interrupt numbers from this one on.
#[cfg(not(target_arch = "aarch64"))]
const VECTOR_OFFSET: u8 = 0x30;

/// Looks up the interrupt that is raised for new elements of the channel called `name`. `None`: the
/// channel has no vector.
///
/// # Errors
///
/// - [`VectorError::NoInterrupt`]: the vector is none that raises an interrupt.
/// - [`VectorError::Two`]: two processors have a vector of this name.
pub(crate) fn irq_of_channel(guest: &Guest<'_>, name: &[u8]) -> Result<Option<Irq>, VectorError> {
    guest
        .vector(name)
        .map_err(VectorError::Two)?
        .map(|vector| irq_of_vector(vector).ok_or(VectorError::NoInterrupt(vector)))
        .transpose()
}

#[cfg(not(target_arch = "aarch64"))]
fn irq_of_vector(vector: u8) -> Option<Irq> {
    (vector >= FIRST_VECTOR).then(|| Irq::number(u32::from(vector - VECTOR_OFFSET)))
}

#[cfg(target_arch = "aarch64")]
fn irq_of_vector(vector: u8) -> Option<Irq> {
    Irq::of_default_domain(u32::from(vector))
}

#[cfg(all(CONFIG_KUNIT = "y", not(target_arch = "aarch64")))]
#[kernel::macros::kunit_tests(muennet_event)]
mod tests {
    use super::*;

    #[test]
    fn vectors_map_to_interrupts() {
        let table = [
            (0, None),
            (0x30, None),
            (0x3f, None),
            (0x40, Some(0x10)),
            (0x58, Some(40)),
            (0xff, Some(0xcf)),
        ];
        for (vector, irq) in table {
            assert_eq!(irq_of_vector(vector).map(|irq| irq.as_u32()), irq);
        }
    }
}
