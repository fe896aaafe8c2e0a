// SPDX-License-Identifier: GPL-2.0

//! Events and vectors: how one subject wakes another.
//!
//! A channel's writer may have an event, and its reader a vector, of the channel's name. Without an
//! event the writer just writes; without a vector the reader polls.

use super::sinfo::Sinfo;
use crate::abstractions::{
    hypercall,
    netdevice::Irq, //
};

/// An event that this subject may trigger.
#[derive(Clone, Copy)]
pub(crate) struct Event(u8);

impl Event {
    /// Looks up the event of the channel called `name`.
    pub(crate) fn of_channel(sinfo: &Sinfo<'_>, name: &[u8]) -> Option<Self> {
        sinfo.event(name).map(Self)
    }

    /// Triggers the event.
    #[inline]
    pub(crate) fn trigger(self) {
        hypercall::trigger_event(self.0);
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
/// - the vector's number, if it is none that raises an interrupt.
pub(crate) fn irq_of_channel(sinfo: &Sinfo<'_>, name: &[u8]) -> Result<Option<Irq>, u8> {
    sinfo
        .vector(name)
        .map(|vector| irq_of_vector(vector).ok_or(vector))
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
