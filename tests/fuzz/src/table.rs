// SPDX-License-Identifier: GPL-2.0

//! Tests each word of the header with each boundary value in each state of a reader.
//!
//! The expected outcome follows from the rules of the protocol, computed with numbers that cannot
//! overflow. Each cell of the table has exactly one outcome. After each cell the reader must follow
//! the next honest epoch.

use std::ops::Range;

use crate::{
    attack::{
        PROTOCOL,
        TRANSPORT, //
    },
    channel::{
        Change,
        MemoryMut,
        PeerParams,
        Reader,
        State,
        Word,
        HEADER_SIZE, //
    },
    memory::{
        Region,
        WORDS, //
    }, //
};

/// The ring, and a region that it fills.
const SIZE: u64 = 100;
const ELEMENTS: u64 = 40;
const REGION: usize = HEADER_SIZE + (SIZE * ELEMENTS) as usize;

/// The element sizes that the reader accepts: those of IP mode.
const SIZES: Range<u128> = 76..65_544;

/// The values that are written to the words.
const VALUES: [u64; 25] = [
    0,
    1,
    2,
    3,
    5,
    7,
    40,
    41,
    75,
    76,
    83,
    100,
    101,
    1 << 20,
    (1 << 20) + 1,
    (1 << 32) - 1,
    1 << 32,
    1 << 40,
    (1 << 63) - 1,
    1 << 63,
    // With this number of elements, or this element size, the product wraps to the correct size.
    (1 << 62) + 40,
    u64::MAX / 100 + 1,
    TRANSPORT,
    u64::MAX - 1,
    u64::MAX,
];

/// The words of a header.
#[derive(Clone, Copy, Debug)]
struct Header {
    transport: u64,
    epoch: u64,
    protocol: u64,
    size: u64,
    elements: u64,
    reserved: u64,
    wsc: u64,
    wc: u64,
}

/// The state of the reader when a word changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// The reader has just started.
    Joining,
    /// A new epoch begins with the change. The reader follows the epoch before it.
    NewEpoch,
    /// The writer has no epoch, and is writing the header of the next one.
    Inactive,
    /// The reader has read all of the three elements of the epoch.
    Active,
    /// There are elements to read.
    Behind,
    /// The writer has gone around the ring, and the reader has not detected that yet.
    Overrun,
    /// The protocol is not the expected one.
    Incompatible,
    /// The counters were impossible.
    Broken,
}

const STATES: [Before; 8] = [
    Before::Joining,
    Before::NewEpoch,
    Before::Inactive,
    Before::Active,
    Before::Behind,
    Before::Overrun,
    Before::Incompatible,
    Before::Broken,
];

/// The state of the reader after the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Inactive,
    Active,
    Incompatible,
    Broken,
}

/// The outcome of a cell.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// The states that the reader has entered. The last one is its state after the change.
    states: Vec<After>,
    /// The number of changes that the reader reported.
    told: usize,
    /// The elements that were delivered.
    delivered: Range<u64>,
    lost: u64,
}

impl Header {
    /// Returns the header of an honest writer.
    const fn new(epoch: u64, wc: u64) -> Self {
        Self {
            transport: TRANSPORT,
            epoch,
            protocol: PROTOCOL,
            size: SIZE,
            elements: ELEMENTS,
            reserved: 0,
            wsc: wc,
            wc,
        }
    }

    fn word(&mut self, word: Word) -> &mut u64 {
        match word {
            Word::Transport => &mut self.transport,
            Word::Epoch => &mut self.epoch,
            Word::Protocol => &mut self.protocol,
            Word::Size => &mut self.size,
            Word::Elements => &mut self.elements,
            Word::Reserved => &mut self.reserved,
            Word::WriteStart => &mut self.wsc,
            Word::Write => &mut self.wc,
        }
    }

    fn store(mut self, region: &Region) {
        for word in WORDS {
            region.store(word, *self.word(word));
        }
    }

