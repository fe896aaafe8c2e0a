// SPDX-License-Identifier: GPL-2.0

//! The period of the poll timer.
//!
//! Each expiry of the timer costs an interrupt, so there should be few. A packet waits for the next
//! expiry, so that should come soon. The period is a compromise:
//!
//! - While nothing is pending, the period grows with the time since something was pending. In the
//!   first second a packet waits for at most a quarter of that time, or 200 us if that is longer,
//!   and for at most 1 ms. After that it waits for at most a thousandth of that time. It never
//!   waits for longer than the user allows.
//! - If single packets arrive far apart, as requests and responses do, the period is short, because
//!   their senders wait for the answers.
//! - If several packets are pending at a time, nobody waits for a single one. The period grows, so
//!   that each expiry finds more packets.
//! - If NAPI is handling all pending packets already, the expiry was useless. The period grows
//!   further.

/// The shortest period, in microseconds.
pub(crate) const SHORTEST_US: u32 = super::params::POLL_MIN_US;

/// The longest period while each expiry finds something pending, in microseconds.
const BUSY_US: u32 = 200;

/// The longest period while NAPI is handling all pending elements already, in microseconds.
const HANDLED_US: u32 = 800;

/// The longest period in the first second in which nothing is pending, in microseconds.
const FIRST_SECOND_US: u32 = 1_000;

/// The outcome of one expiry of the timer. The outcome for all interfaces is the greatest one of
/// each: an interface that is being handled does not delay the others, and if several elements are
/// pending, nobody waits for a single one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PollOutcome {
    /// Nothing is pending.
    Nothing,
    /// NAPI is handling what is pending, or was scheduled for it before.
    Handled,
    /// One element is pending, or another change of a channel.
    One,
    /// Several elements are pending.
    Several,
}

impl PollOutcome {
    /// Returns the outcome for an interface with `pending` elements, at least one. `scheduled`:
    /// this expiry has scheduled NAPI, which was neither scheduled nor running. The peer may report
    /// any number of elements; the number only affects the period, within its bounds.
    pub(super) fn of(pending: u64, scheduled: bool) -> Self {
        match (scheduled, pending) {
            (false, _) => Self::Handled,
            (true, 1) => Self::One,
            _ => Self::Several,
        }
    }
}

/// The state that the period of the timer depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PollInterval {
    /// The shortest period since the last expiry that found something pending, in microseconds.
    base_us: u32,
    /// The time since that expiry, in microseconds.
    waited_us: u32,
}

impl PollInterval {
    /// Returns the initial state, in which elements are expected soon.
    pub(super) const fn new() -> Self {
        Self {
            base_us: SHORTEST_US,
            waited_us: 0,
        }
    }

    /// Returns the time until the next expiry in microseconds, after an expiry with `outcome`. It
    /// is at most `longest_us`, which must be at least [`SHORTEST_US`].
    pub(super) fn next(&mut self, outcome: PollOutcome, longest_us: u32) -> u32 {
        match outcome {
            // NAPI has handled everything, so the long period for that ends.
            PollOutcome::Nothing => self.base_us = self.base_us.min(BUSY_US),
            PollOutcome::Handled => {
                self.base_us = self.base_us.saturating_mul(2).min(HANDLED_US);
                self.waited_us = 0;
            }
            PollOutcome::One => {
                // Packets that arrive at regular intervals, as acknowledgments do, are expected
                // after the same interval again. After a longer silence the interval is unknown.
                self.base_us = match self.waited_us / 8 {
                    usual @ SHORTEST_US..=BUSY_US => usual,
                    _ => SHORTEST_US,
                };
                self.waited_us = 0;
            }
            PollOutcome::Several => {
                self.base_us = self.base_us.saturating_mul(2).min(BUSY_US);
                self.waited_us = 0;
            }
        }
        let period = self
            .base_us
            .max((self.waited_us / 4).min(FIRST_SECOND_US))
            .max(self.waited_us / 1_000)
            .min(longest_us);
        self.waited_us = self.waited_us.saturating_add(period);
        period
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_poll_interval))]
mod tests {
    use super::*;

