// SPDX-License-Identifier: GPL-2.0

//! The parameters of one interface.

use core::num::NonZeroU64;

use super::super::mode::Mode;
use super::error::{
    ConfigError,
    Place,
    Problem,
    Text, //
};
use super::lists::{
    entry,
    List,
    Lists, //
};
use super::number::{
    decimal,
    hexadecimal,
    NumberError, //
};

/// Largest number of characters in the name of an interface: `IFNAMSIZ - 1`.
pub(super) const NAME_MAX: usize = 15;

/// MTU in bytes if nobody asks for another.
const MTU_DEFAULT: u32 = 1_500;

/// One direction of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Channel<'a> {
    /// Name of the channel: that of a memory resource of this subject.
    pub(crate) name: Text<'a>,
    /// Number that the reader demands, or the writer announces.
    pub(crate) protocol: NonZeroU64,
}

/// An address of an Ethernet interface: neither zero nor that of a group.
pub(crate) type MacAddress = [u8; 6];

/// What the parameters say about one interface. All of it is valid by itself; whether the channels
/// exist is another question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InterfaceConfig<'a> {
    /// Name for the interface; with `%d` in it the kernel puts a free number there.
    pub(crate) name: Text<'a>,
    /// Where packets come from. At least one of the two directions is there.
    pub(crate) in_channel: Option<Channel<'a>>,
    /// Where packets go to.
    pub(crate) out_channel: Option<Channel<'a>>,
    /// What the elements of both channels hold.
    pub(crate) mode: Mode,
    /// MTU in bytes, in [`Mode::mtu_range`].
    pub(crate) mtu: u32,
    /// Name of the memory resource with the path MTUs.
    pub(crate) pmtu: Option<Text<'a>>,
    /// Address in Ethernet mode; none: a random one.
    pub(crate) mac: Option<MacAddress>,
}

impl<'a> InterfaceConfig<'a> {
    /// Reads entry `index` of all lists.
    ///
    /// A protocol for a direction without a channel is not needed and not used, but must be a
    /// number; zero will do.
    ///
    /// # Errors
    ///
    /// `-EINVAL` for each of these:
    ///
    /// - the name is empty, too long, or not one that the kernel accepts;
    /// - there is no channel, or one without a valid protocol;
    /// - a flag is not known, or the flags exclude each other;
    /// - the MTU is not a number, or not one for the mode;
    /// - there are path MTUs in another mode than IP, or with offloads;
    /// - there is an address in another mode than Ethernet, or none that an interface can have.
    pub(crate) fn parse(lists: &Lists<'a>, index: usize) -> Result<Self, ConfigError<'a>> {
        let name = name(lists, index).map_err(|problem| ConfigError {
            place: Place::Name(index),
            problem,
        })?;
        Self::parse_named(name, lists, index).map_err(|problem| ConfigError {
            place: Place::Interface(name),
            problem,
        })
    }

    fn parse_named(name: Text<'a>, lists: &Lists<'a>, index: usize) -> Result<Self, Problem<'a>> {
        let in_channel = channel(
            entry(lists.in_channel, index),
            "reader_protocol",
            lists.reader_protocol,
            index,
        )?;
        let out_channel = channel(
            entry(lists.out_channel, index),
            "writer_protocol",
            lists.writer_protocol,
            index,
        )?;
        if in_channel.is_none() && out_channel.is_none() {
            return Err(Problem::NoChannel);
        }

        let mode = mode(entry(lists.flags, index))?;
        let pmtu = entry(lists.pmtu, index);
        match (pmtu, mode) {
            (None, _) | (Some(_), Mode::Ip) => {}
            (Some(region), Mode::Raw | Mode::Ethernet | Mode::Vlan) => {
                return Err(Problem::PmtuWithoutIp(region));
            }
            (Some(region), Mode::Large) => return Err(Problem::PmtuWithOffload(region)),
        }
        Ok(Self {
            name,
            in_channel,
            out_channel,
            mode,
            mtu: mtu(entry(lists.mtu, index), mode)?,
            pmtu,
            mac: mac(entry(lists.mac, index), mode)?,
        })
    }

    /// Checks that this interface can be there together with `earlier`.
    ///
    /// # Errors
    ///
    /// - `-EEXIST` ([`Problem::NameTaken`]) if both have the same name. A name with `%d` in it is a
    ///   pattern, not a name.
    /// - `-EINVAL` ([`Problem::WriterTaken`]) if both write to the same channel. Two writers would
    ///   overwrite each other's elements; two readers do not disturb each other.
    pub(crate) fn check_distinct(&self, earlier: &Self) -> Result<(), ConfigError<'a>> {
        if self.name == earlier.name && !self.name.as_bytes().contains(&b'%') {
            return Err(self.error(Problem::NameTaken));
        }
        match (self.out_channel, earlier.out_channel) {
            (Some(own), Some(other)) if own.name == other.name => {
                Err(self.error(Problem::WriterTaken {
                    channel: own.name,
                    other: earlier.name,
                }))
            }
            _ => Ok(()),
        }
    }

    /// An error of this interface.
    pub(crate) fn error(&self, problem: Problem<'a>) -> ConfigError<'a> {
        ConfigError {
            place: Place::Interface(self.name),
            problem,
        }
    }
}

/// Whether no interface can have this name, though it is a valid one: the kernel has the settings
/// of all interfaces, and of those to come, in folders of these names in `/proc/sys/net/ipv4/conf`.
pub(crate) fn is_reserved_name(name: &[u8]) -> bool {
    matches!(name, b"all" | b"default")
}

