// SPDX-License-Identifier: GPL-2.0

//! The images of all processors of a guest, taken together.
//!
//! In Muen each processor of a guest is a subject of its own, with its own image, events and
//! vectors. The processors share the guest's memory. Each processor can read the images of all of
//! them.

use core::fmt;

use super::image::IMAGE_SIZE;
use super::overlap::{
    self,
    Conflict,
    Range, //
};
use super::resource::{
    Access,
    MemoryResource,
    ResourceError,
    CHANNEL_KIND,
    PAGE_SIZE, //
};
use super::Sinfo;

/// The distance between the images of two processors in bytes: an image and the page that follows
/// it.
const STRIDE: u64 = 0x9000;

/// The number of bytes from the start of an image to the end of its last page.
pub(crate) const IMAGE_PAGES: u64 = (IMAGE_SIZE as u64).next_multiple_of(PAGE_SIZE);

/// Returns the address of the image of processor `number` if that of processor 0 is at `base`.
/// Returns `None` if that address exceeds the address space.
pub(crate) fn address_of(number: u32, base: u64) -> Option<u64> {
    u64::from(number).checked_mul(STRIDE)?.checked_add(base)
}

/// A processor and its image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Processor<'a> {
    /// The number of the processor, from 0.
    pub(crate) number: u32,
    /// The addresses of its image.
    pub(crate) range: Range,
    /// The parsed image.
    pub(crate) sinfo: Sinfo<'a>,
}

/// The processors of a guest that have an image, in ascending order of their numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guest<'a>(&'a [Processor<'a>]);

/// The error of [`Guest::vector`]: two processors have a vector of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TwoVectors {
    /// The number of the first processor.
    pub(crate) first: u32,
    /// The number of the second processor.
    pub(crate) second: u32,
}

impl fmt::Display for TwoVectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "processors {} and {} both list a vector of this name",
            self.first, self.second
        )
    }
}

