// SPDX-License-Identifier: GPL-2.0

//! SHMStream version 2: a one-way stream of elements through shared memory.
//!
//! A channel is one region of memory with one writer and any number of readers. The protocol has no
//! lock, no back channel and no flow control. The writer goes around its ring and overwrites the
//! oldest elements whether or not a reader has read them, unless it waits for the reports of a
//! reader, see [`pause`]. A reader checks after each copy whether the writer has overwritten the
//! element meanwhile. The region begins with a header of eight 64-bit words, see [`Word`]. The
//! elements follow the header without padding between them.
//!
//! This module does not depend on networking code and uses `core` only. The driver, the unit tests,
//! the fuzzer (`tests/fuzz`), the benchmark (`bench/channel`) and a model checker (`tests/loom`)
//! each implement [`Memory`].
//!
//! - [`element`]: the identity of an element, and bounds-checked access to its bytes.
//! - [`epoch`]: the numbers of epochs.
//! - [`layout`]: the geometry of a ring, and positions in it.
//! - [`memory`]: the words of the header, and the traits that give access to the region.
//! - [`pause`]: flow control, for ends that report how far they have read.
//! - [`reader`], [`recovery`]: the reader, and how it continues after an overrun.
//! - [`writer`]: the writer.
//!
//! # Access and trust
//!
//! - The subject that owns the writer may change any byte of the region at any time. A reader
//!   therefore uses only values that it has checked after it has read them. It loads each word once
//!   into a local variable, checks the variable and uses only that. It copies an element once,
//!   checks the counters, and interprets only the copy.
//! - A reader does not write to the region. A [`Reader`] belongs to one thread at a time. Other
//!   contexts use a [`Snapshot`] to find out whether a read is due.
//! - A [`Writer`] does not read from the region. Its users share it under one lock.
//!
//! # States of a reader
//!
//! ```text
//! Joining ----- epoch 0, or one that ended before it was checked --> Inactive
//! Joining ----- a compatible epoch --------------------------------> Active, at its write counter
//! any other --- another compatible epoch --------------------------> Active, at its element 0
//! any --------- another incompatible epoch ------------------------> Incompatible
//! any other --- epoch 0 -------------------------------------------> Inactive
//! Active ------ counters that no honest writer has ----------------> Broken
//! ```
//!
//! A reader joins at most one epoch: the one that it finds when it starts. Elements that were
//! written before it joined do not count as lost. It reads every later epoch from the beginning.
//! The states `Incompatible` and `Broken` are reported once and last until the epoch changes.
//!
//! A reader loads the epoch before every attempt to read, and again after it. If the second value
//! differs from the first one, the reader discards everything that it has read in between.
//!
//! # Order of loads and stores
//!
//! A barrier between two stores of the writer (W) and a barrier between two loads of a reader (R)
//! form a pair: if R's first load sees W's second store or a later one, then R's second load sees
//! W's first store or a later one.
//!
//! | the writer stores | then | a reader loads | then | guarantee |
//! | --- | --- | --- | --- | --- |
//! | epoch 0 | the header, zero counters, elements | these | epoch | the reader detects words and elements of a later epoch |
//! | the header, zero counters | the epoch | epoch | the header, counters | the reader checks an epoch by that epoch's own words |
//! | `wsc` | the element | the element | `wsc` | the reader detects an element that was being overwritten |
//! | the element | `wc` | `wc` | the element | every element that is counted has been written |
//! | `wsc` | `wc` (later, by the same barriers) | `wc` | `wsc` | the reader never sees an honest `wc` beyond `wsc` |
//!
//! The reader checks the epoch last in each batch, after `wsc`. A later epoch sets `wsc` to zero,
//! and with a `wsc` of zero every element would pass.
//!
//! # Bounds
//!
//! One call of a reader makes at most as many copies as its caller allows, and goes on without a
//! copy at most [`MAX_RETRIES`](reader::MAX_RETRIES) times. Every copy counts, including those that
//! are discarded: a writer that overtakes every copy does not prolong the call.
//!
//! After an overrun the reader continues at the oldest intact element, or at a later one as long as
//! the writer keeps overtaking it. See [`recovery`].

mod element;
mod epoch;
mod layout;
mod memory;
mod pause;
mod reader;
mod recovery;
#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod tests;
mod writer;

pub(crate) use self::{
    element::{
        Element,
        ElementId,
        Slot, //
    },
    epoch::{
        is_reply_epoch,
        new_epoch,
        reply_epoch, //
    },
    layout::{
        Geometry,
        HEADER_SIZE, //
    },
    memory::{
        Memory,
        MemoryMut,
        Word, //
    },
    pause::{
        report,
        Credit,
        NO_REPORT, //
    },
    reader::{
        Change,
        PeerParams,
        Progress,
        Reader,
        Snapshot,
        State, //
    },
    writer::Writer, //
};
