// SPDX-License-Identifier: GPL-2.0

//! The honest writer. Its steps take place between any two accesses of the reader.

use std::{
    cell::RefCell,
    rc::Rc, //
};

use crate::{
    abstractions::napi::DeliveredPacket,
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
    /// The number of the next element, and the number of completed steps of writing it.
    next: (u64, u32),
    /// The total number of elements to write.
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

    fn is_done(&self) -> bool {
        self.next.0 == self.end
    }

    fn step(&mut self, region: &Region) {
        let (number, steps) = self.next;
        if self.is_done() {
            return;
        }
        let at = HEADER_SIZE + (number % self.elements) as usize * self.size;
        let half = self.size / 2;
        let bytes = element(self.mode, self.size, number);
        match steps {
            0 => region.store(Word::WriteStart, number + 1),
            1 => assert!(region.write(at, &bytes[..half])),
            2 => assert!(region.write(at + half, &bytes[half..])),
            _ => region.store(Word::Write, number + 1),
        }
        self.next = if steps == 3 {
            (number + 1, 0)
        } else {
            (number, steps + 1)
        };
    }
}

/// Returns the contents of an element: a packet that repeats the number of the element in all bytes
/// after the headers.
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

/// Returns the number of the element that contained a packet. Panics if the packet differs from the
/// contents of that element.
fn check_element(mode: Mode, size: usize, packet: &DeliveredPacket) -> u64 {
    // The range of the element that the driver copies, and the offset of the first complete
    // number.
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
    let expected = element(mode, size, number);
    assert!(
        packet.bytes == expected[range],
        "a torn element was delivered"
    );
    number
}

/// Starts an honest writer after an attack. Checks that each of its elements is delivered or
/// counted as lost.
pub(crate) fn check_delivery(attack: &mut Attack) {
    let size = attack.element_size();
    let elements = attack.elements(size) as u64;

    // The region does not change while the reader reads the first element. The reader must deliver
    // it in at most two calls.
    let mut writer = Writer::start_epoch(attack, size, 1);
    while !writer.is_done() {
        writer.step(attack.region());
    }
    let writer = Rc::new(RefCell::new(writer));
    let mut delivered = Vec::new();
    for _ in 0..2 {
        assert!(call_reader(attack, &writer, 0, size, &mut delivered) == 0);
    }
    assert_eq!(
        delivered,
        [0],
        "two calls did not deliver the first element"
    );

    // Write many elements, possibly faster than the reader reads them.
    writer.borrow_mut().end = 1 + attack.random.below(4 * elements);
    let max_steps = attack.random.pick(&[1, 2, 4, 10, 40]);
    let mut lost = 0;
    for _ in 0..100 {
        lost += call_reader(attack, &writer, max_steps, size, &mut delivered);
    }
    while !writer.borrow().is_done() {
        writer.borrow_mut().step(attack.region());
    }
    // The writer has finished. Read all remaining intact elements.
    for _ in 0..4 * elements {
        lost += call_reader(attack, &writer, 0, size, &mut delivered);
    }
    assert!(
        delivered.is_sorted_by(|a, b| a < b),
        "elements are out of order or duplicated"
    );
    let end = writer.borrow().end;
    assert_eq!(
        delivered.len() as u64 + lost,
        end,
        "an element was neither delivered nor counted as lost"
    );
    attack.stats.borrow_mut().honest_elements += delivered.len() as u64;
}

/// Calls the reader once. The writer makes up to `max_steps` steps at each access. Returns the
/// number of lost elements.
fn call_reader(
    attack: &mut Attack,
    writer: &Rc<RefCell<Writer>>,
    max_steps: u64,
    size: usize,
    delivered: &mut Vec<u64>,
) -> u64 {
    let (random, writer) = (attack.random.clone(), writer.clone());
    let limit = random.pick(&[1, 8, 64]);
    let Outcome {
        progress,
        rx_stats,
        packets,
    } = attack.poll(
        limit,
        Box::new(move |region, _| {
            for _ in 0..random.below(max_steps + 1) {
                writer.borrow_mut().step(region);
            }
        }),
    );
    assert_eq!(
        rx_stats.malformed() + rx_stats.no_memory,
        0,
        "an element of an honest writer was dropped"
    );
    let mode = attack.mode;
    delivered.extend(
        packets
            .iter()
            .map(|packet| check_element(mode, size, packet)),
    );
    progress.lost
}
