// SPDX-License-Identifier: GPL-2.0

//! What the models share: an honest writer, and a reader that checks all it gets.

use std::{
    num::NonZeroU64,
    sync::{
        atomic::{
            AtomicU64,
            Ordering, //
        },
        Arc, //
    },
    thread, //
};

use crate::channel::{
    Change,
    Element,
    Memory,
    MemoryMut,
    PeerParams,
    Progress,
    Reader,
    Word,
    Writer, //
};

/// The protocol of all models.
const PROTOCOL: NonZeroU64 = NonZeroU64::MIN;

/// The byte that element `number` of an epoch is made of. Numbers run on over the end of the
/// counters; epochs and numbers of a model are few.
fn byte(epoch: u64, number: u64) -> u8 {
    ((epoch as u8) << 4) | (number as u8 & 15)
}

/// Returns a stopped writer of elements of `size` bytes for all of `memory`.
pub(crate) fn writer(memory: &impl Memory, size: usize) -> Writer {
    Writer::new(PROTOCOL, size, memory.size()).expect("an element fits")
}

/// Begins an epoch.
pub(crate) fn start(writer: &mut Writer, memory: &impl MemoryMut, epoch: u64) {
    writer.start(
        memory,
        NonZeroU64::new(epoch).expect("an epoch is not zero"),
    );
}

/// Writes an element of an epoch.
pub(crate) fn write(writer: &mut Writer, memory: &impl MemoryMut, epoch: u64, number: u64) {
    writer
        .write(memory, |slot| {
            let element = [byte(epoch, number); 8];
            slot.fill(0, &element[..slot.size()])
                .then_some(())
                .ok_or("it fits")
        })
        .expect("the element is filled");
}

/// A reader with all that it must hold to.
pub(crate) struct Checked {
    pub(crate) reader: Reader,
    /// The epoch that is followed, 0 for none.
    pub(crate) epoch: u64,
    /// The next element that may be delivered.
    pub(crate) next: u64,
    /// The element size of the epoch.
    size: usize,
    /// Elements handed up, and elements counted as lost, in all epochs.
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    /// Whether the last call left something to do.
    pub(crate) more: bool,
}

impl Checked {
    /// Returns a reader that comes up now.
    pub(crate) fn new() -> Self {
        Self {
            reader: Reader::new(PeerParams {
                protocol: PROTOCOL.get(),
                min_size: 1,
                max_size: 8,
            }),
            epoch: 0,
            next: 0,
            size: 0,
            delivered: 0,
            lost: 0,
            more: false,
        }
    }

    /// Calls the reader, and checks what it does against what an honest writer has done.
    ///
    /// `size` tells the element size of an epoch.
    pub(crate) fn read<M: Memory>(&mut self, memory: &M, limit: usize, size: fn(u64) -> usize) {
        let mut got = Vec::new();
        let progress = self.reader.read(memory, limit, copy, |element| {
            got.push(element);
        });
        self.check(&progress, &got, size);
    }

    fn check(&mut self, progress: &Progress, got: &[Vec<u8>], size: fn(u64) -> usize) {
        assert!(progress.delivered <= progress.copied);
        assert_eq!(progress.delivered, got.len());
        assert_eq!(progress.lost > 0, progress.overruns > 0);
        self.more = progress.more;

        // An honest writer is never taken for another.
        let epochs: Vec<_> = progress
            .changes()
            .map(|change| match change {
                Change::Activated { epoch, geometry } => {
                    assert_eq!(geometry.size(), size(*epoch), "the ring of another epoch");
                    *epoch
                }
                Change::Inactive => 0,
                refused => panic!("{refused:?}"),
            })
            .collect();
        let mut changes = epochs.iter();

        for element in got {
            let first = element[0];
            // It is whole, ...
            assert!(
                element.iter().all(|byte| *byte == first),
                "torn: {element:?}"
            );
            // ... of the epoch that the reader follows by now, ...
            while u64::from(first >> 4) != self.epoch {
                let next = changes.next().expect("an element of another epoch");
                self.change(*next, size);
            }
            assert_eq!(element.len(), self.size);
            // ... and comes after all that came before.
            let number = u64::from(first & 15);
            assert!(number >= self.next, "{number} again");
            self.next = number + 1;
            self.delivered += 1;
        }
        for next in changes {
            self.change(*next, size);
        }
        self.lost += progress.lost;
    }

    fn change(&mut self, epoch: u64, size: fn(u64) -> usize) {
        self.epoch = epoch;
        self.size = size(epoch);
        self.next = 0;
    }

    /// Reads all that is left when the writer is done. Each call does something.
    pub(crate) fn drain<M: Memory>(&mut self, memory: &M, size: fn(u64) -> usize) {
        let mut calls = 0;
        while calls == 0 || self.more {
            self.read(memory, 8, size);
            calls += 1;
            assert!(calls < 8, "the reader does not come to an end");
        }
        assert_eq!(self.epoch, memory.load(Word::Epoch));
        assert!(!self.reader.snapshot().has_pending(memory), "something was left");
    }
}

/// Copies a whole element.
fn copy<M: Memory>(element: &Element<'_, M>) -> Vec<u8> {
    let mut bytes = vec![0; element.size()];
    assert!(element.peek(0, &mut bytes));
    bytes
}

/// More preemptions than any model here has room for.
pub(crate) const ALL: usize = u8::MAX as usize;

/// Tells how often a model was run, also one that fails.
struct Told {
    preemptions: usize,
    executions: Arc<AtomicU64>,
}

impl Drop for Told {
    fn drop(&mut self) {
        let name = thread::current().name().unwrap_or("main").to_owned();
        let executions = self.executions.load(Ordering::Relaxed);
        let end = if thread::panicking() {
            ", of which the last one failed"
        } else {
            ""
        };
        match self.preemptions {
            ALL => println!("model {name}: {executions} executions{end}"),
            most => println!("model {name}: {executions} executions{end}; preemptions: {most}"),
        }
    }
}

/// Runs a model through all interleavings in which threads are preempted at most `preemptions`
/// times, and through all values that loads may return in them; tells how many there were.
pub(crate) fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let executions = Arc::new(AtomicU64::new(0));
    let _told = Told {
        preemptions,
        executions: executions.clone(),
    };
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(move || {
        // An atomic of the machine, not one of the model.
        executions.fetch_add(1, Ordering::Relaxed);
        model();
    });
}
