// SPDX-License-Identifier: GPL-2.0

//! Writers that come, go and are replaced: no element reaches the caller under another epoch than
//! its own, and no honest writer is taken for a broken one.

use loom::{
    sync::Arc,
    thread, //
};

use crate::{
    bed::{
        explore,
        start,
        write,
        writer,
        Checked, //
    },
    memory::{
        Barriers,
        Region, //
    },
};

/// The element size of each epoch: a region of 4 bytes holds two elements of epoch 1, or one of any
/// other.
fn size(epoch: u64) -> usize {
    if epoch == 1 {
        2
    } else {
        4
    }
}

/// Reads with these limits while `peer` acts on the region, which `prepare` has prepared. Returns
/// the reader when all is read.
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

/// A writer begins while a reader waits or comes up.
fn begins(waits: bool) {
    let (_, reader) = against(
        Barriers::Both,
        |memory, reader| {
            if waits {
                reader.read(memory, 8, size);
            }
        },
        |memory| {
            let mut writer = writer(memory, 2);
            start(&mut writer, memory, 1);
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

#[test]
fn a_writer_comes_to_a_reader_that_waits() {
    explore(4, || begins(true));
}

#[test]
fn a_writer_and_a_reader_come_at_once() {
    explore(4, || begins(false));
}

/// A writer is replaced by another, with elements of another size, that knows nothing of it.
fn replaced(barriers: Barriers, joins: bool) {
    let (_, reader) = against(
        barriers,
        |memory, reader| {
            let mut old = writer(memory, 2);
            start(&mut old, memory, 1);
            if !joins {
                reader.read(memory, 8, size);
            }
            write(&mut old, memory, 1, 0);
            old.publish(memory);
        },
        |memory| {
            let mut new = writer(memory, 4);
            start(&mut new, memory, 2);
            write(&mut new, memory, 2, 0);
            new.publish(memory);
        },
        &[8],
    );
    assert_eq!(reader.epoch, 2);
    assert!(joins || reader.next == 1);
}

#[test]
fn a_writer_is_replaced() {
    explore(3, || replaced(Barriers::Both, false));
}

#[test]
fn a_writer_is_replaced_while_a_reader_comes_up() {
    explore(3, || replaced(Barriers::Both, true));
}

#[test]
#[should_panic]
fn without_read_barriers_epochs_mix() {
    explore(4, || replaced(Barriers::NoRead, false));
}

#[test]
#[should_panic]
fn without_write_barriers_epochs_mix() {
    explore(4, || replaced(Barriers::NoWrite, false));
}

#[test]
fn an_overrun_is_not_hidden_by_a_new_epoch() {
    // The only element of the ring is overwritten, and then the counters are set to zero.
    explore(2, || {
        let memory = Region::new(4, Barriers::Both);
        let mut reader = Checked::new();
        let mut writer = writer(&*memory, 4);
        start(&mut writer, &*memory, 2);
        reader.read(&*memory, 8, size);
        write(&mut writer, &*memory, 2, 0);
        let peer = thread::spawn({
            let memory = memory.clone();
            move || {
                write(&mut writer, &*memory, 2, 1);
                start(&mut writer, &*memory, 3);
            }
        });
        reader.read(&*memory, 8, size);
        peer.join().unwrap();
        reader.drain(&*memory, size);
        assert_eq!((reader.epoch, reader.next), (3, 0));
    });
}

/// A writer stops, and begins again if `again`.
fn stops(again: bool) {
    let (_, reader) = against(
        Barriers::Both,
        |memory, reader| {
            let mut writer = writer(memory, 2);
            start(&mut writer, memory, 1);
            reader.read(memory, 8, size);
        },
        move |memory| {
            let mut writer = writer(memory, 2);
            start(&mut writer, memory, 1);
            write(&mut writer, memory, 1, 0);
            writer.stop(memory);
            if again {
                start(&mut writer, memory, 1);
            }
        },
        &[8],
    );
    assert_eq!(reader.epoch, u64::from(again));
}

#[test]
fn a_writer_stops() {
    explore(4, || stops(false));
}

#[test]
fn counters_end() {
    // The second of the three elements has the last number there is.
    explore(2, || {
        let memory = Region::new(8, Barriers::Both);
        let mut reader = Checked::new();
        let mut writer = writer(&*memory, 4);
        start(&mut writer, &*memory, 3);
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
    });
}
