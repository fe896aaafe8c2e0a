// SPDX-License-Identifier: GPL-2.0

//! What one call of the reader did, for statistics, the log and the poller.

use core::fmt;

use super::layout::Geometry;

/// How often one call of [`Reader::read`](super::reader::Reader::read) goes on without copying
/// anything: after a change of the epoch, after words that did not belong together, after an
/// overrun that it found before copying. It bounds the work of a call, whatever the peer does.
pub(crate) const TURNS: usize = 6;

/// Why a reader does not follow an epoch. The values are those of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// The transport word is not that of the protocol.
    Transport(u64),
    /// The protocol is not the expected one.
    Protocol(u64),
    /// The size of an element is outside what the device can take.
    Size(u64),
    /// The ring has no element, or is larger than the region.
    Ring {
        /// Bytes of an element.
        size: u64,
        /// Elements in the ring.
        elements: u64,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Transport(value) => write!(f, "transport {value:#x} is unknown"),
            Mismatch::Protocol(value) => write!(f, "protocol {value:#x} is not the expected one"),
            Mismatch::Size(size) => write!(f, "element size {size:#x} is out of range"),
            Mismatch::Ring { size, elements } => write!(
                f,
                "{elements:#x} elements of {size:#x} bytes do not fit the region"
            ),
        }
    }
}

/// How a writer broke the protocol. The values are those of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// More elements written than begun.
    WriteBeyondStart {
        /// The write counter.
        wc: u64,
        /// The write start counter.
        wsc: u64,
    },
    /// The write counter fell below what has been read.
    WriteBelowRead {
        /// The write counter.
        wc: u64,
        /// The reader's own counter.
        rc: u64,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::WriteBeyondStart { wc, wsc } => {
                write!(f, "write counter {wc:#x} is beyond write start {wsc:#x}")
            }
            Violation::WriteBelowRead { wc, rc } => {
                write!(f, "write counter {wc:#x} is below read counter {rc:#x}")
            }
        }
    }
}

/// A change of the channel's state that a call of the reader noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A new epoch is followed.
    Activated {
        /// The epoch, not zero.
        epoch: u64,
        /// The peer's ring.
        geometry: Geometry,
    },
    /// The writer has ended its epoch. Not told when a reader that has just come up finds no
    /// writer.
    Inactive,
    /// A new epoch cannot be followed. Told once for an epoch.
    Incompatible {
        /// The epoch, not zero.
        epoch: u64,
        /// What does not fit.
        reason: Mismatch,
    },
    /// The writer broke the protocol; nothing more is read in this epoch. Told once for an epoch.
    Broken {
        /// The epoch, not zero.
        epoch: u64,
        /// What it did.
        reason: Violation,
    },
}

/// What one call of the reader did.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Elements handed to the caller.
    pub(crate) delivered: usize,
    /// Elements copied, at most the limit of the call. Those that were not delivered had been
    /// overtaken by the writer or belonged to an epoch that had ended.
    pub(crate) copied: usize,
    /// Overruns: how often the writer had overtaken the reader.
    pub(crate) overruns: u64,
    /// Elements lost in these overruns.
    pub(crate) lost: u64,
    /// There is, or may be, more to read: the call ended because it had done enough.
    pub(crate) more: bool,
    changes: [Option<Change>; TURNS],
}

impl Progress {
    /// Returns what changed during the call, in order; at most [`TURNS`] changes.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().flatten()
    }

    /// Adds elements that were lost. A peer may claim to have written nearly 2^64 elements, and so
    /// in several epochs during one call: the count ends at its largest value.
    pub(super) fn lose(&mut self, elements: u64) {
        self.lost = self.lost.saturating_add(elements);
    }

    /// Adds a change. A call notes at most one each turn, so there is always room.
    pub(super) fn note(&mut self, change: Change) {
        if let Some(free) = self.changes.iter_mut().find(|entry| entry.is_none()) {
            *free = Some(change);
        }
    }
}
