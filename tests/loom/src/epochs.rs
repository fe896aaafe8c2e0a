// SPDX-License-Identifier: GPL-2.0

//! Models of writers that start, stop and are replaced. The reader delivers each element only under
//! its own epoch, and never reports an honest writer as broken or incompatible.

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
        CheckedReader, //
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

/// Calls `prepare`, then calls the reader with each of `limits` while `peer` runs in another
/// thread. Returns the region, and the reader after it has read all elements.
fn run_model(
    barriers: Barriers,
    prepare: impl FnOnce(&Region, &mut CheckedReader),
    peer: impl FnOnce(&Region) + Send + 'static,
    limits: &[usize],
) -> (Arc<Region>, CheckedReader) {
    let memory = Region::new(4, barriers);
    let mut reader = CheckedReader::new();
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

/// A writer starts. The reader is either waiting for an epoch or starts at the same time.
fn start_model(barriers: Barriers, reader_waits: bool) {
    let (_, reader) = run_model(
        barriers,
        |memory, reader| {
            if reader_waits {
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
    if reader_waits {
        assert_eq!(reader.delivered, 1);
    }
}

/// A new writer with elements of another size replaces a writer. It does not know the state of the
/// old one.
fn replacement_model(barriers: Barriers, joins: bool) {
    let (_, reader) = run_model(
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

/// The writer overwrites the only element of the ring. Then it starts a new epoch, which resets the
/// counters.
fn overrun_model(barriers: Barriers) {
    let memory = Region::new(4, barriers);
    let mut reader = CheckedReader::new();
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
fn stop_model(barriers: Barriers) {
    let (_, reader) = run_model(
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

/// The writer writes three elements. The second one has the largest possible number.
fn wrap_model(barriers: Barriers) {
    let memory = Region::new(8, barriers);
    let mut reader = CheckedReader::new();
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

/// Defines three tests of a model: it holds, it fails without read barriers, and it fails without
/// write barriers.
macro_rules! model {
    ($name:ident, $preemptions:expr, $read:literal, $write:literal, $model:expr) => {
        mod $name {
            use super::*;

            fn run(barriers: Barriers) {
                explore($preemptions, move || $model(barriers));
            }

            #[test]
            fn holds() {
                run(Barriers::Both);
            }

            #[test]
            #[should_panic(expected = $read)]
            fn fails_without_read_barriers() {
                run(Barriers::NoRead);
            }

            #[test]
            #[should_panic(expected = $write)]
            fn fails_without_write_barriers() {
                run(Barriers::NoWrite);
            }
        }
    };
}

model!(
    writer_starts_after_reader,
    4,
    "Incompatible",
    "Incompatible",
    |barriers| start_model(barriers, true)
);
model!(
    writer_starts_with_reader,
    4,
    "Incompatible",
    "Incompatible",
    |barriers| start_model(barriers, false)
);
model!(
    writer_is_replaced,
    3,
    "wrong geometry for the epoch",
    "wrong geometry for the epoch",
    |barriers| replacement_model(barriers, false)
);
model!(
    writer_is_replaced_while_reader_joins,
    3,
    "wrong geometry for the epoch",
    "wrong geometry for the epoch",
    |barriers| replacement_model(barriers, true)
);
model!(
    overrun_before_new_epoch,
    2,
    "element 0 delivered again",
    "element 0 delivered again",
    overrun_model
);
model!(writer_stops, 4, "Broken", "Broken", stop_model);
model!(
    counters_wrap,
    2,
    "element 0 delivered again",
    "element 0 delivered again",
    wrap_model
);
