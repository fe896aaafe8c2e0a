// SPDX-License-Identifier: GPL-2.0

//! This subject: its information, read once, and the memory regions in it.

use super::sinfo::{
    self,
    Access,
    Guest,
    ImageError,
    MemoryResource,
    Processor,
    Range,
    ResourceError,
    Sinfo,
    Version,
    IMAGE_SIZE,
    MAGIC_SIZE, //
};
use crate::abstractions::{
    mapping::Mapping,
    platform::Platform, //
};
use kernel::{
    alloc::AllocError,
    cpu::nr_cpu_ids,
    fmt,
    prelude::*, //
};

/// The subject information of this subject: private copies, so that a page that changes underneath
/// cannot be read twice.
pub(crate) struct Subject {
    /// In ascending order of the processors; the first one is there.
    images: KVec<Image>,
    platform: Platform,
}

/// A copy of the image of a processor.
struct Image {
    bytes: KVec<u8>,
    range: Range,
    /// Number of the processor.
    number: u32,
}

/// Why there is no image at an address.
enum Absent {
    /// The address cannot be mapped: what the mapping returned.
    Mapping(Error),
    /// Nothing answers there.
    Fault,
    /// What is there is no image.
    Image(ImageError),
    /// There is no memory for the copy.
    Memory(AllocError),
}

impl Image {
    /// Reads the image of processor `number` at `address`. May sleep.
    fn load(number: u32, address: u64) -> Result<Self, Absent> {
        let mapping = Mapping::new(address, sinfo::IMAGE_PAGES).map_err(Absent::Mapping)?;

        // The address may be that of nothing at all.
        let mut magic = [0; MAGIC_SIZE];
        mapping
            .copy_out_nofault(0, &mut magic)
            .map_err(|_| Absent::Fault)?;
        if Version::from_magic(magic).is_none() {
            let magic = u64::from_le_bytes(magic);
            return Err(Absent::Image(ImageError::Magic(magic)));
        }

        let mut bytes = KVec::from_elem(0, IMAGE_SIZE, GFP_KERNEL).map_err(Absent::Memory)?;
        mapping.copy_out(0, &mut bytes);
        Sinfo::parse(&bytes).map_err(Absent::Image)?;
        Ok(Self {
            bytes,
            range: Range::of_image(address),
            number,
        })
    }
}

/// Why a channel, or other memory of this subject, cannot be used.
pub(crate) enum ChannelError<'a> {
    /// The subject information does not grant it.
    Resource(ResourceError<'a>),
    /// It cannot be mapped.
    Mapping {
        /// Where it lies.
        resource: MemoryResource<'a>,
        /// What the mapping returned.
        error: Error,
    },
}

impl fmt::Display for ChannelError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource(error) => fmt::Display::fmt(error, f),
            Self::Mapping { resource, error } => {
                let reason = match *error {
                    EPERM => "is System RAM",
                    ENOMEM => "cannot be mapped: no memory",
                    _ => "cannot be mapped",
                };
                write!(
                    f,
                    "its memory, {:#x} bytes at {:#x}, {}",
                    resource.size, resource.address, reason
                )
            }
        }
    }
}

impl From<ChannelError<'_>> for Error {
    fn from(error: ChannelError<'_>) -> Self {
        match error {
            ChannelError::Resource(error) => error.into(),
            ChannelError::Mapping { error, .. } => error,
        }
    }
}

impl Subject {
    /// Reads the subject information of all processors, that of processor 0 being at the physical
    /// address `address`. May sleep.
    ///
    /// What goes wrong is told in the log.
    ///
    /// # Errors
    ///
    /// - `ENODEV`: there is none at this address: the machine is no Muen subject, or its subject
    ///   information is of an unknown version.
    /// - `EPERM`: the address is System RAM, or an image lies where an image says that other memory
    ///   is.
    /// - `EINVAL`: the address is no multiple of the page size.
    /// - `EFAULT`: the processor cannot address it.
    /// - `ENOMEM`: there is no memory to map or to copy it.
    pub(crate) fn load(address: u64) -> Result<Self> {
        let first = Image::load(0, address).map_err(|why| no_subject(address, why))?;
        // The image may change meanwhile, and then it is not there any more.
        let platform = Platform::found_at(address).map_err(|error| {
            let why = match error {
                ENODEV => Absent::Fault,
                error => Absent::Mapping(error),
            };
            no_subject(address, why)
        })?;
        let mut this = Self {
            images: KVec::new(),
            platform,
        };
        this.images.push(first, GFP_KERNEL)?;
        for number in 1..nr_cpu_ids() {
            let Some(address) = sinfo::address_of(number, address) else {
                break;
            };
            if let Some(image) = this.load_next(number, address)? {
                this.images.push(image, GFP_KERNEL)?;
            }
        }
        this.check_places()?;
        if this.images.len() > 1 {
            pr_info!(
                "{} processors have subject information\n",
                this.images.len()
            );
        }
        Ok(this)
    }

