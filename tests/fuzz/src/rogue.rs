// SPDX-License-Identifier: GPL-2.0

//! The rogue: a writer that violates the protocol.

use crate::{
    channel::{
        Memory,
        MemoryMut,
        Word,
        HEADER_SIZE, //
    },
    memory::{
        Region,
        WORDS, //
    },
    netdev::mode::Mode,
    random::Random,
    stats::{
        Kind,
        Moment, //
    }, //
};

/// Values at which programs often fail.
const BOUNDARIES: [u64; 23] = [
    0,
    1,
    2,
    3,
    7,
    8,
    75,
    76,
    84,
    1 << 16,
    (1 << 20) - 64,
    1 << 20,
    (1 << 20) + 1,
    (1 << 31) - 1,
    (1 << 32) - 1,
    1 << 32,
    1 << 40,
    1 << 48,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX - 7,
    u64::MAX - 1,
    u64::MAX,
];

/// Lengths of packets at which programs often fail.
const LENGTHS: [u16; 12] = [0, 1, 4, 13, 14, 19, 20, 40, 1500, 1501, 32_768, 65_535];

/// Makes one mutation that no honest writer would make at this moment, and returns its kind.
///
/// If `calm` is true, most mutations are sequences of fragments. Other mutations would prevent the
/// reader from reading them.
pub(crate) fn mutate(
    region: &Region,
    random: &Random,
    moment: Moment,
    mode: Mode,
    calm: bool,
) -> Kind {
    if calm && !random.once_in(8) {
        return pieces(region, random, moment);
    }
    match random.below(10) {
        0..=2 => {
            let which = random.below(WORDS.len() as u64) as usize;
            let word = WORDS[which];
            region.store(word, value(region, random, word));
            Kind(which)
        }
        3 | 4 => count(region, random),
        // A likely epoch, with the counters unchanged.
        5 => {
            region.store(Word::Epoch, random.below(4));
            Kind::EPOCH
        }
        // A byte at any offset after the header.
        6 => {
            let room = (region.size() - HEADER_SIZE) as u64;
            let at = HEADER_SIZE + random.below(room) as usize;
            region.fill(at, &[random.next() as u8]);
            Kind::BYTE
        }
        7 => pieces(region, random, moment),
        8 if mode == Mode::Offload => pieces(region, random, moment),
        _ => length(region, random, moment),
    }
}

/// Changes the counters: forwards, backwards, far ahead, or beyond 2^64.
fn count(region: &Region, random: &Random) -> Kind {
    let step = random.pick(&[1, 1, 1, 8, 100, u64::MAX, u64::MAX - 7, 1 << 40]);
    // Change one or both of them.
    let both = random.below(4);
    let mut kind = match step {
        1 => Kind::AHEAD,
        8 | 100 | 0x100_0000_0000 => Kind::FAR_AHEAD,
        _ => Kind::BACK,
    };
    for (word, alone) in [(Word::WriteStart, 0), (Word::Write, 1)] {
        if both >= 2 || both == alone {
            let old = region.load(word);
            let new = old.wrapping_add(step);
            region.store(word, new);
            // The counter wrapped: forwards from the largest numbers to the smallest, or backwards.
            if (step < 1 << 63) != (new > old) {
                kind = Kind::ROUND;
            }
        }
    }
    kind
}

/// Returns the offset of an element and the element size according to the header. The element is
/// the one that is being read, or any other.
fn slot(region: &Region, random: &Random, moment: Moment) -> (usize, usize) {
    let size = region.load(Word::Size).clamp(16, 1 << 16) as usize;
    let slots = (region.size() - HEADER_SIZE) / size;
    let any = random.below(slots.max(1) as u64) as usize;
    let slot = match moment {
        Moment::Peek(offset) | Moment::Copy(offset) if random.once_in(2) => {
            (offset - HEADER_SIZE) / size
        }
        _ => any,
    };
    (HEADER_SIZE + slot * size, size)
}

