// SPDX-License-Identifier: GPL-2.0

//! This subject: a copy of its subject information, and mappings of its memory regions.

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
    platform::{
        FindError,
        Platform, //
    }, //
};
use kernel::{
    alloc::AllocError,
    cpu::nr_cpu_ids,
    fmt,
    prelude::*, //
};

/// The subject information of this subject. It consists of private copies, so that a page that
/// changes later is not read a second time.
pub(crate) struct Subject {
    /// The images in ascending order of their processors. The image of processor 0 is always
    /// present.
    images: KVec<Image>,
    platform: Platform,
}

/// A copy of the image of one processor.
struct Image {
    bytes: KVec<u8>,
    range: Range,
    /// The number of the processor.
    number: u32,
}

impl From<FindError> for LoadError {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Mapping(error) => Self::Mapping(error),
            FindError::Fault => Self::Fault,
            FindError::Magic(magic) => Self::Image(ImageError::Magic(u64::from_le_bytes(magic))),
        }
    }
}

/// Why no image can be read at an address.
enum LoadError {
    /// The address cannot be mapped. Contains the error of the mapping.
    Mapping(Error),
    /// Reading from the address faulted.
    Fault,
    /// The memory at the address is not an image.
    Image(ImageError),
    /// There is no memory for the copy.
    Memory(AllocError),
}

impl Image {
    /// Reads the image of processor `number` at `address`. May sleep.
    fn load(platform: Platform, number: u32, address: u64) -> Result<Self, LoadError> {
        let mapping = platform
            .map(address, sinfo::IMAGE_PAGES)
            .map_err(LoadError::Mapping)?;

        // There may be no memory at this address.
        let mut magic = [0; MAGIC_SIZE];
        mapping
            .copy_out_nofault(0, &mut magic)
            .map_err(|_| LoadError::Fault)?;
        if Version::from_magic(magic).is_none() {
            let magic = u64::from_le_bytes(magic);
            return Err(LoadError::Image(ImageError::Magic(magic)));
        }

        let mut bytes = KVec::from_elem(0, IMAGE_SIZE, GFP_KERNEL).map_err(LoadError::Memory)?;
        mapping.copy_out(0, &mut bytes);
        Sinfo::parse(&bytes).map_err(LoadError::Image)?;
        Ok(Self {
            bytes,
            range: Range::of_image(address),
            number,
        })
    }
}

/// Why a channel, or another memory region of this subject, cannot be used.
pub(crate) enum ChannelError<'a> {
    /// The subject information does not grant it.
    Resource(ResourceError<'a>),
    /// It cannot be mapped.
    Mapping {
        /// The memory resource, with its address and size.
        resource: MemoryResource<'a>,
        /// The error of the mapping.
        error: Error,
    },
}

