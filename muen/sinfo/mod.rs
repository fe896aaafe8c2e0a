// SPDX-License-Identifier: GPL-2.0

//! Subject information (sinfo): what the Muen Separation Kernel tells a subject about itself.
//!
//! The image is [`IMAGE_SIZE`] bytes in memory that the subject can only read. This is a pure
//! parser over a private copy of it: it touches no memory but the copy, allocates nothing, and
//! believes no number it reads. What is wrong with one resource is an error only for whoever asks
//! for that resource; the others stay usable.
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

mod guest;
mod image;
#[cfg(CONFIG_RUST)]
mod kernel_glue;
mod overlap;
mod resource;

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[path = "../../tests/host/shows.rs"]
pub(crate) mod shows;
#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod tests;

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

/// The resources of one processor, read from a private copy of its image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sinfo<'a>(Entries<'a>);

impl<'a> Sinfo<'a> {
    /// Reads the head of `image`, a private copy of the [`IMAGE_SIZE`] bytes of the image.
    ///
    /// A count of resources above what the image has room for means all the entries there are.
    ///
    /// # Errors
    ///
    /// - [`ImageError::Size`] if `image` is not [`IMAGE_SIZE`] bytes long.
    /// - [`ImageError::Magic`] if the image does not start with a magic of a known version.
    pub(crate) fn parse(image: &'a [u8]) -> Result<Self, ImageError> {
        Entries::parse(image).map(Self)
    }

    /// Looks up the memory resource called `name` and checks where it lies.
    ///
    /// Returns `None` if there is no memory resource of that name.
    ///
    /// # Errors
    ///
    /// - [`ResourceError::Empty`], [`ResourceError::Unaligned`] or [`ResourceError::Wraps`] if the
    ///   region cannot be one: see [`MemoryResource::check_range`].
    pub(crate) fn memory(
        &self,
        name: &[u8],
    ) -> Result<Option<MemoryResource<'a>>, ResourceError<'a>> {
        match self.memories().find(|memory| memory.name.is(name)) {
            Some(memory) => memory.check_range().map(|()| Some(memory)),
            None => Ok(None),
        }
    }

    /// The number of the event called `name`: what a writer triggers after it has written.
    pub(crate) fn event(&self, name: &[u8]) -> Option<u8> {
        self.number(Kind::Event, name)
    }

    /// The number of the vector called `name`: what a reader gets when there is something to read.
    pub(crate) fn vector(&self, name: &[u8]) -> Option<u8> {
        self.number(Kind::Vector, name)
    }

    /// All memory resources in the order of the image, whatever they hold and wherever they lie.
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
