// SPDX-License-Identifier: GPL-2.0

//! A reader that sleeps is woken, or a look at the channel tells that it must be.

use std::sync::atomic::Ordering;

use loom::{
    sync::{
        atomic::{
            AtomicBool,
            AtomicU64, //
        },
        Arc, //
    },
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
    channel::Seen,
    memory::{
        Barriers,
        Region, //
    },
};

/// Elements are one byte in these models.
fn one(_epoch: u64) -> usize {
    1
}

/// How far a reader has got, where a timer finds it.
struct Posted {
    epoch: AtomicU64,
    count: AtomicU64,
}

impl Posted {
    fn post(&self, seen: Seen) {
        self.epoch.store(seen.epoch, Ordering::Relaxed);
        self.count.store(seen.count, Ordering::Relaxed);
    }

    fn seen(&self) -> Seen {
        Seen {
            epoch: self.epoch.load(Ordering::Relaxed),
            count: self.count.load(Ordering::Relaxed),
        }
    }
}

/// A writer that has begun its epoch, and a reader that follows it.
fn pair() -> (Arc<Region>, Checked, crate::channel::Writer) {
    let memory = Region::new(2, Barriers::Both);
    let mut writer = writer(&*memory, 1);
    start(&mut writer, &*memory, 1);
    let mut reader = Checked::new();
    reader.read(&*memory, 0, one);
    (memory, reader, writer)
}

/// The writer tells each element with an event, which stays until it is taken. The reader takes the
/// event, reads all there is and sleeps; or it does so in the wrong order.
fn event(takes_first: bool) {
    let (memory, mut reader, mut writer) = pair();
    let event = Arc::new(AtomicBool::new(false));
    let peer = thread::spawn({
        let (memory, event) = (memory.clone(), event.clone());
        move || {
            for number in 0..2 {
                write(&mut writer, &*memory, 1, number);
                writer.publish(&*memory);
                event.swap(true, Ordering::AcqRel);
            }
        }
    });
    for _ in 0..2 {
        if takes_first {
            event.swap(false, Ordering::AcqRel);
        }
        reader.read(&*memory, 8, one);
        if !takes_first {
            event.swap(false, Ordering::AcqRel);
        }
    }
    peer.join().unwrap();
    assert!(
        event.swap(false, Ordering::AcqRel) || reader.next == 2,
        "slept for ever"
    );
}

#[test]
fn an_event_is_not_lost() {
    explore(6, || event(true));
}

#[test]
#[should_panic(expected = "slept for ever")]
fn an_event_is_lost_if_it_is_taken_late() {
    explore(6, || event(false));
}

/// A timer looks at what the reader has posted, in another thread, while the reader reads. It may
/// find a mixture, but when all is at rest it tells the truth.
fn look(replaced: bool) {
    let (memory, mut reader, mut writer) = pair();
    let posted = Arc::new(Posted {
        epoch: AtomicU64::new(0),
        count: AtomicU64::new(0),
    });
    posted.post(reader.reader.seen());
    let peer = thread::spawn({
        let memory = memory.clone();
        move || {
            if replaced {
                start(&mut writer, &*memory, 2);
            }
            let epoch = 1 + u64::from(replaced);
            write(&mut writer, &*memory, epoch, 0);
            writer.publish(&*memory);
        }
    });
    let timer = thread::spawn({
        let (memory, posted) = (memory.clone(), posted.clone());
        move || posted.seen().stale(&*memory)
    });
    reader.read(&*memory, 8, one);
    posted.post(reader.reader.seen());
    peer.join().unwrap();
    timer.join().unwrap();

    let all = reader.epoch == 1 + u64::from(replaced) && reader.next == 1;
    assert_eq!(posted.seen().stale(&*memory), !all);
    reader.drain(&*memory, one);
    posted.post(reader.reader.seen());
    assert!(reader.next == 1 && !posted.seen().stale(&*memory));
}

#[test]
fn a_look_tells_that_there_is_more() {
    explore(3, || look(false));
}

#[test]
fn a_look_tells_that_there_is_another_epoch() {
    explore(2, || look(true));
}

#[test]
fn a_reader_that_looks_again_before_it_sleeps_misses_nothing() {
    // The writer wakes only a reader that said that it sleeps.
    explore(6, || {
        let (memory, mut reader, mut writer) = pair();
        let sleeps = Arc::new(AtomicBool::new(false));
        let peer = thread::spawn({
            let (memory, sleeps) = (memory.clone(), sleeps.clone());
            move || {
                write(&mut writer, &*memory, 1, 0);
                writer.publish(&*memory);
                loom::sync::atomic::fence(Ordering::SeqCst);
                sleeps.swap(false, Ordering::AcqRel)
            }
        });
        reader.read(&*memory, 8, one);
        sleeps.store(true, Ordering::Relaxed);
        loom::sync::atomic::fence(Ordering::SeqCst);
        if reader.reader.seen().stale(&*memory) {
            reader.read(&*memory, 8, one);
        }
        let woken = peer.join().unwrap();
        assert!(woken || reader.next == 1, "slept for ever");
    });
}