/// Writes a length at an offset where the reader expects the length of a packet.
fn length(region: &Region, random: &Random, moment: Moment) -> Kind {
    let (slot, size) = slot(region, random, moment);
    // A length that is usually wrong, or one that is correct in some mode.
    let length = match random.below(2) {
        0 => random.pick(&LENGTHS),
        _ => (size as u16).wrapping_sub(random.pick(&[0, 2, 8, 28, 48])),
    };
    if random.once_in(2) {
        let version: [u8; 3] =
            random.pick(&[[4, 0, 0x45], [41, 0, 0x60], [4, 0, 0x4f], [6, 0, 0x45]]);
        region.fill(slot + 6, &version);
        if random.once_in(4) {
            return Kind::VERSION;
        }
    }
    let (place, bytes, kind) = match random.below(5) {
        0 => (4, length.to_le_bytes(), Kind::LENGTH_HEADER),
        1 => (10, length.to_be_bytes(), Kind::LENGTH_IPV4),
        2 => (12, length.to_be_bytes(), Kind::LENGTH_IPV6),
        3 => (size - 2, length.to_le_bytes(), Kind::LENGTH_ETHERNET),
        _ => (8, length.to_le_bytes(), Kind::LENGTH_TOTAL),
    };
    region.fill(slot + place, &bytes);
    kind
}

/// Writes the headers of a packet in several elements: a sequence that is usually correct, or one
/// with a single error.
fn pieces(region: &Region, random: &Random, moment: Moment) -> Kind {
    let (mut first, size) = slot(region, random, moment);
    let room = size.saturating_sub(28).max(1);
    // There are few lengths and marks, so that a sequence often belongs to one packet except for
    // the error.
    let count = random.below(3) as usize + 1;
    let rest = random.pick(&[1, 2, room.div_ceil(2), room]);
    let total = (room * (count - 1) + rest).max(20);
    let mark = random.pick(&[0, 0, 7, u32::MAX]);
    // The error, if any, and the fragment that has it. The first fragments may be missing.
    let (wrong, wrong_piece) = (random.below(12), random.below(3) as usize);
    let mut at = if random.once_in(4) {
        room * wrong_piece
    } else {
        0
    };
    // Write the sequence anywhere, or where the next element is due, and then publish it.
    let wc = region.load(Word::Write);
    let elements = region.load(Word::Elements);
    let due = random.below(4) > 0 && elements.saturating_mul(size as u64) < region.size() as u64;
    if due && elements > 0 {
        first = HEADER_SIZE + (wc % elements) as usize * size;
        if first + size > region.size() {
            first = HEADER_SIZE;
        }
    }
    let mut place = first;
    let mut written = 0;
    while at < total {
        let length = room.min(total - at);
        let mut header = [0; 28];
        header[..4].copy_from_slice(&mark.to_le_bytes());
        header[4..6].copy_from_slice(&(length as u16).to_le_bytes());
        header[6] = 4;
        header[8..12].copy_from_slice(&(total as u32).to_le_bytes());
        header[12..16].copy_from_slice(&(at as u32).to_le_bytes());
        if at / room == wrong_piece {
            // Change one byte.
            match wrong {
                0 => header[0] ^= 1,
                1 => header[4] ^= 1,
                2 => header[8] ^= 1,
                3 => header[12] ^= 1,
                4 => header[16] ^= 1,
                5 => header[6] = 41,
                _ => {}
            }
        }
        region.fill(place, &header);
        if at == 0 {
            let [high, low] = (total as u16).to_be_bytes();
            region.fill(place + 28, &[0x45, 0, high, low]);
        }
        at += length;
        written += 1;
        place += size;
        if place + size > region.size() {
            place = HEADER_SIZE;
        }
    }
    if due {
        // Sometimes publish all but one: the rest follows later, or never.
        let fewer = u64::from(random.once_in(4));
        let wc = wc.wrapping_add(written).saturating_sub(fewer);
        region.store(Word::WriteStart, wc);
        region.store(Word::Write, wc);
    }
    Kind::PIECES
}

fn value(region: &Region, random: &Random, word: Word) -> u64 {
    match random.below(4) {
        0 => random.next(),
        1 => region
            .load(word)
            .wrapping_add(random.pick(&BOUNDARIES))
            .wrapping_sub(random.pick(&BOUNDARIES)),
        _ => random.pick(&BOUNDARIES),
    }
}
