// SPDX-License-Identifier: GPL-2.0

//! As `abstractions/mapping.rs`.

use std::rc::Rc;

use super::skbuff::SkBuff;
use crate::{
    channel::Memory,
    error::{
        Error,
        Result, //
    },
    memory::Shared, //
};

/// Memory that somebody else writes.
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

    /// What a packet copies; the number of that access.
    pub(super) fn copy(&self, offset: usize, length: usize) -> (Vec<u8>, usize) {
        self.0.copy(offset, length)
    }

    pub(crate) fn copy_in(&self, offset: usize, from: &[u8]) -> bool {
        self.0.region().fill(offset, from)
    }

    pub(crate) fn copy_packet(&self, offset: usize, packet: &SkBuff) -> Result {
        self.copy_packet_part(offset, packet, 0, packet.len())
    }

    pub(crate) fn copy_packet_part(
        &self,
        offset: usize,
        packet: &SkBuff,
        from: usize,
        length: usize,
    ) -> Result {
        let bytes = packet.part(from, length).ok_or(Error)?;
        self.copy_in(offset, bytes).then_some(()).ok_or(Error)
    }

    /// Nobody here cuts packets into segments, so nobody asks for the sum.
    pub(crate) fn copy_packet_part_and_sum(
        &self,
        _offset: usize,
        _packet: &SkBuff,
        _from: usize,
        _length: usize,
    ) -> Result<u32> {
        Err(Error)
    }

    pub(crate) fn read_barrier(&self) {}

    pub(crate) fn write_barrier(&self) {}
}
