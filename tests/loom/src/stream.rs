// SPDX-License-Identifier: GPL-2.0

//! Models of one epoch: no element is torn, out of order, or lost without being counted.

use loom::thread;

use crate::{
    fixtures::{
        explore,
        start_epoch,
        write,
        writer,
        CheckedReader,
        UNBOUNDED, //
    },
    memory::{
        Barriers,
        Region, //
    }, //
};

/// Returns the element size in these models: two bytes.
fn two(_epoch: u64) -> usize {
    2
}

/// A model of one epoch.
#[derive(Clone, Copy)]
struct Stream {
    /// The number of elements in the ring.
    ring: usize,
    /// The number of elements that the writer writes while the reader reads.
    writes: u64,
    /// The number of these elements in each batch that the writer publishes.
    batch: u64,
    /// The number of elements that the writer writes before the reader reads.
    before: u64,
    /// The limits of the reader's calls while the writer writes.
    calls: &'static [usize],
    /// Whether the first call of the reader is after the first `before` elements, so that the
    /// reader joins the epoch.
    joins: bool,
    barriers: Barriers,
}

const STREAM: Stream = Stream {
    ring: 2,
    writes: 3,
    batch: 1,
    before: 0,
    calls: &[8],
    joins: false,
    barriers: Barriers::Both,
};

impl Stream {
    fn explore(self, preemptions: usize) {
        explore(preemptions, move || self.run());
    }

    fn without(self, barriers: Barriers) -> Self {
        Self { barriers, ..self }
    }

    fn run(self) {
        let memory = Region::new(2 * self.ring, self.barriers);
        let mut writer = writer(&*memory, 2);
        let mut reader = CheckedReader::new();
        start_epoch(&mut writer, &*memory, 1);
        if !self.joins {
            reader.read(&*memory, 0, two);
        }
        for number in 0..self.before {
            write(&mut writer, &*memory, 1, number);
        }
        writer.publish(&*memory);

        let total = self.before + self.writes;
        let peer = thread::spawn({
            let memory = memory.clone();
            move || {
                for number in self.before..total {
                    write(&mut writer, &*memory, 1, number);
                    if (number + 1 - self.before) % self.batch == 0 {
                        writer.publish(&*memory);
                    }
                }
                writer.publish(&*memory);
            }
        });
        for limit in self.calls {
            reader.read(&*memory, *limit, two);
        }
        peer.join().unwrap();
        reader.drain(&*memory, two);

        if !self.joins {
            // All elements are delivered or counted as lost.
            assert_eq!(reader.delivered + reader.lost, total);
        }
        if !self.joins || reader.delivered > 0 {
            // The newest element is always delivered, because nothing overwrites it.
            assert_eq!(reader.next, total);
        }
    }
}

/// Defines three tests of a model: it holds, it fails without read barriers, and it fails without
/// write barriers.
macro_rules! model {
    ($name:ident, $preemptions:expr, $read:literal, $write:literal, $stream:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn holds() {
                $stream.explore($preemptions);
            }

            #[test]
            #[should_panic(expected = $read)]
            fn fails_without_read_barriers() {
                $stream.without(Barriers::NoRead).explore($preemptions);
            }

            #[test]
            #[should_panic(expected = $write)]
            fn fails_without_write_barriers() {
                $stream.without(Barriers::NoWrite).explore($preemptions);
            }
        }
    };
}

model!(
    elements_are_not_torn,
    UNBOUNDED,
    "WriteBeyondStart",
    "WriteBeyondStart",
    STREAM
);
model!(
    ring_of_one_element,
    4,
    "WriteBeyondStart",
    "WriteBeyondStart",
    Stream { ring: 1, ..STREAM }
);
model!(
    overrun_of_full_ring,
    3,
    "WriteBeyondStart",
    "WriteBeyondStart",
    Stream {
        before: 2,
        ..STREAM
    }
);
model!(
    recovery_after_overrun,
    2,
    "element 0 delivered again",
    "element 0 delivered again",
    Stream {
        ring: 3,
        before: 3,
        calls: &[2, 2],
        ..STREAM
    }
);
model!(
    calls_with_limit_one,
    3,
    "WriteBeyondStart",
    "WriteBeyondStart",
    Stream {
        calls: &[1, 1, 1],
        ..STREAM
    }
);
model!(
    overrun_by_batches,
    2,
    "WriteBeyondStart",
    "WriteBeyondStart",
    Stream {
        ring: 8,
        before: 8,
        writes: 4,
        batch: 2,
        ..STREAM
    }
);
model!(
    reader_joins,
    4,
    "WriteBeyondStart",
    "WriteBeyondStart",
    Stream {
        before: 1,
        joins: true,
        ..STREAM
    }
);