/// Reads the name of an interface: one that `dev_valid_name()` and `dev_alloc_name()` accept.
fn name<'a>(lists: &Lists<'a>, index: usize) -> Result<Text<'a>, Problem<'a>> {
    let name = entry(lists.name, index).ok_or(Problem::NameMissing)?;
    let bytes = name.as_bytes();
    if bytes.len() > NAME_MAX {
        return Err(Problem::NameTooLong(name));
    }
    if matches!(bytes, b"." | b"..") || bytes.iter().any(|&byte| !valid_in_name(byte)) {
        return Err(Problem::NameInvalid(name));
    }
    if is_reserved_name(bytes) {
        return Err(Problem::NameReserved(name));
    }
    // There may be one "%d" and no other '%'.
    let mut parts = bytes.split(|&byte| byte == b'%').skip(1);
    match (parts.next(), parts.next()) {
        (None, _) => Ok(name),
        (Some(after), None) if after.starts_with(b"d") => Ok(name),
        _ => Err(Problem::NameInvalid(name)),
    }
}

/// Whether a name can have this character: not what `isspace()` is true for in the kernel, whose
/// table is that of Latin-1, and not what would make a bad file name.
fn valid_in_name(byte: u8) -> bool {
    !matches!(byte, b'\t'..=b'\r' | b' ' | 0xa0 | b'/' | b':' | 0)
}

/// Reads one direction: the name of the channel, and entry `index` of its list of protocols.
fn channel<'a>(
    name: Option<Text<'a>>,
    parameter: &'static str,
    protocols: &'a dyn List,
    index: usize,
) -> Result<Option<Channel<'a>>, Problem<'a>> {
    let value = entry(protocols, index);
    let protocol = match value {
        Some(value) => hexadecimal(value.as_bytes())
            .map_err(|_| Problem::ProtocolInvalid { parameter, value })?,
        None => 0,
    };
    let Some(name) = name else {
        return Ok(None);
    };
    match (NonZeroU64::new(protocol), value) {
        (Some(protocol), _) => Ok(Some(Channel { name, protocol })),
        (None, Some(value)) => Err(Problem::ProtocolInvalid { parameter, value }),
        (None, None) => Err(Problem::ProtocolMissing {
            parameter,
            channel: name,
        }),
    }
}

/// Reads the flags: words with `+` between them.
fn mode(flags: Option<Text<'_>>) -> Result<Mode, Problem<'_>> {
    let Some(flags) = flags else {
        return Ok(Mode::Raw);
    };

    let (mut chosen, mut offload, mut vlan) = (None, false, false);
    for word in flags.as_bytes().split(|&byte| byte == b'+') {
        let more = match word {
            b"offload" => Some(&mut offload),
            b"vlan" => Some(&mut vlan),
            _ => None,
        };
        if let Some(more) = more {
            *more = true;
            continue;
        }
        let mode = [Mode::Ip, Mode::Ethernet]
            .into_iter()
            .find(|mode| mode.flag().is_some_and(|flag| flag.as_bytes() == word))
            .ok_or(Problem::FlagUnknown(Text::new(word)))?;
        // Naming one flag twice is no contradiction.
        if chosen.is_some_and(|chosen| chosen != mode) {
            return Err(Problem::FlagsExclusive(flags));
        }
        chosen = Some(mode);
    }
    match (chosen, offload, vlan) {
        (None, false, false) => Ok(Mode::Raw),
        (Some(mode), false, false) => Ok(mode),
        (Some(Mode::Ip), true, false) => Ok(Mode::Large),
        (Some(Mode::Ethernet), false, true) => Ok(Mode::Vlan),
        (Some(Mode::Ethernet) | None, true, _) => Err(Problem::OffloadWithoutIp(flags)),
        (_, _, _) => Err(Problem::VlanWithoutEthernet(flags)),
    }
}

/// Reads the address of an interface in `mode`: six pairs of hexadecimal digits, as
/// 02:00:00:00:00:01.
fn mac(value: Option<Text<'_>>, mode: Mode) -> Result<Option<MacAddress>, Problem<'_>> {
    let Some(value) = value else {
        return Ok(None);
    };
    if !matches!(mode, Mode::Ethernet | Mode::Vlan) {
        return Err(Problem::MacWithoutEthernet(value));
    }
    let mut address = MacAddress::default();
    let mut pairs = value.as_bytes().split(|&byte| byte == b':');
    for byte in &mut address {
        let pair = pairs.next().filter(|pair| pair.len() == 2);
        let number = pair.and_then(|pair| hexadecimal(pair).ok());
        let number = number.and_then(|number| u8::try_from(number).ok());
        *byte = number.ok_or(Problem::MacInvalid(value))?;
    }
    // The lowest bit of the first byte is that of groups.
    if pairs.next().is_some() || address == [0; 6] || address[0] & 1 != 0 {
        return Err(Problem::MacInvalid(value));
    }
    Ok(Some(address))
}

/// Reads the MTU of an interface in `mode`.
fn mtu(value: Option<Text<'_>>, mode: Mode) -> Result<u32, Problem<'_>> {
    let Some(value) = value else {
        return Ok(MTU_DEFAULT);
    };
    let out_of_range = Problem::MtuOutOfRange { value, mode };
    let mtu = decimal(value.as_bytes()).map_err(|error| match error {
        NumberError::NoNumber => Problem::MtuInvalid(value),
        NumberError::TooLarge => out_of_range,
    })?;
    u32::try_from(mtu)
        .ok()
        .filter(|mtu| mode.mtu_range().contains(mtu))
        .ok_or(out_of_range)
}
