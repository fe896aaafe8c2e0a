// SPDX-License-Identifier: GPL-2.0

//! The cost of an element in this kernel, for `CONFIG_MUENNET_BENCH`.
//!
//! One thread writes, publishes and reads one element after another, through mappings like those of
//! an interface that receives its own packets. The reference copies the same payload with
//! `memcpy()` to the next position of a ring of the same size and back. It uses a mapping with its
//! bounds checks, too, but no channel. `bench/channel` makes the same measurements on the host.

use super::{
    memory::{
        InMemory,
        OutMemory, //
    },
    params, //
};
use crate::{
    abstractions::{
        mapping::Mapping,
        platform::map_for_bench, //
    },
    channel::{
        PeerParams,
        Reader,
        Writer,
        HEADER_SIZE, //
    }, //
};
use core::{
    hint::black_box,
    num::NonZeroU64, //
};
use kernel::{
    prelude::*,
    time::{
        delay::fsleep,
        Delta,
        Instant,
        Monotonic, //
    }, //
};

/// Sizes of the payload in bytes.
const SIZES: [usize; 5] = [64, 512, 1_500, 9_000, 65_535];

/// The number of bytes that one measurement copies. It takes about a millisecond, so the timer tick
/// interrupts few measurements.
const TURN: usize = 4 << 20;

/// The smallest number of elements in one measurement.
const LEAST: usize = 16;

/// The number of measurements of each contender in a round.
const TURNS: usize = 15;

const ONE: NonZeroU64 = NonZeroU64::MIN;

/// The channel and the reference, for one ring and one payload size.
struct Bench {
    out: OutMemory,
    input: InMemory,
    writer: Writer,
    reader: Reader,
    payload: KVec<u8>,
    copy: KVec<u8>,
    /// The ring of the reference. It is a separate ring, because in a shared ring each contender
    /// would find in the cache the data that the other one has just used.
    plain: Mapping,
    /// The offset of the next copy in `plain`.
    place: usize,
}

impl Bench {
    /// Sets up both contenders, with payloads of `size` bytes in two rings of `ring` bytes each.
    /// The first ring is at the physical address `address`, the second one follows it.
    ///
    /// # Errors
    ///
    /// - The errors of [`map_for_bench`].
    /// - `EINVAL` if not even one element fits the ring.
    /// - `ENOMEM` if there is no memory for the payload.
    fn new(address: u64, ring: u64, size: usize) -> Result<Self> {
        let out = OutMemory(map_for_bench(address, ring)?);
        let mut writer = Writer::new(ONE, size, out.mapping().size()).map_err(|_| EINVAL)?;
        writer.start_epoch(&out, ONE);
        let input = InMemory(map_for_bench(address, ring)?);
        let mut reader = Reader::new(PeerParams {
            protocol: ONE.get(),
            min_size: 1,
            max_size: size,
        });
        reader.read(&input, 1, |_| (), |()| ());
        Ok(Self {
            out,
            input,
            writer,
            reader,
            payload: KVec::from_elem(7, size, GFP_KERNEL)?,
            copy: KVec::from_elem(0, size, GFP_KERNEL)?,
            plain: map_for_bench(address.checked_add(ring).ok_or(EINVAL)?, ring)?,
            place: HEADER_SIZE,
        })
    }

    /// Passes `count` elements through the channel.
    ///
    /// # Errors
    ///
    /// - `EIO` if not all of them arrived.
    #[inline(never)]
    fn ours(&mut self, count: usize) -> Result {
        let mut delivered = 0;
        for _ in 0..count {
            let payload = black_box(self.payload.as_slice());
            self.writer
                .write(&self.out, |slot| match slot.fill(0, payload) {
                    true => Ok(()),
                    false => Err(EIO),
                })?;
            self.writer.publish(&self.out);
            let copy = self.copy.as_mut_slice();
            self.reader.read(
                &self.input,
                1,
                |element| {
                    let copied = element.peek(0, copy);
                    black_box(&mut *copy);
                    copied
                },
                |copied| delivered += usize::from(copied),
            );
        }
        if delivered == count {
            Ok(())
        } else {
            Err(EIO)
        }
    }

