// SPDX-License-Identifier: GPL-2.0

//! Each word of the header at each boundary, in each state of a reader.

#[test]
fn words_at_boundaries_in_each_state() {
    let cells = muennet_fuzz::table::check();
    println!("table: {cells} cells of words, values and states");
    assert_eq!(cells, 8 * 25 * 8);
}