impl fmt::Display for ChannelError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource(error) => fmt::Display::fmt(error, f),
            Self::Mapping { resource, error } => {
                let reason = match *error {
                    EPERM => ": System RAM",
                    ENOMEM => ": no memory",
                    _ => "",
                };
                write!(
                    f,
                    "cannot map {:#x} bytes at {:#x}{}",
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
    /// Reads the subject information of all processors. The image of processor 0 is at the physical
    /// address `address`. May sleep.
    ///
    /// Logs the reason of a failure, except for some failures to allocate memory.
    ///
    /// # Errors
    ///
    /// - `ENODEV` if there is no image at this address, or one of an unknown version. In the first
    ///   case this machine is no Muen subject.
    /// - `EPERM` if the address is System RAM, or if the image of another processor overlaps memory
    ///   that another subject may write.
    /// - `EINVAL` if the address is not a multiple of the page size.
    /// - `EFAULT` if the processor cannot address it.
    /// - `ENOMEM` if there is no memory to map or to copy an image.
    pub(crate) fn load(address: u64) -> Result<Self> {
        let platform =
            Platform::found_at(address).map_err(|error| no_subject(address, error.into()))?;
        let first = Image::load(platform, 0, address).map_err(|why| no_subject(address, why))?;
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
        this.check_image_conflicts()?;
        if this.images.len() > 1 {
            pr_info!(
                "{} processors have subject information\n",
                this.images.len()
            );
        }
        Ok(this)
    }

    /// Reads the image of another processor. Returns `None` if it has none.
    fn load_next(&self, number: u32, address: u64) -> Result<Option<Image>> {
        let pages = Range::new(address, sinfo::IMAGE_PAGES);
        if self.processors()?.guest().image_conflict(pages).is_some() {
            // Do not read memory that another subject may write: it could contain a forged image.
            return Ok(None);
        }
        match Image::load(self.platform, number, address) {
            Ok(image) => Ok(Some(image)),
            Err(LoadError::Memory(error)) => Err(error.into()),
            Err(LoadError::Mapping(ENOMEM)) => {
                pr_err!(
                    "No memory to map the subject information at {:#x}\n",
                    address
                );
                Err(ENOMEM)
            }
            Err(LoadError::Image(error)) => {
                if error.is_unknown_version() {
                    pr_warn!(
                        "Processor {}: subject information at {:#x} has an unsupported version; \
                         its resources are ignored\n",
                        number,
                        address
                    );
                }
                Ok(None)
            }
            Err(LoadError::Mapping(_) | LoadError::Fault) => Ok(None),
        }
    }

    /// Checks that no image lies in memory that another subject may write according to any image.
    /// [`Self::load_next`] compares an image only with those that were read before it.
    fn check_image_conflicts(&self) -> Result {
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

    /// Returns the evidence that this machine is a Muen subject. Events cannot be triggered without
    /// it.
    pub(crate) fn platform(&self) -> Platform {
        self.platform
    }

    /// Returns the processors and their parsed images.
    ///
    /// # Errors
    ///
    /// - `ENOMEM` if there is no memory for the list.
    /// - `ENODEV` if an image cannot be parsed. [`Subject::load`] does not keep such images.
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
    /// Returns the guest that consists of these processors.
    pub(crate) fn guest(&self) -> Guest<'_> {
        Guest::new(&self.0)
    }
}

/// Maps the channel called `name` for `access`. May sleep.
///
/// # Errors
///
/// - [`ChannelError::Resource`] with the errors of [`Guest::channel`].
/// - [`ChannelError::Mapping`] with the errors of [`Platform::map`].
pub(crate) fn map_channel<'a>(
    platform: Platform,
    guest: &Guest<'a>,
    name: &[u8],
    access: Access,
) -> Result<Mapping, ChannelError<'a>> {
    map(platform, guest.channel(name, access))
}

/// Maps the memory called `name`, of any kind, which this subject can only read. May sleep.
///
/// # Errors
///
/// - [`ChannelError::Resource`] with the errors of [`Guest::read_only`].
/// - [`ChannelError::Mapping`] with the errors of [`Platform::map`].
pub(crate) fn map_read_only<'a>(
    platform: Platform,
    guest: &Guest<'a>,
    name: &[u8],
) -> Result<Mapping, ChannelError<'a>> {
    map(platform, guest.read_only(name))
}

fn map<'a>(
    platform: Platform,
    found: Result<MemoryResource<'a>, ResourceError<'a>>,
) -> Result<Mapping, ChannelError<'a>> {
    let resource = found.map_err(ChannelError::Resource)?;
    platform
        .map(resource.address, resource.size)
        .map_err(|error| ChannelError::Mapping { resource, error })
}

fn no_subject(address: u64, why: LoadError) -> Error {
    let reason = match why {
        LoadError::Mapping(EPERM) => "the address is System RAM",
        LoadError::Mapping(EINVAL) => "the address is not a multiple of the page size",
        LoadError::Mapping(_) => "the address cannot be mapped",
        LoadError::Fault => "this memory cannot be read: not a Muen subject, or wrong sinfo=",
        LoadError::Memory(_) => "no memory",
        LoadError::Image(error) if error.is_unknown_version() => {
            pr_err!("Subject information at {:#x} has {}\n", address, error);
            return error.into();
        }
        LoadError::Image(error) => {
            pr_err!(
                "No subject information at {:#x} ({}): not a Muen subject, or wrong sinfo=\n",
                address,
                error
            );
            return error.into();
        }
    };
    pr_err!("No subject information at {:#x}: {}\n", address, reason);
    match why {
        LoadError::Mapping(error) => error,
        LoadError::Memory(error) => error.into(),
        _ => ENODEV,
    }
}
