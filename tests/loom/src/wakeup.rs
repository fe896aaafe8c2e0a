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
    channel::Snapshot,
    memory::{
        Barriers,
        Region, //
    },
    napi::rest, //
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
    fn post(&self, seen: Snapshot) {
        self.epoch.store(seen.epoch, Ordering::Relaxed);
        self.count.store(seen.count, Ordering::Relaxed);
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
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
/// find a mixture, but when all is at rest it tells the truth, if the reader `posts` what it saw.
fn look(replaced: bool, posts: bool) {
    let (memory, mut reader, mut writer) = pair();
    let posted = Arc::new(Posted {
        epoch: AtomicU64::new(0),
        count: AtomicU64::new(0),
    });
    posted.post(reader.reader.snapshot());
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
        move || posted.snapshot().has_pending(&*memory)
    });
    reader.read(&*memory, 8, one);
    if posts {
        posted.post(reader.reader.snapshot());
    }
    peer.join().unwrap();
    timer.join().unwrap();

    let all = reader.epoch == 1 + u64::from(replaced) && reader.next == 1;
    assert_eq!(posted.snapshot().has_pending(&*memory), !all, "told wrongly");
    reader.drain(&*memory, one);
    posted.post(reader.reader.snapshot());
    assert!(reader.next == 1 && !posted.snapshot().has_pending(&*memory));
}

#[test]
fn a_look_tells_that_there_is_more() {
    explore(3, || look(false, true));
}

#[test]
fn a_look_tells_that_there_is_another_epoch() {
    explore(2, || look(true, true));
}

#[test]
#[should_panic(expected = "told wrongly")]
fn a_look_is_wrong_if_nothing_is_posted() {
    explore(3, || look(false, false));
}

#[test]
#[should_panic(expected = "told wrongly")]
fn a_look_is_wrong_of_epochs_if_nothing_is_posted() {
    explore(2, || look(true, false));
}

/// How a poll comes to rest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Steps {
    /// As in the driver.
    All,
    /// It does not look again.
    NoLook,
    /// It looks before the line is armed.
    EarlyLook,
    /// Arming the line is a plain store, which orders nothing.
    PlainArm,
    /// Whether the line is armed is found out by a plain load, which orders nothing either.
    PlainAsk,
}

/// The interrupt line of a device. Who asks while it is masked is not heard, nor is that made up
/// for later: that some interrupt controllers do is nothing that the driver depends on.
struct Line {
    masked: AtomicBool,
    due: AtomicBool,
}

/// The writer asks after each element; the reader polls by the driver's own `rest()` until nobody
/// asks any more, and sleeps.
fn rests(steps: Steps, elements: u64) {
    let (memory, mut reader, mut writer) = pair();
    // A poll is under way.
    let line = Arc::new(Line {
        masked: AtomicBool::new(true),
        due: AtomicBool::new(false),
    });
    let peer = thread::spawn({
        let (memory, line) = (memory.clone(), line.clone());
        move || {
            for number in 0..elements {
                write(&mut writer, &*memory, 1, number);
                writer.publish(&*memory);
                if steps == Steps::PlainAsk && line.masked.load(Ordering::Relaxed) {
                    continue;
                }
                // The handler masks the line and schedules the poll.
                if !line.masked.swap(true, Ordering::AcqRel) {
                    line.due.swap(true, Ordering::AcqRel);
                }
            }
        }
    });
    loop {
        reader.read(&*memory, 8, one);
        let seen = reader.reader.snapshot();
        let (mut again, mut early) = (false, false);
        rest(
            || true,
            || {
                early = steps == Steps::EarlyLook && seen.has_pending(&*memory);
                if steps == Steps::PlainArm {
                    line.masked.store(false, Ordering::Relaxed);
                } else {
                    line.masked.swap(false, Ordering::AcqRel);
                }
            },
            || match steps {
                Steps::NoLook => false,
                Steps::EarlyLook => true,
                _ => seen.has_pending(&*memory),
            },
            || again = steps != Steps::EarlyLook,
        );
        again |= early;
        if !again && !line.due.swap(false, Ordering::AcqRel) {
            break;
        }
        line.masked.swap(true, Ordering::AcqRel);
    }
    peer.join().unwrap();
    let due = line.due.swap(false, Ordering::AcqRel);
    assert!(due || reader.next == elements, "slept for ever");
}

#[test]
fn a_poll_that_looks_again_misses_nothing() {
    explore(3, || rests(Steps::All, 2));
}

#[test]
#[should_panic(expected = "slept for ever")]
fn a_poll_that_does_not_look_again_misses_an_element() {
    explore(3, || rests(Steps::NoLook, 2));
}

#[test]
#[should_panic(expected = "slept for ever")]
fn a_poll_that_looks_before_it_is_armed_misses_an_element() {
    explore(3, || rests(Steps::EarlyLook, 2));
}

#[test]
#[should_panic(expected = "slept for ever")]
fn a_poll_that_arms_without_a_barrier_misses_an_element() {
    explore(3, || rests(Steps::PlainArm, 2));
}

#[test]
#[should_panic(expected = "slept for ever")]
fn a_writer_that_asks_without_a_barrier_is_not_heard() {
    explore(3, || rests(Steps::PlainAsk, 2));
}