    /// Returns whether a reader follows an epoch with these words.
    fn fits(&self) -> bool {
        let (size, elements) = (u128::from(self.size), u128::from(self.elements));
        self.transport == TRANSPORT
            && self.protocol == PROTOCOL
            && SIZES.contains(&size)
            && elements >= 1
            && HEADER_SIZE as u128 + size * elements <= REGION as u128
    }

    /// Adds the outcome of reading all intact elements, starting at element `from`, in a ring of
    /// `elements` elements.
    fn read(&self, from: u64, elements: u64, mut outcome: Outcome) -> Outcome {
        if self.wc > self.wsc || self.wc < from {
            outcome.states.push(After::Broken);
            outcome.told += 1;
            return outcome;
        }
        // Element n is intact if no more than n + elements elements were begun.
        let intact = |n: u64| u128::from(self.wsc) <= u128::from(n) + u128::from(elements);
        let mut first = self.wc;
        while first > from && intact(first - 1) {
            first -= 1;
        }
        outcome.delivered = first..self.wc;
        outcome.lost = first - from;
        outcome
    }

    /// Returns the outcome of an epoch that the reader does not know. It `joins` the epoch, or
    /// reads it from the beginning.
    fn begin(&self, joins: bool) -> Outcome {
        let told = usize::from(self.epoch != 0 || !joins);
        let outcome = |state| Outcome {
            states: vec![state],
            told,
            delivered: 0..0,
            lost: 0,
        };
        if self.epoch == 0 {
            outcome(After::Inactive)
        } else if !self.fits() {
            outcome(After::Incompatible)
        } else {
            let from = if joins { self.wc } else { 0 };
            self.read(from, self.elements, outcome(After::Active))
        }
    }
}

impl Before {
    /// Returns the header during the last call of the reader before that of the cell.
    fn header(self) -> Option<Header> {
        match self {
            Before::Joining => None,
            Before::NewEpoch => Some(Header::new(5, 0)),
            Before::Inactive => Some(Header::new(0, 3)),
            Before::Active | Before::Behind | Before::Overrun => Some(Header::new(7, 3)),
            Before::Incompatible => Some(Header {
                protocol: PROTOCOL + 1,
                ..Header::new(7, 3)
            }),
            Before::Broken => Some(Header {
                wc: 5,
                ..Header::new(7, 3)
            }),
        }
    }

    /// Returns the header of the cell, before one of its words is changed.
    fn changed(self) -> Header {
        match self {
            Before::Joining | Before::NewEpoch => Header::new(7, 3),
            Before::Behind => Header::new(7, 20),
            Before::Overrun => Header::new(7, 3 + 2 * ELEMENTS),
            other => other.header().unwrap_or(Header::new(7, 3)),
        }
    }

    /// Returns the expected outcome of a header.
    fn expected(self, header: Header) -> Outcome {
        let quiet = |state| Outcome {
            states: vec![state],
            told: 0,
            delivered: 0..0,
            lost: 0,
        };
        let known = self.header().map(|before| before.epoch);
        if known != Some(header.epoch) {
            return header.begin(known.is_none());
        }
        // Within an epoch a reader checks the counters only, and only if it follows the epoch.
        match self {
            Before::Joining | Before::NewEpoch => header.read(0, ELEMENTS, quiet(After::Active)),
            Before::Active | Before::Behind | Before::Overrun => {
                header.read(3, ELEMENTS, quiet(After::Active))
            }
            Before::Inactive => quiet(After::Inactive),
            Before::Incompatible => quiet(After::Incompatible),
            Before::Broken => quiet(After::Broken),
        }
    }
}

