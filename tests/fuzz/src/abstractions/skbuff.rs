// SPDX-License-Identifier: GPL-2.0

//! Replaces `abstractions/skbuff/mod.rs`. Each packet records the accesses that copied its bytes.

use std::{
    cell::Cell,
    marker::PhantomData, //
};

use super::mapping::Mapping;
use crate::error::{
    Error,
    Result, //
};

thread_local! {
    /// The number of successful allocations before one fails. `None` if none fails.
    static ALLOCATIONS_LEFT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Makes one allocation fail after `count` successful ones. With `None`, no allocation fails.
pub(crate) fn fail_after(count: Option<u64>) {
    ALLOCATIONS_LEFT.set(count);
}

fn allocate() -> Option<()> {
    match ALLOCATIONS_LEFT.get() {
        None => {}
        Some(0) => {
            ALLOCATIONS_LEFT.set(None);
            return None;
        }
        Some(left) => ALLOCATIONS_LEFT.set(Some(left - 1)),
    }
    Some(())
}

/// The number of bytes in the linear part of a packet: `MUENNET_HEADER_MAX`.
const LINEAR: usize = 192;

/// A received packet.
pub(crate) struct RxSkBuff {
    /// All copied bytes, including the pulled ones.
    pub(super) bytes: Vec<u8>,
    pub(super) pulled: usize,
    /// The numbers of the accesses that copied the bytes.
    pub(super) copies: Vec<usize>,
}

impl RxSkBuff {
    pub(super) fn copy_from(from: &Mapping, offset: usize, length: usize) -> Option<Self> {
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

    /// Returns the linear part only. In the kernel, the rest of a long packet is in page fragments.
    pub(crate) fn data(&self) -> &[u8] {
        let linear = self.bytes.len().min(LINEAR);
        &self.bytes[self.pulled..linear]
    }

    pub(crate) fn pull(&mut self, count: usize) -> bool {
        let fits = count <= self.data().len();
        self.pulled += if fits { count } else { 0 };
        fits
    }
}

/// A packet with offloads during its reassembly from fragments.
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

/// A completely reassembled packet with offloads.
pub(crate) struct FilledFragSkBuff {
    pub(super) bytes: Vec<u8>,
    pub(super) copies: Vec<usize>,
}

impl FilledFragSkBuff {
    pub(crate) fn head<const N: usize>(&self) -> Option<[u8; N]> {
        self.bytes.first_chunk().copied()
    }
}

/// A packet to transmit, without offloads.
pub(crate) struct SkBuff<'a> {
    pub(crate) bytes: Vec<u8>,
    /// The bytes at the time of the copy, if they differ from the bytes at the time of the check.
    pub(crate) changed: Option<Vec<u8>>,
    pub(crate) mark: u32,
    /// The lifetime of the device of the packet.
    pub(crate) dev: PhantomData<&'a ()>,
}

impl SkBuff<'_> {
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
        let bytes = self.changed.as_ref().unwrap_or(&self.bytes);
        let end = from.checked_add(length).ok_or(Error)?;
        let bytes = bytes.get(from..end).ok_or(Error)?;
        to.copy_in(offset, bytes).then_some(()).ok_or(Error)
    }

    /// Always fails. The driver sums only packets that it segments, and the fuzzer sends none.
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
