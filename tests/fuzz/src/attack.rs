// SPDX-License-Identifier: GPL-2.0

//! A run of the fuzzer: cases, each of which is an attack followed by honest peers.

use std::{
    cell::RefCell,
    rc::Rc, //
};

use crate::{
    abstractions::{
        mapping::Mapping,
        napi::{
            Handed,
            Poll,
            RxContext, //
        },
        skbuff, //
    },
    channel::{
        Change,
        MemoryMut,
        PeerParams,
        Progress,
        Word,
        HEADER_SIZE, //
    },
    checker::Judge,
    honest_writer,
    memory::{
        Access,
        Peer,
        Region,
        Shared, //
    },
    netdev::{
        in_memory,
        memory::InMemory,
        mode::Mode,
        rx_ring::{
            RxRing,
            RxStats, //
        }, //
    },
    random::Random,
    rogue,
    round_trip,
    stats::{
        Figures,
        Moment, //
    }, //
};

/// The protocol of all cases.
pub(crate) const PROTOCOL: u64 = 2;

/// The word that marks a channel, as in the specification of the protocol.
pub(crate) const TRANSPORT: u64 = 0x4873_12b6_b79a_9b6d;

/// The largest number of mutations in one case.
const CASE: u64 = 1000;

/// How often a call may go on without a copy, according to the documentation of the channel.
const TURNS: usize = 6;

/// All modes.
const MODES: [Mode; 4] = [Mode::Raw, Mode::Ip, Mode::Offload, Mode::Ethernet];

/// A reader under attack.
pub(crate) struct Attack {
    pub(crate) shared: Rc<Shared>,
    pub(crate) random: Random,
    pub(crate) mode: Mode,
    pub(crate) reading: RxRing,
    pub(crate) figures: Rc<RefCell<Figures>>,
    memory: InMemory,
    judge: Judge,
}

/// The result of one call of the reader.
pub(crate) struct Outcome {
    pub(crate) progress: Progress,
    pub(crate) tally: RxStats,
    pub(crate) handed: Vec<Handed>,
}

/// Attacks until `mutations` mutations have been made. Panics if a check fails.
pub fn run(seed: u64, mutations: u64) -> Figures {
    let random = Random::new(seed);
    let figures = Rc::new(RefCell::new(Figures::default()));
    loop {
        let done = figures.borrow().mutations();
        if done >= mutations {
            let figures = *figures.borrow();
            return figures;
        }
        let mode = random.pick(&MODES);
        let size = random.pick(&[4096, 8192, 16_384, 65_536]);
        let mut attack = Attack::new(mode, size, random.clone(), figures.clone());
        attack.case(done + 1 + random.below(CASE));
    }
}

impl Attack {
    /// Returns a new reader of a region of `size` bytes.
    fn new(mode: Mode, size: usize, random: Random, figures: Rc<RefCell<Figures>>) -> Self {
        let shared = Rc::new(Shared::new(size));
        let sizes = mode.element_sizes();
        Self {
            memory: in_memory(Mapping(shared.clone())),
            shared,
            random,
            mode,
            reading: RxRing::new(PeerParams {
                protocol: PROTOCOL,
                min_size: *sizes.start(),
                max_size: *sizes.end(),
            }),
            judge: Judge::new(mode),
            figures,
        }
    }

    /// Attacks until the total number of mutations is `end`. After that the elements of an honest
    /// peer, and the packets that the driver itself sends, must arrive.
    fn case(&mut self, end: u64) {
        while self.figures.borrow().mutations() < end {
            self.call();
        }
        skbuff::fail_after(None);
        honest_writer::returns(self);
        round_trip::sends(self);
        self.figures.borrow_mut().honest += 1;
    }

    pub(crate) fn region(&self) -> &Region {
        self.shared.region()
    }

    /// Returns an element size that all modes accept: one that is close to the minimum, or a larger
    /// one.
    pub(crate) fn element_size(&self) -> usize {
        self.random.pick(&[96, 100, 508, 1516])
    }

    /// Returns how many elements of `size` bytes fit the region.
    pub(crate) fn elements(&self, size: usize) -> usize {
        (crate::channel::Memory::size(self.region()) - HEADER_SIZE) / size
    }

    /// Returns an epoch that the reader does not know.
    pub(crate) fn new_epoch(&self) -> u64 {
        let known = self.reading.reader().snapshot().epoch;
        let epoch = self.random.next().max(1);
        if epoch == known {
            epoch ^ 2
        } else {
            epoch
        }
    }

