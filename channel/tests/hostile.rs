// SPDX-License-Identifier: GPL-2.0

//! Tests of the reader with writers that violate the protocol.

#[cfg_attr(
    CONFIG_KUNIT = "y",
    kernel::macros::kunit_tests(muennet_channel_hostile)
)]
mod tests {
    use super::super::super::{
        memory::Word,
        reader::{
            Change,
            State,
            Violation,
            MAX_RETRIES, //
        },
        tests::{
            changed,
            read,
            waiting_reader,
            Cells,
            Watched, //
        }, //
    };

    const MAX: u64 = u64::MAX;

    #[test]
    fn hostile_counters_are_survived() {
        use Violation::*;

        // (write counter, write start counter, violation or delivered elements, overruns and lost
        // elements), for a reader that has read 5 elements of a ring of 8.
        let table = [
            (6, 5, Err(WriteBeyondStart { wc: 6, wsc: 5 })),
            (5, 4, Err(WriteBeyondStart { wc: 5, wsc: 4 })),
            (MAX, 0, Err(WriteBeyondStart { wc: MAX, wsc: 0 })),
            (
                MAX,
                MAX - 1,
                Err(WriteBeyondStart {
                    wc: MAX,
                    wsc: MAX - 1,
                }),
            ),
            (4, 5, Err(WriteBelowRead { wc: 4, rc: 5 })),
            (0, 0, Err(WriteBelowRead { wc: 0, rc: 5 })),
            (0, MAX, Err(WriteBelowRead { wc: 0, rc: 5 })),
            (5, MAX, Ok((0, 0, 0))),
            (6, MAX, Ok((0, 1, 1))),
            (6, 14, Ok((0, 1, 1))),
            (6, 13, Ok((1, 0, 0))),
            (MAX, MAX, Ok((8, 1, MAX - 13))),
            (MAX - 1, MAX, Ok((7, 1, MAX - 13))),
            (MAX - 8, MAX, Ok((0, 1, MAX - 13))),
            (MAX - 7, MAX, Ok((1, 1, MAX - 13))),
        ];
        for (wc, wsc, outcome) in table {
            let memory = Cells::<80>::new();
            memory.header(7, 2, 8, 5, 5);
            let mut reader = waiting_reader();
            assert_eq!(read(&mut reader, &memory, 64, || ()).progress.delivered, 5);

            memory.header(7, 2, 8, wsc, wc);
            let got = read(&mut reader, &memory, 64, || ());
            let found = match got.progress.changes().next() {
                Some(Change::Broken { epoch: 7, reason }) => Err(*reason),
                _ => Ok((
                    got.progress.delivered,
                    got.progress.overruns,
                    got.progress.lost,
                )),
            };
            assert_eq!((wc, wsc, found), (wc, wsc, outcome));
            // The violation is reported once and causes no further calls. The reader follows the
            // next honest epoch.
            assert!(!reader.snapshot().has_pending(&memory) && !got.progress.more);
            assert_eq!(
                matches!(reader.state(), State::Broken { epoch: 7 }),
                outcome.is_err()
            );
            assert!(changed(&read(&mut reader, &memory, 64, || ()), ""));
            memory.header(8, 2, 8, 2, 2);
            assert!(reader.snapshot().has_pending(&memory));
            let got = read(&mut reader, &memory, 64, || ());
            assert!(changed(&got, "A") && got.progress.delivered == 2);
        }
    }

    #[test]
    fn no_peer_keeps_a_call_busy() {
        type Peer = fn(Word, u64) -> Option<u64>;
        let table: [(&str, Peer); 8] = [
            ("another epoch each time", |word, loads| {
                (word == Word::Epoch).then_some(loads + 1)
            }),
            ("now an epoch, now none", |word, loads| {
                (word == Word::Epoch).then_some(loads % 2)
            }),
            ("an epoch for one pass", |word, loads| {
                (word == Word::Epoch).then_some(loads / 7 + 1)
            }),
            ("an epoch for two passes", |word, loads| {
                (word == Word::Epoch).then_some(loads / 13 + 1)
            }),
            ("all counters are random", |word, loads| {
                let random = (loads + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                matches!(word, Word::Write | Word::WriteStart).then_some(random)
            }),
            (
                "the writer is always one ring ahead",
                |word, loads| match word {
                    Word::Write => Some(loads * 100),
                    Word::WriteStart => Some(loads * 100 + 8),
                    _ => None,
                },
            ),
            ("each copy is overtaken", |word, loads| {
                matches!(word, Word::Write | Word::WriteStart).then_some(loads * 8)
            }),
            ("there is always more", |word, loads| {
                matches!(word, Word::Write | Word::WriteStart).then_some(loads)
            }),
        ];
        for (name, peer) in table {
            for limit in [0, 1, 3, 64, 1000] {
                let memory = Cells::<80>::new();
                memory.header(5, 2, 8, 0, 0);
                let watched = Watched::new(&memory, peer);
                let mut reader = waiting_reader();
                for _ in 0..3 {
                    watched.loads.set(watched.loads.get() + 1000);
                    let before = watched.loads.get();
                    let progress = reader.read(&watched, limit, |_| (), |()| ());
                    let loads = watched.loads.get() - before;
                    // A retry, a copy and the last check of the channel make at most 9 loads each.
                    let most = 9 * (MAX_RETRIES + limit + 1) as u64;
                    assert_eq!((name, limit, loads <= most), (name, limit, true));
                    assert!(progress.copied <= limit);
                    assert!(progress.delivered <= progress.copied);
                    assert!(progress.changes().count() <= MAX_RETRIES);
                }
                // The reader follows the next honest epoch.
                memory.header(MAX, 2, 8, 3, 3);
                assert_eq!(read(&mut reader, &memory, 64, || ()).values().len(), 3);
            }
        }
    }

    #[test]
    fn losses_of_several_epochs_do_not_overflow() {
        // Each epoch claims to have written as many elements as can be counted. The next epoch
        // begins while the reader copies an element.
        let memory = Cells::<80>::new();
        memory.header(7, 2, 8, MAX, MAX);
        let mut reader = waiting_reader();
        let epoch = core::cell::Cell::new(7);
        let got = read(&mut reader, &memory, 64, || {
            epoch.set(epoch.get() + 1);
            memory.header(epoch.get(), 2, 8, MAX, MAX);
        });
        assert_eq!(got.progress.lost, MAX);
        assert!(got.progress.overruns > 1);
        assert_eq!(got.progress.delivered, 0);
        memory.header(1, 2, 8, 3, 3);
        assert_eq!(read(&mut reader, &memory, 64, || ()).values().len(), 3);
    }
}
