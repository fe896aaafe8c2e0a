// SPDX-License-Identifier: GPL-2.0

//! This subject: its information, read once, and the memory regions in it.

use super::sinfo::{
    Access,
    ImageError,
    MemoryResource,
    Range,
    ResourceError,
    Sinfo,
    Version,
    IMAGE_SIZE,
    MAGIC_SIZE,
    PAGE_SIZE, //
};
use crate::abstractions::mapping::Mapping;
use kernel::{
    fmt,
    prelude::*, //
};

/// The subject information of this subject: a private copy, so that a page that changes underneath
/// cannot be read twice.
pub(crate) struct Subject {
    image: KVec<u8>,
    range: Range,
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
    /// Reads the subject information at the physical address `address`. May sleep.
    ///
    /// What goes wrong is told in the log.
    ///
    /// # Errors
    ///
    /// - `ENODEV`: there is none at this address: the machine is no Muen subject, or its subject
    ///   information is of an unknown version.
    /// - `EPERM`: the address is System RAM.
    /// - `EINVAL`: the address is no multiple of the page size.
    /// - `EFAULT`: the processor cannot address it, or it cannot be mapped.
    /// - `ENOMEM`: there is no memory for the copy.
    pub(crate) fn load(address: u64) -> Result<Self> {
        let mapping = Mapping::new(address, (IMAGE_SIZE as u64).next_multiple_of(PAGE_SIZE))
            .inspect_err(|&error| {
                let reason = match error {
                    EPERM => "the address is System RAM",
                    EINVAL => "the address is not a multiple of the page size",
                    _ => "the address cannot be mapped",
                };
                pr_err!("No subject information at {:#x}: {}\n", address, reason);
            })?;

        // The address may be that of nothing at all, on a machine that is no Muen subject.
        let mut magic = [0; MAGIC_SIZE];
        mapping
            .copy_out_nofault(0, &mut magic)
            .inspect_err(|_| pr_err!("No subject information at {:#x}\n", address))
            .map_err(|_| ENODEV)?;
        if Version::from_magic(magic).is_none() {
            return Err(no_subject(
                address,
                ImageError::Magic(u64::from_le_bytes(magic)),
            ));
        }

        let mut image = KVec::from_elem(0, IMAGE_SIZE, GFP_KERNEL)?;
        mapping.copy_out(0, &mut image);
        Sinfo::parse(&image).map_err(|error| no_subject(address, error))?;
        Ok(Self {
            image,
            range: Range::of_image(address),
        })
    }

    /// What the subject information says.
    ///
    /// # Errors
    ///
    /// - `ENODEV`: it says nothing; [`Subject::load`] has ruled this out.
    pub(crate) fn sinfo(&self) -> Result<Sinfo<'_>> {
        Sinfo::parse(&self.image).map_err(Error::from)
    }

    /// Maps the channel called `name`, to be used with `access`. May sleep.
    ///
    /// # Errors
    ///
    /// As [`Sinfo::channel`] and [`Mapping::new`].
    pub(crate) fn map_channel<'a>(
        &self,
        sinfo: &Sinfo<'a>,
        name: &[u8],
        access: Access,
    ) -> Result<Mapping, ChannelError<'a>> {
        map(sinfo.channel(name, access, self.range))
    }

    /// Maps the memory called `name`, of any kind, that this subject only reads. May sleep.
    ///
    /// # Errors
    ///
    /// As [`Sinfo::read_only`] and [`Mapping::new`].
    pub(crate) fn map_read_only<'a>(
        &self,
        sinfo: &Sinfo<'a>,
        name: &[u8],
    ) -> Result<Mapping, ChannelError<'a>> {
        map(sinfo.read_only(name, self.range))
    }
}

fn map<'a>(
    found: Result<MemoryResource<'a>, ResourceError<'a>>,
) -> Result<Mapping, ChannelError<'a>> {
    let resource = found.map_err(ChannelError::Resource)?;
    Mapping::new(resource.address, resource.size)
        .map_err(|error| ChannelError::Mapping { resource, error })
}

fn no_subject(address: u64, reason: ImageError) -> Error {
    pr_err!(
        "No subject information at {:#x}, so this is no Muen subject: {}\n",
        address,
        reason
    );
    reason.into()
}
