// SPDX-License-Identifier: GPL-2.0

//! Tests of the reader: batches, overruns and recovery.

#[cfg_attr(
    CONFIG_KUNIT = "y",
    kernel::macros::kunit_tests(muennet_channel_overrun)
)]
mod tests {
    use core::{
        cell::Cell,
        num::NonZeroU64, //
    };

    use super::super::super::{
        layout::HEADER_SIZE,
        memory::{
            Memory,
            Word, //
        },
        tests::{
            read,
            waiting_reader,
            write,
            Cells,
            PROTOCOL, //
        },
        writer::{
            NoRoom,
            Writer, //
        }, //
    };

    /// Returns a writer of elements of two bytes that has started an epoch.
    fn started_writer<const N: usize>(memory: &Cells<N>) -> Result<Writer, NoRoom> {
        let protocol = NonZeroU64::new(PROTOCOL).ok_or(NoRoom)?;
        let mut writer = Writer::new(protocol, 2, N)?;
        writer.start_epoch(memory, NonZeroU64::MIN);
        Ok(writer)
    }

    /// Writes and publishes the elements with these numbers. Each byte of an element is the number
    /// of the element modulo 128.
    fn burst<const N: usize>(
        writer: &mut Writer,
        memory: &Cells<N>,
        numbers: core::ops::Range<u64>,
    ) {
        for number in numbers {
            write(writer, memory, (number % 128) as u8);
        }
        writer.publish(memory);
    }

    #[test]
    fn the_ring_wraps() -> Result<(), NoRoom> {
        // The ring has seven elements. They are read in portions that do not divide the ring.
        let memory = Cells::<78>::new();
        let mut writer = started_writer(&memory)?;
        let mut reader = waiting_reader();
        let mut number = 0;
        for portion in [1, 2, 3, 4, 5, 6, 7, 7, 6, 5, 4, 3, 2, 1] {
            burst(&mut writer, &memory, number..number + portion);
            let got = read(&mut reader, &memory, 64, || ());
            let expected = (number..number + portion).map(|number| number as u8);
            assert!(expected.eq(got.values().iter().copied()));
            assert_eq!(got.progress.lost, 0);
            number += portion;
        }
        Ok(())
    }

    #[test]
    fn a_burst_loses_only_what_was_overwritten() -> Result<(), NoRoom> {
        // (elements written before the reader is called, elements lost), in a ring of 8.
        for (written, lost) in [(0, 0), (8, 0), (9, 1), (15, 7), (16, 8), (17, 9), (100, 92)] {
            let memory = Cells::<80>::new();
            let mut writer = started_writer(&memory)?;
            let mut reader = waiting_reader();
            burst(&mut writer, &memory, 0..written);
            let got = read(&mut reader, &memory, 64, || ());
            let expected = (lost..written).map(|number| number as u8);
            assert!(expected.eq(got.values().iter().copied()));
            assert_eq!((written, got.progress.lost), (written, lost));
            assert_eq!(got.progress.overruns, u64::from(lost > 0));
            assert!(!got.progress.more);
        }
        Ok(())
    }

    #[test]
    fn a_call_keeps_to_its_limit() -> Result<(), NoRoom> {
        for limit in 0..=21 {
            let memory = Cells::<128>::new();
            let mut writer = started_writer(&memory)?;
            let mut reader = waiting_reader();
            burst(&mut writer, &memory, 0..20);
            let got = read(&mut reader, &memory, limit, || ());
            assert_eq!((limit, got.progress.copied), (limit, limit.min(20)));
            assert_eq!((limit, got.progress.delivered), (limit, limit.min(20)));
            assert_eq!((limit, got.progress.more), (limit, limit < 20));
        }
        Ok(())
    }

    #[test]
    fn the_newest_element_is_left_to_read() -> Result<(), NoRoom> {
        // The writer overtakes the first batch and the single copy after it, so that the margin
        // becomes as wide as possible. Then it begins one more element and stops.
        let memory = Cells::<80>::new();
        let mut writer = started_writer(&memory)?;
        let mut reader = waiting_reader();
        burst(&mut writer, &memory, 0..8);
        let mut copies = 0;
        let got = read(&mut reader, &memory, 64, || {
            copies += 1;
            if copies == 8 {
                burst(&mut writer, &memory, 8..108);
            } else if copies == 9 {
                burst(&mut writer, &memory, 108..208);
                write(&mut writer, &memory, 0);
            }
        });
        assert_eq!(got.values(), &[(207 % 128) as u8]);
        assert_eq!(got.progress.copied, 8 + 1 + 1);
        assert_eq!((got.progress.overruns, got.progress.lost), (2, 207));
        Ok(())
    }

