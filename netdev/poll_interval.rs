// SPDX-License-Identifier: GPL-2.0

//! When to look again.
//!
//! A look costs an interrupt, so there should be few; a packet waits for the next one, so it should
//! come soon. What both can live with:
//!
//! - Without pending, a packet waits for at most a quarter of the time that its sender was silent,
//!   and never for longer than the user allows.
//! - Single packets far apart, as in questions and answers, are looked for often: their senders
//!   wait for them.
//! - Where more than one is found at a time, nobody waits for a single one. The pace slows down, so
//!   that each look finds more.
//! - Where all that is found is being handled already, the look was for nothing. The pace slows down
//!   further.

/// The shortest period, in microseconds.
pub(crate) const SHORTEST_US: u32 = 50;

/// The longest period while there is pending each time, in microseconds.
const BUSY_US: u32 = 200;

/// The longest period while all there is is being handled.
const HANDLED_US: u32 = 800;

/// What a look at all interfaces has found. The greatest decides: what is being handled keeps nobody
/// else waiting, and where there is much, nobody waits for little.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PollOutcome {
    /// No pending.
    Nothing,
    /// News that is being handled, or is about to be.
    Handled,
    /// One element, or other pending of a channel.
    One,
    /// More than one element.
    Several,
}

impl PollOutcome {
    /// What `pending` elements mean, of which there is at least one, if the poll that they take was
    /// `asked_for` only now. The number may be a peer's invention: all that it decides is the pace,
    /// within its bounds.
    pub(super) fn of(pending: u64, asked_for: bool) -> Self {
        match (asked_for, pending) {
            (false, _) => Self::Handled,
            (true, 1) => Self::One,
            _ => Self::Several,
        }
    }
}

/// The pace of looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PollInterval {
    /// The period since the last look with pending, at least.
    base_us: u32,
    /// The time since that look.
    waited_us: u32,
}

impl PollInterval {
    /// The pace when pending is expected.
    pub(super) const fn new() -> Self {
        Self {
            base_us: SHORTEST_US,
            waited_us: 0,
        }
    }

    /// The time until the next look, in microseconds: at most `longest_us`, which is at least
    /// [`SHORTEST_US`].
    pub(super) fn next(&mut self, found: PollOutcome, longest_us: u32) -> u32 {
        match found {
            // What was being handled has come to its end.
            PollOutcome::Nothing => self.base_us = self.base_us.min(BUSY_US),
            PollOutcome::Handled => {
                self.base_us = self.base_us.saturating_mul(2).min(HANDLED_US);
                self.waited_us = 0;
            }
            PollOutcome::One => {
                // Packets that come regularly, as acknowledgements do, come so again. After silence
                // there is nothing to go by.
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
        let period = self.base_us.max(self.waited_us / 4).min(longest_us);
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
        // The longest period; what looks find, how often in a row, and the period after the last.
        type Row<'a> = (u32, &'a [(PollOutcome, usize, u32)]);
        let table: [Row<'_>; 12] = [
            // Silence: a quarter of the time that has passed, up to the longest.
            (
                1_000,
                &[(Nothing, 1, 50), (Nothing, 4, 50), (Nothing, 1, 62)],
            ),
            (1_000, &[(Nothing, 1_000, 1_000)]),
            (1_000_000, &[(Nothing, 1_000, 1_000_000)]),
            (50, &[(Nothing, 1_000, 50), (One, 9, 50), (Several, 9, 50)]),
            (120, &[(Several, 9, 120), (Nothing, 100, 120)]),
            // News ends it at once.
            (1_000, &[(Nothing, 1_000, 1_000), (One, 1, 50)]),
            // Many at a time: fewer looks.
            (
                1_000,
                &[(Several, 1, 100), (Several, 1, 200), (Several, 100, 200)],
            ),
            (1_000, &[(Several, 100, 200), (One, 1, 50)]),
            // All of it in good hands: still fewer, for as long as that is so.
            (
                1_000,
                &[(Handled, 100, 800), (Several, 1, 200), (Handled, 1, 400)],
            ),
            (300, &[(Handled, 100, 300), (One, 1, 50)]),
            (1_000, &[(Handled, 100, 800), (Nothing, 1, 200)]),
            // One now and then: it is expected for about as long.
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
        for (longest, looks) in table {
            let mut interval = PollInterval::new();
            for &(found, times, expected) in looks {
                let mut last = 0;
                for _ in 0..times {
                    last = interval.next(found, longest);
                }
                assert_eq!(
                    (longest, found, times, last),
                    (longest, found, times, expected)
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
        for (pending, asked_for, expected) in table {
            assert_eq!(
                (pending, asked_for, PollOutcome::of(pending, asked_for)),
                (pending, asked_for, expected)
            );
        }
        // One interface's pending is not kept waiting by another one's that is being handled.
        assert_eq!(PollOutcome::Handled.max(PollOutcome::One), PollOutcome::One);
    }

    #[test]
    fn no_packet_waits_longer_than_promised() {
        for longest in [50, 333, 1_000, 1_000_000] {
            for first in [PollOutcome::Nothing, PollOutcome::Handled, PollOutcome::One, PollOutcome::Several] {
                let mut interval = PollInterval::new();
                let before = interval.next(first, longest);
                let mut silent = interval.next(first, longest);
                if first == PollOutcome::Nothing {
                    silent = silent.saturating_add(before);
                }
                for _ in 0..200 {
                    let period = interval.next(PollOutcome::Nothing, longest);
                    assert!(period >= SHORTEST_US && period <= longest);
                    assert!(period <= (silent / 4).max(BUSY_US));
                    silent = silent.saturating_add(period);
                }
            }
        }
    }
}
