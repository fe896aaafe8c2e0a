// SPDX-License-Identifier: GPL-2.0

//! What the log says of VLANs whose frames do not fit an element.
//!
//! A VLAN has the MTU of the device below it unless somebody asks for another. An element has room
//! for a frame of that MTU without a tag: `ping` works, and TCP over the VLAN stands still. The
//! elements cannot simply grow, for some peers copy as many bytes as the header says into a buffer
//! of the usual size.

use super::super::frame::ethernet;
use crate::abstractions::skbuff::SkBuff;
use kernel::sync::atomic::{
    ordering::Relaxed,
    Atomic, //
};

/// No tagged frame has been dropped for its length.
const QUIET: u32 = 0;
/// One has, and the log does not know yet.
const DUE: u32 = 1;
/// The log has been told, once for each interface.
const TOLD: u32 = 2;

/// Whether the log is to be told.
pub(super) struct TagWarning(Atomic<u32>);

impl TagWarning {
    /// There is nothing to say.
    pub(super) const fn new() -> Self {
        Self(Atomic::new(QUIET))
    }

    /// Takes note of a frame that has been dropped: what helps is to be said if it has a tag and is
    /// too long for the elements, of `element_size` bytes.
    #[cold]
    pub(super) fn dropped(&self, skb: &SkBuff, element_size: usize) {
        let room = ethernet::trailer_at(element_size).unwrap_or(0);
        // Two bytes more, which every tagged frame has, make two loads of it.
        let tagged = skb
            .head::<{ ethernet::HEADER_SIZE + 2 }>()
            .is_some_and(|start| start.first_chunk().is_some_and(ethernet::is_tagged));
        let fits = skb.frame_fits(u32::try_from(room).unwrap_or(u32::MAX));
        if tagged && !fits && self.0.load(Relaxed) == QUIET {
            self.0.store(DUE, Relaxed);
        }
    }

    /// Whether it is to be said now; true once.
    #[inline]
    pub(super) fn take(&self) -> bool {
        self.0.load(Relaxed) == DUE && self.0.xchg(TOLD, Relaxed) == DUE
    }
}