    /// Writes a header that is usually acceptable, so that the reader is not always in a state in
    /// which it reads nothing.
    fn sane(&self) {
        let size = self.element_size();
        let region = self.region();
        region.store(Word::Epoch, 0);
        region.store(Word::Transport, TRANSPORT);
        region.store(Word::Protocol, PROTOCOL);
        region.store(Word::Size, size as u64);
        // Sometimes one element more than fits.
        let more = usize::from(self.random.once_in(8));
        region.store(Word::Elements, (self.elements(size) + more) as u64);
        let wc = self.random.pick(&[0, 0, 3, 100, u64::MAX - 3, u64::MAX]);
        region.store(Word::WriteStart, wc);
        region.store(Word::Write, wc);
        region.store(Word::Epoch, 1 + self.random.below(3));
    }

    /// Calls the reader once while the rogue makes mutations, and checks the results.
    fn call(&mut self) {
        let limit = self.random.pick(&[0, 1, 3, 8, 64, 64]);
        let pace = self.random.pick(&[1, 2, 5, 30, 300]);
        if self.random.once_in(4) {
            self.sane();
        }
        let (mode, calm) = (self.mode, self.random.once_in(2));
        let calm = calm && mode == Mode::Offload;
        for _ in 0..self.random.below(4) {
            let moment = Moment::Between;
            let kind = rogue::mutate(self.region(), &self.random, moment, mode, calm);
            self.figures.borrow_mut().add_change(kind, moment);
        }
        let scarce = self.random.once_in(4);
        skbuff::fail_after(scarce.then(|| self.random.below(4)));

        let (random, figures) = (self.random.clone(), self.figures.clone());
        let outcome = self.poll(
            limit,
            Box::new(move |region, moment| {
                if random.once_in(pace) {
                    let kind = rogue::mutate(region, &random, moment, mode, calm);
                    figures.borrow_mut().add_change(kind, moment);
                }
            }),
        );

        let Outcome {
            progress,
            tally,
            handed,
        } = outcome;
        let mut figures = self.figures.borrow_mut();
        figures.calls += 1;
        figures.delivered += progress.delivered as u64;
        figures.packets += handed.len() as u64;
        figures.pieced += handed.iter().filter(|it| it.copies.len() > 1).count() as u64;
        figures.rejected += tally.malformed() + tally.incomplete;
        figures.no_memory += tally.no_memory;
        let refused =
            |it: &&Change| matches!(it, Change::Incompatible { .. } | Change::Broken { .. });
        figures.refused += progress.changes().filter(refused).count() as u64;
    }

    /// Calls the reader once while `peer` acts, and makes the checks that apply to every call.
    pub(crate) fn poll(&mut self, limit: usize, peer: Peer) -> Outcome {
        let stack = RefCell::default();
        let poll = Poll::new(limit, &stack);
        self.shared.set_peer(Some(peer));
        let mut tally = RxStats::default();
        let context = RxContext::new(&poll);
        let progress = self
            .reading
            .poll(self.mode, &self.memory, &context, &mut tally);
        self.shared.set_peer(None);
        let (first, trace) = self.shared.take_trace();
        let handed = stack.into_inner();

        bounded(&progress, &trace, limit);
        self.judge.follow(first, &trace);
        handed.iter().for_each(|packet| self.judge.packet(packet));
        counted(self.mode, &progress, &tally, &handed);
        Outcome {
            progress,
            tally,
            handed,
        }
    }
}

/// Checks that a call stayed within its bounds.
fn bounded(progress: &Progress, trace: &[Access], limit: usize) {
    assert!(progress.copied <= limit);
    assert!(progress.delivered <= progress.copied);
    assert!(progress.changes().count() <= TURNS);
    let is_load = |access: &&Access| matches!(access, Access::Load(..));
    let loads = trace.iter().filter(is_load).count();
    // A retry, a copy and the last check of the channel make at most nine loads each.
    assert!(loads <= 9 * (TURNS + limit + 1), "{loads} loads");
    // A copy consists of one peek at the length and the copy itself.
    assert!(trace.len() - loads <= 2 * limit);
}

/// Checks that the counters match the results.
fn counted(mode: Mode, progress: &Progress, tally: &RxStats, handed: &[Handed]) {
    let own = || handed.iter().filter(|packet| packet.is_own());
    assert_eq!(tally.packets, own().count() as u64);
    let bytes: usize = own().map(|it| it.bytes.len() - it.pulled).sum();
    assert_eq!(tally.bytes, bytes as u64);
    if mode != Mode::Offload {
        // Each element became a packet, or was counted as rejected or without memory.
        let none = tally.malformed() + tally.no_memory;
        assert_eq!(tally.incomplete, 0);
        let all = handed.len() as u64 + none;
        assert_eq!(progress.delivered as u64, all, "not all is accounted for");
    }
}
