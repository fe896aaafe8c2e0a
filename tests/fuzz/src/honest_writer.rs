// SPDX-License-Identifier: GPL-2.0

//! The honest writer. Each of its steps may take place between any two accesses of the reader.

use std::{
    cell::RefCell,
    rc::Rc, //
};

use crate::{
    abstractions::napi::Handed,
    attack::{
        Attack,
        Outcome,
        PROTOCOL,
        TRANSPORT, //
    },
    channel::{
        MemoryMut,
        Word,
        HEADER_SIZE, //
    },
    memory::Region,
    netdev::mode::Mode, //
};

/// The size of the header of IP mode and of the header of the packet.
const HEADERS: usize = 8 + 20;

/// A writer that follows the protocol, one step at a time.
struct Writer {
    mode: Mode,
    size: usize,
    elements: u64,
    /// The number of the next element, and the number of steps of writing it that are done.
    next: (u64, u32),
    /// The number of elements that it writes in total.
    end: u64,
}

impl Writer {
    fn start_epoch(attack: &Attack, size: usize, end: u64) -> Self {
        let (region, mode) = (attack.region(), attack.mode);
        let elements = attack.elements(size) as u64;
        let epoch = attack.new_epoch();
        region.store(Word::Epoch, 0);
        for (word, value) in [
            (Word::Transport, TRANSPORT),
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
            1 => assert!(region.fill(at, &bytes[..half])),
            2 => assert!(region.fill(at + half, &bytes[half..])),
            _ => region.store(Word::Write, number + 1),
        }
        self.next = if steps == 3 {
            (number + 1, 0)
        } else {
            (number, steps + 1)
        };
    }
}

/// Returns a packet that fills an element and contains the number of the element in every eight
/// bytes.
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
        Mode::Offload => {
            let length = size - 28;
            let [low, high] = (length as u16).to_le_bytes();
            bytes[..28].fill(0);
            bytes[4..7].copy_from_slice(&[low, high, 4]);
            bytes[8..10].copy_from_slice(&[low, high]);
            bytes[28..32].copy_from_slice(&[0x45, 0, high, low]);
        }
        Mode::Ethernet | Mode::Vlan => {
            bytes[size - 2..].copy_from_slice(&((size - 2) as u16).to_le_bytes());
        }
    }
    bytes
}

/// Returns the number of the element that a packet was in. Panics if the packet differs from that
/// element.
fn number(mode: Mode, size: usize, packet: &Handed) -> u64 {
    // The range of the element that was copied into the packet, and the offset of the first
    // complete stamp.
    let (range, at) = match mode {
        Mode::Raw => (0..size, 0),
        Mode::Ethernet | Mode::Vlan => (0..size - 2, 0),
        Mode::Ip => (0..size, HEADERS.next_multiple_of(8)),
        Mode::Offload => (28..size, (HEADERS + 20).next_multiple_of(8)),
    };
    let mut stamp = [0; 8];
    let at = at - range.start;
    stamp.copy_from_slice(&packet.bytes[at..at + 8]);
    let number = u64::from_le_bytes(stamp);
    let whole = element(mode, size, number);
    assert!(packet.bytes == whole[range], "a torn element was delivered");
    number
}

/// Ends an attack: an honest writer starts an epoch, and its elements must arrive.
pub(crate) fn returns(attack: &mut Attack) {
    let size = attack.element_size();
    let elements = attack.elements(size) as u64;

    // The reader is not disturbed while it reads the first element. It must arrive by the second
    // call.
    let mut writer = Writer::start_epoch(attack, size, 1);
    while !writer.done() {
        writer.step(attack.region());
    }
    let writer = Rc::new(RefCell::new(writer));
    let mut got = Vec::new();
    for _ in 0..2 {
        assert!(call(attack, &writer, 0, size, &mut got) == 0);
    }
    assert_eq!(
        got,
        [0],
        "the first element was not there by the second call"
    );

    // Write many elements, at a pace that may overtake the reader.
    writer.borrow_mut().end = 1 + attack.random.below(4 * elements);
    let pace = attack.random.pick(&[1, 2, 4, 10, 40]);
    let mut lost = 0;
    for _ in 0..100 {
        lost += call(attack, &writer, pace, size, &mut got);
    }
    while !writer.borrow().done() {
        writer.borrow_mut().step(attack.region());
    }
    // The writer has finished. Read all elements that are intact; there must be no others.
    for _ in 0..4 * elements {
        lost += call(attack, &writer, 0, size, &mut got);
    }
    assert!(got.is_sorted_by(|a, b| a < b), "out of order, or twice");
    let end = writer.borrow().end;
    assert_eq!(got.len() as u64 + lost, end, "elements are missing");
    attack.figures.borrow_mut().arrived += got.len() as u64;
}

/// Calls the reader once. The writer makes up to `pace` steps at each access. Returns the number of
/// lost elements.
fn call(
    attack: &mut Attack,
    writer: &Rc<RefCell<Writer>>,
    pace: u64,
    size: usize,
    got: &mut Vec<u64>,
) -> u64 {
    let (random, writer) = (attack.random.clone(), writer.clone());
    let limit = random.pick(&[1, 8, 64]);
    let Outcome {
        progress,
        tally,
        handed,
    } = attack.poll(
        limit,
        Box::new(move |region, _| {
            for _ in 0..random.below(pace + 1) {
                writer.borrow_mut().step(region);
            }
        }),
    );
    assert_eq!(
        tally.malformed() + tally.no_memory,
        0,
        "honest, but refused"
    );
    let mode = attack.mode;
    got.extend(handed.iter().map(|packet| number(mode, size, packet)));
    progress.lost
}
