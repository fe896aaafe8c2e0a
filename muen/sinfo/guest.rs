// SPDX-License-Identifier: GPL-2.0

//! What the images of all processors of a guest say.
//!
//! To Muen each processor of a guest is a subject of its own, with its own image, events and
//! vectors; they share the guest's memory. All of them see all images.

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

/// Distance of the images of two processors in bytes: an image and the page behind it.
const STRIDE: u64 = 0x9000;

/// Bytes from the start of an image to the end of its last page.
pub(crate) const IMAGE_PAGES: u64 = (IMAGE_SIZE as u64).next_multiple_of(PAGE_SIZE);

/// The address of the image of processor `number`, that of processor 0 being at `base`; `None`: the
/// address space ends before it.
pub(crate) fn address_of(number: u32, base: u64) -> Option<u64> {
    u64::from(number).checked_mul(STRIDE)?.checked_add(base)
}

/// A processor and its image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Processor<'a> {
    /// Number of the processor, from 0 on.
    pub(crate) number: u32,
    /// Where its image lies.
    pub(crate) range: Range,
    /// What the image says.
    pub(crate) sinfo: Sinfo<'a>,
}

/// The processors of a guest that have an image, in ascending order of their numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guest<'a>(&'a [Processor<'a>]);

/// A vector that two processors have under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TwoVectors {
    /// The first processor.
    pub(crate) first: u32,
    /// The second one.
    pub(crate) second: u32,
}

impl fmt::Display for TwoVectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "has a vector of processor {} and one of processor {}",
            self.first, self.second
        )
    }
}

impl<'a> Guest<'a> {
    /// The guest of these processors.
    pub(crate) fn new(processors: &'a [Processor<'a>]) -> Self {
        Self(processors)
    }

    /// Looks up what keeps the pages of `image` from being believed to hold an image: memory that
    /// somebody else may write, which any may be but one that is read-only, no channel, and just
    /// these pages, as a policy may have for the image.
    pub(crate) fn image_conflict(&self, image: Range) -> Option<Conflict<'a>> {
        let may_be = |memory: &MemoryResource<'_>| {
            memory.range() == image && !memory.writable && memory.kind != CHANNEL_KIND
        };
        self.memories()
            .map(|(_, memory)| memory)
            .find(|memory| memory.range().overlaps(&image) && !may_be(memory))
            .map(|memory| Conflict::Memory(memory.name))
    }

    /// The processors.
    pub(crate) fn processors(&self) -> &'a [Processor<'a>] {
        self.0
    }

    /// Looks up the channel called `name` that this subject uses with `access`, and makes every
    /// check that can be made without touching it.
    ///
    /// # Errors
    ///
    /// - [`ResourceError::NotFound`] if there is no memory resource of that name.
    /// - [`ResourceError::NotAChannel`] if it is memory of another kind.
    /// - [`ResourceError::Writability`] if a reader could write to it or a writer could not.
    /// - [`ResourceError::Differs`] if two images disagree about it.
    /// - [`ResourceError::Overlap`] if it shares memory with something else: see
    ///   [`Guest::conflict`].
    /// - What [`Sinfo::memory`] returns.
    pub(crate) fn channel(
        &self,
        name: &[u8],
        access: Access,
    ) -> Result<MemoryResource<'a>, ResourceError<'a>> {
        let (home, memory) = self.memory(name)?;
        memory.check_channel(access)?;
        self.disjoint(home, memory)
    }

    /// Looks up the memory called `name` that this subject only reads, whatever kind it is of, and
    /// makes every check that can be made without touching it.
    ///
    /// # Errors
    ///
    /// - [`ResourceError::NotFound`] if there is no memory resource of that name.
    /// - [`ResourceError::Writability`] if this subject could write to it.
    /// - [`ResourceError::Differs`] if two images disagree about it.
    /// - [`ResourceError::Overlap`] if it shares memory with something else: see
    ///   [`Guest::conflict`].
    /// - What [`Sinfo::memory`] returns.
    pub(crate) fn read_only(&self, name: &[u8]) -> Result<MemoryResource<'a>, ResourceError<'a>> {
        let (home, memory) = self.memory(name)?;
        if memory.writable {
            return Err(ResourceError::Writability(Access::Read));
        }
        self.disjoint(home, memory)
    }

    /// The events called `name`, what a writer triggers after it has written: the processors that
    /// have one, and its number there.
    pub(crate) fn events<'b>(&self, name: &'b [u8]) -> impl Iterator<Item = (u32, u8)> + 'b
    where
        'a: 'b,
    {
        self.0
            .iter()
            .filter_map(move |it| Some((it.number, it.sinfo.event(name)?)))
    }

    /// The number of the vector called `name`, what a reader gets when there is something to read.
    /// Its interrupt belongs to the processor that has it.
    ///
    /// # Errors
    ///
    /// - the processors, if two have one.
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

    /// Looks up what keeps `region`, a memory resource of processor `home`, from being used.
    ///
    /// A region must be disjoint from all images, and from every other memory resource. The same
    /// region in the image of another processor is no other one. There is one exception: one
    /// writable and one read-only name may stand for exactly the same range, which is how a subject
    /// talks to itself.
    pub(crate) fn conflict(&self, home: u32, region: &MemoryResource<'a>) -> Option<Conflict<'a>> {
        let images = self.0.iter().map(|processor| processor.range);
        overlap::conflict(home, region, images, self.memories())
    }

    /// All memory resources and whose they are, in the order of the processors and their images.
    fn memories(&self) -> impl Iterator<Item = (u32, MemoryResource<'a>)> + 'a {
        self.0.iter().flat_map(|it| {
            let number = it.number;
            it.sinfo.memories().map(move |memory| (number, memory))
        })
    }

    /// The first memory resource of that name and whose it is; what others say of it is the same.
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
            if number != home && other.name.is(name) && !other.is_as(&memory) {
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
