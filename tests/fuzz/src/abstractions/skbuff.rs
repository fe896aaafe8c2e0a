// SPDX-License-Identifier: GPL-2.0

//! Replaces `abstractions/skbuff/mod.rs`: packets that record the accesses they consist of.

use std::cell::Cell;

use super::mapping::Mapping;
use crate::error::{
    Error,
    Result, //
};

thread_local! {
    /// The number of packets that can be allocated before one allocation fails; `None` if none
    /// fails.
    static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Makes the allocation fail that follows the next `count` allocations. With `None`, none fails.
pub(crate) fn fail_after(count: Option<u64>) {
    LEFT.set(count);
}

fn allocate() -> Option<()> {
    match LEFT.get() {
        None => {}
        Some(0) => {
            LEFT.set(None);
            return None;
        }
        Some(left) => LEFT.set(Some(left - 1)),
    }
    Some(())
}

/// The number of bytes in the linear part of a packet: `MUENNET_HEADER_MAX`.
const LINEAR: usize = 192;

/// A received packet.
pub(crate) struct RxSkBuff {
    /// All bytes that were copied, including those that were pulled.
    pub(super) bytes: Vec<u8>,
    pub(super) pulled: usize,
    /// The numbers of the accesses that copied the bytes.
    pub(super) copies: Vec<usize>,
}

impl RxSkBuff {
    pub(super) fn copied(from: &Mapping, offset: usize, length: usize) -> Option<Self> {
        allocate()?;
        let (bytes, access) = from.copy(offset, length);
        Some(Self {
            bytes,
            pulled: 0,
            copies: vec![access],
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.pulled
    }

    /// Returns the linear part only: in the kernel the rest of a long packet lies in pages.
    pub(crate) fn data(&self) -> &[u8] {
        let linear = self.bytes.len().min(LINEAR);
        &self.bytes[self.pulled..linear]
    }

    pub(crate) fn pull(&mut self, count: usize) -> bool {
        let can = count <= self.data().len();
        self.pulled += if can { count } else { 0 };
        can
    }
}

/// A large packet that is being received, one fragment at a time.
pub(crate) struct FragSkBuff {
    bytes: Vec<u8>,
    copies: Vec<usize>,
    length: usize,
}

impl FragSkBuff {
    pub(crate) fn new(length: usize) -> Option<Self> {
        allocate()?;
        Some(Self {
            bytes: Vec::new(),
            copies: Vec::new(),
            length,
        })
    }

    pub(crate) fn put(&mut self, from: &Mapping, offset: usize, length: usize) -> Result {
        if self.bytes.len() + length > self.length {
            return Err(Error);
        }
        let (bytes, access) = from.copy(offset, length);
        self.bytes.extend_from_slice(&bytes);
        self.copies.push(access);
        Ok(())
    }

    pub(crate) fn complete(self) -> Option<FilledFragSkBuff> {
        (self.bytes.len() == self.length).then_some(FilledFragSkBuff {
            bytes: self.bytes,
            copies: self.copies,
        })
    }
}

/// A large packet that has been received completely.
pub(crate) struct FilledFragSkBuff {
    pub(super) bytes: Vec<u8>,
    pub(super) copies: Vec<usize>,
}

impl FilledFragSkBuff {
    pub(crate) fn head<const N: usize>(&self) -> Option<[u8; N]> {
        self.bytes.first_chunk().copied()
    }
}

/// A packet that is sent, without any offloads.
pub(crate) struct SkBuff {
    pub(crate) bytes: Vec<u8>,
    /// The bytes of the packet when it is copied, if another party has changed them meanwhile.
    pub(crate) copied: Option<Vec<u8>>,
    pub(crate) mark: u32,
}

impl SkBuff {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn mark(&self) -> u32 {
        self.mark
    }

    /// Returns the protocol that the first byte of the packet indicates.
    pub(crate) fn protocol(&self) -> u16 {
        match self.bytes.first().map(|first| first >> 4) {
            Some(4) => 0x0800,
            Some(6) => 0x86dd,
            _ => 0,
        }
    }

    pub(crate) fn head<const N: usize>(&self) -> Option<[u8; N]> {
        self.bytes.first_chunk().copied()
    }

    pub(crate) fn vnet_hdr(&self) -> Option<[u8; 10]> {
        Some([0; 10])
    }

    pub(crate) fn copy_to(&self, to: &Mapping, offset: usize) -> Result {
        self.copy_bits_to(to, offset, 0, self.len())
    }

    pub(crate) fn copy_bits_to(
        &self,
        to: &Mapping,
        offset: usize,
        from: usize,
        length: usize,
    ) -> Result {
        let bytes = self.copied.as_ref().unwrap_or(&self.bytes);
        let end = from.checked_add(length).ok_or(Error)?;
        let bytes = bytes.get(from..end).ok_or(Error)?;
        to.copy_in(offset, bytes).then_some(()).ok_or(Error)
    }

    /// Fails: the fuzzer sends no packets that need segmentation, so no checksum is needed.
    pub(crate) fn copy_and_csum_bits_to(
        &self,
        _to: &Mapping,
        _offset: usize,
        _from: usize,
        _length: usize,
    ) -> Result<u32> {
        Err(Error)
    }
}
