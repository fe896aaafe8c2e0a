// SPDX-License-Identifier: GPL-2.0

//! A share of the attacks with fixed seeds, for every run of the tests.

use std::time::Instant;

use muennet_fuzz::{
    attack::run,
    stats::Figures, //
};

#[test]
fn the_reader_survives_a_rogue() {
    let begin = Instant::now();
    let mut sum = Figures::default();
    for seed in 1..=8 {
        // Seen when it fails.
        println!("seed {seed}");
        let figures = run(seed, 25_000);
        // Otherwise what was checked is nothing.
        assert!(figures.packets > 500, "{figures}");
        assert!(figures.pieced > 5, "{figures}");
        assert!(figures.refused > 500, "{figures}");
        assert!(figures.no_memory > 1, "{figures}");
        assert!(figures.honest > 25, "{figures}");
        assert!(figures.arrived > 1_000, "{figures}");
        assert!(figures.own > 100, "{figures}");
        sum.add(&figures);
    }
    let missing = sum.missing();
    assert!(missing.is_empty(), "{missing:?}\n{sum}");
    println!(
        "fixed seeds: {} mutations in {} ms",
        sum.mutations(),
        begin.elapsed().as_millis()
    );
    println!("{sum}");
}
