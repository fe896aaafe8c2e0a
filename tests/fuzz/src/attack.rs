// SPDX-License-Identifier: GPL-2.0

//! One run: cases of attacks, each with an honest peer at its end.

use std::cell::Cell;

use crate::{
    channel::{
        Expect,
        Memory,
        MemoryMut,
        Progress,
        Reader,
        Word,
        HEADER_SIZE, //
    },
    honest,
    memory::{
        Access,
        Region,
        Shared, //
    },
    modes::{
        Mode,
        MODES, //
    },
    random::Random,
    rogue, //
};

/// The protocol of all cases.
pub(crate) const PROTOCOL: u64 = 2;

/// What marks a channel, as the protocol's description has it.
const TRANSPORT: u64 = 0x4873_12b6_b79a_9b6d;

/// The most mutations between two honest peers.
const CASE: u64 = 1000;

/// How often a call may go on without a copy, as the channel's documentation promises.
const TURNS: usize = 6;

/// What a run did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Mutations of shared memory.
    pub mutations: u64,
    /// Calls of the reader under attack.
    pub calls: u64,
    /// Elements that were handed up under attack, all of them checked.
    pub delivered: u64,
    /// Of these: elements that were a packet.
    pub packets: u64,
    /// Epochs given up because of the rogue, or never followed.
    pub refused: u64,
    /// Returns of the honest peer.
    pub honest: u64,
    /// Elements of the honest peer that arrived, all of them checked.
    pub arrived: u64,
}

/// The shape of a ring as the reader has taken it from the header.
#[derive(Clone, Copy, Default)]
struct Ring {
    size: u64,
    elements: u64,
}

/// A reader under attack.
pub(crate) struct Attack {
    pub(crate) region: Region,
    pub(crate) random: Random,
    pub(crate) mode: Mode,
    pub(crate) reader: Reader,
    pub(crate) figures: Figures,
    ring: Ring,
}

/// Attacks until `mutations` have been made; panics where something does not hold.
pub fn run(seed: u64, mutations: u64) -> Figures {
    let mut attack = Attack::new(Random::new(seed));
    while attack.figures.mutations < mutations {
        attack.case();
    }
    attack.figures
}

impl Attack {
    fn new(random: Random) -> Self {
        let mode = MODES[0];
        Self {
            region: Region::new(4096),
            reader: Reader::new(expect(mode)),
            figures: Figures::default(),
            ring: Ring::default(),
            random,
            mode,
        }
    }

    /// A new reader, attacked for a while; then an honest peer has to be heard.
    fn case(&mut self) {
        self.mode = self.random.pick(&MODES);
        self.region = Region::new(self.random.pick(&[4096, 8192, 16_384, 65_536]));
        self.reader = Reader::new(expect(self.mode));
        self.ring = Ring::default();

        let end = self.figures.mutations + 1 + self.random.below(CASE);
        while self.figures.mutations < end {
            self.call();
        }
        honest::returns(self);
        self.figures.honest += 1;
    }

    /// An element that is nearly the smallest one, or a larger one; all modes take it.
    pub(crate) fn element_size(&self) -> usize {
        self.random.pick(&[96, 100, 508, 1516])
    }

    /// Writes a header that fits as a rule, so that the reader is not always in a state of refusal.
    fn sane(&self) {
        let size = self.element_size();
        let room = self.region.size() - HEADER_SIZE;
        self.region.store(Word::Epoch, 0);
        self.region.store(Word::Transport, TRANSPORT);
        self.region.store(Word::Protocol, PROTOCOL);
        self.region.store(Word::Size, size as u64);
        // Now and then one more than there is room for.
        let more = usize::from(self.random.once_in(8));
        self.region
            .store(Word::Elements, (room / size + more) as u64);
        let wc = self.random.pick(&[0, 0, 3, 100, u64::MAX - 3, u64::MAX]);
        self.region.store(Word::WriteStart, wc);
        self.region.store(Word::Write, wc);
        self.region.store(Word::Epoch, 1 + self.random.below(3));
    }

