// SPDX-License-Identifier: GPL-2.0

//! The completion of a poll, without missing packets that arrive meanwhile.

/// Completes a poll with `complete`. If that ended the poll, re-enables the interrupt or timer that
/// schedules the next one with `rearm`. Then calls `schedule` if `has_pending` returns `true`: if
/// packets arrived before `rearm`.
///
/// `has_pending` sees the packets that arrived before it is called. Packets that arrive after
/// `rearm` schedule a poll themselves. No packet is missed if `rearm` is a full barrier, and if the
/// writer has a full barrier between writing and notifying. `tests/loom` checks this function.
#[inline(always)]
pub(crate) fn complete_and_rearm(
    complete: impl FnOnce() -> bool,
    rearm: impl FnOnce(),
    has_pending: impl FnOnce() -> bool,
    schedule: impl FnOnce(),
) {
    if complete() {
        rearm();
        if has_pending() {
            schedule();
        }
    }
}
