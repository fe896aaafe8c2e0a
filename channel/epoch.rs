// SPDX-License-Identifier: GPL-2.0

//! Numbers of epochs: those that begin by themselves, and those that answer another one.
//!
//! A writer may begin anew when the writer of the opposite direction does, for the sake of a reader
//! that cannot join an epoch in its middle. If both ends do so, neither must begin anew because the
//! other one has: an answer is never answered. An epoch says which of the two it is by its upper
//! half, which no epoch that begins by itself has; those of other implementations have it once in 2^32
//! times, and are not answered then. So each epoch that begins by itself is answered once at most,
//! and when no more of them begin, there are no more answers.

use core::num::NonZeroU64;

/// "answ" in ASCII, the upper half of the number of an epoch that answers another one.
const ANSWER: u64 = 0x616e_7377 << 32;

/// The lower half of a number.
const LOWER: u64 = u32::MAX as u64;

/// Returns the number of an epoch that begins by itself, from one that was drawn at random.
pub(crate) const fn new_epoch(drawn: NonZeroU64) -> NonZeroU64 {
    if !is_reply_epoch(drawn.get()) {
        return drawn;
    }
    match NonZeroU64::new(drawn.get() & LOWER) {
        Some(number) => number,
        None => NonZeroU64::MIN,
    }
}

/// Returns the number of an epoch that answers another one, from one that was drawn at random.
pub(crate) const fn reply_epoch(drawn: NonZeroU64) -> NonZeroU64 {
    match NonZeroU64::new(ANSWER | drawn.get() & LOWER) {
        Some(number) => number,
        None => NonZeroU64::MIN,
    }
}

/// Returns whether the epoch of this number answers another one.
pub(crate) const fn is_reply_epoch(epoch: u64) -> bool {
    epoch & !LOWER == ANSWER
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_channel_epoch))]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        // (what is drawn, an epoch that begins by itself, one that answers)
        let table = [
            (1, 1, ANSWER | 1),
            (u64::MAX, u64::MAX, ANSWER | LOWER),
            (1 << 32, 1 << 32, ANSWER),
            (ANSWER, 1, ANSWER),
            (ANSWER | 7, 7, ANSWER | 7),
            (ANSWER - 1, ANSWER - 1, ANSWER | LOWER),
        ];
        for (drawn, by_itself, answering) in table {
            let number = NonZeroU64::new(drawn).unwrap_or(NonZeroU64::MIN);
            assert_eq!((drawn, new_epoch(number).get()), (drawn, by_itself));
            assert_eq!((drawn, reply_epoch(number).get()), (drawn, answering));
            assert!(!is_reply_epoch(by_itself) && is_reply_epoch(answering));
        }
        assert!(!is_reply_epoch(0));
    }

    /// One of two ends, both of which answer.
    #[derive(Clone, Copy)]
    struct End {
        epoch: u64,
        seen: u64,
        /// How often it still begins by itself.
        left: u32,
    }

    /// Follows every order in which two ends begin and look; returns the most answers of any.
    fn most_answers(ends: [End; 2], drawn: u64) -> u32 {
        let number = NonZeroU64::new(drawn).unwrap_or(NonZeroU64::MIN);
        let mut most = 0;
        for this in [0, 1] {
            let [End { epoch, left, .. }, other] = match this {
                0 => ends,
                _ => [ends[1], ends[0]],
            };
            let put = |end: End| match this {
                0 => [end, other],
                _ => [other, end],
            };
            let End { seen, .. } = ends[this];
            if left > 0 {
                let epoch = new_epoch(number).get();
                let left = left - 1;
                most = most.max(most_answers(put(End { epoch, seen, left }), drawn + 1));
            }
            if seen != other.epoch {
                let answers = !is_reply_epoch(other.epoch);
                let epoch = if answers { reply_epoch(number).get() } else { epoch };
                let seen = other.epoch;
                let end = put(End { epoch, seen, left });
                most = most.max(u32::from(answers) + most_answers(end, drawn + 1));
            }
        }
        most
    }

    #[test]
    fn two_ends_come_to_rest() {
        // Each epoch that begins by itself is answered once at most, and the search ends.
        for (left, right) in [(1, 0), (1, 1), (2, 1), (2, 2)] {
            let end = |left| End {
                epoch: 0,
                seen: 0,
                left,
            };
            assert_eq!(most_answers([end(left), end(right)], 1), left + right);
        }
    }
}
