// SPDX-License-Identifier: GPL-2.0

//! When to look again.
//!
//! A look costs an interrupt, so there should be few; a packet waits for the next one, so it should
//! come soon. What both can live with:
//!
//! - Without news, a packet waits for at most a quarter of the time that its sender was silent,
//!   and never for longer than the user allows.
//! - Single packets far apart, as in questions and answers, are looked for often: their senders
//!   wait for them.
//! - Where more than one is found at a time, nobody waits for a single one. The pace slows down, so
//!   that each look finds more.

/// The shortest period, in microseconds.
pub(crate) const SHORTEST_US: u32 = 50;

/// The longest period while there is news each time, in microseconds.
const BUSY_US: u32 = 200;

/// The pace of looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// The period since the last look with news, at least.
    base_us: u32,
    /// The time since that look.
    waited_us: u32,
}

impl Pace {
    /// The pace when news is expected.
    pub(super) const fn new() -> Self {
        Self {
            base_us: SHORTEST_US,
            waited_us: 0,
        }
    }

    /// The time until the next look after one that found `news` elements, in microseconds: at most
    /// `longest_us`, which is at least [`SHORTEST_US`].
    ///
    /// The number may be a peer's invention: all that it decides is this, within these bounds.
    pub(super) fn next(&mut self, news: u64, longest_us: u32) -> u32 {
        match news {
            0 => {}
            1 => {
                // Packets that come regularly, as acknowledgements do, come so again. After silence
                // there is nothing to go by.
                self.base_us = match self.waited_us / 8 {
                    usual @ SHORTEST_US..=BUSY_US => usual,
                    _ => SHORTEST_US,
                };
                self.waited_us = 0;
            }
            _ => {
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
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_poller_pace))]
mod tests {
    use super::*;

    #[test]
    fn periods() {
        // The longest period; what looks find, how often in a row, and the period after the last.
        type Row<'a> = (u32, &'a [(u64, usize, u32)]);
        let table: [Row<'_>; 9] = [
            // Silence: a quarter of the time that has passed, up to the longest.
            (1_000, &[(0, 1, 50), (0, 4, 50), (0, 1, 62)]),
            (1_000, &[(0, 1_000, 1_000)]),
            (1_000_000, &[(0, 1_000, 1_000_000)]),
            (50, &[(0, 1_000, 50), (1, 9, 50), (9, 9, 50)]),
            (120, &[(9, 9, 120), (0, 100, 120)]),
            // News ends it at once.
            (1_000, &[(0, 1_000, 1_000), (1, 1, 50)]),
            // Many at a time: fewer looks.
            (1_000, &[(2, 1, 100), (2, 1, 200), (2, 100, 200)]),
            (1_000, &[(u64::MAX, 100, 200), (1, 1, 50)]),
            // One now and then: it is expected for about as long.
            (1_000, &[(1, 1, 50), (0, 9, 152), (1, 1, 95), (0, 1, 95)]),
        ];
        for (longest, looks) in table {
            let mut pace = Pace::new();
            for &(news, times, expected) in looks {
                let mut last = 0;
                for _ in 0..times {
                    last = pace.next(news, longest);
                }
                assert_eq!(
                    (longest, news, times, last),
                    (longest, news, times, expected)
                );
            }
        }
    }

    #[test]
    fn no_packet_waits_longer_than_promised() {
        for longest in [50, 333, 1_000, 1_000_000] {
            for first in [0, 1, 2, 1_000] {
                let mut pace = Pace::new();
                let before = pace.next(first, longest);
                let mut silent = pace.next(first, longest);
                if first == 0 {
                    silent = silent.saturating_add(before);
                }
                for _ in 0..200 {
                    let period = pace.next(0, longest);
                    assert!(period >= SHORTEST_US && period <= longest);
                    assert!(period <= (silent / 4).max(BUSY_US));
                    silent = silent.saturating_add(period);
                }
            }
        }
    }
}
