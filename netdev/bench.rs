// SPDX-License-Identifier: GPL-2.0

//! What an element costs in this kernel, for `CONFIG_MUENNET_BENCH`.
//!
//! One thread writes, publishes and reads one element after another, through mappings as those of
//! an interface that hears itself. What it is compared with copies the same payload by `memcpy()`
//! to the next place of an equal ring and back: a mapping, too, with its check of the bounds, but
//! without a channel in it. `bench/channel` does the same on the host.

use super::{
    memory::{
        InMemory,
        OutMemory, //
    },
    params, //
};
use crate::{
    abstractions::mapping::Mapping,
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

/// Bytes of a payload.
const SIZES: [usize; 5] = [64, 512, 1_500, 9_000, 65_535];

/// Bytes that a turn moves: about a millisecond, of which the kernel's tick interrupts few.
const TURN: usize = 4 << 20;

/// The fewest elements of a turn.
const LEAST: usize = 16;

/// Turns of either contender in a round.
const TURNS: usize = 15;

const ONE: NonZeroU64 = NonZeroU64::MIN;

/// Both contenders, for one ring and one size.
struct Bench {
    out: OutMemory,
    input: InMemory,
    writer: Writer,
    reader: Reader,
    payload: KVec<u8>,
    copy: KVec<u8>,
    /// Where the plain copies are, and how far they have got: in a ring of their own, or one
    /// contender would find in the cache what the other one has just touched.
    plain: Mapping,
    place: usize,
}

impl Bench {
    /// Sets both up, with payloads of `size` bytes in two rings of `ring` bytes from `address` on.
    ///
    /// # Errors
    ///
    /// - As [`Mapping::new`].
    /// - `EINVAL`: not one element fits the ring.
    /// - `ENOMEM`: there is no memory for the payload.
    fn new(address: u64, ring: u64, size: usize) -> Result<Self> {
        let out = OutMemory(Mapping::new(address, ring)?);
        let mut writer = Writer::new(ONE, size, out.mapping().size()).map_err(|_| EINVAL)?;
        writer.start(&out, ONE);
        let input = InMemory(Mapping::new(address, ring)?);
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
            plain: Mapping::new(address.checked_add(ring).ok_or(EINVAL)?, ring)?,
            place: HEADER_SIZE,
        })
    }

    /// Passes `count` elements through the channel.
    ///
    /// # Errors
    ///
    /// - `EIO`: not all of them arrived.
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
                    let whole = element.peek(0, copy);
                    black_box(&mut *copy);
                    whole
                },
                |whole| delivered += usize::from(whole),
            );
        }
        if delivered == count {
            Ok(())
        } else {
            Err(EIO)
        }
    }

    /// Copies the payload `count` times into the other ring and back.
    ///
    /// # Errors
    ///
    /// - `EIO`: a place is not in the ring.
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

    /// Does something and checks that the payload came out: picoseconds for each element.
    ///
    /// # Errors
    ///
    /// As `what`, and `EIO` if something else came out.
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

    /// One round: the medians of turns, ours and theirs.
    ///
    /// # Errors
    ///
    /// As [`time`](Self::time).
    fn round(&mut self) -> Result<[u64; 2]> {
        let count = TURN.checked_div(self.payload.len()).unwrap_or(0).max(LEAST);
        let (mut ours, mut theirs) = ([0; TURNS], [0; TURNS]);
        for (ours, theirs) in ours.iter_mut().zip(&mut theirs) {
            *ours = self.time(count, Self::ours)?;
            *theirs = self.time(count, Self::theirs)?;
        }
        Ok([ours, theirs].map(|mut found| {
            found.sort_unstable();
            found.get(TURNS / 2).copied().unwrap_or(0)
        }))
    }
}

/// Measures one ring and logs a line for each round and size: the bytes of the ring and of the
/// payload, and picoseconds for each element, ours and theirs.
///
/// # Errors
///
/// As [`Bench::new`] and [`Bench::round`].
fn measure(address: u64, ring: u64, rounds: u64) -> Result {
    for size in SIZES {
        let mut bench = Bench::new(address, ring, size)?;
        // Once round the rings, so that they are where they will be.
        let elements = bench.plain.size().checked_div(size).ok_or(EINVAL)?;
        bench.ours(elements)?;
        bench.theirs(elements)?;
        for _ in 0..rounds {
            // Whoever waits for the processor gets it now, rather than within a turn.
            fsleep(Delta::from_millis(1));
            let [ours, theirs] = bench.round()?;
            pr_info!("bench {} {} {} {}\n", ring, size, ours, theirs);
        }
    }
    Ok(())
}

/// Measures what the parameter asks for, its rounds and then the rings one by one, in memory from
/// `address` on that nobody else uses. Without the parameter nothing is done.
///
/// # Errors
///
/// - `EINVAL`: the parameter is not a list of decimal numbers.
/// - As [`Mapping::new`], for memory of twice the size of each ring.
/// - `EIO`: something did not come out as it went in.
/// - `ENOMEM`: there is no memory for a payload.
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