    #[test]
    fn periods() {
        use PollOutcome::{
            Handled,
            Nothing,
            One,
            Several, //
        };
        // (longest period, [(outcome, number of expiries with it in a row, period after the last)])
        type Row<'a> = (u32, &'a [(PollOutcome, usize, u32)]);
        let table: [Row<'_>; 13] = [
            // Nothing pending: a quarter of the elapsed time, up to the longest period.
            (
                1_000,
                &[(Nothing, 1, 50), (Nothing, 4, 50), (Nothing, 1, 62)],
            ),
            (1_000, &[(Nothing, 1_000, 1_000)]),
            // From one second on a thousandth of it.
            (4_000, &[(Nothing, 950, 1_000), (Nothing, 3_000, 4_000)]),
            (
                1_000_000,
                &[(Nothing, 950, 1_000), (Nothing, 20_000, 1_000_000)],
            ),
            (50, &[(Nothing, 1_000, 50), (One, 9, 50), (Several, 9, 50)]),
            (120, &[(Several, 9, 120), (Nothing, 100, 120)]),
            // A pending element ends that at once.
            (1_000, &[(Nothing, 1_000, 1_000), (One, 1, 50)]),
            // Several elements at a time: the period grows.
            (
                1_000,
                &[(Several, 1, 100), (Several, 1, 200), (Several, 100, 200)],
            ),
            (1_000, &[(Several, 100, 200), (One, 1, 50)]),
            // All elements are being handled: the period grows further while that lasts.
            (
                1_000,
                &[(Handled, 100, 800), (Several, 1, 200), (Handled, 1, 400)],
            ),
            (300, &[(Handled, 100, 300), (One, 1, 50)]),
            (1_000, &[(Handled, 100, 800), (Nothing, 1, 200)]),
            // Single elements at intervals: the period becomes an eighth of the interval.
            (
                1_000,
                &[
                    (One, 1, 50),
                    (Nothing, 9, 152),
                    (One, 1, 95),
                    (Nothing, 1, 95),
                ],
            ),
        ];
        for (longest, expiries) in table {
            let mut interval = PollInterval::new();
            for &(outcome, times, expected) in expiries {
                let mut last = 0;
                for _ in 0..times {
                    last = interval.next(outcome, longest);
                }
                assert_eq!(
                    (longest, outcome, times, last),
                    (longest, outcome, times, expected)
                );
            }
        }
    }

    #[test]
    fn what_is_found() {
        let table = [
            (1, true, PollOutcome::One),
            (2, true, PollOutcome::Several),
            (u64::MAX, true, PollOutcome::Several),
            (1, false, PollOutcome::Handled),
            (u64::MAX, false, PollOutcome::Handled),
        ];
        for (pending, scheduled, expected) in table {
            assert_eq!(
                (pending, scheduled, PollOutcome::of(pending, scheduled)),
                (pending, scheduled, expected)
            );
        }
        // An interface that is being handled does not delay another one.
        assert_eq!(PollOutcome::Handled.max(PollOutcome::One), PollOutcome::One);
    }

    #[test]
    fn no_packet_waits_longer_than_promised() {
        for longest in [50, 333, 1_000, 4_000, 1_000_000] {
            for first in [
                PollOutcome::Nothing,
                PollOutcome::Handled,
                PollOutcome::One,
                PollOutcome::Several,
            ] {
                let mut interval = PollInterval::new();
                let before = interval.next(first, longest);
                let mut silent = interval.next(first, longest);
                if first == PollOutcome::Nothing {
                    silent = silent.saturating_add(before);
                }
                for _ in 0..5_000 {
                    let period = interval.next(PollOutcome::Nothing, longest);
                    assert!(period >= SHORTEST_US && period <= longest);
                    assert!(period <= (silent / 4).max(BUSY_US));
                    assert!(period <= (silent / 1_000).max(FIRST_SECOND_US));
                    silent = silent.saturating_add(period);
                }
            }
        }
    }
}
