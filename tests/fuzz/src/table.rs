// SPDX-License-Identifier: GPL-2.0

//! A table of tests: each word of the header, with each boundary value, in each state of a reader.
//!
//! Each cell of the table has exactly one expected outcome. It follows from the rules of the
//! protocol, and its computation cannot overflow. After each cell the reader must follow the next
//! honest epoch.

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

/// The element size, the number of elements, and the size of a region that the ring fills.
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
    report: u64,
    wsc: u64,
    wc: u64,
}

/// The state of the reader before a word changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InitialState {
    /// The reader has just started.
    Joining,
    /// The reader follows an epoch, and a new epoch starts together with the change.
    NewEpoch,
    /// The epoch is 0 because the writer is writing the header of the next epoch.
    Inactive,
    /// The reader has read all three elements of the epoch.
    Active,
    /// Unread elements are pending.
    Behind,
    /// The writer has overwritten unread elements, and the reader has not detected that yet.
    Overrun,
    /// The protocol is not the expected one.
    Incompatible,
    /// The counters violated the protocol.
    Broken,
}

const STATES: [InitialState; 8] = [
    InitialState::Joining,
    InitialState::NewEpoch,
    InitialState::Inactive,
    InitialState::Active,
    InitialState::Behind,
    InitialState::Overrun,
    InitialState::Incompatible,
    InitialState::Broken,
];

/// The state of the reader after the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FinalState {
    Inactive,
    Active,
    Incompatible,
    Broken,
}

/// The outcome of a cell.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// The states that the reader has entered. The last one is its final state.
    states: Vec<FinalState>,
    /// The number of changes that the reader reported.
    reported: usize,
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
            report: 0,
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
            Word::Report => &mut self.report,
            Word::WriteStart => &mut self.wsc,
            Word::Write => &mut self.wc,
        }
    }

    fn store(mut self, region: &Region) {
        for word in WORDS {
            region.store(word, *self.word(word));
        }
    }

    /// Returns whether a reader accepts an epoch with these words.
    fn is_compatible(&self) -> bool {
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
            outcome.states.push(FinalState::Broken);
            outcome.reported += 1;
            return outcome;
        }
        // Element n is intact if the writer has begun at most n + elements elements.
        let intact = |n: u64| u128::from(self.wsc) <= u128::from(n) + u128::from(elements);
        let mut first = self.wc;
        while first > from && intact(first - 1) {
            first -= 1;
        }
        outcome.delivered = first..self.wc;
        outcome.lost = first - from;
        outcome
    }

    /// Returns the outcome of an epoch that is new to the reader. The reader `joins` the epoch, or
    /// reads it from its first element.
    fn begin(&self, joins: bool) -> Outcome {
        let reported = usize::from(self.epoch != 0 || !joins);
        let outcome = |state| Outcome {
            states: vec![state],
            reported,
            delivered: 0..0,
            lost: 0,
        };
        if self.epoch == 0 {
            outcome(FinalState::Inactive)
        } else if !self.is_compatible() {
            outcome(FinalState::Incompatible)
        } else {
            let from = if joins { self.wc } else { 0 };
            self.read(from, self.elements, outcome(FinalState::Active))
        }
    }
}

impl InitialState {
    /// Returns the header during the call that brings the reader into this state.
    fn header(self) -> Option<Header> {
        match self {
            InitialState::Joining => None,
            InitialState::NewEpoch => Some(Header::new(5, 0)),
            InitialState::Inactive => Some(Header::new(0, 3)),
            InitialState::Active | InitialState::Behind | InitialState::Overrun => {
                Some(Header::new(7, 3))
            }
            InitialState::Incompatible => Some(Header {
                protocol: PROTOCOL + 1,
                ..Header::new(7, 3)
            }),
            InitialState::Broken => Some(Header {
                wc: 5,
                ..Header::new(7, 3)
            }),
        }
    }

    /// Returns the header of the cell without the changed word.
    fn cell_header(self) -> Header {
        match self {
            InitialState::Joining | InitialState::NewEpoch => Header::new(7, 3),
            InitialState::Behind => Header::new(7, 20),
            InitialState::Overrun => Header::new(7, 3 + 2 * ELEMENTS),
            other => other.header().unwrap_or(Header::new(7, 3)),
        }
    }

    /// Returns the expected outcome of a header.
    fn expected(self, header: Header) -> Outcome {
        let unreported = |state| Outcome {
            states: vec![state],
            reported: 0,
            delivered: 0..0,
            lost: 0,
        };
        let old_epoch = self.header().map(|header| header.epoch);
        if old_epoch != Some(header.epoch) {
            return header.begin(old_epoch.is_none());
        }
        // Within an epoch, the reader checks only the counters, and only if it follows the epoch.
        match self {
            InitialState::Joining | InitialState::NewEpoch => {
                header.read(0, ELEMENTS, unreported(FinalState::Active))
            }
            InitialState::Active | InitialState::Behind | InitialState::Overrun => {
                header.read(3, ELEMENTS, unreported(FinalState::Active))
            }
            InitialState::Inactive => unreported(FinalState::Inactive),
            InitialState::Incompatible => unreported(FinalState::Incompatible),
            InitialState::Broken => unreported(FinalState::Broken),
        }
    }
}

