// SPDX-License-Identifier: GPL-2.0

//! A run of the fuzzer. Each of its cases is an attack, followed by an honest writer and by the
//! driver's own writer.

use std::{
    cell::RefCell,
    rc::Rc, //
};

use crate::{
    abstractions::{
        mapping::Mapping,
        napi::{
            DeliveredPacket,
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
    checker::Checker,
    honest_writer,
    memory::{
        Access,
        PeerFn,
        Region,
        SharedRegion, //
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
        MutationPoint, //
        Stats,
    }, //
};

/// The protocol of all cases.
pub(crate) const PROTOCOL: u64 = 2;

/// The transport word that the specification of the protocol defines.
pub(crate) const TRANSPORT: u64 = 0x4873_12b6_b79a_9b6d;

/// The maximum number of mutations in one case.
const MAX_CASE_MUTATIONS: u64 = 1000;

/// The maximum number of retries without a copy in one call, as the channel documents it.
const MAX_RETRIES: usize = 6;

/// All modes.
const MODES: [Mode; 4] = [Mode::Raw, Mode::Ip, Mode::Offload, Mode::Ethernet];

/// A reader under attack.
pub(crate) struct Attack {
    pub(crate) shared: Rc<SharedRegion>,
    pub(crate) random: Random,
    pub(crate) mode: Mode,
    pub(crate) rx_ring: RxRing,
    pub(crate) stats: Rc<RefCell<Stats>>,
    memory: InMemory,
    checker: Checker,
}

/// The result of one call of the reader.
pub(crate) struct Outcome {
    pub(crate) progress: Progress,
    pub(crate) rx_stats: RxStats,
    pub(crate) packets: Vec<DeliveredPacket>,
}

/// Runs cases until the rogue has made `mutations` mutations. Panics if a check fails.
pub fn run(seed: u64, mutations: u64) -> Stats {
    let random = Random::new(seed);
    let stats = Rc::new(RefCell::new(Stats::default()));
    loop {
        let done = stats.borrow().mutations();
        if done >= mutations {
            let stats = *stats.borrow();
            return stats;
        }
        let mode = random.pick(&MODES);
        let size = random.pick(&[4096, 8192, 16_384, 65_536]);
        let mut attack = Attack::new(mode, size, random.clone(), stats.clone());
        attack.run_case(done + 1 + random.below(MAX_CASE_MUTATIONS));
    }
}

impl Attack {
    /// Returns a new reader of a region of `size` bytes.
    fn new(mode: Mode, size: usize, random: Random, stats: Rc<RefCell<Stats>>) -> Self {
        let shared = Rc::new(SharedRegion::new(size));
        let sizes = mode.element_sizes();
        Self {
            memory: in_memory(Mapping(shared.clone())),
            shared,
            random,
            mode,
            rx_ring: RxRing::new(PeerParams {
                protocol: PROTOCOL,
                min_size: *sizes.start(),
                max_size: *sizes.end(),
            }),
            checker: Checker::new(mode),
            stats,
        }
    }

    /// Attacks until the total number of mutations is `end`. Afterwards checks that the elements of
    /// an honest writer, and the packets of the driver's own writer, arrive.
    fn run_case(&mut self, end: u64) {
        while self.stats.borrow().mutations() < end {
            self.attack_call();
        }
        skbuff::fail_after(None);
        honest_writer::check_delivery(self);
        round_trip::check(self);
        self.stats.borrow_mut().honest_writers += 1;
    }

    pub(crate) fn region(&self) -> &Region {
        self.shared.region()
    }

    /// Returns an element size that all modes accept, close to the minimum or larger.
    pub(crate) fn element_size(&self) -> usize {
        self.random.pick(&[96, 100, 508, 1516])
    }

    /// Returns the number of elements of `size` bytes that fit into the region.
    pub(crate) fn elements(&self, size: usize) -> usize {
        (crate::channel::Memory::size(self.region()) - HEADER_SIZE) / size
    }

    /// Returns an epoch that the reader does not know.
    pub(crate) fn new_epoch(&self) -> u64 {
        let known = self.rx_ring.reader().snapshot().epoch;
        let epoch = self.random.next().max(1);
        if epoch == known {
            epoch ^ 2
        } else {
            epoch
        }
    }

    /// Writes a header that is usually valid. Without it, the reader would mostly reject the header
    /// and read no elements.
    fn write_valid_header(&self) {
        let size = self.element_size();
        let region = self.region();
        region.store(Word::Epoch, 0);
        region.store(Word::Transport, TRANSPORT);
        region.store(Word::Protocol, PROTOCOL);
        region.store(Word::Size, size as u64);
        // Sometimes one element more than fits.
        let excess = usize::from(self.random.once_in(8));
        region.store(Word::Elements, (self.elements(size) + excess) as u64);
        let wc = self.random.pick(&[0, 0, 3, 100, u64::MAX - 3, u64::MAX]);
        region.store(Word::WriteStart, wc);
        region.store(Word::Write, wc);
        region.store(Word::Epoch, 1 + self.random.below(3));
    }

    /// Calls the reader once while the rogue makes mutations, and checks the results.
    fn attack_call(&mut self) {
        let limit = self.random.pick(&[0, 1, 3, 8, 64, 64]);
        let interval = self.random.pick(&[1, 2, 5, 30, 300]);
        if self.random.once_in(4) {
            self.write_valid_header();
        }
        let (mode, mostly_fragments) = (self.mode, self.random.once_in(2));
        let mostly_fragments = mostly_fragments && mode == Mode::Offload;
        for _ in 0..self.random.below(4) {
            let point = MutationPoint::BeforeCall;
            let kind = rogue::mutate(self.region(), &self.random, point, mode, mostly_fragments);
            self.stats.borrow_mut().count_mutation(kind, point);
        }
        let fail_allocation = self.random.once_in(4);
        skbuff::fail_after(fail_allocation.then(|| self.random.below(4)));

        let (random, stats) = (self.random.clone(), self.stats.clone());
        let outcome = self.poll(
            limit,
            Box::new(move |region, point| {
                if random.once_in(interval) {
                    let kind = rogue::mutate(region, &random, point, mode, mostly_fragments);
                    stats.borrow_mut().count_mutation(kind, point);
                }
            }),
        );

        let Outcome {
            progress,
            rx_stats,
            packets,
        } = outcome;
        let mut stats = self.stats.borrow_mut();
        stats.calls += 1;
        stats.delivered += progress.delivered as u64;
        stats.packets += packets.len() as u64;
        stats.reassembled += packets.iter().filter(|it| it.copies.len() > 1).count() as u64;
        stats.rejected += rx_stats.malformed() + rx_stats.incomplete;
        stats.no_memory += rx_stats.no_memory;
        let is_refused =
            |it: &&Change| matches!(it, Change::Incompatible { .. } | Change::Broken { .. });
        stats.refused_epochs += progress.changes().filter(is_refused).count() as u64;
    }

    /// Calls the reader once while `peer` changes the region. Makes the checks that apply to every
    /// call.
    pub(crate) fn poll(&mut self, limit: usize, peer: PeerFn) -> Outcome {
        let delivered = RefCell::default();
        let poll = Poll::new(limit, &delivered);
        self.shared.set_peer(Some(peer));
        let mut rx_stats = RxStats::default();
        let context = RxContext::new(&poll);
        let progress = self
            .rx_ring
            .poll(self.mode, &self.memory, &context, &mut rx_stats);
        self.shared.set_peer(None);
        let (first, trace) = self.shared.take_trace();
        let packets = delivered.into_inner();

        check_bounds(&progress, &trace, limit);
        self.checker.check_accesses(first, &trace);
        packets
            .iter()
            .for_each(|packet| self.checker.check_packet(packet));
        check_counters(self.mode, &progress, &rx_stats, &packets);
        Outcome {
            progress,
            rx_stats,
            packets,
        }
    }
}

/// Checks the bounds of a call: its copies, its retries and its accesses.
fn check_bounds(progress: &Progress, trace: &[Access], limit: usize) {
    assert!(progress.copied <= limit);
    assert!(progress.delivered <= progress.copied);
    assert!(progress.changes().count() <= MAX_RETRIES);
    let is_load = |access: &&Access| matches!(access, Access::Load(..));
    let loads = trace.iter().filter(is_load).count();
    // Each retry, each copy, and the check for pending elements make at most nine loads.
    assert!(loads <= 9 * (MAX_RETRIES + limit + 1), "{loads} loads");
    // The reader peeks at an element at most once, and copies it at most once.
    assert!(trace.len() - loads <= 2 * limit);
}

/// Checks that the statistics of the reader match the delivered packets.
fn check_counters(
    mode: Mode,
    progress: &Progress,
    rx_stats: &RxStats,
    packets: &[DeliveredPacket],
) {
    let for_device = || packets.iter().filter(|packet| packet.is_for_device());
    assert_eq!(rx_stats.packets, for_device().count() as u64);
    let bytes: usize = for_device().map(|it| it.bytes.len() - it.pulled).sum();
    assert_eq!(rx_stats.bytes, bytes as u64);
    if mode != Mode::Offload {
        // Each element became a packet, or was counted as malformed or as dropped without memory.
        let dropped = rx_stats.malformed() + rx_stats.no_memory;
        assert_eq!(rx_stats.incomplete, 0);
        let all = packets.len() as u64 + dropped;
        assert_eq!(progress.delivered as u64, all, "an element was not counted");
    }
}
