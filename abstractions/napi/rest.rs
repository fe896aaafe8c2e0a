// SPDX-License-Identifier: GPL-2.0

//! How a poll comes to rest without missing what comes meanwhile.

/// Ends polling: `complete`; and if that was the end, `arm` what asks for the next poll, `look`
/// once more for what came before it was armed, and if there is something, poll `again`.
///
/// What comes before `look` is seen by it; what comes after `arm` asks for a poll itself. Nothing
/// falls in between if `arm` is a full barrier, and so is whatever the writer does between writing
/// and asking. `tests/loom` runs this very source.
#[inline(always)]
pub(crate) fn rest(
    complete: impl FnOnce() -> bool,
    arm: impl FnOnce(),
    look: impl FnOnce() -> bool,
    again: impl FnOnce(),
) {
    if complete() {
        arm();
        if look() {
            again();
        }
    }
}
