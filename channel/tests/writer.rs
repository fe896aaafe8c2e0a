// SPDX-License-Identifier: GPL-2.0

//! Tests of the writer.

#[cfg_attr(
    CONFIG_KUNIT = "y",
    kernel::macros::kunit_tests(muennet_channel_writer)
)]
mod tests {
    use core::{
        cell::Cell,
        num::NonZeroU64, //
    };

    use super::super::super::{
        layout::TRANSPORT,
        memory::{
            Memory,
            MemoryMut,
            Word, //
        },
        tests::{
            write,
            Cells,
            EXAMPLE,
            PROTOCOL, //
        },
        writer::{
            NoRoom,
            Writer, //
        }, //
    };

    const EPOCH: NonZeroU64 = NonZeroU64::MIN;

    fn writer(size: usize, region: usize) -> Result<Writer, NoRoom> {
        let protocol = NonZeroU64::new(PROTOCOL).ok_or(NoRoom)?;
        Writer::new(protocol, size, region)
    }

    /// An access of a writer to its memory.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Act {
        Store(Word, u64),
        StoreRelease(Word, u64),
        Barrier,
        Copy(usize),
    }

    /// Memory that records all accesses in order.
    struct Recorder {
        acts: [Cell<Option<Act>>; 32],
        len: Cell<usize>,
    }

    impl Recorder {
        fn new() -> Self {
            Self {
                acts: [const { Cell::new(None) }; 32],
                len: Cell::new(0),
            }
        }

        fn record(&self, act: Act) {
            if let Some(entry) = self.acts.get(self.len.get()) {
                entry.set(Some(act));
            }
            self.len.set(self.len.get() + 1);
        }

        /// Clears the record. Returns whether it was equal to `acts`.
        fn did(&self, acts: &[Act]) -> bool {
            let len = self.len.replace(0);
            len == acts.len()
                && acts
                    .iter()
                    .zip(&self.acts)
                    .all(|(act, entry)| entry.get() == Some(*act))
        }
    }

    impl Memory for Recorder {
        fn size(&self) -> usize {
            80
        }

        fn load(&self, _word: Word) -> u64 {
            // A writer does not read its channel, because others might have changed it.
            self.record(Act::Barrier);
            0
        }

        fn load_acquire(&self, word: Word) -> u64 {
            self.load(word)
        }

        fn read_barrier(&self) {
            self.record(Act::Barrier);
        }

        fn copy_out(&self, _offset: usize, _to: &mut [u8]) -> bool {
            self.record(Act::Barrier);
            true
        }
    }

    impl MemoryMut for Recorder {
        fn store(&self, word: Word, value: u64) {
            self.record(Act::Store(word, value));
        }

        fn store_release(&self, word: Word, value: u64) {
            self.record(Act::StoreRelease(word, value));
        }

        fn write_barrier(&self) {
            self.record(Act::Barrier);
        }

        fn copy_in(&self, offset: usize, _from: &[u8]) -> bool {
            self.record(Act::Copy(offset));
            true
        }
    }

    #[test]
    fn at_least_one_element_must_fit() {
        let table = [
            (2, 80, true),
            (16, 80, true),
            (17, 80, false),
            (0, 80, false),
            (1, 65, true),
            (1, 64, false),
            (1, 0, false),
        ];
        for (size, region, fits) in table {
            let found = writer(size, region).is_ok();
            assert_eq!((size, region, found), (size, region, fits));
        }
    }

    #[test]
    fn the_example_is_written_byte_for_byte() -> Result<(), NoRoom> {
        let memory = Cells::<80>::new();
        // The old contents of the region do not matter.
        assert!(memory.copy_in(0, &[0xa5; 80]));
        let mut writer = writer(2, 80)?;
        writer.start_epoch(&memory, EPOCH);
        for value in 1..=9 {
            assert!(write(&mut writer, &memory, value));
        }
        writer.publish(&memory);
        let torn = writer.write(&memory, |slot| {
            slot.fill(0, &[10]);
            Err(())
        });
        assert_eq!(torn, Err(()));

        let mut bytes = [0; 80];
        assert!(memory.copy_out(0, &mut bytes));
        assert!(bytes == EXAMPLE);
        Ok(())
    }

    #[test]
    fn stores_are_in_the_order_of_the_protocol() -> Result<(), NoRoom> {
        use Act::*;
        use Word::*;

        let memory = Recorder::new();
        let mut writer = writer(2, 80)?;
        writer.start_epoch(&memory, EPOCH);
        assert!(memory.did(&[
            Store(Epoch, 0),
            Barrier,
            Store(Transport, TRANSPORT),
            Store(Protocol, PROTOCOL),
            Store(Size, 2),
            Store(Elements, 8),
            Store(Report, 0),
            Store(WriteStart, 0),
            Store(Write, 0),
            Barrier,
            Store(Epoch, 1),
        ]));
        assert!(write(&mut writer, &memory, 1));
        assert!(memory.did(&[Store(WriteStart, 1), Barrier, Copy(64)]));
        // A quarter of the ring is unpublished.
        assert!(write(&mut writer, &memory, 2));
        assert!(memory.did(&[
            Store(WriteStart, 2),
            Barrier,
            Copy(66),
            Barrier,
            Store(Write, 2),
        ]));
        // `publish` reports the elements that were published before, once, and makes no access.
        assert_eq!(writer.publish(&memory), 2);
        assert_eq!(writer.publish(&memory), 0);
        assert!(memory.did(&[]));
        assert!(write(&mut writer, &memory, 3));
        assert!(memory.did(&[Store(WriteStart, 3), Barrier, Copy(68)]));
        assert_eq!(writer.publish(&memory), 1);
        assert!(memory.did(&[Barrier, Store(Write, 3)]));
        assert!(write(&mut writer, &memory, 4));
        memory.did(&[]);
        writer.end_epoch(&memory);
        assert!(memory.did(&[Barrier, Store(Write, 4), Barrier, Store(Epoch, 0)]));

        // A report is stored once, and again in the header of the next epoch.
        writer.store_report(&memory, 7 << 32);
        writer.store_report(&memory, 7 << 32);
        assert!(memory.did(&[StoreRelease(Report, 7 << 32)]));
        writer.start_epoch(&memory, EPOCH);
        assert!(memory.did(&[
            Store(Epoch, 0),
            Barrier,
            Store(Transport, TRANSPORT),
            Store(Protocol, PROTOCOL),
            Store(Size, 2),
            Store(Elements, 8),
            Store(Report, 7 << 32),
            Store(WriteStart, 0),
            Store(Write, 0),
            Barrier,
            Store(Epoch, 1),
        ]));
        Ok(())
    }

    #[test]
    fn an_element_that_failed_is_written_again() -> Result<(), NoRoom> {
        let memory = Cells::<80>::new();
        let mut writer = writer(2, 80)?;
        writer.start_epoch(&memory, EPOCH);
        let failed = writer.write(&memory, |slot| {
            slot.fill(0, &[9, 9]);
            Err("no")
        });
        assert_eq!(failed, Err("no"));
        assert_eq!(writer.publish(&memory), 0);
        assert_eq!(memory.load(Word::WriteStart), 1);
        assert_eq!(memory.load(Word::Write), 0);

        assert!(write(&mut writer, &memory, 7));
        assert_eq!(writer.publish(&memory), 1);
        let mut element = [0; 2];
        assert!(memory.copy_out(64, &mut element) && element == [7, 7]);
        assert_eq!(memory.load(Word::WriteStart), 1);
        assert_eq!(memory.load(Word::Write), 1);
        Ok(())
    }

    #[test]
    fn a_batch_is_published_at_a_quarter_of_the_ring() -> Result<(), NoRoom> {
        // (elements in the ring, elements in a batch)
        let table = [
            (1, 1),
            (3, 1),
            (4, 1),
            (7, 1),
            (8, 2),
            (16, 4),
            (31, 7),
            (140, 35),
            (256, 64),
            (400, 64),
        ];
        for (elements, batch) in table {
            let memory = Cells::<864>::new();
            let mut writer = writer(2, 64 + 2 * elements)?;
            writer.start_epoch(&memory, EPOCH);
            for count in 1..=140 {
                assert!(write(&mut writer, &memory, 1));
                assert_eq!(memory.load(Word::WriteStart), count);
                assert_eq!(memory.load(Word::Write), count / batch * batch);
            }
            // `publish` reports all of them, also if none is unpublished.
            assert_eq!(writer.publish(&memory), 140);
            assert_eq!(memory.load(Word::Write), 140);
            assert_eq!(writer.publish(&memory), 0);
        }
        Ok(())
    }

    #[test]
    fn the_counters_do_not_wrap() -> Result<(), NoRoom> {
        const MAX: u64 = u64::MAX;
        // (epoch, epoch that follows when the counters reach their end)
        let table = [
            (1, 2),
            (MAX - 1, MAX),
            (MAX, 1),
            // The lower half of an epoch is not zero.
            (u64::from(u32::MAX), (1 << 32) | 1),
        ];
        for (epoch, following) in table {
            let memory = Cells::<80>::new();
            let mut writer = writer(2, 80)?;
            writer.start_epoch(&memory, NonZeroU64::new(epoch).unwrap_or(EPOCH));
            writer.skip_to(&memory, MAX - 2);
            assert!(write(&mut writer, &memory, 1));
            assert_eq!(writer.publish(&memory), 1);
            assert_eq!(memory.load(Word::Epoch), epoch);
            assert_eq!(memory.load(Word::WriteStart), MAX - 1);
            assert_eq!(memory.load(Word::Write), MAX - 1);

            assert!(write(&mut writer, &memory, 2));
            assert_eq!(memory.load(Word::Epoch), following);
            assert_eq!(memory.load(Word::WriteStart), 0);
            assert_eq!(memory.load(Word::Write), 0);

            assert!(write(&mut writer, &memory, 3));
            // The number includes the last element of the old epoch.
            assert_eq!(writer.publish(&memory), 2);
            assert_eq!(memory.load(Word::Write), 1);
            let mut element = [0; 2];
            assert!(memory.copy_out(64, &mut element) && element == [3, 3]);
        }

        // A stopped writer has no readers, and starts no epoch.
        let memory = Cells::<80>::new();
        let mut writer = writer(2, 80)?;
        writer.skip_to(&memory, MAX - 1);
        assert!(write(&mut writer, &memory, 1));
        assert!(write(&mut writer, &memory, 2));
        assert_eq!(memory.load(Word::Epoch), 0);
        Ok(())
    }

    #[test]
    fn an_epoch_ends_and_the_next_one_begins_at_zero() -> Result<(), NoRoom> {
        let memory = Cells::<80>::new();
        let mut writer = writer(2, 80)?;
        writer.start_epoch(&memory, EPOCH);
        for value in 1..=5 {
            assert!(write(&mut writer, &memory, value));
        }
        writer.end_epoch(&memory);
        assert_eq!(memory.load(Word::Epoch), 0);
        assert_eq!(memory.load(Word::Write), 5);
        writer.start_epoch(&memory, NonZeroU64::MAX);
        assert_eq!(memory.load(Word::Epoch), u64::MAX);
        assert_eq!(memory.load(Word::WriteStart), 0);
        assert_eq!(memory.load(Word::Write), 0);
        assert!(write(&mut writer, &memory, 6));
        let mut element = [0; 2];
        assert!(memory.copy_out(64, &mut element) && element == [6, 6]);
        Ok(())
    }
}
