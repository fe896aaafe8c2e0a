// SPDX-License-Identifier: GPL-2.0

//! Tests of the subject information: real images, and modified ones.

mod guest;
mod head;
mod memory;
mod overlap;
pub(crate) mod shows;

use super::resource::CHANNEL_KIND;
use super::{
    Processor,
    Range,
    Sinfo, //
};

/// Images that Muen's own generator has made.
pub(super) const SUBJECT: &[u8] = include_bytes!("../../../tests/data/sinfo/subject_info.bin");
pub(super) const NULL: &[u8] = include_bytes!("../../../tests/data/sinfo/null_info.bin");

/// An offset, and the bytes to put there.
pub(super) type Change<'a> = (usize, &'a [u8]);

/// An image for modifications. It is too large for a kernel stack.
#[cfg(CONFIG_RUST)]
pub(super) type Image = kernel::alloc::KVec<u8>;
#[cfg(not(CONFIG_RUST))]
pub(super) type Image = Vec<u8>;

#[cfg(CONFIG_RUST)]
pub(super) fn copy(pieces: &[&[u8]]) -> Image {
    let mut image = Image::new();
    for piece in pieces {
        image
            .extend_from_slice(piece, kernel::alloc::flags::GFP_KERNEL)
            .unwrap();
    }
    image
}
#[cfg(not(CONFIG_RUST))]
pub(super) fn copy(pieces: &[&[u8]]) -> Image {
    pieces.concat()
}

pub(super) fn change(mut image: Image, changes: &[Change<'_>]) -> Image {
    for &(at, bytes) in changes {
        image[at..][..bytes.len()].copy_from_slice(bytes);
    }
    image
}

/// Returns the image without resources, with these modifications.
pub(super) fn image(changes: &[Change<'_>]) -> Image {
    change(copy(&[NULL]), changes)
}

/// The address of the image of processor 0.
pub(super) const BASE: u64 = 0xe_0000_0000;

/// Returns the only processor of a guest, with its image at `address`.
pub(super) fn alone(image: &[u8], address: u64) -> Processor<'_> {
    Processor {
        number: 0,
        range: Range::of_image(address),
        sinfo: Sinfo::parse(image).unwrap(),
    }
}

/// Returns the offset of entry `index`.
pub(super) const fn entry(index: usize) -> usize {
    80 + index * 128
}

/// A memory resource for [`with_memory`].
pub(super) struct Memory {
    pub(super) name: &'static str,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) address: u64,
    pub(super) size: u64,
}

/// Returns a channel with these flags, [`RO`] or [`RW`].
pub(super) const fn channel(name: &'static str, flags: u8, address: u64, size: u64) -> Memory {
    Memory {
        name,
        kind: CHANNEL_KIND,
        flags,
        address,
        size,
    }
}

pub(super) const RO: u8 = 0;
pub(super) const RW: u8 = 1;

/// Puts a resource without data into entry `index`.
pub(super) fn resource(image: Image, index: usize, kind: u32, name: &str) -> Image {
    let at = entry(index);
    change(
        image,
        &[
            (at, &kind.to_le_bytes()),
            (at + 4, &[name.len() as u8]),
            (at + 5, name.as_bytes()),
        ],
    )
}

/// Returns the image with these memory resources, starting at entry 0.
pub(super) fn with_memory<'a>(resources: impl IntoIterator<Item = &'a Memory>) -> Image {
    let mut image = image(&[]);
    for (index, memory) in resources.into_iter().enumerate() {
        let at = entry(index);
        image = change(
            resource(image, index, 1, memory.name),
            &[
                (77, &[index as u8 + 1]),
                (at + 72, &[memory.kind]),
                (at + 74, &[memory.flags]),
                (at + 80, &memory.address.to_le_bytes()),
                (at + 88, &memory.size.to_le_bytes()),
            ],
        );
    }
    image
}
