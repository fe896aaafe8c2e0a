// SPDX-License-Identifier: GPL-2.0

//! The honest writer, each step of which may fall between any two accesses of the reader.

use crate::{
    attack::{
        Attack,
        PROTOCOL, //
    },
    channel::{
        Memory,
        MemoryMut,
        Word,
        HEADER_SIZE, //
    },
    memory::{
        Region,
        Shared, //
    },
    modes::Mode, //
};

/// The header of IP mode and that of the packet.
const HEADERS: usize = 8 + 20;

/// A writer that keeps the rules, one step at a time.
struct Writer {
    mode: Mode,
    size: usize,
    elements: u64,
    /// The next element, and how many steps of writing it are done.
    next: (u64, u32),
    /// The number of elements it writes in all.
    end: u64,
}

impl Writer {
    fn start(region: &Region, mode: Mode, size: usize, end: u64, epoch: u64) -> Self {
        let elements = ((region.size() - HEADER_SIZE) / size) as u64;
        region.store(Word::Epoch, 0);
        for (word, value) in [
            (Word::Transport, 0x4873_12b6_b79a_9b6d),
            (Word::Protocol, PROTOCOL),
            (Word::Size, size as u64),
            (Word::Elements, elements),
            (Word::WriteStart, 0),
            (Word::Write, 0),
            (Word::Epoch, epoch),
        ] {
            region.store(word, value);
        }
        Self {
            mode,
            size,
            elements,
            next: (0, 0),
            end,
        }
    }

    fn done(&self) -> bool {
        self.next.0 == self.end
    }

    fn step(&mut self, region: &Region) {
        let (number, steps) = self.next;
        if self.done() {
            return;
        }
        let at = HEADER_SIZE + (number % self.elements) as usize * self.size;
        let half = self.size / 2;
        let bytes = element(self.mode, self.size, number);
        match steps {
            0 => region.store(Word::WriteStart, number + 1),
            1 => assert!(region.copy_in(at, &bytes[..half])),
            2 => assert!(region.copy_in(at + half, &bytes[half..])),
            _ => region.store(Word::Write, number + 1),
        }
        self.next = if steps == 3 {
            (number + 1, 0)
        } else {
            (number, steps + 1)
        };
    }
}

/// A packet that fills an element and tells in every eight bytes which one it is.
fn element(mode: Mode, size: usize, number: u64) -> Vec<u8> {
    let stamp = number.to_le_bytes();
    let mut bytes: Vec<u8> = stamp.iter().copied().cycle().take(size).collect();
    match mode {
        Mode::Raw => {}
        Mode::Ip => {
            let [high, low] = ((size - 8) as u16).to_be_bytes();
            bytes[..8].copy_from_slice(&[0, 0, 0, 0, 0, 0, 4, 0]);
            bytes[8..12].copy_from_slice(&[0x45, 0, high, low]);
        }
        Mode::Large => {
            let length = size - 28;
            let [low, high] = (length as u16).to_le_bytes();
            bytes[..28].fill(0);
            bytes[4..7].copy_from_slice(&[low, high, 4]);
            bytes[8..10].copy_from_slice(&[low, high]);
            bytes[28..32].copy_from_slice(&[0x45, 0, high, low]);
        }
        Mode::Ethernet => {
            bytes[size - 2..].copy_from_slice(&((size - 2) as u16).to_le_bytes());
        }
    }
    bytes
}

/// The number of the element that a copy is; panics if it is not all of one.
fn number(mode: Mode, size: usize, copy: &[u8]) -> u64 {
    let at = match mode {
        Mode::Raw | Mode::Ethernet => 0,
        Mode::Ip => HEADERS.next_multiple_of(8),
        Mode::Large => (HEADERS + 20).next_multiple_of(8),
    };
    let mut stamp = [0; 8];
    stamp.copy_from_slice(&copy[at..at + 8]);
    let number = u64::from_le_bytes(stamp);
    let whole = element(mode, size, number);
    let length = if mode == Mode::Ethernet {
        size - 2
    } else {
        size
    };
    assert!(copy == &whole[..length], "a torn element was delivered");
    number
}

/// Ends an attack: a writer starts an epoch of its own, and its elements arrive.
pub(crate) fn returns(attack: &mut Attack) {
    let size = attack.element_size();
    let mode = attack.mode;
    let elements = ((attack.region.size() - HEADER_SIZE) / size) as u64;
    let known = attack.reader.seen().epoch;
    let epoch = attack.random.next().max(1);
    let epoch = if epoch == known { epoch ^ 2 } else { epoch };

    // The first element, with nothing in its way: there by the second call.
    let mut writer = Writer::start(&attack.region, mode, size, 1, epoch);
    while !writer.done() {
        writer.step(&attack.region);
    }
    let mut got = Vec::new();
    for _ in 0..2 {
        assert!(call(attack, &mut writer, 0, size, &mut got) == 0);
    }
    assert_eq!(
        got,
        [0],
        "the first element was not there by the second call"
    );

    // Many, at a pace that may overtake the reader.
    writer.end = 1 + attack.random.below(4 * elements);
    let pace = attack.random.pick(&[1, 2, 4, 10, 40]);
    let mut lost = 0;
    for _ in 0..100 {
        lost += call(attack, &mut writer, pace, size, &mut got);
    }
    while !writer.done() {
        writer.step(&attack.region);
    }
    // It has ended: all that is intact can be had, and there is nothing more to come.
    for _ in 0..4 * elements {
        lost += call(attack, &mut writer, 0, size, &mut got);
    }
    assert!(got.is_sorted_by(|a, b| a < b), "out of order, or twice");
    assert_eq!(got.len() as u64 + lost, writer.end, "elements are missing");
    attack.figures.arrived += got.len() as u64;
}

/// One call of the reader, during which the writer makes up to `pace` steps at each access. Returns
/// how many elements were lost.
fn call(
    attack: &mut Attack,
    writer: &mut Writer,
    pace: u64,
    size: usize,
    got: &mut Vec<u64>,
) -> u64 {
    let random = &attack.random;
    let mode = attack.mode;
    let mut peer = |region: &Region, _| {
        for _ in 0..random.below(pace + 1) {
            writer.step(region);
        }
    };
    let shared = Shared::new(&attack.region, &mut peer);
    let limit = random.pick(&[1, 8, 64]);
    let progress = attack.reader.read(
        &shared,
        limit,
        |element| mode.copy(element),
        |copy| {
            let copy = copy.expect("an honest element is a packet");
            mode.check(&copy).expect("an honest packet is one");
            got.push(number(mode, size, &copy));
        },
    );
    let trace = shared.into_trace();
    attack.learn(&trace);
    progress.lost
}
