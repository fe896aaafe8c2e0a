// SPDX-License-Identifier: GPL-2.0

//! What an element costs beyond the copying: the driver's own writer and reader in one thread, each
//! element written, published and read, against two plain copies of the payload, to the next place
//! of an equal ring and back.
//!
//! `bench-channel ROUNDS RING...` prints for each ring (bytes) and size of a payload a line: ring,
//! size, and nanoseconds an element for each round, ours and theirs in turns.

#[allow(
    dead_code,
    unused_imports,
    reason = "the driver uses what this does not"
)]
#[path = "../../../channel/mod.rs"]
mod channel;
mod memory;

use std::{
    convert::Infallible,
    env,
    error::Error,
    hint::black_box,
    num::NonZeroU64,
    time::Instant, //
};

use channel::{
    Expect,
    Memory,
    MemoryMut,
    Reader,
    Writer,
    HEADER_SIZE, //
};
use memory::Region;

const SIZES: [usize; 5] = [64, 512, 1500, 9000, 65_535];
/// Bytes that one turn moves, and turns of a round.
const TURN: usize = 4 << 20;
const TURNS: usize = 15;
const ONE: NonZeroU64 = NonZeroU64::MIN;

/// Both contenders on one ring.
struct Bench {
    region: Region,
    writer: Writer,
    reader: Reader,
    size: usize,
    payload: Vec<u8>,
    copy: Vec<u8>,
    /// Where the plain copies are, and how far they have got: in a ring of their own, or one
    /// contender would find in the cache what the other one has just touched.
    plain: Region,
    place: usize,
}

impl Bench {
    fn new(ring: usize, size: usize) -> Result<Self, Box<dyn Error>> {
        let region = Region::new(ring);
        let mut writer = Writer::new(ONE, size, region.size())
            .map_err(|_| format!("{ring} bytes do not hold {size}"))?;
        writer.start(&region, ONE);
        let mut reader = Reader::new(Expect {
            protocol: 1,
            min_size: 1,
            max_size: size,
        });
        reader.read(&region, 1, |_| (), |()| ());
        Ok(Self {
            region,
            writer,
            reader,
            size,
            payload: vec![7; size],
            copy: vec![0; size],
            plain: Region::new(ring),
            place: 0,
        })
    }

    #[inline(never)]
    fn ours(&mut self, count: usize) {
        let mut delivered = 0;
        for _ in 0..count {
            let payload = black_box(&self.payload);
            let written = self.writer.write(&self.region, |slot| {
                slot.fill(0, payload);
                Ok::<(), Infallible>(())
            });
            debug_assert!(written.is_ok());
            self.writer.publish(&self.region);
            let copy = &mut self.copy;
            self.reader.read(
                &self.region,
                1,
                |element| {
                    element.peek(0, copy);
                    black_box(&mut *copy);
                },
                |()| delivered += 1,
            );
        }
        assert_eq!(delivered, count, "every element arrives");
    }

    #[inline(never)]
    fn theirs(&mut self, count: usize) {
        let elements = (self.plain.size() - HEADER_SIZE) / self.size;
        for _ in 0..count {
            let offset = HEADER_SIZE + self.place * self.size;
            self.plain.copy_in(offset, black_box(&self.payload));
            self.plain.copy_out(offset, &mut self.copy);
            black_box(&mut self.copy);
            self.place += 1;
            if self.place == elements {
                self.place = 0;
            }
        }
    }

    /// One round: the medians of turns, in nanoseconds an element.
    fn round(&mut self) -> [f64; 2] {
        let count = (TURN / self.size).max(16);
        let mut turns = [Vec::new(), Vec::new()];
        for _ in 0..TURNS {
            let [first, second] = &mut turns;
            for (which, found) in [(true, first), (false, second)] {
                let begin = Instant::now();
                if which {
                    self.ours(count);
                } else {
                    self.theirs(count);
                }
                found.push(begin.elapsed().as_secs_f64() * 1e9 / count as f64);
            }
        }
        turns.map(|mut found| {
            found.sort_by(f64::total_cmp);
            found[TURNS / 2]
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = env::args().skip(1).map(|it| it.parse());
    let rounds: usize = numbers.next().ok_or("how many rounds?")??;
    for ring in numbers {
        let ring = ring?;
        for size in SIZES {
            let mut bench = Bench::new(ring, size)?;
            bench.ours(ring / size);
            bench.theirs(ring / size);
            for _ in 0..rounds {
                let [ours, theirs] = bench.round();
                println!("{ring} {size} {ours:.2} {theirs:.2}");
            }
        }
    }
    Ok(())
}
