// SPDX-License-Identifier: GPL-2.0

//! The memory of a channel: the words of its header, and the traits that give access to the region.
//!
//! The peer may change any byte of a channel at any time. There is therefore no reference to the
//! contents of a channel: the eight words of the header are loaded and stored as a whole, and
//! elements are copied to or from private memory. The driver implements the traits for a mapping of
//! the kernel, the unit tests for plain cells, and the tests of the memory order for the atomics of
//! a model checker.

/// The words of a channel's header: eight native 64-bit words at the start of the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Marks memory as a channel of this layout, see [`TRANSPORT`](super::layout::TRANSPORT).
    Transport,
    /// The current epoch of the writer, 0 if the channel is inactive.
    Epoch,
    /// The number of the protocol, which defines the contents of elements. Both ends agree on it.
    Protocol,
    /// The size of one element in bytes.
    Size,
    /// The number of elements in the ring.
    Elements,
    /// How far the owner of the header has read the channel of the opposite direction, 0 if it does
    /// not report that: see [`pause`](super::pause). Readers ignore it.
    Report,
    /// The write start counter (`wsc`): the number of elements that are written or being written.
    WriteStart,
    /// The write counter (`wc`): the number of elements that are written.
    Write,
}

impl Word {
    /// Returns the offset of the word in the region, in bytes.
    pub(crate) const fn offset(self) -> usize {
        match self {
            Word::Transport => 0,
            Word::Epoch => 8,
            Word::Protocol => 16,
            Word::Size => 24,
            Word::Elements => 32,
            Word::Report => 40,
            Word::WriteStart => 48,
            Word::Write => 56,
        }
    }
}

/// Access to the memory of a channel for a reader.
///
/// An implementation covers at least the header ([`HEADER_SIZE`](super::layout::HEADER_SIZE)
/// bytes), is aligned for 64-bit words and never changes its size.
pub(crate) trait Memory {
    /// Returns the size of the region in bytes.
    fn size(&self) -> usize;

    /// Loads one word of the header in one single access, which is not ordered against other
    /// accesses.
    fn load(&self, word: Word) -> u64;

    /// Loads one word of the header like [`load`](Self::load), before all later loads, stores and
    /// copies.
    fn load_acquire(&self, word: Word) -> u64;

    /// Orders all earlier loads and copies out before all later ones, also against a peer that runs
    /// on another CPU in another operating system.
    fn read_barrier(&self);

    /// Copies `to.len()` bytes out of the region, starting at `offset`.
    ///
    /// Returns `false` and copies nothing if not all of the bytes lie in the region.
    fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool;
}

/// Access to the memory of a channel for a writer.
pub(crate) trait MemoryMut: Memory {
    /// Stores one word of the header in one single access, which is not ordered against other
    /// accesses.
    fn store(&self, word: Word, value: u64);

    /// Stores one word of the header like [`store`](Self::store), after all earlier loads, stores
    /// and copies, also those of other channels.
    fn store_release(&self, word: Word, value: u64);

    /// Orders all earlier stores and copies in before all later ones, also against a peer that runs
    /// on another CPU in another operating system.
    fn write_barrier(&self);

    /// Copies `from` into the region, starting at `offset`.
    ///
    /// Returns `false` and copies nothing if not all of the bytes lie in the region.
    fn copy_in(&self, offset: usize, from: &[u8]) -> bool;
}
