// SPDX-License-Identifier: GPL-2.0

//! `fuzz MUTATIONS SEED`: attacks the reader in two threads and prints the statistics.

use std::{
    env,
    process::ExitCode,
    thread,
    time::Instant, //
};

use muennet_fuzz::{
    attack::run,
    stats::Figures, //
};

/// The number of mutations between two lines of progress.
const STRETCH: u64 = 1_000_000;

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
    let mut sum = Figures::default();
    let mut stretch = 0;
    while sum.mutations() < mutations {
        let each = (mutations - sum.mutations()).min(STRETCH).div_ceil(2);
        // Each stretch has its own seeds. A seed is sufficient to repeat a stretch.
        let seeds = [seed.wrapping_add(stretch), seed.wrapping_add(stretch + 1)];
        let threads = seeds.map(|seed| (seed, thread::spawn(move || run(seed, each))));
        for (seed, thread) in threads {
            let Ok(figures) = thread.join() else {
                // Each of the two threads makes half of the mutations.
                println!(
                    "failed; again: fuzz {} {seed}, on its first thread",
                    2 * each
                );
                return ExitCode::FAILURE;
            };
            sum.add(&figures);
        }
        stretch += 2;
        println!(
            "{} mutations in {} s",
            sum.mutations(),
            begin.elapsed().as_secs()
        );
    }
    println!("\n{sum}");
    ExitCode::SUCCESS
}