    #[test]
    fn a_batch_is_checked_element_by_element() -> Result<(), NoRoom> {
        // (elements that the writer begins during the last copy of a full batch of 8, elements
        // lost), in a ring of 16.
        for (begun, lost) in [(8, 0), (9, 1), (12, 4), (15, 7), (16, 8), (17, 8), (40, 8)] {
            let memory = Cells::<96>::new();
            let mut writer = started_writer(&memory)?;
            let mut reader = waiting_reader();
            burst(&mut writer, &memory, 0..8);
            let mut copies = 0;
            let got = read(&mut reader, &memory, 8, || {
                copies += 1;
                if copies == 8 {
                    burst(&mut writer, &memory, 8..8 + begun);
                }
            });
            let expected = (lost..8).map(|number| number as u8);
            assert!(expected.eq(got.values().iter().copied()));
            assert_eq!((begun, got.progress.copied), (begun, 8));
            assert_eq!((begun, got.progress.lost), (begun, lost));
            assert_eq!(got.progress.overruns, u64::from(lost > 0));
            assert!(got.progress.more);
        }
        Ok(())
    }

    #[test]
    fn an_element_that_is_begun_is_lost_before_it_is_published() -> Result<(), NoRoom> {
        let memory = Cells::<80>::new();
        let mut writer = started_writer(&memory)?;
        let mut reader = waiting_reader();
        burst(&mut writer, &memory, 0..8);
        // The writer begins the element, and changes its second byte, while the reader copies the
        // first element.
        let mut once = true;
        let got = read(&mut reader, &memory, 64, || {
            if core::mem::take(&mut once) {
                assert!(writer
                    .write(&memory, |slot| {
                        slot.fill(1, &[99]);
                        Err(())
                    })
                    .is_err());
            }
        });
        assert_eq!(got.values(), &[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!((got.progress.overruns, got.progress.lost), (1, 1));
        Ok(())
    }

    #[test]
    fn what_was_copied_when_the_epoch_ends_is_dropped() -> Result<(), NoRoom> {
        // (copy during which a new writer starts, complete batches of 8 before it)
        for (at, whole) in [(1, 0), (8, 0), (9, 1), (16, 1), (17, 2)] {
            let memory = Cells::<128>::new();
            let mut writer = started_writer(&memory)?;
            let mut reader = waiting_reader();
            burst(&mut writer, &memory, 0..20);
            let mut copies = 0;
            let got = read(&mut reader, &memory, 64, || {
                copies += 1;
                if copies == at {
                    writer.start_epoch(&memory, NonZeroU64::MAX);
                    burst(&mut writer, &memory, 100..103);
                }
            });
            let expected = (0..8 * whole).chain(100..103);
            assert!(expected.eq(got.values().iter().copied()));
            assert_eq!(got.progress.changes().count(), 2);
            assert_eq!((got.progress.overruns, got.progress.lost), (0, 0));
            assert!(!got.progress.more);
        }
        Ok(())
    }

    #[test]
    fn what_is_not_delivered_is_dropped() -> Result<(), NoRoom> {
        struct Copy<'a>(&'a Cell<u32>);

        impl Drop for Copy<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }

        let memory = Cells::<80>::new();
        let mut writer = started_writer(&memory)?;
        let mut reader = waiting_reader();
        burst(&mut writer, &memory, 0..8);
        let dropped = Cell::new(0);
        let mut copies = 0;
        let progress = reader.read(
            &memory,
            8,
            |_| {
                copies += 1;
                if copies == 8 {
                    burst(&mut writer, &memory, 8..11);
                }
                Copy(&dropped)
            },
            core::mem::forget,
        );
        assert_eq!((progress.delivered, progress.lost), (5, 3));
        assert_eq!(dropped.get(), 3);
        Ok(())
    }

