// SPDX-License-Identifier: GPL-2.0

//! Fixtures of the models: an honest writer, and a reader that checks all results.

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

/// Returns the value of all bytes of element `number` of an epoch. It contains the lower four bits
/// of both, which are unique within a model.
fn byte(epoch: u64, number: u64) -> u8 {
    ((epoch as u8) << 4) | (number as u8 & 15)
}

/// Returns a stopped writer with elements of `size` bytes that fill `memory`.
pub(crate) fn writer(memory: &impl Memory, size: usize) -> Writer {
    Writer::new(PROTOCOL, size, memory.size()).expect("an element fits")
}

/// Starts an epoch.
pub(crate) fn start_epoch(writer: &mut Writer, memory: &impl MemoryMut, epoch: u64) {
    writer.start_epoch(
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

/// Returns the element size in models whose elements have one byte in all epochs.
pub(crate) fn one_byte(_epoch: u64) -> usize {
    1
}

/// A reader, and the state for the checks of its results.
pub(crate) struct CheckedReader {
    pub(crate) reader: Reader,
    /// The epoch that the reader follows, or 0.
    pub(crate) epoch: u64,
    /// The smallest number of an element that the reader may still deliver.
    pub(crate) next: u64,
    /// The element size of the epoch.
    size: usize,
    /// The number of delivered elements, and the number of lost elements, in all epochs.
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    /// Whether the last call reported that elements are pending.
    pub(crate) more: bool,
}

impl CheckedReader {
    /// Returns a reader that has made no call yet.
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

    /// Calls the reader, and checks that its results are possible with an honest writer.
    ///
    /// `size` returns the element size of an epoch.
    pub(crate) fn read<M: Memory>(&mut self, memory: &M, limit: usize, size: fn(u64) -> usize) {
        let mut elements = Vec::new();
        let progress = self.reader.read(memory, limit, copy, |element| {
            elements.push(element);
        });
        self.check(&progress, &elements, size);
    }

    fn check(&mut self, progress: &Progress, elements: &[Vec<u8>], size: fn(u64) -> usize) {
        assert!(progress.delivered <= progress.copied);
        assert_eq!(progress.delivered, elements.len());
        assert_eq!(progress.lost > 0, progress.overruns > 0);
        self.more = progress.more;

        // The reader must not report an honest writer as incompatible or broken.
        let epochs: Vec<_> = progress
            .changes()
            .map(|change| match change {
                Change::Activated { epoch, geometry } => {
                    assert_eq!(
                        geometry.size(),
                        size(*epoch),
                        "wrong geometry for the epoch"
                    );
                    *epoch
                }
                Change::Inactive => 0,
                change => panic!("{change:?}"),
            })
            .collect();
        let mut changes = epochs.iter();

        for element in elements {
            let first = element[0];
            // The element is not torn.
            assert!(
                element.iter().all(|byte| *byte == first),
                "torn: {element:?}"
            );
            // The element is of the epoch that the reader follows now.
            while u64::from(first >> 4) != self.epoch {
                let next = changes.next().expect("the element is of another epoch");
                self.set_epoch(*next, size);
            }
            assert_eq!(element.len(), self.size);
            // The element is newer than all delivered elements of the epoch.
            let number = u64::from(first & 15);
            assert!(number >= self.next, "element {number} delivered again");
            self.next = number + 1;
            self.delivered += 1;
        }
        for next in changes {
            self.set_epoch(*next, size);
        }
        self.lost += progress.lost;
    }

    fn set_epoch(&mut self, epoch: u64, size: fn(u64) -> usize) {
        self.epoch = epoch;
        self.size = size(epoch);
        self.next = 0;
    }

    /// Reads all remaining elements after the writer has finished. Panics if this takes too many
    /// calls.
    pub(crate) fn drain<M: Memory>(&mut self, memory: &M, size: fn(u64) -> usize) {
        let mut calls = 0;
        while calls == 0 || self.more {
            self.read(memory, 8, size);
            calls += 1;
            assert!(calls < 8, "the reader does not finish");
        }
        assert_eq!(self.epoch, memory.load(Word::Epoch));
        assert!(
            !self.reader.snapshot().has_pending(memory),
            "elements are pending after the last call"
        );
    }
}

/// Copies a whole element.
fn copy<M: Memory>(element: &Element<'_, M>) -> Vec<u8> {
    let mut bytes = vec![0; element.size()];
    assert!(element.peek(0, &mut bytes));
    bytes
}

/// The bound for all interleavings: no model reaches this number of preemptions.
pub(crate) const UNBOUNDED: usize = u8::MAX as usize;

/// Prints the number of executions of a model when it is dropped, also if the model fails.
struct ExecutionReport {
    preemptions: usize,
    executions: Arc<AtomicU64>,
}

impl Drop for ExecutionReport {
    fn drop(&mut self) {
        let name = thread::current().name().unwrap_or("main").to_owned();
        let executions = self.executions.load(Ordering::Relaxed);
        let failed = if thread::panicking() {
            ", of which the last one failed"
        } else {
            ""
        };
        match self.preemptions {
            UNBOUNDED => println!("model {name}: {executions} executions{failed}"),
            bound => {
                println!("model {name}: {executions} executions{failed}; preemptions: {bound}")
            }
        }
    }
}

/// Explores all interleavings with at most `preemptions` preemptions, and all values that loads may
/// return in them. Prints the number of executions.
pub(crate) fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let executions = Arc::new(AtomicU64::new(0));
    let _report = ExecutionReport {
        preemptions,
        executions: executions.clone(),
    };
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(move || {
        // This is an atomic of std, which the model checker does not explore.
        executions.fetch_add(1, Ordering::Relaxed);
        model();
    });
}
