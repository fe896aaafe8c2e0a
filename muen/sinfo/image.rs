// SPDX-License-Identifier: GPL-2.0

//! Layout of the subject information: where its bytes are and what they are called.

use core::fmt;

/// Size of the image in bytes.
pub(crate) const IMAGE_SIZE: usize = 32_720;

/// Size in bytes of the magic that the image starts with.
pub(crate) const MAGIC_SIZE: usize = 8;

/// Size of one resource in bytes.
pub(super) const ENTRY_SIZE: usize = 128;

/// Number of resources that the image has room for.
pub(super) const ENTRY_COUNT: usize = 255;

/// Largest number of bytes in a name; also the bits of a name's first byte that hold its length.
const NAME_MAX: usize = 0x3f;

/// Offsets in the image.
mod offset {
    pub(super) const COUNT_V3: usize = 77;
    pub(super) const COUNT_V5: usize = 78;
    pub(super) const ENTRIES: usize = 80;
}

/// Offsets in a resource.
mod entry_offset {
    pub(super) const KIND: usize = 0;
    pub(super) const NAME: usize = 4;
    pub(super) const DATA: usize = 72;
}

const _: () = assert!(offset::ENTRIES + ENTRY_COUNT * ENTRY_SIZE == IMAGE_SIZE);

/// Version of the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// Version 3.
    V3,
    /// Version 4: other numbers for kinds of memory that the driver never looks at.
    V4,
    /// Version 5: the number of resources is aligned, and there are device ports.
    V5,
}

impl Version {
    /// The version that starts with `magic`, or `None` for memory that is no image we can read.
    pub(crate) fn from_magic(magic: [u8; MAGIC_SIZE]) -> Option<Self> {
        match &magic {
            b"muinfo\0\x03" => Some(Self::V3),
            b"muinfo\0\x04" => Some(Self::V4),
            b"muinfo\0\x05" => Some(Self::V5),
            _ => None,
        }
    }

    /// Whether `magic` is that of an image of a version that the driver cannot read.
    pub(crate) fn is_unknown(magic: [u8; MAGIC_SIZE]) -> bool {
        magic.starts_with(b"muinfo\0") && Self::from_magic(magic).is_none()
    }

    const fn count_offset(self) -> usize {
        match self {
            Self::V3 | Self::V4 => offset::COUNT_V3,
            Self::V5 => offset::COUNT_V5,
        }
    }
}

/// Why an image cannot be read at all.
///
/// All of them mean that this is no subject of Muen, or none that we understand: `-ENODEV`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImageError {
    /// The copy has this many bytes instead of [`IMAGE_SIZE`].
    Size(usize),
    /// The image starts with this instead of the magic of a known version.
    Magic(u64),
}

impl ImageError {
    /// Whether there is an image, of a version that the driver cannot read.
    pub(crate) fn is_unknown_version(&self) -> bool {
        matches!(self, Self::Magic(magic) if Version::is_unknown(magic.to_le_bytes()))
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => write!(
                f,
                "subject information has {size} bytes instead of {IMAGE_SIZE}"
            ),
            Self::Magic(magic) => write!(
                f,
                "no subject information of version 3, 4 or 5: magic is {magic:#018x}"
            ),
        }
    }
}

/// A name in the image: up to 63 bytes of any value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name<'a>(pub(super) &'a [u8]);

impl<'a> Name<'a> {
    /// Decodes the name at the start of `bytes`: the length in the low six bits, then the bytes.
    fn decode(bytes: &'a [u8]) -> Self {
        let name = bytes.split_first().and_then(|(length, name)| {
            // The two high bits mean nothing.
            name.get(..usize::from(*length) & NAME_MAX)
        });
        Self(name.unwrap_or_default())
    }

    /// Whether this is `name`: as long, and the same bytes.
    pub(crate) fn is(&self, name: &[u8]) -> bool {
        self.0 == name
    }
}

/// Bytes that are not printable ASCII come out escaped, so that a name is always one word in a log.
impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

/// Kinds of resources that the driver uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A region of memory.
    Memory,
    /// An event that the subject may trigger.
    Event,
    /// An interrupt that the subject may get.
    Vector,
}

/// One resource of the image, not yet interpreted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a>(&'a [u8]);

impl<'a> Entry<'a> {
    /// The kind of the resource; `None` for an empty entry and for kinds of no use to the driver,
    /// also for those that some later version may add.
    pub(super) fn kind(self) -> Option<Kind> {
        match u32::from_le_bytes(field(self.0, entry_offset::KIND)) {
            1 => Some(Kind::Memory),
            2 => Some(Kind::Event),
            3 => Some(Kind::Vector),
            _ => None,
        }
    }

    pub(super) fn name(self) -> Name<'a> {
        Name::decode(self.0.get(entry_offset::NAME..).unwrap_or_default())
    }

    /// The number of an event or vector.
    pub(super) fn number(self) -> u8 {
        let [number] = self.data(0);
        number
    }

    /// `N` bytes at `at` of the part of the resource that depends on its kind.
    pub(super) fn data<const N: usize>(self, at: usize) -> [u8; N] {
        field(self.0, entry_offset::DATA + at)
    }
}

/// The entries in use of an image; never more than it has room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entries<'a>(&'a [u8]);

impl<'a> Entries<'a> {
    /// Finds the entries of `image`. See [`Sinfo::parse`](super::Sinfo::parse).
    pub(super) fn parse(image: &'a [u8]) -> Result<Self, ImageError> {
        if image.len() != IMAGE_SIZE {
            return Err(ImageError::Size(image.len()));
        }

        let magic = field(image, 0);
        let version =
            Version::from_magic(magic).ok_or(ImageError::Magic(u64::from_le_bytes(magic)))?;
        let count = usize::from(u16::from_le_bytes(field(image, version.count_offset())));
        let entries = image
            .get(offset::ENTRIES..)
            .and_then(|entries| entries.get(..count.min(ENTRY_COUNT) * ENTRY_SIZE));
        Ok(Self(entries.unwrap_or_default()))
    }

    /// All entries in the order of the image, the empty ones too.
    pub(super) fn iter(self) -> impl Iterator<Item = Entry<'a>> + 'a {
        self.0.chunks_exact(ENTRY_SIZE).map(Entry)
    }
}

/// The `N` bytes at `at` of `bytes`.
///
/// Callers stay inside by the layout above. Beyond the end there would be zeros, which stand for
/// "nothing" in every field.
fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes
        .get(at..)
        .and_then(|bytes| bytes.first_chunk())
        .copied()
        .unwrap_or([0; N])
}
