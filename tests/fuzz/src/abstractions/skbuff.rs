// SPDX-License-Identifier: GPL-2.0

//! As `abstractions/skbuff.rs`: packets that remember which accesses they are made of.

use std::cell::Cell;

use super::mapping::Mapping;
use crate::error::{
    Error,
    Result, //
};

thread_local! {
    /// How many packets can be allocated before one cannot; `None`: all can.
    static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Lets `count` packets be allocated, and not the one after them.
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

/// The bytes of a packet that are in one piece: `MUENNET_HEADER_MAX`.
const LINEAR: usize = 192;

/// A packet that is received.
pub(crate) struct NewSkBuff {
    /// All bytes that were copied, also those that were pulled.
    pub(super) bytes: Vec<u8>,
    pub(super) pulled: usize,
    /// The accesses that copied them.
    pub(super) copies: Vec<usize>,
}

impl NewSkBuff {
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

    /// As in the kernel, where the rest of a long packet lies in pages.
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

/// A packet that is received in pieces.
pub(crate) struct LargeSkBuff {
    bytes: Vec<u8>,
    copies: Vec<usize>,
    length: usize,
}

impl LargeSkBuff {
    pub(crate) fn new(length: usize) -> Option<Self> {
        allocate()?;
        Some(Self {
            bytes: Vec::new(),
            copies: Vec::new(),
            length,
        })
    }

    pub(crate) fn append(&mut self, from: &Mapping, offset: usize, length: usize) -> Result {
        if self.bytes.len() + length > self.length {
            return Err(Error);
        }
        let (bytes, access) = from.copy(offset, length);
        self.bytes.extend_from_slice(&bytes);
        self.copies.push(access);
        Ok(())
    }

    pub(crate) fn complete(self) -> Option<CompleteSkBuff> {
        (self.bytes.len() == self.length).then_some(CompleteSkBuff {
            bytes: self.bytes,
            copies: self.copies,
        })
    }
}

/// A large packet that has been received.
pub(crate) struct CompleteSkBuff {
    pub(super) bytes: Vec<u8>,
    pub(super) copies: Vec<usize>,
}

impl CompleteSkBuff {
    pub(crate) fn head<const N: usize>(&self) -> Option<[u8; N]> {
        self.bytes.first_chunk().copied()
    }
}

/// A packet that is sent, with nothing left to do for it.
pub(crate) struct SkBuff {
    pub(crate) bytes: Vec<u8>,
    /// What it has become by the time it is copied, if somebody writes it meanwhile.
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

    /// What the first byte says.
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

    pub(crate) fn offloads(&self) -> Option<[u8; 10]> {
        Some([0; 10])
    }

    pub(super) fn part(&self, from: usize, length: usize) -> Option<&[u8]> {
        let bytes = self.copied.as_ref().unwrap_or(&self.bytes);
        bytes.get(from..from.checked_add(length)?)
    }
}
