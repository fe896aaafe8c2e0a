// SPDX-License-Identifier: GPL-2.0

//! Flow control: a reader reports how far it has read, and a writer may wait for it.
//!
//! A channel has no way back, but an end that reads one channel and writes another one has: it
//! reports the position of its reader in the header of the channel that it writes
//! ([`Word::Report`](super::Word)). Readers ignore this word of the header, and an end without flow
//! control leaves it zero.
//!
//! - [`report`]: encodes a report.
//! - [`Credit`]: what a writer derives from the reports of its reader.
//!
//! A report is not trusted. It decides when the writer continues, never what it accesses. A wrong
//! report at worst lets the peer miss elements that it has not read, or holds the writer back. The
//! user of a [`Credit`] limits the time of the latter and calls [`Credit::ignore`] then.

use super::writer::Writer;

/// The lower half of a word.
const LOWER: u64 = u32::MAX as u64;

/// A report of a reader that follows no epoch, or that does not report.
pub(crate) const NO_REPORT: u64 = 0;

/// Returns the report of a reader that has read `count` elements of `epoch`: the lower half of the
/// epoch above the lower half of the count.
pub(crate) const fn report(epoch: u64, count: u64) -> u64 {
    (epoch << 32) | (count & LOWER)
}

/// Returns how many elements are unread according to a report, if it is one of a reader that
/// follows `epoch`. `written` is the number of elements that are written in that epoch, in a ring
/// of `elements` elements.
fn unread(report: u64, epoch: u64, written: u64, elements: u64) -> Option<u64> {
    // An epoch with a zero lower half cannot be told from no report.
    if report >> 32 == 0 || report >> 32 != epoch & LOWER {
        return None;
    }
    // More elements than the report can count would make it ambiguous. No region that can be mapped
    // has as many.
    let unread = written.wrapping_sub(report) & LOWER;
    (unread <= elements.min(written) && elements <= LOWER).then_some(unread)
}

/// How many elements a writer may write before it overwrites unread ones, as far as its reader
/// reports that.
#[derive(Debug)]
pub(crate) struct Credit {
    /// The number of elements that the reader has read, if its reports count.
    read: Option<u64>,
    /// The largest number of elements that the reader has reported in this epoch. It never falls.
    most: u64,
    /// A report that does not count, because the reader has not advanced for too long.
    ignored: Option<u64>,
}

impl Credit {
    /// Nothing is known of the reader: for the start of an epoch.
    pub(crate) const UNKNOWN: Self = Self {
        read: None,
        most: 0,
        ignored: None,
    };

    /// Takes the current report of the reader of `writer` into account.
    pub(crate) fn update(&mut self, report: u64, writer: &Writer) {
        if self.ignored == Some(report) {
            return;
        }
        self.ignored = None;
        let written = writer.written();
        let most = self.most;
        self.read = writer
            .epoch()
            .and_then(|epoch| unread(report, epoch, written, writer.geometry().elements()))
            .map(|unread| written - unread)
            .filter(|&read| read >= most);
        self.most = self.read.unwrap_or(most);
    }

    /// Ignores `report` until the reader reports something else. Nothing is known of it until then.
    pub(crate) fn ignore(&mut self, report: u64) {
        self.read = None;
        self.ignored = Some(report);
    }

    /// Returns how many elements the reader has read in the current epoch; [`None`] if nothing is
    /// known. The number does not fall within an epoch.
    pub(crate) fn read(&self) -> Option<u64> {
        self.read
    }

    /// Returns how many elements may be written before an unread one is overwritten; [`None`] if
    /// nothing is known.
    #[inline]
    pub(crate) fn free(&self, writer: &Writer) -> Option<u64> {
        let unread = writer.written().wrapping_sub(self.read?);
        // If the writer went on without flow control, there may be more unread elements than the
        // ring has.
        Some(writer.geometry().elements().saturating_sub(unread))
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_channel_pause))]
mod tests {
    use super::{
        super::tests::{
            Cells,
            PROTOCOL, //
        },
        *, //
    };
    use core::num::NonZeroU64;

    /// An epoch with bits in both halves.
    const EPOCH: u64 = 0xfeed_beef_0000_0007;

    #[test]
    fn encoding() {
        // (epoch, count, report)
        let table = [
            (1, 0, 1 << 32),
            (EPOCH, 0, 7 << 32),
            (EPOCH, 9, (7 << 32) | 9),
            (EPOCH, LOWER, (7 << 32) | LOWER),
            (EPOCH, LOWER + 1, 7 << 32),
            (EPOCH, u64::MAX, (7 << 32) | LOWER),
            (u64::MAX, u64::MAX, u64::MAX),
            (1 << 32, 5, 5),
        ];
        for (epoch, count, expected) in table {
            assert_eq!(
                (epoch, count, report(epoch, count)),
                (epoch, count, expected)
            );
        }
    }