    /// Copies the payload `count` times to the ring of the reference and back.
    ///
    /// # Errors
    ///
    /// - `EIO` if a copy would exceed the ring.
    #[inline(never)]
    fn theirs(&mut self, count: usize) -> Result {
        let size = self.payload.len();
        let last = self.plain.size().checked_sub(size).ok_or(EIO)?;
        for _ in 0..count {
            let copy = self.copy.as_mut_slice();
            let done = self.plain.copy_in(self.place, black_box(&self.payload))
                && self.plain.copy_out(self.place, copy);
            black_box(copy);
            if !done {
                return Err(EIO);
            }
            self.place += size;
            if self.place > last {
                self.place = HEADER_SIZE;
            }
        }
        Ok(())
    }

    /// Runs `what` for `count` elements and checks that the payload arrived. Returns the time for
    /// each element in picoseconds.
    ///
    /// # Errors
    ///
    /// - The errors of `what`.
    /// - `EIO` if the payload that arrived differs.
    fn time(&mut self, count: usize, what: fn(&mut Self, usize) -> Result) -> Result<u64> {
        self.copy.fill(0);
        let begin = Instant::<Monotonic>::now();
        what(self, count)?;
        let taken = u64::try_from(begin.elapsed().as_nanos()).map_err(|_| EIO)?;
        if *self.copy != *self.payload {
            return Err(EIO);
        }
        let count = u64::try_from(count)?;
        taken.saturating_mul(1_000).checked_div(count).ok_or(EIO)
    }

    /// Runs one round. Returns the medians of the measurements: of the channel and of the
    /// reference.
    ///
    /// # Errors
    ///
    /// - The errors of [`time`](Self::time).
    fn round(&mut self) -> Result<[u64; 2]> {
        let count = TURN.checked_div(self.payload.len()).unwrap_or(0).max(LEAST);
        let (mut ours, mut theirs) = ([0; TURNS], [0; TURNS]);
        for (ours, theirs) in ours.iter_mut().zip(&mut theirs) {
            *ours = self.time(count, Self::ours)?;
            *theirs = self.time(count, Self::theirs)?;
        }
        Ok([ours, theirs].map(|mut times| {
            times.sort_unstable();
            times.get(TURNS / 2).copied().unwrap_or(0)
        }))
    }
}

/// Measures one ring. For each round and payload size, logs a line with the size of the ring and of
/// the payload in bytes, and the time for each element in picoseconds: of the channel and of the
/// reference.
///
/// # Errors
///
/// - The errors of [`Bench::new`] and [`Bench::round`].
fn measure(address: u64, ring: u64, rounds: u64) -> Result {
    for size in SIZES {
        let mut bench = Bench::new(address, ring, size)?;
        // Warm up: go around both rings once.
        let elements = bench.plain.size().checked_div(size).ok_or(EINVAL)?;
        bench.ours(elements)?;
        bench.theirs(elements)?;
        for _ in 0..rounds {
            // Let other tasks run now rather than during a measurement.
            fsleep(Delta::from_millis(1));
            let [ours, theirs] = bench.round()?;
            pr_info!("bench {} {} {} {}\n", ring, size, ours, theirs);
        }
    }
    Ok(())
}

/// Runs the benchmark of the module parameter: a number of rounds, followed by the sizes of the
/// rings to measure in bytes. Uses memory at the physical address `address`, which must not be in
/// use. Does nothing if the parameter is not set.
///
/// # Errors
///
/// - `EINVAL` if the parameter is not a list of decimal numbers.
/// - The errors of [`map_for_bench`], for memory of twice the size of each ring.
/// - `EIO` if an element does not arrive, or arrives with a different payload.
/// - `ENOMEM` if there is no memory for a payload.
pub(crate) fn run(parameter: &dyn params::List, address: u64) -> Result {
    let number = |index| {
        let word = core::str::from_utf8(parameter.get(index)?).ok()?;
        word.parse::<u64>().ok()
    };
    if parameter.count() == 0 {
        return Ok(());
    }
    let rounds = number(0).ok_or(EINVAL)?;
    for index in 1..parameter.count() {
        let ring = number(index).ok_or(EINVAL)?;
        measure(address, ring, rounds).inspect_err(|error| {
            pr_err!("bench: ring of {} bytes: {:?}\n", ring, error);
        })?;
    }
    Ok(())
}
