// SPDX-License-Identifier: GPL-2.0

//! Numbers of epochs. A writer starts a new epoch by itself, or as a reply to one of the peer.
//!
//! A writer may start an epoch as a reply when the writer of the opposite direction has started
//! one, for a reader that cannot join a running epoch. If both ends do so, a reply must not cause
//! another reply, or the two would restart forever. The upper half of the number marks a reply. No
//! epoch that a writer of this implementation starts by itself has that upper half. An epoch of
//! another implementation has it once in 2^32 times and then gets no reply. Each epoch that a
//! writer starts by itself therefore causes at most one reply. Once neither end starts such epochs,
//! there are no more replies.

use core::num::NonZeroU64;

/// "answ" in ASCII: the upper half of the number of a reply epoch.
const ANSWER: u64 = 0x616e_7377 << 32;

/// The lower half of a number.
const LOWER: u64 = u32::MAX as u64;

/// Returns an epoch with a lower half that is not zero: reports of a reader contain the lower half,
/// and zero stands for no report, see [`pause`](super::pause).
const fn with_lower_half(number: u64) -> NonZeroU64 {
    let number = if number & LOWER == 0 {
        number | 1
    } else {
        number
    };
    match NonZeroU64::new(number) {
        Some(number) => number,
        None => NonZeroU64::MIN,
    }
}

/// Returns the number of an epoch that a writer starts by itself, derived from a random number.
pub(crate) const fn new_epoch(random: NonZeroU64) -> NonZeroU64 {
    let random = random.get();
    with_lower_half(if is_reply_epoch(random) {
        random & LOWER
    } else {
        random
    })
}

/// Returns the number of a reply epoch, derived from a random number.
pub(crate) const fn reply_epoch(random: NonZeroU64) -> NonZeroU64 {
    with_lower_half(ANSWER | random.get() & LOWER)
}

/// Returns the number of the epoch that continues `epoch` when its counters reach their end.
pub(crate) const fn next_epoch(epoch: NonZeroU64) -> NonZeroU64 {
    with_lower_half(epoch.get().wrapping_add(1))
}

/// Returns whether `epoch` is the number of a reply epoch.
pub(crate) const fn is_reply_epoch(epoch: u64) -> bool {
    epoch & !LOWER == ANSWER
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_channel_epoch))]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        // (random number, epoch that a writer starts by itself, reply epoch)
        let table = [
            (1, 1, ANSWER | 1),
            (u64::MAX, u64::MAX, ANSWER | LOWER),
            (1 << 32, (1 << 32) | 1, ANSWER | 1),
            (ANSWER, 1, ANSWER | 1),
            (ANSWER | 7, 7, ANSWER | 7),
            (ANSWER - 1, ANSWER - 1, ANSWER | LOWER),
        ];
        for (random, new, reply) in table {
            let number = NonZeroU64::new(random).unwrap_or(NonZeroU64::MIN);
            assert_eq!((random, new_epoch(number).get()), (random, new));
            assert_eq!((random, reply_epoch(number).get()), (random, reply));
            assert!(!is_reply_epoch(new) && is_reply_epoch(reply));
        }
        assert!(!is_reply_epoch(0));
    }

    /// One of two ends, both of which reply. `seen` is the last epoch of the other end that it has
    /// seen.
    #[derive(Clone, Copy)]
    struct End {
        epoch: u64,
        seen: u64,
        /// How many more epochs the end starts by itself.
        left: u32,
    }

    /// Follows every order in which two ends start epochs and look at the other end. Returns the
    /// largest number of replies in any of these orders.
    fn most_answers(ends: [End; 2], random: u64) -> u32 {
        let number = NonZeroU64::new(random).unwrap_or(NonZeroU64::MIN);
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
                most = most.max(most_answers(put(End { epoch, seen, left }), random + 1));
            }
            if seen != other.epoch {
                let replies = !is_reply_epoch(other.epoch);
                let epoch = if replies {
                    reply_epoch(number).get()
                } else {
                    epoch
                };
                let seen = other.epoch;
                let end = put(End { epoch, seen, left });
                most = most.max(u32::from(replies) + most_answers(end, random + 1));
            }
        }
        most
    }

    #[test]
    fn two_ends_come_to_rest() {
        // Each epoch that an end starts by itself causes at most one reply, and the search
        // terminates.
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