    /// One call of the reader in which the rogue acts, and what has to hold of it.
    fn call(&mut self) {
        let limit = self.random.pick(&[0, 1, 3, 8, 64, 64]);
        let pace = self.random.pick(&[1, 2, 5, 30, 300]);
        if self.random.once_in(4) {
            self.sane();
        }
        for _ in 0..self.random.below(4) {
            rogue::mutate(&self.region, &self.random, None);
            self.figures.mutations += 1;
        }

        let acts = Cell::new(0);
        let (random, mode) = (&self.random, self.mode);
        let mut peer = |region: &Region, copied: Option<usize>| {
            if random.once_in(pace) {
                rogue::mutate(region, random, copied);
                acts.set(acts.get() + 1);
            }
        };
        let shared = Shared::new(&self.region, &mut peer);
        let mut delivered = Vec::new();
        let progress = self.reader.read(
            &shared,
            limit,
            |element| (mode.copy(element), shared.now()),
            |(copy, at)| delivered.push((copy, at)),
        );
        let trace = shared.into_trace();

        self.figures.calls += 1;
        self.figures.mutations += acts.get();
        self.figures.delivered += delivered.len() as u64;
        bounded(&progress, &trace, limit, delivered.len());
        for (copy, at) in delivered {
            let Ok(copy) = copy else { continue };
            self.intact(&trace, at);
            self.figures.packets += u64::from(self.mode.check(&copy).is_ok());
        }
        self.learn(&trace);
        self.figures.refused += progress.changes().count() as u64;
    }

    /// Checks that what was copied before access `at` could be told to be intact: after the copy
    /// the counter was looked at and then the epoch, and neither spoke against it.
    fn intact(&mut self, trace: &[Access], at: usize) {
        let ring = self.ring_at(&trace[..at]);
        let Some(Access::Copy(offset)) = trace[..at].last() else {
            panic!("nothing was copied");
        };
        let offset = (offset - HEADER_SIZE) as u64;
        let start = self.mode.last_copy_at() as u64;
        assert_eq!(offset % ring.size, start, "the copy starts elsewhere");
        let slot = offset / ring.size;
        assert!(slot < ring.elements, "slot {slot} of {}", ring.elements);

        let before = last(&trace[..at], Word::Epoch);
        let wc = last(&trace[..at], Word::Write);
        let (place, wsc) = first(&trace[at..], Word::WriteStart);
        let (_, after) = first(&trace[at + place..], Word::Epoch);
        assert_eq!(before, after, "delivered although the epoch changed");
        // The newest element that could have been meant.
        let newest = (wc - 1) - ((wc - 1) % ring.elements + ring.elements - slot) % ring.elements;
        assert!(
            wsc <= newest.saturating_add(ring.elements),
            "delivered although it was overwritten"
        );
    }

    /// The ring that the reader followed after these accesses.
    fn ring_at(&self, trace: &[Access]) -> Ring {
        let (mut ring, mut pending) = (self.ring, None);
        let mut epoch = 0;
        let mut size = 0;
        for access in trace {
            match *access {
                Access::Load(Word::Size, value) => size = value,
                Access::Load(Word::Elements, elements) => {
                    pending = Some((Ring { size, elements }, epoch));
                }
                Access::Load(Word::Epoch, value) => {
                    epoch = value;
                    match pending.take() {
                        Some((read, begun)) if begun == epoch => ring = read,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        ring
    }

    /// Remembers the ring for the next call.
    pub(crate) fn learn(&mut self, trace: &[Access]) {
        self.ring = self.ring_at(trace);
    }
}

fn expect(mode: Mode) -> Expect {
    let (min_size, max_size) = mode.sizes();
    Expect {
        protocol: PROTOCOL,
        min_size,
        max_size,
    }
}

/// Checks that a call kept its bounds.
fn bounded(progress: &Progress, trace: &[Access], limit: usize, delivered: usize) {
    assert!(progress.copied <= limit);
    assert_eq!(progress.delivered, delivered);
    assert!(delivered <= progress.copied);
    assert!(progress.changes().count() <= TURNS);
    let is_load = |access: &&Access| matches!(access, Access::Load(..));
    let loads = trace.iter().filter(is_load).count();
    // A turn, a copy and the last look take at most nine loads each.
    assert!(loads <= 9 * (TURNS + limit + 1), "{loads} loads");
    // And a copy is a look at the length and the copy itself.
    assert!(trace.len() - loads <= 2 * limit);
}

/// The value of the last load of a word.
fn last(trace: &[Access], word: Word) -> u64 {
    let load = |access: &Access| match *access {
        Access::Load(which, value) if which == word => Some(value),
        _ => None,
    };
    trace.iter().rev().find_map(load).expect("no load before")
}

/// The place and the value of the first load of a word.
fn first(trace: &[Access], word: Word) -> (usize, u64) {
    let load = |(place, access): (usize, &Access)| match *access {
        Access::Load(which, value) if which == word => Some((place, value)),
        _ => None,
    };
    let mut loads = trace.iter().enumerate();
    loads.find_map(load).expect("no load after")
}
