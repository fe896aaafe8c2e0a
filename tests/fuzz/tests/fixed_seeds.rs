// SPDX-License-Identifier: GPL-2.0

//! A small number of attacks with fixed seeds, for `make check`.

use std::time::Instant;

use muennet_fuzz::{
    attack::run,
    stats::Stats, //
};

#[test]
fn reader_survives_rogue() {
    let start = Instant::now();
    let mut total = Stats::default();
    for seed in 1..=8 {
        // The test harness prints this if the test fails.
        println!("seed {seed}");
        let stats = run(seed, 25_000);
        // Fail if an outcome is too rare: its checks would show nothing.
        assert!(stats.packets > 500, "{stats}");
        assert!(stats.reassembled > 5, "{stats}");
        assert!(stats.refused_epochs > 500, "{stats}");
        assert!(stats.no_memory > 1, "{stats}");
        assert!(stats.honest_writers > 25, "{stats}");
        assert!(stats.honest_elements > 1_000, "{stats}");
        assert!(stats.round_trips > 100, "{stats}");
        total.add(&stats);
    }
    let missing = total.missing();
    assert!(missing.is_empty(), "{missing:?}\n{total}");
    println!(
        "fixed seeds: {} mutations in {} ms",
        total.mutations(),
        start.elapsed().as_millis()
    );
    println!("{total}");
}
