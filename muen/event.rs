// SPDX-License-Identifier: GPL-2.0

//! Events and vectors: notifications from one subject to another.
//!
//! The writer of a channel may have an event, and the reader a vector, with the name of the
//! channel. A writer without an event does not notify its reader. A reader without a vector polls.

use super::sinfo::{
    Guest,
    TwoVectors, //
};
use crate::abstractions::{
    irq::Irq,
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
/// An event belongs to the processors whose images list it, with a number of its own on each of
/// them. On another processor a hypercall with that number triggers another event, or none.
pub(crate) struct Event {
    /// One call for each processor that has the event; at least one.
    owners: KVec<Pin<KBox<AsyncCall<Number>>>>,
}

/// The number of an event on a processor that has it.
struct Number {
    platform: Platform,
    number: u8,
}

impl Function for Number {
    fn run(&self) {
        self.platform.trigger_event(self.number);
    }
}

/// The result of triggering an event.
pub(crate) enum Triggered {
    /// This processor has triggered it.
    Local,
    /// Another processor has been called and will trigger it.
    Remote,
    /// It was merged with an earlier call to another processor that has not run yet.
    Merged,
    /// It was not triggered, because all processors that have it are offline.
    Offline,
}

impl Event {
    /// Looks up the event of the channel called `name`. Returns `None` if the channel has no event.
    ///
    /// # Errors
    ///
    /// - `ENOMEM` if memory allocation fails.
    /// - `ENODEV` if the number of a processor is not that of a possible CPU. [`Guest`]s of
    ///   [`Subject::load`](super::subject::Subject::load) have no such processor.
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

    /// Triggers the event if this processor has it. Otherwise calls a processor that has it,
    /// without waiting for that processor.
    ///
    /// The caller must not migrate to another processor during the call. Softirqs do not migrate.
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

/// Why the vector of a channel cannot be used. Displays as the end of a log line about the channel.
pub(crate) enum VectorError {
    /// This vector raises no interrupt.
    NoInterrupt(u8),
    /// Two processors have a vector of this name.
    Two(TwoVectors),
}

impl fmt::Display for VectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(not(target_arch = "aarch64"))]
            Self::NoInterrupt(vector) => write!(f, "vector {vector} is below {FIRST_VECTOR}"),
            #[cfg(target_arch = "aarch64")]
            Self::NoInterrupt(vector) => write!(f, "vector {vector} has no interrupt"),
            Self::Two(error) => fmt::Display::fmt(error, f),
        }
    }
}

/// The first vector that an event of Muen can raise on x86. Lower vectors are below
/// `FIRST_EXTERNAL_VECTOR` or belong to legacy interrupts.
#[cfg(not(target_arch = "aarch64"))]
const FIRST_VECTOR: u8 = 0x40;

/// The vector of interrupt number 0 on x86: Muen's Linux maps vector `v` to the number `v - 0x30`.
#[cfg(not(target_arch = "aarch64"))]
const VECTOR_OFFSET: u8 = 0x30;

/// Looks up the interrupt that notifies the reader of the channel called `name` of new elements.
/// Returns `None` if the channel has no vector.
///
/// # Errors
///
/// - [`VectorError::NoInterrupt`] if the vector raises no interrupt.
/// - [`VectorError::Two`] if two processors have a vector of this name.
pub(crate) fn irq_of_channel(guest: &Guest<'_>, name: &[u8]) -> Result<Option<Irq>, VectorError> {
    guest
        .vector(name)
        .map_err(VectorError::Two)?
        .map(|vector| irq_of_vector(vector).ok_or(VectorError::NoInterrupt(vector)))
        .transpose()
}

#[cfg(not(target_arch = "aarch64"))]
fn irq_of_vector(vector: u8) -> Option<Irq> {
    (vector >= FIRST_VECTOR).then(|| Irq::with_number(u32::from(vector - VECTOR_OFFSET)))
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
            assert_eq!(irq_of_vector(vector).map(|irq| irq.number()), irq);
        }
    }
}