    #[test]
    fn which_reports_count() {
        const BIG: u64 = 1 << 32;
        // (case, report, epoch, written, elements, unread)
        let table = [
            ("no report", 0, EPOCH, 5, 8, None),
            ("nothing written", report(EPOCH, 0), EPOCH, 0, 8, Some(0)),
            ("all read", report(EPOCH, 5), EPOCH, 5, 8, Some(0)),
            ("none read", report(EPOCH, 0), EPOCH, 5, 8, Some(5)),
            ("full", report(EPOCH, 1), EPOCH, 9, 8, Some(8)),
            ("overrun", report(EPOCH, 0), EPOCH, 9, 8, None),
            ("one ahead", report(EPOCH, 6), EPOCH, 5, 8, None),
            (
                "ahead, near the start",
                report(EPOCH, LOWER),
                EPOCH,
                2,
                8,
                None,
            ),
            ("far ahead", report(EPOCH, 1 << 31), EPOCH, 5, 8, None),
            ("other epoch", report(EPOCH + 1, 5), EPOCH, 5, 8, None),
            ("upper half differs", report(7, 5), EPOCH, 5, 8, Some(0)),
            ("epoch of 0", report(0, 5), 0, 5, 8, None),
            ("lower half of 0", report(BIG, 5), BIG, 5, 8, None),
            ("only the count", 5, EPOCH, 5, 8, None),
            (
                "wraps, all read",
                report(EPOCH, BIG),
                EPOCH,
                BIG,
                8,
                Some(0),
            ),
            (
                "wraps, some read",
                report(EPOCH, BIG - 3),
                EPOCH,
                BIG + 4,
                8,
                Some(7),
            ),
            (
                "wraps, full",
                report(EPOCH, BIG - 4),
                EPOCH,
                BIG + 4,
                8,
                Some(8),
            ),
            (
                "wraps, overrun",
                report(EPOCH, BIG - 5),
                EPOCH,
                BIG + 4,
                8,
                None,
            ),
            ("one element", report(EPOCH, 4), EPOCH, 5, 1, Some(1)),
            (
                "largest ring",
                report(EPOCH, 0),
                EPOCH,
                LOWER,
                LOWER,
                Some(LOWER),
            ),
            ("too large a ring", report(EPOCH, 5), EPOCH, 5, BIG, None),
            (
                "last element",
                report(EPOCH, u64::MAX - 1),
                EPOCH,
                u64::MAX,
                8,
                Some(1),
            ),
        ];
        for (name, report, epoch, written, elements, expected) in table {
            let found = unread(report, epoch, written, elements);
            assert_eq!((name, found), (name, expected));
        }
    }

    /// Returns a writer with eight elements that has written `count` elements.
    fn writer(memory: &Cells<80>, count: u64) -> Option<Writer> {
        let mut writer = Writer::new(NonZeroU64::new(PROTOCOL)?, 2, 80).ok()?;
        writer.start_epoch(memory, NonZeroU64::new(EPOCH)?);
        writer.skip_to(memory, count);
        Some(writer)
    }

    #[test]
    fn credit() {
        let memory = Cells::new();
        // (written, report, free)
        let table = [
            (0, report(EPOCH, 0), Some(8)),
            (5, report(EPOCH, 0), Some(3)),
            (8, report(EPOCH, 0), Some(0)),
            (9, report(EPOCH, 0), None),
            (9, report(EPOCH, 9), Some(8)),
            (9, report(EPOCH, 10), None),
            (9, 0, None),
            (1 << 40, report(EPOCH, (1 << 40) - 6), Some(2)),
        ];
        for (written, report, free) in table {
            let Some(writer) = writer(&memory, written) else {
                panic!("an element fits");
            };
            let mut credit = Credit::UNKNOWN;
            assert_eq!(credit.free(&writer), None);
            credit.update(report, &writer);
            assert_eq!(
                (written, report, credit.free(&writer)),
                (written, report, free)
            );
        }
    }

    #[test]
    fn an_ignored_report_counts_when_it_changes() {
        let memory = Cells::new();
        let Some(mut writer) = writer(&memory, 8) else {
            panic!("an element fits");
        };
        let mut credit = Credit::UNKNOWN;
        credit.update(report(EPOCH, 0), &writer);
        assert_eq!(credit.free(&writer), Some(0));
        credit.ignore(report(EPOCH, 0));
        credit.update(report(EPOCH, 0), &writer);
        assert_eq!((credit.free(&writer), credit.read()), (None, None));

        // The writer goes on, and the reader is overrun. Then it reports again.
        writer.skip_to(&memory, 30);
        credit.update(report(EPOCH, 0), &writer);
        assert_eq!(credit.free(&writer), None);
        credit.update(report(EPOCH, 25), &writer);
        assert_eq!((credit.free(&writer), credit.read()), (Some(3), Some(25)));
        // The reader does not go back.
        credit.update(report(EPOCH, 24), &writer);
        assert_eq!(credit.free(&writer), None);
        credit.update(report(EPOCH, 26), &writer);
        assert_eq!(credit.free(&writer), Some(4));
    }

    /// Whatever the peer reports, the credit stays within the ring, and the reader does not go
    /// back.
    #[test]
    fn any_reports() {
        let memory = Cells::new();
        let Some(mut writer) = writer(&memory, 0) else {
            panic!("an element fits");
        };
        let mut credit = Credit::UNKNOWN;
        let mut most = 0;
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            writer.skip_to(&memory, writer.written() + (random >> 60) % 3);
            let written = writer.written();
            let word = match (random >> 56) % 4 {
                0 => random,
                1 => report(EPOCH, random),
                2 => report(EPOCH, written.wrapping_sub(random % 12)),
                _ => report(random, written),
            };
            credit.update(word, &writer);
            if (random >> 50) % 64 == 0 {
                credit.ignore(word);
            }
            let (read, free) = (credit.read(), credit.free(&writer));
            assert_eq!(read.is_some(), free.is_some());
            if let (Some(read), Some(free)) = (read, free) {
                assert!(most <= read && read <= written);
                assert_eq!(free, 8 - (written - read));
                most = read;
            }
        }
        assert!(most > 0);
    }

    #[test]
    fn no_epoch_no_credit() {
        let memory = Cells::new();
        let Some(mut writer) = writer(&memory, 8) else {
            panic!("an element fits");
        };
        writer.end_epoch(&memory);
        let mut credit = Credit::UNKNOWN;
        credit.update(report(EPOCH, 8), &writer);
        assert_eq!(credit.free(&writer), None);
    }
}
