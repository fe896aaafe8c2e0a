// SPDX-License-Identifier: GPL-2.0

//! Tests each word of the header with each boundary value in each state of a reader.

#[test]
fn boundary_values_in_each_state() {
    let cells = muennet_fuzz::table::check();
    println!("table: {cells} cells of words, values and states");
    assert_eq!(cells, 8 * 25 * 8);
}
