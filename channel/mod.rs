// SPDX-License-Identifier: GPL-2.0

//! SHMStream version 2: a stream of elements through memory that two subjects share.
//!
//! A channel is one region of memory with one writer and any number of readers. There is no lock,
//! no way back and no flow control: the writer goes round its ring whether anybody reads or not, and
//! a reader finds out afterwards whether what it copied was still there. The words of the header are
//! those of [`Word`]; the elements follow it, one after the other.
//!
//! This room knows memory, not networks, and of the language `core` only: the driver, the tables
//! beside the code and a model checker (`tests/loom`) bring their own [`Memory`].
//!
//! # Who may touch what
//!
//! - The writer's subject changes every byte of the region at any time. A reader therefore believes
//!   nothing that it has not checked after reading: it loads each word once into a variable, checks
//!   the variable and uses that; it copies an element once, checks the counters, and interprets
//!   only the copy.
//! - A reader changes nothing in the region. A [`Reader`] belongs to one thread at a time; whoever
//!   else wants to know whether reading is worth while looks at a [`Snapshot`].
//! - A [`Writer`] reads nothing in the region. It is shared under one lock.
//!
//! # States of a reader
//!
//! ```text
//! Joining ----- epoch 0, or one that ended before it was judged ---> Inactive
//! Joining ----- an epoch that fits --------------------------------> Active, at its write counter
//! any other --- another epoch that fits ---------------------------> Active, at its element 0
//! any --------- another epoch that does not fit -------------------> Incompatible
//! any other --- epoch 0 -------------------------------------------> Inactive
//! Active ------ counters that no honest writer has ----------------> Broken
//! ```
//!
//! So a reader joins at most one epoch, the one that it finds when it comes up, and counts nothing
//! of it as lost; whatever begins later is read from its beginning. `Incompatible` and `Broken` are
//! told once and hold until the epoch changes.
//!
//! Epochs are compared before anything is read in one, and again after every attempt; if the second
//! load differs, what lies between does not count.
//!
//! # Order of loads and stores
//!
//! A barrier between two stores of the writer (W) and one between two loads of a reader (R) work as
//! a pair: if R's first load sees W's second store, or anything after it, R's second load sees W's
//! first store, or anything after that.
//!
//! | the writer stores | then | a reader loads | then | so that |
//! | --- | --- | --- | --- | --- |
//! | epoch 0 | the header, zero counters, elements | these | epoch | words or elements of a later epoch give themselves away |
//! | the header, zero counters | the epoch | epoch | the header, counters | an epoch is judged by its own words |
//! | `wsc` | the element | the element | `wsc` | an element that was being overwritten gives itself away |
//! | the element | `wc` | `wc` | the element | what is counted is there |
//! | `wsc` | `wc` (later, by the same barriers) | `wc` | `wsc` | an honest `wc` is never seen beyond `wsc` |
//!
//! The last check of a batch is that of the epoch, after that of `wsc`: a `wsc` that a later epoch
//! has set to zero would let everything pass.
//!
//! # Bounds
//!
//! One call of a reader makes at most as many copies as it was allowed and goes on without a copy
//! at most [`MAX_RETRIES`](reader::MAX_RETRIES) times. Every copy that was made counts, also one that
//! is thrown away: a writer that overtakes each of them does not prolong the call.
//!
//! An overrun moves the reader to the oldest intact element, or further while the writer runs away;
//! see [`recovery`].

mod element;
mod epoch;
mod layout;
mod memory;
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
