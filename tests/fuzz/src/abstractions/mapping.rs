// SPDX-License-Identifier: GPL-2.0

//! Replaces `abstractions/mapping/mod.rs`.

use std::rc::Rc;

use crate::{
    channel::Memory,
    memory::Shared, //
};

/// Memory that another party writes.
#[derive(Clone)]
pub(crate) struct Mapping(pub(crate) Rc<Shared>);

impl Mapping {
    pub(crate) fn size(&self) -> usize {
        self.0.region().size()
    }

    pub(crate) fn read_u64(&self, offset: usize) -> Option<u64> {
        self.0.load(offset)
    }

    pub(crate) fn write_u64(&self, offset: usize, value: u64) -> bool {
        self.0.region().fill(offset, &value.to_ne_bytes())
    }

    pub(crate) fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool {
        self.0.peek(offset, to);
        true
    }

    /// Returns the bytes of a copy into a packet, and the number of that access.
    pub(super) fn copy(&self, offset: usize, length: usize) -> (Vec<u8>, usize) {
        self.0.copy(offset, length)
    }

    pub(crate) fn copy_in(&self, offset: usize, from: &[u8]) -> bool {
        self.0.region().fill(offset, from)
    }

    pub(crate) fn read_barrier(&self) {}

    pub(crate) fn write_barrier(&self) {}
}
