// SPDX-License-Identifier: GPL-2.0

//! Replaces `abstractions/mapping/mod.rs`.

use std::rc::Rc;

use crate::{
    channel::Memory,
    memory::SharedRegion, //
};

/// Memory that a peer writes at the same time.
#[derive(Clone)]
pub(crate) struct Mapping(pub(crate) Rc<SharedRegion>);

impl Mapping {
    pub(crate) fn size(&self) -> usize {
        self.0.region().size()
    }

    pub(crate) fn read_u64(&self, offset: usize) -> Option<u64> {
        self.0.load(offset)
    }

    pub(crate) fn read_u64_acquire(&self, offset: usize) -> Option<u64> {
        self.read_u64(offset)
    }

    pub(crate) fn write_u64(&self, offset: usize, value: u64) -> bool {
        self.0.region().write(offset, &value.to_ne_bytes())
    }

    pub(crate) fn write_u64_release(&self, offset: usize, value: u64) -> bool {
        self.write_u64(offset, value)
    }

    pub(crate) fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool {
        self.0.peek(offset, to);
        true
    }

    /// Copies bytes for a packet. Returns them and the number of the access.
    pub(super) fn copy(&self, offset: usize, length: usize) -> (Vec<u8>, usize) {
        self.0.copy(offset, length)
    }

    pub(crate) fn copy_in(&self, offset: usize, from: &[u8]) -> bool {
        self.0.region().write(offset, from)
    }

    pub(crate) fn read_barrier(&self) {}

    pub(crate) fn write_barrier(&self) {}
}