impl<'a> Guest<'a> {
    /// Returns the guest that consists of these processors.
    pub(crate) fn new(processors: &'a [Processor<'a>]) -> Self {
        Self(processors)
    }

    /// Looks up memory because of which the pages of `image` cannot be trusted to hold an image: a
    /// memory resource that overlaps them and that another subject may write.
    ///
    /// Any memory resource counts as such, except one that is read-only, is not a channel, and
    /// consists of exactly these pages. A policy may list the image itself as such a resource.
    pub(crate) fn image_conflict(&self, image: Range) -> Option<Conflict<'a>> {
        let is_image = |memory: &MemoryResource<'_>| {
            memory.range() == image && !memory.writable && memory.kind != CHANNEL_KIND
        };
        self.memories()
            .map(|(_, memory)| memory)
            .find(|memory| memory.range().overlaps(&image) && !is_image(memory))
            .map(|memory| Conflict::Memory(memory.name))
    }

    /// Returns the processors.
    pub(crate) fn processors(&self) -> &'a [Processor<'a>] {
        self.0
    }

    /// Looks up the channel called `name` that this subject uses with `access`, and makes every
    /// check that does not access the channel itself.
    ///
    /// # Errors
    ///
    /// - [`ResourceError::NotFound`] if there is no memory resource of that name.
    /// - [`ResourceError::NotAChannel`] if it is memory of another kind.
    /// - [`ResourceError::Writability`] if it is writable for a reader or not writable for a
    ///   writer.
    /// - [`ResourceError::Differs`] if two images disagree about it.
    /// - [`ResourceError::Overlap`] if it shares memory with another resource or with an image, see
    ///   [`Guest::conflict`].
    /// - The errors of [`Sinfo::memory`].
    pub(crate) fn channel(
        &self,
        name: &[u8],
        access: Access,
    ) -> Result<MemoryResource<'a>, ResourceError<'a>> {
        let (home, memory) = self.memory(name)?;
        memory.check_channel(access)?;
        self.disjoint(home, memory)
    }

    /// Returns the next channel, with the position that follows it. The channels are the memory
    /// resources of that kind, the first one of each name, in the order of the processors and of
    /// the entries in their images. Position 0 is that of the first one. Without any checks.
    pub(crate) fn next_channel(&self, position: usize) -> Option<(MemoryResource<'a>, usize)> {
        for (index, (home, memory)) in self.memories().enumerate() {
            if index >= position
                && memory.kind == CHANNEL_KIND
                && !self.has_channel_before(home, &memory)
            {
                return Some((memory, index + 1));
            }
        }
        None
    }

    /// Returns whether a channel before `channel`, a memory resource in the image of processor
    /// `home`, has its name.
    fn has_channel_before(&self, home: u32, channel: &MemoryResource<'a>) -> bool {
        for (number, memory) in self.memories() {
            if number == home && memory.index == channel.index {
                break;
            }
            if memory.kind == CHANNEL_KIND && memory.name.is(channel.name.as_bytes()) {
                return true;
            }
        }
        false
    }

    /// Looks up the memory called `name`, of any kind, which this subject can only read, and makes
    /// every check that does not access the memory itself.
    ///
    /// # Errors
    ///
    /// - [`ResourceError::NotFound`] if there is no memory resource of that name.
    /// - [`ResourceError::Writability`] if this subject can write to it.
    /// - [`ResourceError::Differs`] if two images disagree about it.
    /// - [`ResourceError::Overlap`] if it shares memory with another resource or with an image, see
    ///   [`Guest::conflict`].
    /// - The errors of [`Sinfo::memory`].
    pub(crate) fn read_only(&self, name: &[u8]) -> Result<MemoryResource<'a>, ResourceError<'a>> {
        let (home, memory) = self.memory(name)?;
        if memory.writable {
            return Err(ResourceError::Writability(Access::Read));
        }
        self.disjoint(home, memory)
    }

    /// Returns the events called `name`, which a writer triggers after it has written: the number
    /// of each processor that has one, and the number of the event there.
    pub(crate) fn events<'b>(&self, name: &'b [u8]) -> impl Iterator<Item = (u32, u8)> + 'b
    where
        'a: 'b,
    {
        self.0
            .iter()
            .filter_map(move |it| Some((it.number, it.sinfo.event(name)?)))
    }

    /// Returns the number of the vector called `name`, which notifies a reader of new elements.
    /// Returns `None` if there is none. The interrupt of the vector belongs to the processor that
    /// has the vector.
    ///
    /// # Errors
    ///
    /// - [`TwoVectors`] if two processors have a vector of this name.
    pub(crate) fn vector(&self, name: &[u8]) -> Result<Option<u8>, TwoVectors> {
        let mut found = self
            .0
            .iter()
            .filter_map(|it| Some((it.number, it.sinfo.vector(name)?)));
        let Some((first, vector)) = found.next() else {
            return Ok(None);
        };
        match found.next() {
            Some((second, _)) => Err(TwoVectors { first, second }),
            None => Ok(Some(vector)),
        }
    }

    /// Looks up what prevents the use of `region`, a memory resource in the image of processor
    /// `home`.
    ///
    /// A region must not overlap any image or any other memory resource. The same region in the
    /// image of another processor is not another memory resource. There is one exception: one
    /// writable and one read-only name may refer to exactly the same range. A subject uses this to
    /// communicate with itself.
    pub(crate) fn conflict(&self, home: u32, region: &MemoryResource<'a>) -> Option<Conflict<'a>> {
        let images = self.0.iter().map(|processor| processor.range);
        overlap::conflict(home, region, images, self.memories())
    }

    /// Returns all memory resources and the processor whose image has them, in the order of the
    /// processors and of the entries in their images.
    fn memories(&self) -> impl Iterator<Item = (u32, MemoryResource<'a>)> + 'a {
        self.0.iter().flat_map(|it| {
            let number = it.number;
            it.sinfo.memories().map(move |memory| (number, memory))
        })
    }

    /// Returns the first memory resource of that name, and the processor whose image has it. Checks
    /// that the other images agree about it.
    fn memory(&self, name: &[u8]) -> Result<(u32, MemoryResource<'a>), ResourceError<'a>> {
        let mut found = None;
        for processor in self.0 {
            if let Some(memory) = processor.sinfo.memory(name)? {
                found = Some((processor.number, memory));
                break;
            }
        }
        let (home, memory) = found.ok_or(ResourceError::NotFound)?;
        for (number, other) in self.memories() {
            if number != home && other.name.is(name) && !other.is_same_region(&memory) {
                return Err(ResourceError::Differs {
                    one: home,
                    other: number,
                });
            }
        }
        Ok((home, memory))
    }

    fn disjoint(
        &self,
        home: u32,
        memory: MemoryResource<'a>,
    ) -> Result<MemoryResource<'a>, ResourceError<'a>> {
        match self.conflict(home, &memory) {
            Some(conflict) => Err(ResourceError::Overlap(conflict)),
            None => Ok(memory),
        }
    }
}