/// Calls the reader. Returns the outcome, and the slot numbers that the elements contain.
fn call_reader(reader: &mut Reader, region: &Region) -> (Outcome, Vec<u64>) {
    let mut elements = Vec::new();
    let progress = reader.read(
        region,
        1_000,
        |element| {
            let mut slot = [0; 8];
            assert!(element.peek(0, &mut slot));
            (element.id().number, u64::from_le_bytes(slot))
        },
        |it| elements.push(it),
    );
    assert!(!progress.more);
    let mut states: Vec<_> = progress
        .changes()
        .map(|change| match change {
            Change::Activated { .. } => FinalState::Active,
            Change::Inactive => FinalState::Inactive,
            Change::Incompatible { .. } => FinalState::Incompatible,
            Change::Broken { .. } => FinalState::Broken,
        })
        .collect();
    let reported = states.len();
    let last = match reader.state() {
        State::Joining | State::Inactive => FinalState::Inactive,
        State::Active(_) => FinalState::Active,
        State::Incompatible { .. } => FinalState::Incompatible,
        State::Broken { .. } => FinalState::Broken,
    };
    if reported == 0 {
        states.push(last);
    }
    assert_eq!(states.last(), Some(&last));
    let numbers = elements.iter().map(|(number, _)| *number);
    let first = numbers.clone().next().unwrap_or(0);
    let delivered = first..first + elements.len() as u64;
    assert!(
        numbers.eq(delivered.clone()),
        "the elements are not consecutive"
    );
    let slots = elements.into_iter().map(|(_, slot)| slot).collect();
    let lost = progress.lost;
    let outcome = Outcome {
        states,
        reported,
        delivered,
        lost,
    };
    (outcome, slots)
}

/// Checks one cell.
fn check_cell(before: InitialState, word: Word, value: u64) {
    let region = Region::new(REGION);
    for slot in 0..ELEMENTS {
        let at = HEADER_SIZE + (slot * SIZE) as usize;
        assert!(region.write(at, &slot.to_le_bytes()));
    }
    let mut reader = Reader::new(PeerParams {
        protocol: PROTOCOL,
        min_size: SIZES.start as usize,
        max_size: SIZES.end as usize - 1,
    });
    if let Some(header) = before.header() {
        header.store(&region);
        call_reader(&mut reader, &region);
    }

    let mut header = before.cell_header();
    *header.word(word) = value;
    header.store(&region);
    let mut expected = before.expected(header);
    let (mut found, slots) = call_reader(&mut reader, &region);
    let context = (before, word, value);
    for outcome in [&mut expected, &mut found] {
        // All empty ranges of elements are equal.
        if outcome.delivered.is_empty() {
            outcome.delivered = 0..0;
        }
        // If the reader reported no change, compare only its final state.
        let last = outcome.states.len().saturating_sub(outcome.reported.max(1));
        outcome.states.drain(..last);
    }
    assert_eq!((context, &found), (context, &expected));
    if (header.size, header.elements) == (SIZE, ELEMENTS) || before == InitialState::Active {
        let wanted = found.delivered.map(|number| number % ELEMENTS);
        assert!(slots.iter().copied().eq(wanted), "{context:?}: {slots:?}");
    }

    // No element is pending, whatever the counters contain.
    assert!(
        !reader.snapshot().has_pending(&region),
        "{context:?}: elements are pending"
    );
    let (again, _) = call_reader(&mut reader, &region);
    assert_eq!((context, again.reported, again.lost), (context, 0, 0));
    assert!(again.delivered.is_empty(), "{context:?}: {again:?}");
    // The reader follows the next honest epoch.
    Header::new(1 << 50, 2).store(&region);
    assert!(
        reader.snapshot().has_pending(&region),
        "{context:?}: the new epoch is not pending"
    );
    let (next, slots) = call_reader(&mut reader, &region);
    let honest = (vec![FinalState::Active], 0..2, 0);
    let next = (next.states, next.delivered, next.lost);
    assert_eq!((context, next), (context, honest));
    assert_eq!(slots, [0, 1]);
}

/// Checks all cells and returns their number. Panics at the first cell with a wrong outcome.
pub fn check() -> usize {
    let mut cells = 0;
    for before in STATES {
        for word in WORDS {
            for value in VALUES {
                check_cell(before, word, value);
                cells += 1;
            }
        }
    }
    cells
}