/// Calls the reader. Returns the outcome, and the stamps of the elements.
fn call(reader: &mut Reader, region: &Region) -> (Outcome, Vec<u64>) {
    let mut got = Vec::new();
    let progress = reader.read(
        region,
        1_000,
        |element| {
            let mut stamp = [0; 8];
            assert!(element.peek(0, &mut stamp));
            (element.id().number, u64::from_le_bytes(stamp))
        },
        |it| got.push(it),
    );
    assert!(!progress.more);
    let mut states: Vec<_> = progress
        .changes()
        .map(|change| match change {
            Change::Activated { .. } => After::Active,
            Change::Inactive => After::Inactive,
            Change::Incompatible { .. } => After::Incompatible,
            Change::Broken { .. } => After::Broken,
        })
        .collect();
    let told = states.len();
    let now = match reader.state() {
        State::Joining | State::Inactive => After::Inactive,
        State::Active(_) => After::Active,
        State::Incompatible { .. } => After::Incompatible,
        State::Broken { .. } => After::Broken,
    };
    if told == 0 {
        states.push(now);
    }
    assert_eq!(states.last(), Some(&now));
    let numbers = got.iter().map(|(number, _)| *number);
    let first = numbers.clone().next().unwrap_or(0);
    let delivered = first..first + got.len() as u64;
    assert!(numbers.eq(delivered.clone()), "not in a row");
    let stamps = got.into_iter().map(|(_, stamp)| stamp).collect();
    let lost = progress.lost;
    let outcome = Outcome {
        states,
        told,
        delivered,
        lost,
    };
    (outcome, stamps)
}

/// Checks one cell.
fn cell(before: Before, word: Word, value: u64) {
    let region = Region::new(REGION);
    for slot in 0..ELEMENTS {
        let at = HEADER_SIZE + (slot * SIZE) as usize;
        assert!(region.fill(at, &slot.to_le_bytes()));
    }
    let mut reader = Reader::new(PeerParams {
        protocol: PROTOCOL,
        min_size: SIZES.start as usize,
        max_size: SIZES.end as usize - 1,
    });
    if let Some(header) = before.header() {
        header.store(&region);
        call(&mut reader, &region);
    }

    let mut header = before.changed();
    *header.word(word) = value;
    header.store(&region);
    let mut expected = before.expected(header);
    let (mut found, stamps) = call(&mut reader, &region);
    let context = (before, word, value);
    for outcome in [&mut expected, &mut found] {
        // All empty ranges of elements are equal.
        if outcome.delivered.is_empty() {
            outcome.delivered = 0..0;
        }
        // If the reader followed the same epoch all the time it reports no change. Compare its
        // state only.
        let last = outcome.states.len().saturating_sub(outcome.told.max(1));
        outcome.states.drain(..last);
    }
    assert_eq!((context, &found), (context, &expected));
    if (header.size, header.elements) == (SIZE, ELEMENTS) || before == Before::Active {
        let wanted = found.delivered.map(|number| number % ELEMENTS);
        assert!(stamps.iter().copied().eq(wanted), "{context:?}: {stamps:?}");
    }

    // Nothing is left to read, whatever the counters contain, ...
    assert!(!reader.snapshot().has_pending(&region), "{context:?}: busy");
    let (again, _) = call(&mut reader, &region);
    assert_eq!((context, again.told, again.lost), (context, 0, 0));
    assert!(again.delivered.is_empty(), "{context:?}: {again:?}");
    // ... and the reader follows the next honest epoch.
    Header::new(1 << 50, 2).store(&region);
    assert!(
        reader.snapshot().has_pending(&region),
        "{context:?}: asleep"
    );
    let (next, stamps) = call(&mut reader, &region);
    let honest = (vec![After::Active], 0..2, 0);
    let next = (next.states, next.delivered, next.lost);
    assert_eq!((context, next), (context, honest));
    assert_eq!(stamps, [0, 1]);
}

/// Checks all cells and returns their number. Panics at the first cell with a wrong outcome.
pub fn check() -> usize {
    let mut cells = 0;
    for before in STATES {
        for word in WORDS {
            for value in VALUES {
                cell(before, word, value);
                cells += 1;
            }
        }
    }
    cells
}
