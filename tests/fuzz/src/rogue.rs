// SPDX-License-Identifier: GPL-2.0

//! The rogue: a peer that violates the protocol.

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
        MutationPoint, //
    }, //
};

/// Boundary values of counters and sizes.
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

/// Boundary values of packet lengths.
const LENGTHS: [u16; 12] = [0, 1, 4, 13, 14, 19, 20, 40, 1500, 1501, 32_768, 65_535];

/// Makes one mutation that no honest writer would make at this point, and returns its kind.
///
/// If `mostly_fragments` is true, most mutations are sequences of fragments, because other
/// mutations usually prevent their reassembly.
pub(crate) fn mutate(
    region: &Region,
    random: &Random,
    point: MutationPoint,
    mode: Mode,
    mostly_fragments: bool,
) -> Kind {
    if mostly_fragments && !random.once_in(8) {
        return write_fragments(region, random, point);
    }
    match random.below(10) {
        0..=2 => {
            let index = random.below(WORDS.len() as u64) as usize;
            let word = WORDS[index];
            region.store(word, random_value(region, random, word));
            Kind(index)
        }
        3 | 4 => change_counters(region, random),
        // An epoch that the reader may know, with unchanged counters.
        5 => {
            region.store(Word::Epoch, random.below(4));
            Kind::EPOCH
        }
        // A byte at any offset after the header.
        6 => {
            let payload = (region.size() - HEADER_SIZE) as u64;
            let at = HEADER_SIZE + random.below(payload) as usize;
            region.write(at, &[random.next() as u8]);
            Kind::BYTE
        }
        7 => write_fragments(region, random, point),
        8 if mode == Mode::Offload => write_fragments(region, random, point),
        _ => write_length(region, random, point),
    }
}

/// Moves one or both counters forwards or backwards, by a small or a large step.
fn change_counters(region: &Region, random: &Random) -> Kind {
    let step = random.pick(&[1, 1, 1, 8, 100, u64::MAX, u64::MAX - 7, 1 << 40]);
    let which = random.below(4);
    let mut kind = match step {
        1 => Kind::AHEAD,
        8 | 100 | 0x100_0000_0000 => Kind::FAR_AHEAD,
        _ => Kind::BACK,
    };
    for (word, alone) in [(Word::WriteStart, 0), (Word::Write, 1)] {
        if which >= 2 || which == alone {
            let old = region.load(word);
            let new = old.wrapping_add(step);
            region.store(word, new);
            // The counter wrapped at 2^64, forwards or backwards.
            if (step < 1 << 63) != (new > old) {
                kind = Kind::WRAP;
            }
        }
    }
    kind
}

/// Returns the offset of a random element and the element size in the header. The element is often
/// the one that the reader reads.
fn pick_slot(region: &Region, random: &Random, point: MutationPoint) -> (usize, usize) {
    let size = region.load(Word::Size).clamp(16, 1 << 16) as usize;
    let slots = (region.size() - HEADER_SIZE) / size;
    let any = random.below(slots.max(1) as u64) as usize;
    let slot = match point {
        MutationPoint::Peek(offset) | MutationPoint::Copy(offset) if random.once_in(2) => {
            (offset - HEADER_SIZE) / size
        }
        _ => any,
    };
    (HEADER_SIZE + slot * size, size)
}

