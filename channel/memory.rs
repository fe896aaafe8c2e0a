// SPDX-License-Identifier: GPL-2.0

//! What a channel asks of the memory it lives in.
//!
//! The peer may change every byte of a channel at any time. No reference to its contents exists
//! therefore: the eight words of the header are loaded and stored whole, and elements are copied
//! to or from memory of our own. An implementation over a mapping of the kernel serves the driver,
//! one over plain cells the tables beside the code, and one over the atomics of a model checker
//! the tests for weak memory.

/// The words of a channel's header: eight native 64-bit words at the start of the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Marks memory as a channel of this layout, see [`TRANSPORT`](super::layout::TRANSPORT).
    Transport,
    /// The life of the writer, 0 while there is none.
    Epoch,
    /// What the elements mean: a number that both ends agree on.
    Protocol,
    /// Bytes of one element.
    Size,
    /// Elements in the ring.
    Elements,
    /// Zero, ignored.
    Reserved,
    /// The number of elements written or being written (`wsc`).
    WriteStart,
    /// The number of elements written (`wc`).
    Write,
}

impl Word {
    /// Returns the place of the word in the region, in bytes from its start.
    pub(crate) const fn offset(self) -> usize {
        match self {
            Word::Transport => 0,
            Word::Epoch => 8,
            Word::Protocol => 16,
            Word::Size => 24,
            Word::Elements => 32,
            Word::Reserved => 40,
            Word::WriteStart => 48,
            Word::Write => 56,
        }
    }
}

/// The memory of a channel, as its readers see it.
///
/// An implementation covers at least the header ([`HEADER_SIZE`](super::layout::HEADER_SIZE)
/// bytes), is aligned for 64-bit words and never changes its size.
pub(crate) trait Memory {
    /// Returns the size of the region in bytes.
    fn size(&self) -> usize;

    /// Loads one word of the header: whole, once, and without any order against other accesses.
    fn load(&self, word: Word) -> u64;

    /// Orders all earlier loads and copies out before all later ones, also against a peer that
    /// runs on another CPU in another operating system.
    fn read_barrier(&self);

    /// Copies `to.len()` bytes out of the region, from `offset` on.
    ///
    /// Returns `false`, with nothing copied, if the bytes are not all in the region.
    fn copy_out(&self, offset: usize, to: &mut [u8]) -> bool;
}

/// The memory of a channel, as its writer sees it.
pub(crate) trait MemoryMut: Memory {
    /// Stores one word of the header: whole, once, and without any order against other accesses.
    fn store(&self, word: Word, value: u64);

    /// Orders all earlier stores and copies in before all later ones, also against a peer that
    /// runs on another CPU in another operating system.
    fn write_barrier(&self);

    /// Copies `from` into the region, from `offset` on.
    ///
    /// Returns `false`, with nothing copied, if the bytes are not all in the region.
    fn copy_in(&self, offset: usize, from: &[u8]) -> bool;
}
