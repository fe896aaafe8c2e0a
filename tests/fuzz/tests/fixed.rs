// SPDX-License-Identifier: GPL-2.0

//! A share of the attacks with fixed seeds, for every run of the tests.

use muennet_fuzz::attack::run;

#[test]
fn the_reader_survives_a_rogue() {
    for seed in 1..=8 {
        let figures = run(seed, 25_000);
        // Otherwise what was checked is nothing.
        assert!(figures.packets > 500, "{figures:?}");
        assert!(figures.refused > 500, "{figures:?}");
        assert!(figures.honest > 25, "{figures:?}");
        assert!(figures.arrived > 1_000, "{figures:?}");
    }
}
