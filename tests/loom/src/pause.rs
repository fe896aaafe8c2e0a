// SPDX-License-Identifier: GPL-2.0

//! Models of flow control: a writer that has credit overwrites no element that its reader has not
//! read, and a writer that has stopped is woken.
//!
//! The reader copies an element before it stores its report, and the writer loads the report before
//! it overwrites the element. The model checker never moves a load behind a later store, so the
//! models cannot detect that `store_release()` or `load_acquire()` is missing.

use std::{
    num::NonZeroU64,
    sync::atomic::Ordering, //
};

use loom::{
    sync::{
        atomic::AtomicBool,
        Arc, //
    },
    thread, //
};

use crate::{
    channel::{
        report,
        Credit,
        Memory,
        Snapshot,
        Word,
        Writer,
        NO_REPORT, //
    },
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
    }, //
};

/// The number of elements in the ring.
const ELEMENTS: usize = 2;

/// The end that reads: its reader, and the writer of the opposite direction, which reports.
struct ReadingEnd {
    ring: Arc<Region>,
    back: Arc<Region>,
    reader: CheckedReader,
    reporter: Writer,
}

impl ReadingEnd {
    /// Reads all elements, and reports.
    fn poll(&mut self) {
        self.reader.read(&*self.ring, 8, one_byte);
        let report = match self.reader.reader.snapshot() {
            Snapshot { epoch: 0, .. } => NO_REPORT,
            Snapshot { epoch, count } => report(epoch, count),
        };
        self.reporter.store_report(&*self.back, report);
    }

    /// Returns whether the ring is full.
    fn is_full(&self) -> bool {
        let snapshot = self.reader.reader.snapshot();
        snapshot.pending_elements(&*self.ring) >= ELEMENTS as u64
    }
}

/// The end that writes.
struct WritingEnd {
    ring: Arc<Region>,
    back: Arc<Region>,
    writer: Writer,
    credit: Credit,
}

impl WritingEnd {
    /// Looks at the report. Returns whether there is room for an element, as far as that is known.
    fn has_room(&mut self) -> bool {
        let report = self.back.load_acquire(Word::Report);
        self.credit.update(report, &self.writer);
        self.credit.free(&self.writer) != Some(0)
    }

    fn write(&mut self) {
        let number = self.writer.written();
        write(&mut self.writer, &*self.ring, 1, number);
        self.writer.publish(&*self.ring);
    }
}

/// Returns the two ends, after the first report.
fn ends() -> (ReadingEnd, WritingEnd) {
    let ring = Region::new(ELEMENTS, Barriers::Both);
    let back = Region::new(ELEMENTS, Barriers::Both);
    let mut reporter = writer(&*back, 1);
    reporter.start_epoch(&*back, NonZeroU64::MIN);
    let mut writer = writer(&*ring, 1);
    start_epoch(&mut writer, &*ring, 1);
    let mut reading = ReadingEnd {
        ring: ring.clone(),
        back: back.clone(),
        reader: CheckedReader::new(),
        reporter,
    };
    reading.poll();
    let writing = WritingEnd {
        ring,
        back,
        writer,
        credit: Credit::UNKNOWN,
    };
    (reading, writing)
}

/// The writer writes when there is room, or always if `heeds` is false.
fn overrun_model(heeds: bool) {
    let (mut reading, mut writing) = ends();
    let peer = thread::spawn(move || {
        for _ in 0..4 {
            if writing.has_room() || !heeds {
                writing.write();
            }
        }
    });
    for _ in 0..2 {
        reading.poll();
    }
    peer.join().unwrap();
    reading.poll();
    assert_eq!(reading.reader.lost, 0, "overrun");
}

#[test]
fn writer_with_credit_overruns_nothing() {
    explore(4, || overrun_model(true));
}

#[test]
#[should_panic(expected = "overrun")]
fn writer_without_credit_overruns() {
    explore(4, || overrun_model(false));
}

/// The writer starts a new epoch while the reader reads and reports. A report of the old epoch does
/// not count.
fn epoch_model() {
    let (mut reading, mut writing) = ends();
    let peer = thread::spawn(move || {
        writing.write();
        start_epoch(&mut writing.writer, &*writing.ring, 2);
        let report = writing.back.load_acquire(Word::Report);
        writing.credit.update(report, &writing.writer);
        // Nothing is written in this epoch.
        assert!(matches!(writing.credit.read(), None | Some(0)), "old epoch");
        writing
    });
    reading.poll();
    let mut writing = peer.join().unwrap();
    reading.poll();
    assert!(writing.has_room());
    assert_eq!(writing.credit.read(), Some(0));
}

#[test]
fn report_of_another_epoch_does_not_count() {
    explore(4, epoch_model);
}

/// How a writer that has stopped is woken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WakeUp {
    /// By its timer, which looks at the report.
    Timer,
    /// By an event of the reader, after it has read a ring that was full.
    Event,
}

/// The writer fills the ring, stops, looks once more, and sleeps. The reader polls twice, if it is
/// `polled`, or once for each event of the writer.
fn wake_model(wake_up: WakeUp, polled: bool) {
    let (mut reading, mut writing) = ends();
    let event_of_reader = Arc::new(AtomicBool::new(false));
    let event_of_writer = Arc::new(AtomicBool::new(false));
    let peer = thread::spawn({
        let event = event_of_writer.clone();
        move || {
            for _ in 0..3 {
                if !writing.has_room() {
                    break;
                }
                writing.write();
                event.swap(true, Ordering::AcqRel);
            }
            let sleeps = !writing.has_room();
            (writing, sleeps)
        }
    });
    let poll = |reading: &mut ReadingEnd| {
        let full = reading.is_full();
        reading.poll();
        if full {
            event_of_reader.swap(true, Ordering::AcqRel);
        }
    };
    for _ in 0..2 {
        if event_of_writer.swap(false, Ordering::AcqRel) || polled {
            poll(&mut reading);
        }
    }
    let (mut writing, sleeps) = peer.join().unwrap();
    // What the writer has done last is read by the next poll, or the one for its last event.
    if event_of_writer.swap(false, Ordering::AcqRel) || polled {
        poll(&mut reading);
    }
    if sleeps {
        let woken = match wake_up {
            WakeUp::Timer => true,
            WakeUp::Event => event_of_reader.swap(false, Ordering::AcqRel),
        };
        assert!(woken && writing.has_room(), "the writer sleeps forever");
    }
}

#[test]
fn timer_wakes_writer_of_polling_reader() {
    explore(3, || wake_model(WakeUp::Timer, true));
}

#[test]
fn timer_wakes_writer_of_reader_with_interrupt() {
    explore(3, || wake_model(WakeUp::Timer, false));
}

/// If the reader reads some elements just before the ring is full, it never finds it full.
#[test]
#[should_panic(expected = "the writer sleeps forever")]
fn event_alone_does_not_wake_writer_of_polling_reader() {
    explore(3, || wake_model(WakeUp::Event, true));
}

#[test]
#[should_panic(expected = "the writer sleeps forever")]
fn event_alone_does_not_wake_writer_of_reader_with_interrupt() {
    explore(3, || wake_model(WakeUp::Event, false));
}
