// SPDX-License-Identifier: GPL-2.0

//! Models of wakeups: a reader that sleeps is woken, or a check of the channel reports that it must
//! be woken.

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
    channel::Snapshot,
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
    },
    napi::complete_and_rearm, //
};

/// Returns the element size in these models: one byte.
fn one(_epoch: u64) -> usize {
    1
}

/// The position of a reader, stored for a timer.
struct Posted {
    epoch: AtomicU64,
    count: AtomicU64,
}

impl Posted {
    fn post(&self, snapshot: Snapshot) {
        self.epoch.store(snapshot.epoch, Ordering::Relaxed);
        self.count.store(snapshot.count, Ordering::Relaxed);
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            epoch: self.epoch.load(Ordering::Relaxed),
            count: self.count.load(Ordering::Relaxed),
        }
    }
}

/// Returns a writer that has started its epoch, and a reader that follows it.
fn pair() -> (Arc<Region>, Checked, crate::channel::Writer) {
    let memory = Region::new(2, Barriers::Both);
    let mut writer = writer(&*memory, 1);
    start_epoch(&mut writer, &*memory, 1);
    let mut reader = Checked::new();
    reader.read(&*memory, 0, one);
    (memory, reader, writer)
}

/// The writer triggers an event after each element; the event stays pending until it is taken. The
/// reader takes the event, reads all elements and sleeps. If `takes_first` is false, it takes the
/// event after it has read, which is the wrong order.
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

/// A timer in another thread compares the stored position with the channel while the reader reads.
/// It may find a mixture of two positions. When all threads have finished, its answer is correct,
/// if the reader stores its position at the end (`posts`).
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
                start_epoch(&mut writer, &*memory, 2);
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
    assert_eq!(
        posted.snapshot().has_pending(&*memory),
        !all,
        "told wrongly"
    );
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

/// The steps with which a poll completes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Steps {
    /// As in the driver.
    All,
    /// The poll does not check the channel again.
    NoLook,
    /// The poll checks the channel before it unmasks the line.
    EarlyLook,
    /// The poll unmasks the line with a plain store, which orders nothing.
    PlainArm,
    /// The writer checks with a plain load whether the line is masked, which orders nothing either.
    PlainAsk,
}

/// The interrupt line of a device. An interrupt that is raised while the line is masked is lost,
/// and is not replayed when the line is unmasked. Some interrupt controllers replay it, but the
/// driver does not depend on that.
struct Line {
    masked: AtomicBool,
    due: AtomicBool,
}

/// The writer raises an interrupt after each element. The reader polls, completes each poll with
/// the driver's own `complete_and_rearm()` until nothing schedules another one, and sleeps.
fn rests(steps: Steps, elements: u64) {
    let (memory, mut reader, mut writer) = pair();
    // A poll is in progress.
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
        let snapshot = reader.reader.snapshot();
        let (mut again, mut early) = (false, false);
        complete_and_rearm(
            || true,
            || {
                early = steps == Steps::EarlyLook && snapshot.has_pending(&*memory);
                if steps == Steps::PlainArm {
                    line.masked.store(false, Ordering::Relaxed);
                } else {
                    line.masked.swap(false, Ordering::AcqRel);
                }
            },
            || match steps {
                Steps::NoLook => false,
                Steps::EarlyLook => true,
                _ => snapshot.has_pending(&*memory),
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
