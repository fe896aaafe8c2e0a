// SPDX-License-Identifier: GPL-2.0

//! Models of writers that start, stop and are replaced. No element is delivered under another epoch
//! than its own, and no honest writer is reported as broken or incompatible.

use loom::{
    sync::Arc,
    thread, //
};

use crate::{
    fixtures::{
        explore,
        start_epoch,
        write,
        writer,
        Checked, //
    },
    memory::{
        Barriers,
        Region, //
    }, //
};

/// Returns the element size of an epoch: a region of 4 bytes holds two elements of epoch 1, or one
/// element of any other epoch.
fn size(epoch: u64) -> usize {
    if epoch == 1 {
        2
    } else {
        4
    }
}

/// Prepares the region with `prepare`, then calls the reader with each of `limits` while `peer`
/// accesses the region. Returns the region, and the reader after it has read all elements.
fn against(
    barriers: Barriers,
    prepare: impl FnOnce(&Region, &mut Checked),
    peer: impl FnOnce(&Region) + Send + 'static,
    limits: &[usize],
) -> (Arc<Region>, Checked) {
    let memory = Region::new(4, barriers);
    let mut reader = Checked::new();
    prepare(&memory, &mut reader);
    let peer = thread::spawn({
        let memory = memory.clone();
        move || peer(&memory)
    });
    for limit in limits {
        reader.read(&*memory, *limit, size);
    }
    peer.join().unwrap();
    reader.drain(&*memory, size);
    (memory, reader)
}

/// A writer starts while a reader waits or starts.
fn begins(barriers: Barriers, waits: bool) {
    let (_, reader) = against(
        barriers,
        |memory, reader| {
            if waits {
                reader.read(memory, 8, size);
            }
        },
        |memory| {
            let mut writer = writer(memory, 2);
            start_epoch(&mut writer, memory, 1);
            write(&mut writer, memory, 1, 0);
            writer.publish(memory);
        },
        &[8],
    );
    assert_eq!(reader.lost, 0);
    if waits {
        assert_eq!(reader.delivered, 1);
    }
}

/// A writer is replaced by another one, which has elements of another size and does not know the
/// first one.
fn replaced(barriers: Barriers, joins: bool) {
    let (_, reader) = against(
        barriers,
        |memory, reader| {
            let mut old = writer(memory, 2);
            start_epoch(&mut old, memory, 1);
            if !joins {
                reader.read(memory, 8, size);
            }
            write(&mut old, memory, 1, 0);
            old.publish(memory);
        },
        |memory| {
            let mut new = writer(memory, 4);
            start_epoch(&mut new, memory, 2);
            write(&mut new, memory, 2, 0);
            new.publish(memory);
        },
        &[8],
    );
    assert_eq!(reader.epoch, 2);
    assert!(joins || reader.next == 1);
}

/// The writer overwrites the only element of the ring, and then sets the counters to zero.
fn hidden(barriers: Barriers) {
    let memory = Region::new(4, barriers);
    let mut reader = Checked::new();
    let mut writer = writer(&*memory, 4);
    start_epoch(&mut writer, &*memory, 2);
    reader.read(&*memory, 8, size);
    write(&mut writer, &*memory, 2, 0);
    let peer = thread::spawn({
        let memory = memory.clone();
        move || {
            write(&mut writer, &*memory, 2, 1);
            start_epoch(&mut writer, &*memory, 3);
        }
    });
    reader.read(&*memory, 8, size);
    peer.join().unwrap();
    reader.drain(&*memory, size);
    assert_eq!((reader.epoch, reader.next), (3, 0));
}

/// A writer stops.
fn stops(barriers: Barriers) {
    let (_, reader) = against(
        barriers,
        |memory, reader| {
            let mut writer = writer(memory, 2);
            start_epoch(&mut writer, memory, 1);
            reader.read(memory, 8, size);
        },
        |memory| {
            let mut writer = writer(memory, 2);
            start_epoch(&mut writer, memory, 1);
            write(&mut writer, memory, 1, 0);
            writer.end_epoch(memory);
        },
        &[8],
    );
    assert_eq!(reader.epoch, 0);
}

/// The second of the three elements has the largest possible number.
fn end(barriers: Barriers) {
    let memory = Region::new(8, barriers);
    let mut reader = Checked::new();
    let mut writer = writer(&*memory, 4);
    start_epoch(&mut writer, &*memory, 3);
    writer.skip_to(&*memory, u64::MAX - 2);
    reader.read(&*memory, 8, size);
    let peer = thread::spawn({
        let memory = memory.clone();
        move || {
            write(&mut writer, &*memory, 3, 13);
            write(&mut writer, &*memory, 3, 14);
            write(&mut writer, &*memory, 4, 0);
            writer.publish(&*memory);
        }
    });
    reader.read(&*memory, 8, size);
    peer.join().unwrap();
    reader.drain(&*memory, size);
    assert_eq!((reader.epoch, reader.next), (4, 1));
}

/// Defines three tests of a model: it holds; without read barriers it fails; without write barriers
/// it fails.
macro_rules! model {
    ($name:ident, $preemptions:expr, $read:literal, $write:literal, $model:expr) => {
        mod $name {
            use super::*;

            fn with(barriers: Barriers) {
                explore($preemptions, move || $model(barriers));
            }

            #[test]
            fn holds() {
                with(Barriers::Both);
            }

            #[test]
            #[should_panic(expected = $read)]
            fn fails_without_read_barriers() {
                with(Barriers::NoRead);
            }

            #[test]
            #[should_panic(expected = $write)]
            fn fails_without_write_barriers() {
                with(Barriers::NoWrite);
            }
        }
    };
}

model!(
    a_writer_comes_to_a_reader_that_waits,
    4,
    "Incompatible",
    "Incompatible",
    |barriers| begins(barriers, true)
);
model!(
    a_writer_and_a_reader_come_at_once,
    4,
    "Incompatible",
    "Incompatible",
    |barriers| begins(barriers, false)
);
model!(
    a_writer_is_replaced,
    3,
    "the ring of another epoch",
    "the ring of another epoch",
    |barriers| replaced(barriers, false)
);
model!(
    a_writer_is_replaced_while_a_reader_comes_up,
    3,
    "the ring of another epoch",
    "the ring of another epoch",
    |barriers| replaced(barriers, true)
);
model!(
    an_overrun_is_not_hidden_by_a_new_epoch,
    2,
    "0 again",
    "0 again",
    hidden
);
model!(a_writer_stops, 4, "Broken", "Broken", stops);
model!(counters_end, 2, "0 again", "0 again", end);
