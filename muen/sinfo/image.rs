// SPDX-License-Identifier: GPL-2.0

//! The layout of the subject information: the offsets and encodings of its fields.

use core::fmt;

/// The size of an image in bytes.
pub(crate) const IMAGE_SIZE: usize = 32_720;

/// The size in bytes of the magic at the start of an image.
pub(crate) const MAGIC_SIZE: usize = 8;

/// The size of one resource in bytes.
pub(super) const ENTRY_SIZE: usize = 128;

/// The number of resource entries in an image.
pub(super) const ENTRY_COUNT: usize = 255;

/// The largest length of a name in bytes; also the mask of the length in the first byte of a name.
const NAME_MAX: usize = 0x3f;

/// Offsets in an image.
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

/// The version of the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// Version 3.
    V3,
    /// Version 4: other numbers for kinds of memory that the driver does not use.
    V4,
    /// Version 5: the number of resources is aligned, and there are device ports.
    V5,
}

impl Version {
    /// Returns the version with this magic, or `None` if it is not the magic of a known version.
    pub(crate) fn from_magic(magic: [u8; MAGIC_SIZE]) -> Option<Self> {
        match &magic {
            b"muinfo\0\x03" => Some(Self::V3),
            b"muinfo\0\x04" => Some(Self::V4),
            b"muinfo\0\x05" => Some(Self::V5),
            _ => None,
        }
    }

    /// Returns whether `magic` is that of an image of a version that the driver does not know.
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
/// All of these errors mean that this machine is no Muen subject, or one whose subject information
/// the driver does not know: `-ENODEV`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImageError {
    /// The copy has this many bytes instead of [`IMAGE_SIZE`].
    Size(usize),
    /// The image starts with this value instead of the magic of a known version.
    Magic(u64),
}

impl ImageError {
    /// Returns whether there is an image of a version that the driver does not know.
    pub(crate) fn is_unknown_version(&self) -> bool {
        matches!(self, Self::Magic(magic) if Version::is_unknown(magic.to_le_bytes()))
    }
}

/// Displays as the part of a log line that follows "Subject information at X has" if the version is
/// unknown, and otherwise as a remark.
impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => write!(f, "{size} bytes instead of {IMAGE_SIZE}"),
            Self::Magic(magic) if self.is_unknown_version() => write!(
                f,
                "an unsupported version (magic {magic:#018x}); versions 3, 4 and 5 are supported"
            ),
            Self::Magic(magic) => write!(f, "magic {magic:#018x}"),
        }
    }
}

/// A name in an image: up to 63 bytes with any values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name<'a>(pub(super) &'a [u8]);

impl<'a> Name<'a> {
    /// Decodes the name at the start of `bytes`: the length in the low six bits of the first byte,
    /// followed by the bytes of the name.
    fn decode(bytes: &'a [u8]) -> Self {
        let name = bytes.split_first().and_then(|(length, name)| {
            // The two high bits have no meaning.
            name.get(..usize::from(*length) & NAME_MAX)
        });
        Self(name.unwrap_or_default())
    }

    /// Returns the bytes of the name.
    pub(crate) fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Returns whether this name has the same length and bytes as `name`.
    pub(crate) fn is(&self, name: &[u8]) -> bool {
        self.0 == name
    }
}

/// Escapes bytes that are not printable ASCII, so that a name does not break a log line.
impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

/// The kinds of resources that the driver uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A region of memory.
    Memory,
    /// An event that the subject may trigger.
    Event,
    /// An interrupt that the subject may receive.
    Vector,
}

/// One resource of an image, not yet decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a>(&'a [u8]);

impl<'a> Entry<'a> {
    /// Returns the kind of the resource, or `None` for an empty entry and for kinds that the driver
    /// does not use, including kinds that a later version may add.
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

    /// Returns the number of an event or vector.
    pub(super) fn number(self) -> u8 {
        let [number] = self.data(0);
        number
    }

    /// Returns `N` bytes at offset `at` in the part of the resource that depends on its kind.
    pub(super) fn data<const N: usize>(self, at: usize) -> [u8; N] {
        field(self.0, entry_offset::DATA + at)
    }
}

/// The entries of an image that are in use, at most [`ENTRY_COUNT`].
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

    /// Returns all entries in the order of the image, including empty ones.
    pub(super) fn iter(self) -> impl Iterator<Item = Entry<'a>> + 'a {
        self.0.chunks_exact(ENTRY_SIZE).map(Entry)
    }
}

/// Returns the `N` bytes at offset `at` of `bytes`.
///
/// By the layout above, callers do not exceed `bytes`. The result would be zeroes, which mean
/// "nothing" in every field.
fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes
        .get(at..)
        .and_then(|bytes| bytes.first_chunk())
        .copied()
        .unwrap_or([0; N])
}