    #[test]
    fn counters_work_up_to_their_end() -> Result<(), NoRoom> {
        for gone in [20, 9, 8, 7, 2] {
            let memory = Cells::<80>::new();
            let mut writer = started_writer(&memory)?;
            writer.skip_to(&memory, u64::MAX - gone);
            let mut reader = super::super::reader();
            assert_eq!(read(&mut reader, &memory, 64, || ()).progress.delivered, 0);
            // One element less than the numbers that are left. The last number starts a new epoch.
            burst(&mut writer, &memory, 0..gone - 1);
            let got = read(&mut reader, &memory, 64, || ());
            let lost = (gone - 1).saturating_sub(8);
            assert_eq!((gone, got.progress.lost), (gone, lost));
            assert_eq!(got.progress.delivered as u64, gone - 1 - lost);
            burst(&mut writer, &memory, 0..3);
            let got = read(&mut reader, &memory, 64, || ());
            assert_eq!((gone, got.values()), (gone, [1, 2].as_slice()));
            assert_eq!(got.progress.lost, 0);
            assert_eq!(memory.load(Word::Write), 2);
        }
        Ok(())
    }

    /// Makes a writer write `pace` elements during each of many copies. Returns the percentage of
    /// the copies that were delivered.
    fn share<const N: usize>(pace: u64, limit: usize) -> Result<u64, NoRoom> {
        let memory = Cells::<N>::new();
        let mut writer = started_writer(&memory)?;
        let mut reader = waiting_reader();
        let (mut copied, mut delivered, mut lost) = (0, 0, 0);
        let mut number = 8;
        burst(&mut writer, &memory, 0..number);
        for _ in 0..100 {
            let got = read(&mut reader, &memory, limit, || {
                burst(&mut writer, &memory, number..number + pace);
                number += pace;
            });
            copied += got.progress.copied as u64;
            delivered += got.progress.delivered as u64;
            lost += got.progress.lost;
            // No element is torn, delivered twice, or lost without being counted.
            if got.values().contains(&255) || delivered + lost != reader.snapshot().count {
                return Ok(0);
            }
        }
        Ok(delivered * 100 / copied)
    }

    #[test]
    fn most_copies_get_through_even_if_the_writer_is_faster() -> Result<(), NoRoom> {
        const fn ring(elements: usize) -> usize {
            HEADER_SIZE + 2 * elements
        }

        // (elements that the writer writes during each copy, least percentage of copies that are
        // delivered). The percentages are for a ring of 16 elements, for one of 64 (with calls of
        // 64 copies, of 10 and of 1), and for one of 256.
        let table = [
            (1, [100, 100, 100, 100, 100]),
            (2, [80, 90, 90, 90, 95]),
            (3, [70, 90, 90, 85, 95]),
            (10, [45, 70, 70, 70, 90]),
        ];
        for (pace, least) in table {
            let found = [
                share::<{ ring(16) }>(pace, 64)?,
                share::<{ ring(64) }>(pace, 64)?,
                share::<{ ring(64) }>(pace, 10)?,
                share::<{ ring(64) }>(pace, 1)?,
                share::<{ ring(256) }>(pace, 64)?,
            ];
            for (found, least) in found.into_iter().zip(least) {
                assert_eq!((pace, least, found.max(least)), (pace, least, found));
            }
        }
        Ok(())
    }

    #[test]
    fn a_margin_is_closed_when_the_reader_is_abreast_again() -> Result<(), NoRoom> {
        let memory = Cells::<192>::new();
        let mut writer = started_writer(&memory)?;
        let mut reader = waiting_reader();
        let mut number = 8;
        burst(&mut writer, &memory, 0..number);
        // The writer is faster than the reader for two calls, and stops.
        for _ in 0..2 {
            read(&mut reader, &memory, 64, || {
                burst(&mut writer, &memory, number..number + 10);
                number += 10;
            });
        }
        while read(&mut reader, &memory, 64, || ()).progress.copied > 0 {}
        // In the next burst the reader loses only the elements that this burst itself overwrites.
        burst(&mut writer, &memory, number..number + 70);
        let got = read(&mut reader, &memory, 64, || ());
        assert_eq!((got.progress.overruns, got.progress.lost), (1, 6));
        assert_eq!(got.progress.delivered, 64);
        Ok(())
    }
}
