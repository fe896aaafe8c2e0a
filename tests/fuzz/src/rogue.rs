// SPDX-License-Identifier: GPL-2.0

//! The writer that breaks the rules.

use crate::{
    channel::{
        Memory,
        MemoryMut,
        Word,
        HEADER_SIZE, //
    },
    memory::Region,
    random::Random, //
};

const WORDS: [Word; 8] = [
    Word::Transport,
    Word::Epoch,
    Word::Protocol,
    Word::Size,
    Word::Elements,
    Word::Reserved,
    Word::WriteStart,
    Word::Write,
];

/// The values at which programs go wrong.
const BOUNDARIES: [u64; 20] = [
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
    (1 << 31) - 1,
    1 << 32,
    1 << 40,
    1 << 48,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX - 1,
    u64::MAX,
];

/// Lengths at which they do, of packets.
const LENGTHS: [u16; 12] = [0, 1, 4, 13, 14, 19, 20, 40, 1500, 1501, 32_768, 65_535];

/// Does one thing that no honest writer would do just now; `copied` is the place of what the reader
/// is copying.
pub(crate) fn mutate(region: &Region, random: &Random, copied: Option<usize>) {
    match random.below(10) {
        0..=2 => {
            let word = random.pick(&WORDS);
            region.store(word, value(region, random, word));
        }
        // Counters that run: backwards, far ahead, round.
        3 | 4 => {
            let step = random.pick(&[1, 1, 1, 8, 100, u64::MAX, u64::MAX - 7, 1 << 40]);
            for word in [Word::WriteStart, Word::Write] {
                if random.below(4) > 0 {
                    region.store(word, region.load(word).wrapping_add(step));
                }
            }
        }
        // An epoch that fits, with whatever counters there are.
        5 => region.store(Word::Epoch, random.below(4)),
        // Bytes anywhere.
        6 => {
            let room = (region.size() - HEADER_SIZE) as u64;
            let at = HEADER_SIZE + random.below(room) as usize;
            region.copy_in(at, &[random.next() as u8]);
        }
        // The lengths that packets state, where the reader may look for them.
        _ => {
            let size = region.load(Word::Size).clamp(16, 1 << 16);
            let slots = (region.size() as u64 - HEADER_SIZE as u64) / size;
            let any = HEADER_SIZE as u64 + random.below(slots.max(1)) * size;
            let slot = match copied {
                Some(offset) if random.once_in(2) => offset as u64,
                _ => any,
            };
            let length = random.pick(&LENGTHS);
            let place = random.pick(&[4, 10, 12, size - 2]);
            let bytes = match place {
                4 => length.to_le_bytes(),
                10 | 12 => length.to_be_bytes(),
                _ => length.to_le_bytes(),
            };
            region.copy_in((slot + place) as usize, &bytes);
            let start = random.pick(&[[4, 0, 0x45], [41, 0, 0x60], [4, 0, 0x4f], [6, 0, 0x45]]);
            region.copy_in(slot as usize + 6, &start);
        }
    }
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
