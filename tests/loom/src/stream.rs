// SPDX-License-Identifier: GPL-2.0

//! One epoch: no torn element, none out of order, none lost without being counted.

use loom::thread;

use crate::{
    bed::{
        explore,
        start,
        write,
        writer,
        Checked,
        ALL, //
    },
    memory::{
        Barriers,
        Region, //
    },
};

/// Elements are two bytes in these models.
fn two(_epoch: u64) -> usize {
    2
}

/// A model of one epoch.
#[derive(Clone, Copy)]
struct Stream {
    /// Elements in the ring.
    ring: usize,
    /// Elements that the writer writes while the reader reads.
    writes: u64,
    /// How many of them it publishes at a time.
    batch: u64,
    /// How many elements there are before.
    before: u64,
    /// The limits of the reader's calls while the writer writes.
    calls: &'static [usize],
    /// Whether the reader comes up only then, and joins.
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

    fn run(self) {
        let memory = Region::new(2 * self.ring, self.barriers);
        let mut writer = writer(&*memory, 2);
        let mut reader = Checked::new();
        start(&mut writer, &*memory, 1);
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
            // All elements are accounted for, ...
            assert_eq!(reader.delivered + reader.lost, total);
        }
        if !self.joins || reader.delivered > 0 {
            // ... and the newest is always read: nobody overwrites it any more.
            assert_eq!(reader.next, total);
        }
    }
}

#[test]
fn elements_arrive_whole() {
    STREAM.explore(ALL);
}

#[test]
fn a_ring_of_one_element() {
    Stream { ring: 1, ..STREAM }.explore(4);
}

#[test]
fn a_full_ring_is_overrun() {
    Stream {
        before: 2,
        ..STREAM
    }
    .explore(3);
}

#[test]
fn reading_goes_on_after_an_overrun() {
    Stream {
        ring: 3,
        before: 3,
        calls: &[2, 2],
        ..STREAM
    }
    .explore(2);
}

#[test]
fn small_calls() {
    Stream {
        calls: &[1, 1, 1],
        ..STREAM
    }
    .explore(3);
}

#[test]
fn batches_are_taken_from_the_reader() {
    Stream {
        ring: 8,
        before: 8,
        writes: 4,
        batch: 2,
        ..STREAM
    }
    .explore(2);
}

#[test]
fn a_reader_joins() {
    Stream {
        before: 1,
        joins: true,
        ..STREAM
    }
    .explore(4);
}

#[test]
#[should_panic]
fn without_read_barriers_elements_are_torn() {
    Stream {
        barriers: Barriers::NoRead,
        ..STREAM
    }
    .explore(3);
}

#[test]
#[should_panic]
fn without_write_barriers_elements_are_torn() {
    Stream {
        barriers: Barriers::NoWrite,
        ..STREAM
    }
    .explore(3);
}
