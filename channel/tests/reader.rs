// SPDX-License-Identifier: GPL-2.0

//! Tests of the reader: headers, epochs and joins.

#[cfg_attr(
    CONFIG_KUNIT = "y",
    kernel::macros::kunit_tests(muennet_channel_reader)
)]
mod tests {
    use super::super::super::{
        layout::{
            Geometry,
            TRANSPORT, //
        },
        memory::{
            MemoryMut,
            Word, //
        },
        reader::{
            Change,
            Mismatch,
            PeerParams,
            Reader, //
        },
        tests::{
            changed,
            read,
            reader,
            waiting_reader,
            Cells,
            Watched,
            EXAMPLE,
            PROTOCOL, //
        }, //
    };

    const MAX: u64 = u64::MAX;

    #[test]
    fn the_example_is_read() {
        let memory = Cells::<80>::new();
        assert!(memory.copy_in(0, &EXAMPLE));
        let mut reader = waiting_reader();
        let got = read(&mut reader, &memory, 64, || ());
        assert!(changed(&got, "A"));
        assert_eq!(got.values(), &[3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(got.progress.copied, 7);
        assert_eq!(got.progress.delivered, 7);
        assert_eq!(got.progress.overruns, 1);
        assert_eq!(got.progress.lost, 2);
        assert!(!got.progress.more);
        assert!(!reader.snapshot().has_pending(&memory));
    }

    #[test]
    fn a_reader_that_comes_up_joins() {
        let memory = Cells::<80>::new();
        assert!(memory.copy_in(0, &EXAMPLE));
        let mut reader = reader();
        assert!(reader.snapshot().has_pending(&memory));
        let got = read(&mut reader, &memory, 64, || ());
        assert!(changed(&got, "A"));
        assert_eq!(got.values(), &[]);
        assert_eq!((got.progress.overruns, got.progress.lost), (0, 0));
        assert!(!reader.snapshot().has_pending(&memory));

        assert!(memory.copy_in(66, &[10, 10]));
        memory.store(Word::Write, 10);
        assert!(reader.snapshot().has_pending(&memory));
        let got = read(&mut reader, &memory, 64, || ());
        assert_eq!(got.values(), &[10]);
        assert_eq!(got.progress.lost, 0);
    }

    #[test]
    fn a_header_must_fit() {
        use Mismatch::*;

        // The reader accepts elements of 3 to 9 bytes. The region has 100 bytes.
        let (fit, protocol) = (TRANSPORT, PROTOCOL);
        let other = |found| {
            Some(Protocol {
                found,
                expected: protocol,
            })
        };
        let table = [
            (fit, protocol, 3, 12, None),
            (fit, protocol, 3, 1, None),
            (fit, protocol, 9, 4, None),
            (fit, protocol, 4, 9, None),
            (0, protocol, 3, 12, Some(Transport(0))),
            (fit + 1, protocol, 3, 12, Some(Transport(fit + 1))),
            (fit, 0, 3, 12, other(0)),
            (fit, protocol - 1, 3, 12, other(protocol - 1)),
            (fit, protocol, 0, 12, Some(Size(0))),
            (fit, protocol, 1, 12, Some(Size(1))),
            (fit, protocol, 2, 12, Some(Size(2))),
            (fit, protocol, 10, 3, Some(Size(10))),
            (fit, protocol, MAX, 1, Some(Size(MAX))),
            (fit, protocol, (1 << 32) + 3, 1, Some(Size((1 << 32) + 3))),
            (
                fit,
                protocol,
                3,
                0,
                Some(Ring {
                    size: 3,
                    elements: 0,
                }),
            ),
            (
                fit,
                protocol,
                3,
                13,
                Some(Ring {
                    size: 3,
                    elements: 13,
                }),
            ),
            (
                fit,
                protocol,
                9,
                5,
                Some(Ring {
                    size: 9,
                    elements: 5,
                }),
            ),
            (
                fit,
                protocol,
                4,
                10,
                Some(Ring {
                    size: 4,
                    elements: 10,
                }),
            ),
            (
                fit,
                protocol,
                4,
                MAX,
                Some(Ring {
                    size: 4,
                    elements: MAX,
                }),
            ),
            // The product wraps to 36.
            (
                fit,
                protocol,
                4,
                (1 << 62) + 9,
                Some(Ring {
                    size: 4,
                    elements: (1 << 62) + 9,
                }),
            ),
        ];
        for (transport, protocol, size, elements, reason) in table {
            let memory = Cells::<100>::new();
            memory.header(7, size, elements, 0, 0);
            memory.store(Word::Transport, transport);
            memory.store(Word::Protocol, protocol);
            let mut reader = Reader::new(PeerParams {
                protocol: PROTOCOL,
                min_size: 3,
                max_size: 9,
            });
            let got = read(&mut reader, &memory, 64, || ());
            let change = match (reason, Geometry::new(100, size, elements)) {
                (Some(reason), _) => Some(Change::Incompatible { epoch: 7, reason }),
                (None, Some(geometry)) => Some(Change::Activated { epoch: 7, geometry }),
                (None, None) => None,
            };
            assert_eq!(got.progress.changes().next().copied(), change);
            assert!(got.progress.changes().count() == 1 && !got.progress.more);

            // The mismatch is reported once. No call is due before the next epoch.
            assert!(!reader.snapshot().has_pending(&memory));
            assert!(changed(&read(&mut reader, &memory, 64, || ()), ""));
        }
    }

    #[test]
    fn a_size_of_zero_is_refused_whatever_is_wanted() {
        let memory = Cells::<80>::new();
        memory.header(7, 0, 8, 0, 0);
        let mut reader = Reader::new(PeerParams {
            protocol: PROTOCOL,
            min_size: 0,
            max_size: usize::MAX,
        });
        let got = read(&mut reader, &memory, 64, || ());
        let refused = Change::Incompatible {
            epoch: 7,
            reason: Mismatch::Size(0),
        };
        assert_eq!(got.progress.changes().next(), Some(&refused));
    }

    #[test]
    fn epochs_follow_each_other() {
        // (name, steps). The reader has not seen the channel before the first step. Each step is
        // one call: (epoch, element size, value of both counters, changes, values that are read,
        // lost elements).
        type Step = (u64, u64, u64, &'static str, &'static [u8], u64);
        let table: [(&str, &[Step]); 9] = [
            (
                "no writer, then one",
                &[(0, 0, 0, "", &[], 0), (5, 2, 2, "A", &[0, 1], 0)],
            ),
            (
                "joins, goes on",
                &[(5, 2, 2, "A", &[], 0), (5, 2, 4, "", &[2, 3], 0)],
            ),
            (
                "joins, then a new epoch",
                &[(5, 2, 2, "A", &[], 0), (6, 2, 1, "A", &[0], 0)],
            ),
            (
                "the writer leaves and comes back",
                &[
                    (5, 2, 2, "A", &[], 0),
                    (0, 2, 2, "I", &[], 0),
                    (6, 2, 2, "A", &[0, 1], 0),
                ],
            ),
            (
                "the same epoch again after none",
                &[
                    (5, 2, 2, "A", &[], 0),
                    (0, 2, 2, "I", &[], 0),
                    (5, 2, 2, "A", &[0, 1], 0),
                ],
            ),
            (
                "incompatible, then not",
                &[
                    (5, 0, 2, "X", &[], 0),
                    (5, 2, 2, "", &[], 0),
                    (6, 2, 2, "A", &[0, 1], 0),
                ],
            ),
            (
                "incompatible twice",
                &[
                    (5, 0, 2, "X", &[], 0),
                    (6, 0, 2, "X", &[], 0),
                    (0, 0, 2, "I", &[], 0),
                ],
            ),
            (
                "much was written before the first look at an epoch that began meanwhile",
                &[
                    (0, 0, 0, "", &[], 0),
                    (5, 2, 10, "A", &[2, 3, 4, 5, 6, 7, 8, 9], 2),
                ],
            ),
            (
                "the counter falls without a new epoch",
                &[
                    (5, 2, 2, "A", &[], 0),
                    (5, 2, 1, "B", &[], 0),
                    (5, 2, 3, "", &[], 0),
                ],
            ),
        ];
        for (name, steps) in table {
            let memory = Cells::<80>::new();
            let mut reader = reader();
            for &(epoch, size, count, changes, values, lost) in steps {
                memory.header(epoch, size, 8, count, count);
                for number in count.saturating_sub(8)..count {
                    let offset = 64 + (number % 8) as usize * 2;
                    assert!(memory.copy_in(offset, &[number as u8; 2]));
                }
                let got = read(&mut reader, &memory, 64, || ());
                assert_eq!((name, changed(&got, changes)), (name, true));
                assert_eq!((name, got.values()), (name, values));
                assert_eq!((name, got.progress.lost), (name, lost));
                assert!(!got.progress.more && !reader.snapshot().has_pending(&memory));
            }
        }
    }

    #[test]
    fn an_epoch_that_ends_during_the_look_does_not_count() {
        // (load at which the peer acts, epoch that it starts or 0, changes, values, whether the
        // reader has already found no writer). The loads are: 0 the epoch, 1 to 5 the header and
        // the counter, 6 the epoch again; then, in the next pass, 7 the epoch, 8 and 9 the
        // counters, 10 the epoch.
        let table = [
            (1, 6, "A", "01", false),
            (6, 6, "A", "01", false),
            (7, 6, "AA", "01", false),
            (8, 6, "AA", "01", false),
            (9, 6, "AA", "01", false),
            (10, 6, "AA", "01", false),
            (1, 0, "", "", false),
            (6, 0, "", "", false),
            (10, 0, "AI", "", false),
            // A reader that waits for an epoch reads the new one from its beginning, too. It misses
            // only the elements of the epoch that ended.
            (1, 6, "A", "01", true),
            (6, 6, "A", "01", true),
            (10, 6, "AA", "01", true),
            (10, 0, "AI", "", true),
        ];
        for (at, epoch, changes, values, waiting) in table {
            let memory = Cells::<80>::new();
            memory.header(5, 2, 8, 7, 7);
            let watched = Watched::new(&memory, |_, loads| {
                if loads == at {
                    memory.header(epoch, 2, 8, 2, 2);
                    memory.copy_in(64, b"0011");
                }
                None
            });
            let mut reader = if waiting { waiting_reader() } else { reader() };
            let got = read(&mut reader, &watched, 64, || ());
            assert_eq!((at, epoch, changed(&got, changes)), (at, epoch, true));
            assert_eq!((at, epoch, got.values()), (at, epoch, values.as_bytes()));
            assert_eq!(got.progress.lost, 0);
        }
    }
}