/// Writes a packet length at an offset at which one of the modes has it.
fn write_length(region: &Region, random: &Random, point: MutationPoint) -> Kind {
    let (slot, size) = pick_slot(region, random, point);
    // A boundary value, or a length that is valid in one of the modes.
    let length = match random.below(2) {
        0 => random.pick(&LENGTHS),
        _ => (size as u16).wrapping_sub(random.pick(&[0, 2, 8, 28, 48])),
    };
    if random.once_in(2) {
        let version: [u8; 3] =
            random.pick(&[[4, 0, 0x45], [41, 0, 0x60], [4, 0, 0x4f], [6, 0, 0x45]]);
        region.write(slot + 6, &version);
        if random.once_in(4) {
            return Kind::VERSION;
        }
    }
    let (at, bytes, kind) = match random.below(5) {
        0 => (4, length.to_le_bytes(), Kind::LENGTH_HEADER),
        1 => (10, length.to_be_bytes(), Kind::LENGTH_IPV4),
        2 => (12, length.to_be_bytes(), Kind::LENGTH_IPV6),
        3 => (size - 2, length.to_le_bytes(), Kind::LENGTH_ETHERNET),
        _ => (8, length.to_le_bytes(), Kind::LENGTH_TOTAL),
    };
    region.write(slot + at, &bytes);
    kind
}

/// Writes the headers of a packet in several elements. The sequence is valid or has one error.
fn write_fragments(region: &Region, random: &Random, point: MutationPoint) -> Kind {
    let (mut first, size) = pick_slot(region, random, point);
    let capacity = size.saturating_sub(28).max(1);
    // Few lengths and marks are used, so that fragments of two sequences often match.
    let count = random.below(3) as usize + 1;
    let rest = random.pick(&[1, 2, capacity.div_ceil(2), capacity]);
    let total = (capacity * (count - 1) + rest).max(20);
    let mark = random.pick(&[0, 0, 7, u32::MAX]);
    // The error, if any, and the fragment with the error. The first fragments may be missing.
    let (error, error_fragment) = (random.below(12), random.below(3) as usize);
    let mut at = if random.once_in(4) {
        capacity * error_fragment
    } else {
        0
    };
    // Write the sequence at any slot, or write it at the next slot of the ring and publish it.
    let wc = region.load(Word::Write);
    let elements = region.load(Word::Elements);
    let publish =
        random.below(4) > 0 && elements.saturating_mul(size as u64) < region.size() as u64;
    if publish && elements > 0 {
        first = HEADER_SIZE + (wc % elements) as usize * size;
        if first + size > region.size() {
            first = HEADER_SIZE;
        }
    }
    let mut offset = first;
    let mut written = 0;
    while at < total {
        let length = capacity.min(total - at);
        let mut header = [0; 28];
        header[..4].copy_from_slice(&mark.to_le_bytes());
        header[4..6].copy_from_slice(&(length as u16).to_le_bytes());
        header[6] = 4;
        header[8..12].copy_from_slice(&(total as u32).to_le_bytes());
        header[12..16].copy_from_slice(&(at as u32).to_le_bytes());
        if at / capacity == error_fragment {
            // Change one byte.
            match error {
                0 => header[0] ^= 1,
                1 => header[4] ^= 1,
                2 => header[8] ^= 1,
                3 => header[12] ^= 1,
                4 => header[16] ^= 1,
                5 => header[6] = 41,
                _ => {}
            }
        }
        region.write(offset, &header);
        if at == 0 {
            let [high, low] = (total as u16).to_be_bytes();
            region.write(offset + 28, &[0x45, 0, high, low]);
        }
        at += length;
        written += 1;
        offset += size;
        if offset + size > region.size() {
            offset = HEADER_SIZE;
        }
    }
    if publish {
        // Sometimes do not publish the last one, so that the packet stays incomplete.
        let unpublished = u64::from(random.once_in(4));
        let wc = wc.wrapping_add(written).saturating_sub(unpublished);
        region.store(Word::WriteStart, wc);
        region.store(Word::Write, wc);
    }
    Kind::FRAGMENTS
}

fn random_value(region: &Region, random: &Random, word: Word) -> u64 {
    match random.below(4) {
        0 => random.next(),
        1 => region
            .load(word)
            .wrapping_add(random.pick(&BOUNDARIES))
            .wrapping_sub(random.pick(&BOUNDARIES)),
        _ => random.pick(&BOUNDARIES),
    }
}
