// SPDX-License-Identifier: GPL-2.0

//! What tells elements of a channel apart.

/// Which element of a channel it is, among all that there ever were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Its epoch, not zero.
    pub(crate) epoch: u64,
    /// Its number in that, from 0.
    pub(crate) number: u64,
}

impl Origin {
    /// The element that follows.
    pub(crate) fn next(self) -> Self {
        Self {
            number: self.number.wrapping_add(1),
            ..self
        }
    }
}
