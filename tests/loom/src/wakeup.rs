// SPDX-License-Identifier: GPL-2.0

//! Models of wakeups: while elements are pending, the reader does not sleep without an event or an
//! interrupt, and a timer detects the elements.

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
        one_byte,
        start_epoch,
        write,
        writer,
        CheckedReader, //
    },
    memory::{
        Barriers,
        Region, //
    },
    napi::complete_and_rearm, //
};

/// The snapshot of a reader that a timer checks.
struct SharedSnapshot {
    epoch: AtomicU64,
    count: AtomicU64,
}

impl SharedSnapshot {
    fn store(&self, snapshot: Snapshot) {
        self.epoch.store(snapshot.epoch, Ordering::Relaxed);
        self.count.store(snapshot.count, Ordering::Relaxed);
    }

    fn load(&self) -> Snapshot {
        Snapshot {
            epoch: self.epoch.load(Ordering::Relaxed),
            count: self.count.load(Ordering::Relaxed),
        }
    }
}

/// Returns a writer that has started its epoch, and a reader that follows it.
fn pair() -> (Arc<Region>, CheckedReader, crate::channel::Writer) {
    let memory = Region::new(2, Barriers::Both);
    let mut writer = writer(&*memory, 1);
    start_epoch(&mut writer, &*memory, 1);
    let mut reader = CheckedReader::new();
    reader.read(&*memory, 0, one_byte);
    (memory, reader, writer)
}

/// The writer triggers an event after each element. The event stays pending until the reader clears
/// it. The reader clears the event, reads all elements and sleeps. If `clears_first` is false, it
/// clears the event after it has read, which is the wrong order.
fn event_model(clears_first: bool) {
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
        if clears_first {
            event.swap(false, Ordering::AcqRel);
        }
        reader.read(&*memory, 8, one_byte);
        if !clears_first {
            event.swap(false, Ordering::AcqRel);
        }
    }
    peer.join().unwrap();
    assert!(
        event.swap(false, Ordering::AcqRel) || reader.next == 2,
        "the reader sleeps forever"
    );
}

#[test]
fn event_is_not_lost() {
    explore(6, || event_model(true));
}

#[test]
#[should_panic(expected = "the reader sleeps forever")]
fn event_is_lost_if_cleared_late() {
    explore(6, || event_model(false));
}

/// A timer in another thread checks the channel with the shared snapshot while the reader reads. It
/// may load a mixture of two snapshots. After the last call of the reader, the result is correct if
/// the reader has stored its snapshot (`stores_snapshot`).
fn timer_model(new_epoch: bool, stores_snapshot: bool) {
    let (memory, mut reader, mut writer) = pair();
    let shared = Arc::new(SharedSnapshot {
        epoch: AtomicU64::new(0),
        count: AtomicU64::new(0),
    });
    shared.store(reader.reader.snapshot());
    let peer = thread::spawn({
        let memory = memory.clone();
        move || {
            if new_epoch {
                start_epoch(&mut writer, &*memory, 2);
            }
            let epoch = 1 + u64::from(new_epoch);
            write(&mut writer, &*memory, epoch, 0);
            writer.publish(&*memory);
        }
    });
    let timer = thread::spawn({
        let (memory, shared) = (memory.clone(), shared.clone());
        move || shared.load().has_pending(&*memory)
    });
    reader.read(&*memory, 8, one_byte);
    if stores_snapshot {
        shared.store(reader.reader.snapshot());
    }
    peer.join().unwrap();
    timer.join().unwrap();

    let read_all = reader.epoch == 1 + u64::from(new_epoch) && reader.next == 1;
    assert_eq!(
        shared.load().has_pending(&*memory),
        !read_all,
        "wrong result of the timer"
    );
    reader.drain(&*memory, one_byte);
    shared.store(reader.reader.snapshot());
    assert!(reader.next == 1 && !shared.load().has_pending(&*memory));
}

#[test]
fn timer_detects_elements() {
    explore(3, || timer_model(false, true));
}

#[test]
fn timer_detects_new_epoch() {
    explore(2, || timer_model(true, true));
}

