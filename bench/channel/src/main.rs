// SPDX-License-Identifier: GPL-2.0

//! The cost of an element beyond copying its payload.
//!
//! One thread runs the driver's own writer and reader: it writes, publishes and reads each element.
//! The reference makes two plain copies of the payload, to the next position of a ring of the same
//! size and back. Both process elements one by one, and in batches as a driver under load does: it
//! writes a number of elements, publishes them together, and reads them in one call.
//!
//! `bench-channel ROUNDS RING...` prints one line for each ring (in bytes), batch, payload size and
//! round: ring, batch, size, and the time for each element in nanoseconds, of the channel and of
//! the reference. Measurements of the two alternate.

#[allow(
    dead_code,
    unused_imports,
    reason = "the driver uses items that this program does not"
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
    Memory,
    MemoryMut,
    PeerParams,
    Reader,
    Writer,
    HEADER_SIZE, //
};
use memory::Region;

const SIZES: [usize; 5] = [64, 512, 1500, 9000, 65_535];
/// The number of elements that are written and published before they are read.
const BATCHES: [usize; 2] = [1, 16];
/// The number of bytes that one sample copies.
const SAMPLE_SIZE: usize = 4 << 20;
/// The number of samples in a round.
const SAMPLES: usize = 15;
const ONE: NonZeroU64 = NonZeroU64::MIN;

/// The channel and the reference, for one ring size.
struct Bench {
    region: Region,
    writer: Writer,
    reader: Reader,
    size: usize,
    batch: usize,
    payload: Vec<u8>,
    copy: Vec<u8>,
    /// The ring of the reference. It is a separate ring, because in a shared ring each of the two
    /// would find in the cache the data that the other one has just used.
    reference: Region,
    /// The index of the next element in `reference`.
    index: usize,
}

impl Bench {
    fn new(ring: usize, batch: usize, size: usize) -> Result<Self, Box<dyn Error>> {
        let region = Region::new(ring);
        let mut writer = Writer::new(ONE, size, region.size())
            .map_err(|_| format!("{ring} bytes do not hold {size}"))?;
        writer.start_epoch(&region, ONE);
        let mut reader = Reader::new(PeerParams {
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
            batch,
            payload: vec![7; size],
            copy: vec![0; size],
            reference: Region::new(ring),
            index: 0,
        })
    }

    /// Passes `count` elements through the channel. `count` is a multiple of the batch.
    #[inline(never)]
    fn run_channel(&mut self, count: usize) {
        let mut delivered = 0;
        for _ in 0..count / self.batch {
            for _ in 0..self.batch {
                let payload = black_box(&self.payload);
                let written = self.writer.write(&self.region, |slot| {
                    slot.fill(0, payload);
                    Ok::<(), Infallible>(())
                });
                assert!(written.is_ok(), "a slot has room");
            }
            self.writer.publish(&self.region);
            let copy = &mut self.copy;
            self.reader.read(
                &self.region,
                self.batch,
                |element| {
                    element.peek(0, copy);
                    black_box(&mut *copy);
                },
                |()| delivered += 1,
            );
        }
        assert_eq!(delivered, count, "every element arrives");
    }

    /// Copies the payload `count` times to the ring of the reference and back.
    #[inline(never)]
    fn run_reference(&mut self, count: usize) {
        let elements = (self.reference.size() - HEADER_SIZE) / self.size;
        let next = |index| if index + 1 == elements { 0 } else { index + 1 };
        for _ in 0..count / self.batch {
            let mut index = self.index;
            for _ in 0..self.batch {
                let offset = HEADER_SIZE + index * self.size;
                self.reference.copy_in(offset, black_box(&self.payload));
                index = next(index);
            }
            for _ in 0..self.batch {
                let offset = HEADER_SIZE + self.index * self.size;
                self.reference.copy_out(offset, &mut self.copy);
                black_box(&mut self.copy);
                self.index = next(self.index);
            }
        }
    }

    /// Runs one round. Returns the medians of the samples, in nanoseconds for each element, of the
    /// channel and of the reference.
    fn round(&mut self) -> [f64; 2] {
        let count = (SAMPLE_SIZE / self.size)
            .max(16)
            .next_multiple_of(self.batch);
        let mut samples = [Vec::new(), Vec::new()];
        for _ in 0..SAMPLES {
            let [channel, reference] = &mut samples;
            for (is_channel, times) in [(true, channel), (false, reference)] {
                let begin = Instant::now();
                if is_channel {
                    self.run_channel(count);
                } else {
                    self.run_reference(count);
                }
                times.push(begin.elapsed().as_secs_f64() * 1e9 / count as f64);
            }
        }
        samples.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[SAMPLES / 2]
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = env::args().skip(1).map(|it| it.parse());
    let rounds: usize = numbers.next().ok_or("ROUNDS is missing")??;
    for ring in numbers {
        let ring = ring?;
        for (batch, size) in BATCHES.iter().flat_map(|&it| SIZES.map(|size| (it, size))) {
            // The writer publishes by itself when a quarter of the ring is unpublished.
            if batch > 1 && (ring - HEADER_SIZE) / size < 4 * batch {
                continue;
            }
            let mut bench = Bench::new(ring, batch, size)?;
            let count = (ring / size).next_multiple_of(batch);
            bench.run_channel(count);
            bench.run_reference(count);
            for _ in 0..rounds {
                let [channel, reference] = bench.round();
                println!("{ring} {batch} {size} {channel:.2} {reference:.2}");
            }
        }
    }
    Ok(())
}