    /// Reads the image of one more processor; `None`: there is none.
    fn load_next(&self, number: u32, address: u64) -> Result<Option<Image>> {
        let pages = Range::new(address, sinfo::IMAGE_PAGES);
        if self.processors()?.guest().image_conflict(pages).is_some() {
            // Nothing is read where somebody else may write: it could be made up.
            return Ok(None);
        }
        match Image::load(number, address) {
            Ok(image) => Ok(Some(image)),
            Err(Absent::Memory(error)) => Err(error.into()),
            Err(Absent::Mapping(ENOMEM)) => {
                pr_err!(
                    "No memory to map the subject information at {:#x}\n",
                    address
                );
                Err(ENOMEM)
            }
            Err(Absent::Image(error)) => {
                if error.is_unknown_version() {
                    pr_warn!(
                        "Processor {}: no subject information at {:#x}: {}\n",
                        number,
                        address,
                        error
                    );
                }
                Ok(None)
            }
            Err(Absent::Mapping(_) | Absent::Fault) => Ok(None),
        }
    }

    /// Checks that no image lies where another one, which has been read later, has memory that
    /// somebody else may write.
    fn check_places(&self) -> Result {
        let processors = self.processors()?;
        let guest = processors.guest();
        for processor in guest.processors().iter().skip(1) {
            let pages = Range::new(processor.range.start(), sinfo::IMAGE_PAGES);
            if let Some(conflict) = guest.image_conflict(pages) {
                pr_err!(
                    "The subject information of processor {} overlaps {}\n",
                    processor.number,
                    conflict
                );
                return Err(EPERM);
            }
        }
        Ok(())
    }

    /// What this subject may do by being one.
    pub(crate) fn platform(&self) -> Platform {
        self.platform
    }

    /// The processors and what their images say.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: there is no memory for the list.
    /// - `ENODEV`: an image says nothing; [`Subject::load`] has ruled this out.
    pub(crate) fn processors(&self) -> Result<Processors<'_>> {
        let mut list = KVec::with_capacity(self.images.len(), GFP_KERNEL)?;
        for image in &self.images {
            list.push(
                Processor {
                    number: image.number,
                    range: image.range,
                    sinfo: Sinfo::parse(&image.bytes)?,
                },
                GFP_KERNEL,
            )?;
        }
        Ok(Processors(list))
    }
}

/// The processors of this subject.
pub(crate) struct Processors<'a>(KVec<Processor<'a>>);

impl<'a> Processors<'a> {
    /// What their images say.
    pub(crate) fn guest(&self) -> Guest<'_> {
        Guest::new(&self.0)
    }
}

/// Maps the channel called `name`, to be used with `access`. May sleep.
///
/// # Errors
///
/// As [`Guest::channel`] and [`Mapping::new`].
pub(crate) fn map_channel<'a>(
    guest: &Guest<'a>,
    name: &[u8],
    access: Access,
) -> Result<Mapping, ChannelError<'a>> {
    map(guest.channel(name, access))
}

/// Maps the memory called `name`, of any kind, that this subject only reads. May sleep.
///
/// # Errors
///
/// As [`Guest::read_only`] and [`Mapping::new`].
pub(crate) fn map_read_only<'a>(
    guest: &Guest<'a>,
    name: &[u8],
) -> Result<Mapping, ChannelError<'a>> {
    map(guest.read_only(name))
}

fn map<'a>(
    found: Result<MemoryResource<'a>, ResourceError<'a>>,
) -> Result<Mapping, ChannelError<'a>> {
    let resource = found.map_err(ChannelError::Resource)?;
    Mapping::new(resource.address, resource.size)
        .map_err(|error| ChannelError::Mapping { resource, error })
}

fn no_subject(address: u64, why: Absent) -> Error {
    let reason = match why {
        Absent::Mapping(EPERM) => "the address is System RAM",
        Absent::Mapping(EINVAL) => "the address is not a multiple of the page size",
        Absent::Mapping(_) => "the address cannot be mapped",
        Absent::Fault => "nothing is there",
        Absent::Memory(_) => "no memory",
        Absent::Image(error) => {
            pr_err!(
                "No subject information at {:#x}, so this is no Muen subject: {}\n",
                address,
                error
            );
            return error.into();
        }
    };
    pr_err!("No subject information at {:#x}: {}\n", address, reason);
    match why {
        Absent::Mapping(error) => error,
        Absent::Memory(error) => error.into(),
        _ => ENODEV,
    }
}