#[test]
#[should_panic(expected = "wrong result of the timer")]
fn timer_is_wrong_without_snapshot() {
    explore(3, || timer_model(false, false));
}

#[test]
#[should_panic(expected = "wrong result of the timer")]
fn timer_is_wrong_about_epoch_without_snapshot() {
    explore(2, || timer_model(true, false));
}

/// The steps with which a poll completes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Steps {
    /// As in the driver.
    All,
    /// The poll does not check for pending elements after it unmasks the line.
    NoCheck,
    /// The poll checks for pending elements before it unmasks the line.
    EarlyCheck,
    /// The poll unmasks the line with a relaxed store, which orders nothing.
    RelaxedUnmask,
    /// The writer first tests the mask with a relaxed load, which orders nothing.
    RelaxedTest,
}

/// The interrupt line of a device. An interrupt that is raised while the line is masked is lost.
/// Some interrupt controllers replay it when the line is unmasked, but the driver does not depend
/// on that.
struct Line {
    masked: AtomicBool,
    pending: AtomicBool,
}

/// The writer raises an interrupt after each element. The reader polls, and completes each poll
/// with the driver's own `complete_and_rearm()`. It sleeps when no poll is scheduled.
fn poll_model(steps: Steps, elements: u64) {
    let (memory, mut reader, mut writer) = pair();
    // A poll is in progress.
    let line = Arc::new(Line {
        masked: AtomicBool::new(true),
        pending: AtomicBool::new(false),
    });
    let peer = thread::spawn({
        let (memory, line) = (memory.clone(), line.clone());
        move || {
            for number in 0..elements {
                write(&mut writer, &*memory, 1, number);
                writer.publish(&*memory);
                if steps == Steps::RelaxedTest && line.masked.load(Ordering::Relaxed) {
                    continue;
                }
                // The handler masks the line and schedules the poll.
                if !line.masked.swap(true, Ordering::AcqRel) {
                    line.pending.swap(true, Ordering::AcqRel);
                }
            }
        }
    });
    loop {
        reader.read(&*memory, 8, one_byte);
        let snapshot = reader.reader.snapshot();
        let (mut repoll, mut early_pending) = (false, false);
        complete_and_rearm(
            || true,
            || {
                early_pending = steps == Steps::EarlyCheck && snapshot.has_pending(&*memory);
                if steps == Steps::RelaxedUnmask {
                    line.masked.store(false, Ordering::Relaxed);
                } else {
                    line.masked.swap(false, Ordering::AcqRel);
                }
            },
            || match steps {
                Steps::NoCheck => false,
                Steps::EarlyCheck => true,
                _ => snapshot.has_pending(&*memory),
            },
            || repoll = steps != Steps::EarlyCheck,
        );
        repoll |= early_pending;
        if !repoll && !line.pending.swap(false, Ordering::AcqRel) {
            break;
        }
        line.masked.swap(true, Ordering::AcqRel);
    }
    peer.join().unwrap();
    let pending = line.pending.swap(false, Ordering::AcqRel);
    assert!(
        pending || reader.next == elements,
        "the reader sleeps forever"
    );
}

#[test]
fn poll_misses_no_element() {
    explore(3, || poll_model(Steps::All, 2));
}

#[test]
#[should_panic(expected = "the reader sleeps forever")]
fn poll_without_check_misses_element() {
    explore(3, || poll_model(Steps::NoCheck, 2));
}

#[test]
#[should_panic(expected = "the reader sleeps forever")]
fn poll_with_early_check_misses_element() {
    explore(3, || poll_model(Steps::EarlyCheck, 2));
}

#[test]
#[should_panic(expected = "the reader sleeps forever")]
fn poll_with_relaxed_unmask_misses_element() {
    explore(3, || poll_model(Steps::RelaxedUnmask, 2));
}

#[test]
#[should_panic(expected = "the reader sleeps forever")]
fn writer_with_relaxed_test_loses_interrupt() {
    explore(3, || poll_model(Steps::RelaxedTest, 2));
}
