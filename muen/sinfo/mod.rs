// SPDX-License-Identifier: GPL-2.0

//! Subject information (sinfo): the description of a subject's resources that the Muen Separation
//! Kernel provides to the subject.
//!
//! An image is [`IMAGE_SIZE`] bytes of memory that the subject can only read. This module parses a
//! private copy of it. The parser accesses no memory except the copy, allocates nothing, and checks
//! every number that it reads. An invalid resource is an error only if that resource is looked up;
//! the other resources stay usable.
//!
//! ```text
//!   offset  type       field
//!   0       u64        magic: "muinfo", 0, version (3, 4 or 5)
//!   8       u32        tsc_khz
//!   12      name       name of the subject: u8 length (low 6 bits), 63 bytes, NUL
//!   77      u16        number of resources (version 5: one byte of padding, then the u16 at 78)
//!   80      255 x 128  resources
//! ```
//!
//! All numbers are little-endian.
//!
//! - `image`: the layout of an image.
//! - `resource`: memory resources, and the checks of one of them.
//! - `overlap`: the checks that memory resources and images do not overlap.
//! - `guest`: the images of all processors of a guest.
//! - `kernel_glue`: conversions of the errors to the kernel's types.

mod guest;
mod image;
#[cfg(CONFIG_RUST)]
mod kernel_glue;
mod overlap;
mod resource;

#[cfg(any(test, CONFIG_KUNIT = "y"))]
pub(crate) mod tests;

pub(crate) use self::guest::{
    address_of,
    Guest,
    Processor,
    TwoVectors,
    IMAGE_PAGES, //
};
pub(crate) use self::image::{
    ImageError,
    Name,
    Version,
    IMAGE_SIZE,
    MAGIC_SIZE, //
};
pub(crate) use self::overlap::{
    Conflict,
    Range, //
};
pub(crate) use self::resource::{
    Access,
    MemoryResource,
    ResourceError, //
};

use self::image::{
    Entries,
    Kind, //
};

/// The resources of one processor, in a private copy of its image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sinfo<'a>(Entries<'a>);

impl<'a> Sinfo<'a> {
    /// Parses the head of `image`, a private copy of the [`IMAGE_SIZE`] bytes of the image.
    ///
    /// If the number of resources exceeds the number of entries in an image, all entries are in
    /// use.
    ///
    /// # Errors
    ///
    /// - [`ImageError::Size`] if `image` is not [`IMAGE_SIZE`] bytes long.
    /// - [`ImageError::Magic`] if the image does not start with the magic of a known version.
    pub(crate) fn parse(image: &'a [u8]) -> Result<Self, ImageError> {
        Entries::parse(image).map(Self)
    }

    /// Looks up the memory resource called `name` and checks its address and size.
    ///
    /// Returns `None` if there is no memory resource of that name.
    ///
    /// # Errors
    ///
    /// - [`ResourceError::Empty`], [`ResourceError::Unaligned`] or [`ResourceError::Wraps`] if the
    ///   address and the size are not those of a region, see [`MemoryResource::check_range`].
    pub(crate) fn memory(
        &self,
        name: &[u8],
    ) -> Result<Option<MemoryResource<'a>>, ResourceError<'a>> {
        match self.memories().find(|memory| memory.name.is(name)) {
            Some(memory) => memory.check_range().map(|()| Some(memory)),
            None => Ok(None),
        }
    }

    /// Returns the number of the event called `name`, which a writer triggers after it has written.
    pub(crate) fn event(&self, name: &[u8]) -> Option<u8> {
        self.number(Kind::Event, name)
    }

    /// Returns the number of the vector called `name`, which notifies a reader of new elements.
    pub(crate) fn vector(&self, name: &[u8]) -> Option<u8> {
        self.number(Kind::Vector, name)
    }

    /// Returns all memory resources in the order of the image, without any checks.
    pub(crate) fn memories(&self) -> impl Iterator<Item = MemoryResource<'a>> + 'a {
        self.0
            .iter()
            .enumerate()
            .filter_map(|(index, entry)| MemoryResource::decode(index, entry))
    }

    fn number(&self, kind: Kind, name: &[u8]) -> Option<u8> {
        self.0
            .iter()
            .find(|entry| entry.kind() == Some(kind) && entry.name().is(name))
            .map(|entry| entry.number())
    }
}
