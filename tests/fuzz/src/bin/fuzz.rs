// SPDX-License-Identifier: GPL-2.0

//! `fuzz MUTATIONS SEED`: attacks the reader in two threads, and prints the statistics.

use std::{
    env,
    process::ExitCode,
    thread,
    time::Instant, //
};

use muennet_fuzz::{
    attack::run,
    stats::Stats, //
};

/// The number of mutations after which a line of progress is printed.
const CHUNK: u64 = 1_000_000;

fn number(argument: Option<String>) -> Option<u64> {
    argument?.replace('_', "").parse().ok()
}

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (Some(mutations), Some(seed)) = (number(arguments.next()), number(arguments.next())) else {
        eprintln!("usage: fuzz MUTATIONS SEED");
        return ExitCode::from(2);
    };
    let begin = Instant::now();
    let mut sum = Stats::default();
    let mut chunk = 0;
    while sum.mutations() < mutations {
        let share = (mutations - sum.mutations()).min(CHUNK).div_ceil(2);
        // Each thread has its own seed, which is sufficient to reproduce its share of a chunk.
        let seeds = [seed.wrapping_add(chunk), seed.wrapping_add(chunk + 1)];
        let threads = seeds.map(|seed| (seed, thread::spawn(move || run(seed, share))));
        for (seed, thread) in threads {
            let Ok(stats) = thread.join() else {
                // Each of the two threads makes half of the mutations.
                println!(
                    "failed; to reproduce, in the first thread: fuzz {} {seed}",
                    2 * share
                );
                return ExitCode::FAILURE;
            };
            sum.add(&stats);
        }
        chunk += 2;
        println!(
            "{} mutations in {} s",
            sum.mutations(),
            begin.elapsed().as_secs()
        );
    }
    println!("\n{sum}");
    ExitCode::SUCCESS
}
