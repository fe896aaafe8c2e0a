// SPDX-License-Identifier: GPL-2.0

//! Memory and helpers for the unit tests. There is one thread; the peer acts where the test calls
//! it, also in the middle of a call of the reader.

use core::cell::Cell;

use super::{
    layout::TRANSPORT,
    memory::{
        Memory,
        MemoryMut,
        Word, //
    },
    reader::{
        Change,
        PeerParams,
        Progress,
        Reader, //
    },
    writer::Writer, //
};

mod hostile;
mod overrun;
mod reader;
mod writer;

/// The protocol of all tests.
pub(in crate::channel) const PROTOCOL: u64 = 0xbeef_beef_beef;

/// The example of the protocol's specification. The ninth element is the last one that is written.
/// One byte of the tenth element is written.
#[rustfmt::skip]
pub(in crate::channel) const EXAMPLE: [u8; 80] = [
    0x6d, 0x9b, 0x9a, 0xb7, 0xb6, 0x12, 0x73, 0x48, // transport
    0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // epoch
    0xef, 0xbe, 0xef, 0xbe, 0xef, 0xbe, 0x00, 0x00, // protocol
    0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // size
    0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // elements
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // reserved
    0x0a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // write start counter
    0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // write counter
    0x09, 0x09, 0x0a, 0x02, 0x03, 0x03, 0x04, 0x04,
    0x05, 0x05, 0x06, 0x06, 0x07, 0x07, 0x08, 0x08,
];

/// A region of `N` bytes.
pub(in crate::channel) struct Cells<const N: usize>([Cell<u8>; N]);

impl<const N: usize> Cells<N> {
    /// Returns a region of zeroes.
    pub(in crate::channel) fn new() -> Self {
        Self([const { Cell::new(0) }; N])
    }

    /// Puts a header with these words into the region.
    pub(in crate::channel) fn header(
        &self,
        epoch: u64,
        size: u64,
        elements: u64,
        wsc: u64,
        wc: u64,
    ) {
        self.store(Word::Transport, TRANSPORT);
        self.store(Word::Epoch, epoch);
        self.store(Word::Protocol, PROTOCOL);
        self.store(Word::Size, size);
        self.store(Word::Elements, elements);
        self.store(Word::WriteStart, wsc);
        self.store(Word::Write, wc);
    }

    fn range(&self, offset: usize, len: usize) -> Option<&[Cell<u8>]> {
        self.0.get(offset..offset.checked_add(len)?)
    }
}

impl<const N: usize> Memory for Cells<N> {
    fn size(&self) -> usize {
        N
    }

    fn load(&self, word: Word) -> u64 {
        let mut bytes = [0; 8];
        self.copy_out(word.offset(), &mut bytes);
        u64::from_ne_bytes(bytes)
    }

    fn load_acquire(&self, word: Word) -> u64 {
        self.load(word)
    }

    fn read_barrier(&self) {}

    fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool {
        let Some(cells) = self.range(offset, to.len()) else {
            return false;
        };
        for (byte, cell) in to.iter_mut().zip(cells) {
            *byte = cell.get();
        }
        true
    }
}

impl<const N: usize> MemoryMut for Cells<N> {
    fn store(&self, word: Word, value: u64) {
        self.copy_in(word.offset(), &value.to_ne_bytes());
    }

    fn store_release(&self, word: Word, value: u64) {
        self.store(word, value);
    }

    fn write_barrier(&self) {}

    fn copy_in(&self, offset: usize, from: &[u8]) -> bool {
        let Some(cells) = self.range(offset, from.len()) else {
            return false;
        };
        for (byte, cell) in from.iter().zip(cells) {
            cell.set(*byte);
        }
        true
    }
}

/// A region in which a peer acts at every load of a word. The peer gets the word and the number of
/// earlier loads. It may return a value that replaces the one in the region.
pub(in crate::channel) struct Watched<'a, M, F> {
    pub(in crate::channel) memory: &'a M,
    pub(in crate::channel) loads: Cell<u64>,
    pub(in crate::channel) peer: F,
}

impl<'a, M: Memory, F: Fn(Word, u64) -> Option<u64>> Watched<'a, M, F> {
    pub(in crate::channel) fn new(memory: &'a M, peer: F) -> Self {
        Self {
            memory,
            loads: Cell::new(0),
            peer,
        }
    }
}

impl<M: Memory, F: Fn(Word, u64) -> Option<u64>> Memory for Watched<'_, M, F> {
    fn size(&self) -> usize {
        self.memory.size()
    }

    fn load(&self, word: Word) -> u64 {
        let loads = self.loads.get();
        self.loads.set(loads + 1);
        (self.peer)(word, loads).unwrap_or_else(|| self.memory.load(word))
    }

    fn load_acquire(&self, word: Word) -> u64 {
        self.load(word)
    }

    fn read_barrier(&self) {}

    fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool {
        self.memory.copy_out(offset, to)
    }
}

/// Returns a reader that accepts elements of 1 to 16 bytes.
pub(in crate::channel) fn reader() -> Reader {
    Reader::new(PeerParams {
        protocol: PROTOCOL,
        min_size: 1,
        max_size: 16,
    })
}

/// Returns a reader that has found no writer: it reads the next epoch from its beginning.
pub(in crate::channel) fn waiting_reader() -> Reader {
    let mut reader = reader();
    reader.read(&Cells::<64>::new(), 0, |_| (), |()| ());
    reader
}

/// Writes an element of two bytes, both of which are `value`.
pub(in crate::channel) fn write<M: MemoryMut>(writer: &mut Writer, memory: &M, value: u8) -> bool {
    writer
        .write(memory, |slot| {
            slot.fill(0, &[value, value]).then_some(()).ok_or(())
        })
        .is_ok()
}

/// What a reader delivered: the first byte of each element.
pub(in crate::channel) struct Got {
    values: [u8; 64],
    len: usize,
    pub(in crate::channel) progress: Progress,
}

impl Got {
    /// Returns the first byte of each element, in order.
    pub(in crate::channel) fn values(&self) -> &[u8] {
        self.values.get(..self.len).unwrap_or_default()
    }
}

/// Reads up to `limit` elements of two bytes. During the copy of each element, between its first
/// and its second byte, it calls `peer`. A torn element is delivered as 255.
pub(in crate::channel) fn read<M: Memory>(
    reader: &mut Reader,
    memory: &M,
    limit: usize,
    mut peer: impl FnMut(),
) -> Got {
    let mut values = [0; 64];
    let mut len = 0;
    let progress = reader.read(
        memory,
        limit,
        |element| {
            let (mut first, mut second) = ([0], [0]);
            let all = element.peek(0, &mut first);
            peer();
            if all && element.peek(1, &mut second) && first == second {
                first[0]
            } else {
                255
            }
        },
        |value| {
            if let Some(entry) = values.get_mut(len) {
                *entry = value;
            }
            len += 1;
        },
    );
    Got {
        values,
        len,
        progress,
    }
}

/// Returns whether the call detected these changes and no others: A for activated, I for inactive,
/// X for incompatible, B for broken.
pub(in crate::channel) fn changed(got: &Got, kinds: &str) -> bool {
    let kind = |change: &Change| match change {
        Change::Activated { .. } => 'A',
        Change::Inactive => 'I',
        Change::Incompatible { .. } => 'X',
        Change::Broken { .. } => 'B',
    };
    got.progress.changes().map(kind).eq(kinds.chars())
}
