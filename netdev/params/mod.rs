// SPDX-License-Identifier: GPL-2.0

//! The module parameters: parses lists of words into checked configurations.
//!
//! Each parameter that describes interfaces is a list, in which entry `i` belongs to interface `i`.
//! The kernel has split the lists at the commas. An entry that is empty, or missing at the end of a
//! list, stands for the default of its parameter. An empty name means that there is no interface.
//! The entries of the other lists at the same index are skipped then.
//!
//! ```text
//!   name             names of the interfaces, at most 15 characters; "%d" becomes a number
//!   in, out          names of the channels; default: no channel in that direction
//!   reader_protocol  hexadecimal, not zero; required with a channel in `in`
//!   writer_protocol  hexadecimal, not zero; required with a channel in `out`
//!   flags            "net_hdr", "net_hdr+offload", "eth_dev" or "eth_dev+vlan", default: raw mode;
//!                    and "pause", separated by "+": flow control
//!   mtu              decimal, in the range of the mode; default: 1500
//!   pmtu             name of the memory region with the path MTUs; default: none
//!   mac              address in Ethernet mode, as 02:00:00:00:00:01; default: random
//! ```
//!
//! [`Poll`] and [`parse_sinfo`] parse the parameters `poll` and `sinfo` of the whole module.
//!
//! The functions of this module are pure: they borrow the words, allocate nothing, and depend on
//! nothing else.

use self::error::Place;
use super::mode::Mode;
use crate::muen::sinfo::IMAGE_SIZE;
use core::num::NonZeroU64;

pub(crate) use self::error::{
    ConfigError,
    Problem,
    Text, //
};

mod error;
#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod tests;

/// The entries of one list parameter.
pub(crate) trait List {
    /// Returns the number of entries.
    fn count(&self) -> usize;

    /// Returns entry `index`; [`None`] if the list has fewer entries.
    fn get(&self, index: usize) -> Option<&[u8]>;
}

impl<T: AsRef<[u8]>, const N: usize> List for [T; N] {
    fn count(&self) -> usize {
        N
    }

    fn get(&self, index: usize) -> Option<&[u8]> {
        self.as_slice().get(index).map(AsRef::as_ref)
    }
}

/// All list parameters.
#[derive(Clone, Copy)]
pub(crate) struct Lists<'a> {
    /// `name`
    pub(crate) name: &'a dyn List,
    /// `in`
    pub(crate) in_channel: &'a dyn List,
    /// `out`
    pub(crate) out_channel: &'a dyn List,
    /// `reader_protocol`
    pub(crate) reader_protocol: &'a dyn List,
    /// `writer_protocol`
    pub(crate) writer_protocol: &'a dyn List,
    /// `flags`
    pub(crate) flags: &'a dyn List,
    /// `mtu`
    pub(crate) mtu: &'a dyn List,
    /// `pmtu`
    pub(crate) pmtu: &'a dyn List,
    /// `mac`
    pub(crate) mac: &'a dyn List,
}

impl<'a> Lists<'a> {
    /// Returns the indices of the interfaces: those of the names that are not empty. The entries of
    /// the other lists that belong to an empty name are skipped, whatever they are.
    pub(crate) fn indices(&self) -> impl Iterator<Item = usize> + use<'a> {
        let names = self.name;
        (0..names.count()).filter(move |&index| entry(names, index).is_some())
    }

    /// Checks the lists against each other, and every interface in them.
    ///
    /// If this succeeds, [`Self::interface`] does not fail for any of [`Self::indices`].
    ///
    /// # Errors
    ///
    /// - `EINVAL`: a list has an entry that is not empty behind the last entry of `name`, two
    ///   interfaces have the same channel `out`, or [`InterfaceConfig::parse`] does not accept an
    ///   interface.
    /// - `EEXIST`: two interfaces have the same name.
    pub(crate) fn check(&self) -> Result<(), ConfigError<'a>> {
        self.check_lengths()?;
        for index in self.indices() {
            let interface = self.interface(index)?;
            for earlier in self.indices().take_while(|&earlier| earlier < index) {
                interface.check_distinct(&self.interface(earlier)?)?;
            }
        }
        Ok(())
    }

    /// Returns the configuration of interface `index`.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: as for [`InterfaceConfig::parse`].
    pub(crate) fn interface(&self, index: usize) -> Result<InterfaceConfig<'a>, ConfigError<'a>> {
        InterfaceConfig::parse(self, index)
    }

    fn check_lengths(&self) -> Result<(), ConfigError<'a>> {
        let positions = self.name.count();
        let lists = [
            ("in", self.in_channel),
            ("out", self.out_channel),
            ("reader_protocol", self.reader_protocol),
            ("writer_protocol", self.writer_protocol),
            ("flags", self.flags),
            ("mtu", self.mtu),
            ("pmtu", self.pmtu),
            ("mac", self.mac),
        ];
        for (parameter, list) in lists {
            let mut beyond = (positions..list.count())
                .filter_map(|index| entry(list, index).map(|entry| (index, entry)));
            if let Some((index, first)) = beyond.next() {
                let last = beyond.next_back().map_or(index, |(index, _)| index);
                return Err(ConfigError {
                    place: Place::Parameter(parameter),
                    problem: Problem::TooManyEntries {
                        entries: last + 1,
                        positions,
                        first,
                    },
                });
            }
        }
        Ok(())
    }
}

/// Returns entry `index` of `list`; [`None`] for the default.
fn entry(list: &dyn List, index: usize) -> Option<Text<'_>> {
    list.get(index)
        .filter(|entry| !entry.is_empty())
        .map(Text::new)
}

/// Largest number of characters in the name of an interface: `IFNAMSIZ - 1`.
const NAME_MAX: usize = 15;

/// Default MTU in bytes.
pub(crate) const MTU_DEFAULT: u32 = 1_500;

/// The configuration of one channel of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChannelConfig<'a> {
    /// Name of the channel: the name of a memory resource of this subject.
    pub(crate) name: Text<'a>,
    /// Protocol number that the reader expects, or that the writer publishes.
    pub(crate) protocol: NonZeroU64,
}

/// An address of an Ethernet interface: neither zero nor a group address.
pub(crate) type MacAddress = [u8; 6];

/// Returns whether `mac` can be the address of an interface: `is_valid_ether_addr()`.
fn is_unicast(mac: MacAddress) -> bool {
    // The lowest bit of the first byte marks group addresses.
    mac != [0; 6] && mac[0] & 1 == 0
}

/// The settings of an interface that can change while it exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Whether the carrier follows the peer's epoch: the private flag `carrier-follows-peer`.
    pub(crate) follow_peer: bool,
    /// Whether the out channel starts a new epoch when the peer does: the private flag
    /// `restart-with-peer`.
    pub(crate) restart_with_peer: bool,
    /// Flow control: whether senders stop for the peer.
    pub(crate) rx_pause: bool,
    /// Flow control: whether this end reports to the peer how far it has read.
    pub(crate) tx_pause: bool,
}

impl Settings {
    /// Checks that an interface in `mode` supports what is on. `has_in` and `has_out`: which
    /// channels it has.
    ///
    /// # Errors
    ///
    /// - The first conflict, in the order of [`Conflict`].
    pub(crate) fn check(self, mode: Mode, has_in: bool, has_out: bool) -> Result<(), Conflict> {
        let ethernet = matches!(mode, Mode::Ethernet | Mode::Vlan);
        let both = has_in && has_out;
        if self.follow_peer && !has_in {
            Err(Conflict::CarrierWithoutInChannel)
        } else if self.restart_with_peer && !(both && ethernet) {
            Err(Conflict::RestartWithoutEthernet)
        } else if (self.rx_pause || self.tx_pause) && !both {
            Err(Conflict::PauseWithOneChannel)
        } else {
            Ok(())
        }
    }
}

/// Values of an interface that exclude each other, or that are out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// There is neither an in channel nor an out channel.
    NoChannel,
    /// `carrier-follows-peer` needs an in channel.
    CarrierWithoutInChannel,
    /// `restart-with-peer` needs both channels and Ethernet mode.
    RestartWithoutEthernet,
    /// Flow control needs both channels.
    PauseWithOneChannel,
    /// Path MTUs in another mode than IP.
    PmtuWithoutIp,
    /// Path MTUs in IP mode with offloads.
    PmtuWithOffload,
    /// The MTU is out of the range of the mode.
    MtuOutOfRange,
    /// A MAC address in another mode than Ethernet.
    MacWithoutEthernet,
    /// The MAC address is zero or a group address.
    MacInvalid,
}

/// The configuration of one interface. All values are valid by themselves. Whether the channels
/// exist is not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InterfaceConfig<'a> {
    /// Name of the interface. The kernel replaces `%d` in it by a free number.
    pub(crate) name: Text<'a>,
    /// Channel that packets are received from. There is at least one of the two channels.
    pub(crate) in_channel: Option<ChannelConfig<'a>>,
    /// Channel that packets are sent to.
    pub(crate) out_channel: Option<ChannelConfig<'a>>,
    /// What the elements of both channels hold.
    pub(crate) mode: Mode,
    /// The initial settings.
    pub(crate) settings: Settings,
    /// Longest poll period in microseconds; [`None`]: the default of the module.
    pub(crate) poll_us: Option<u32>,
    /// MTU in bytes, in [`Mode::mtu_range`].
    pub(crate) mtu: u32,
    /// Name of the memory resource with the path MTUs.
    pub(crate) pmtu: Option<Text<'a>>,
    /// Address in Ethernet mode; [`None`]: a random one.
    pub(crate) mac: Option<MacAddress>,
}

impl<'a> InterfaceConfig<'a> {
    /// Parses entry `index` of all lists.
    ///
    /// A protocol for a direction without a channel is not used. If it is given, it must be a
    /// number, and may be zero.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: one of these conditions is met:
    ///   - The name is empty, too long, or not accepted by the kernel.
    ///   - There is no channel, or a channel has no valid protocol.
    ///   - A flag is unknown, or the flags exclude each other.
    ///   - There is flow control, but only one channel.
    ///   - The MTU is not a number, or not in the range of the mode.
    ///   - There are path MTUs in another mode than IP, or with offloads.
    ///   - There is an address in another mode than Ethernet, or it is not a valid one.
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
        let flags_word = entry(lists.flags, index);
        let (mode, pause) = flags(flags_word)?;
        let mtu_word = entry(lists.mtu, index);
        let mac_word = entry(lists.mac, index);
        let pmtu = entry(lists.pmtu, index);
        let config = Self {
            name,
            in_channel,
            out_channel,
            mode,
            settings: Settings {
                rx_pause: pause,
                tx_pause: pause,
                ..Settings::default()
            },
            poll_us: None,
            mtu: mtu(mtu_word, mode)?,
            pmtu,
            mac: mac_word.map(mac).transpose()?,
        };
        config.check().map_err(|conflict| match conflict {
            Conflict::NoChannel => Problem::NoChannel,
            // No parameter turns these on.
            Conflict::CarrierWithoutInChannel | Conflict::RestartWithoutEthernet => {
                Problem::FlagUnknown(flags_word.unwrap_or_default())
            }
            Conflict::PauseWithOneChannel => {
                Problem::PauseWithOneChannel(flags_word.unwrap_or_default())
            }
            Conflict::PmtuWithoutIp => Problem::PmtuWithoutIp(pmtu.unwrap_or_default()),
            Conflict::PmtuWithOffload => Problem::PmtuWithOffload(pmtu.unwrap_or_default()),
            Conflict::MtuOutOfRange => Problem::MtuOutOfRange {
                value: mtu_word.unwrap_or_default(),
                mode,
            },
            Conflict::MacWithoutEthernet => {
                Problem::MacWithoutEthernet(mac_word.unwrap_or_default())
            }
            Conflict::MacInvalid => Problem::MacInvalid(mac_word.unwrap_or_default()),
        })?;
        Ok(config)
    }

    /// Checks the values against each other and their ranges. The name and the protocols are valid
    /// by themselves.
    ///
    /// # Errors
    ///
    /// - The first conflict, in the order of [`Conflict`].
    pub(crate) fn check(&self) -> Result<(), Conflict> {
        let (has_in, has_out) = (self.in_channel.is_some(), self.out_channel.is_some());
        let ethernet = matches!(self.mode, Mode::Ethernet | Mode::Vlan);
        if !has_in && !has_out {
            return Err(Conflict::NoChannel);
        }
        self.settings.check(self.mode, has_in, has_out)?;
        if self.pmtu.is_some() && self.mode == Mode::Offload {
            Err(Conflict::PmtuWithOffload)
        } else if self.pmtu.is_some() && self.mode != Mode::Ip {
            Err(Conflict::PmtuWithoutIp)
        } else if !self.mode.mtu_range().contains(&self.mtu) {
            Err(Conflict::MtuOutOfRange)
        } else if self.mac.is_some() && !ethernet {
            Err(Conflict::MacWithoutEthernet)
        } else if self.mac.is_some_and(|mac| !is_unicast(mac)) {
            Err(Conflict::MacInvalid)
        } else {
            Ok(())
        }
    }

    /// Checks that this interface does not conflict with `earlier`.
    ///
    /// # Errors
    ///
    /// - `EEXIST` ([`Problem::NameTaken`]): both have the same name. A name with `%d` in it is a
    ///   pattern, not a name.
    /// - `EINVAL` ([`Problem::WriterTaken`]): both write to the same channel. Two writers would
    ///   overwrite each other's elements. Two readers do not disturb each other.
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

    /// Returns an error of this interface.
    pub(crate) fn error(&self, problem: Problem<'a>) -> ConfigError<'a> {
        ConfigError {
            place: Place::Interface(self.name),
            problem,
        }
    }
}

/// Returns whether this valid name is reserved: in `/proc/sys/net/ipv4/conf`, the directories of
/// these names have the settings for all interfaces, and the defaults for new ones.
pub(crate) fn is_reserved_name(name: &[u8]) -> bool {
    matches!(name, b"all" | b"default")
}

/// Parses the name of an interface: one that `dev_valid_name()` and `dev_alloc_name()` accept.
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

/// Returns whether a name can contain this character. It cannot contain those for which `isspace()`
/// of the kernel is true, whose table is that of Latin-1, nor those that file names cannot contain,
/// nor a colon.
fn valid_in_name(byte: u8) -> bool {
    !matches!(byte, b'\t'..=b'\r' | b' ' | 0xa0 | b'/' | b':' | 0)
}

/// Parses one channel: its name, and entry `index` of the list of protocols. `parameter` is the
/// name of that list.
fn channel<'a>(
    name: Option<Text<'a>>,
    parameter: &'static str,
    protocols: &'a dyn List,
    index: usize,
) -> Result<Option<ChannelConfig<'a>>, Problem<'a>> {
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
        (Some(protocol), _) => Ok(Some(ChannelConfig { name, protocol })),
        (None, Some(value)) => Err(Problem::ProtocolInvalid { parameter, value }),
        (None, None) => Err(Problem::ProtocolMissing {
            parameter,
            channel: name,
        }),
    }
}

/// Parses the flags: words separated by `+`. Returns the mode, and whether flow control is on.
fn flags(flags: Option<Text<'_>>) -> Result<(Mode, bool), Problem<'_>> {
    let Some(flags) = flags else {
        return Ok((Mode::Raw, false));
    };

    let (mut chosen, mut offload, mut vlan, mut pause) = (None, false, false, false);
    for word in flags.as_bytes().split(|&byte| byte == b'+') {
        let option = match word {
            b"offload" => Some(&mut offload),
            b"vlan" => Some(&mut vlan),
            b"pause" => Some(&mut pause),
            _ => None,
        };
        if let Some(option) = option {
            *option = true;
            continue;
        }
        let mode = [Mode::Ip, Mode::Ethernet]
            .into_iter()
            .find(|mode| mode.flag().is_some_and(|flag| flag.as_bytes() == word))
            .ok_or(Problem::FlagUnknown(Text::new(word)))?;
        // The same flag may be given twice.
        if chosen.is_some_and(|chosen| chosen != mode) {
            return Err(Problem::FlagsExclusive(flags));
        }
        chosen = Some(mode);
    }
    let mode = match (chosen, offload, vlan) {
        (None, false, false) => Mode::Raw,
        (Some(mode), false, false) => mode,
        (Some(Mode::Ip), true, false) => Mode::Offload,
        (Some(Mode::Ethernet), false, true) => Mode::Vlan,
        (Some(Mode::Ethernet) | None, true, _) => return Err(Problem::OffloadWithoutIp(flags)),
        (_, _, _) => return Err(Problem::VlanWithoutEthernet(flags)),
    };
    Ok((mode, pause))
}

/// Parses an address: six pairs of hexadecimal digits, as 02:00:00:00:00:01.
fn mac(value: Text<'_>) -> Result<MacAddress, Problem<'_>> {
    let mut address = MacAddress::default();
    let mut pairs = value.as_bytes().split(|&byte| byte == b':');
    for byte in &mut address {
        let pair = pairs.next().filter(|pair| pair.len() == 2);
        let number = pair.and_then(|pair| hexadecimal(pair).ok());
        let number = number.and_then(|number| u8::try_from(number).ok());
        *byte = number.ok_or(Problem::MacInvalid(value))?;
    }
    match pairs.next() {
        None => Ok(address),
        Some(_) => Err(Problem::MacInvalid(value)),
    }
}

/// Parses the MTU of an interface in `mode`.
fn mtu(value: Option<Text<'_>>, mode: Mode) -> Result<u32, Problem<'_>> {
    let Some(value) = value else {
        return Ok(MTU_DEFAULT);
    };
    match decimal(value.as_bytes()).map(u32::try_from) {
        Ok(Ok(mtu)) => Ok(mtu),
        Err(NumberError::NoNumber) => Err(Problem::MtuInvalid(value)),
        Ok(Err(_)) | Err(NumberError::TooLarge) => Err(Problem::MtuOutOfRange { value, mode }),
    }
}

/// Default poll period in microseconds.
const POLL_DEFAULT_US: u32 = 4_000;

/// Shortest poll period in microseconds.
pub(crate) const POLL_MIN_US: u32 = 50;

/// Longest poll period in microseconds.
pub(crate) const POLL_MAX_US: u32 = 1_000_000;

/// Default physical address of the subject information: that of Muen on x86-64.
const SINFO_DEFAULT: u64 = 0xe_0000_0000;

/// The `poll` parameter: the longest period for polling idle in channels without a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Poll {
    /// Longest idle period in microseconds, 50 to 1,000,000.
    pub(crate) period_us: u32,
    /// The requested period, if it is too short and was raised to the shortest one. The module logs
    /// that.
    pub(crate) raised_from: Option<u32>,
}

impl Poll {
    /// Parses the value of the parameter. [`None`] or an empty value means the default.
    ///
    /// # Errors
    ///
    /// - [`Problem::PollInvalid`]: the value is not a decimal number.
    /// - [`Problem::PollTooLong`]: the value is above 1,000,000.
    pub(crate) fn parse(value: Option<&[u8]>) -> Result<Self, ConfigError<'_>> {
        let value = Text::new(value.unwrap_or_default());
        let asked = match decimal(value.as_bytes()) {
            _ if value.as_bytes().is_empty() => POLL_DEFAULT_US,
            Ok(period) => match u32::try_from(period) {
                Ok(period) if period <= POLL_MAX_US => period,
                _ => return Err(parameter_error("poll", Problem::PollTooLong(value))),
            },
            Err(NumberError::TooLarge) => {
                return Err(parameter_error("poll", Problem::PollTooLong(value)))
            }
            Err(NumberError::NoNumber) => {
                return Err(parameter_error("poll", Problem::PollInvalid(value)))
            }
        };
        Ok(Self {
            period_us: asked.max(POLL_MIN_US),
            raised_from: (asked < POLL_MIN_US).then_some(asked),
        })
    }
}

/// Parses the `sinfo` parameter: the physical address of the subject information. [`None`] or an
/// empty value means [`SINFO_DEFAULT`].
///
/// # Errors
///
/// - [`Problem::AddressInvalid`]: the value is not a hexadecimal number of at most 64 bits, or the
///   image would end beyond the address space.
pub(crate) fn parse_sinfo(value: Option<&[u8]>) -> Result<u64, ConfigError<'_>> {
    let value = match value {
        Some(value) if !value.is_empty() => Text::new(value),
        _ => return Ok(SINFO_DEFAULT),
    };
    hexadecimal(value.as_bytes())
        .ok()
        .filter(|address| address.checked_add(IMAGE_SIZE as u64).is_some())
        .ok_or(parameter_error("sinfo", Problem::AddressInvalid(value)))
}

fn parameter_error<'a>(parameter: &'static str, problem: Problem<'a>) -> ConfigError<'a> {
    ConfigError {
        place: Place::Parameter(parameter),
        problem,
    }
}

/// Why a word could not be parsed as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NumberError {
    /// The word has no digits, or other characters than digits, for example a sign or a space.
    NoNumber,
    /// The number does not fit 64 bits.
    TooLarge,
}

/// Parses a number of decimal digits.
fn decimal(word: &[u8]) -> Result<u64, NumberError> {
    digits(word, 10)
}

/// Parses a number of hexadecimal digits, with or without a leading `0x` or `0X`.
fn hexadecimal(word: &[u8]) -> Result<u64, NumberError> {
    let word = word
        .strip_prefix(b"0x")
        .or_else(|| word.strip_prefix(b"0X"))
        .unwrap_or(word);
    digits(word, 16)
}

fn digits(word: &[u8], base: u32) -> Result<u64, NumberError> {
    if word.is_empty() {
        return Err(NumberError::NoNumber);
    }

    // The whole word is parsed, so that the result for "99999999999999999999x" is `NoNumber`.
    let mut number = Some(0u64);
    for &byte in word {
        let digit = char::from(byte)
            .to_digit(base)
            .ok_or(NumberError::NoNumber)?;
        number = number
            .and_then(|number| number.checked_mul(u64::from(base)))
            .and_then(|number| number.checked_add(u64::from(digit)));
    }
    number.ok_or(NumberError::TooLarge)
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_params_global))]
mod global_tests {
    use super::*;
    use crate::muen::sinfo::tests::shows::shows;

    #[test]
    fn poll() {
        let poll = |period_us, raised_from| {
            Ok(Poll {
                period_us,
                raised_from,
            })
        };
        let table = [
            (None, poll(4_000, None)),
            (Some(""), poll(4_000, None)),
            (Some("0"), poll(50, Some(0))),
            (Some("1"), poll(50, Some(1))),
            (Some("49"), poll(50, Some(49))),
            (Some("50"), poll(50, None)),
            (Some("51"), poll(51, None)),
            (Some("1000000"), poll(1_000_000, None)),
            (
                Some("1000001"),
                Err("parameter poll: '1000001' is more than 1000000 microseconds"),
            ),
            (
                Some("4294967346"),
                Err("parameter poll: '4294967346' is more than 1000000 microseconds"),
            ),
            (
                Some("18446744073709551666"),
                Err("parameter poll: '18446744073709551666' is more than 1000000 microseconds"),
            ),
            (
                Some("fast"),
                Err("parameter poll: 'fast' is not a decimal number"),
            ),
            (
                Some("-1"),
                Err("parameter poll: '-1' is not a decimal number"),
            ),
            (
                Some("0x10"),
                Err("parameter poll: '0x10' is not a decimal number"),
            ),
            (
                Some(" 1"),
                Err("parameter poll: ' 1' is not a decimal number"),
            ),
            (
                Some("1,2"),
                Err("parameter poll: '1,2' is not a decimal number"),
            ),
        ];
        for (value, expected) in table {
            match (Poll::parse(value.map(str::as_bytes)), expected) {
                (Err(error), Err(line)) => assert_eq!((line, shows(&error, line)), (line, true)),
                (poll, expected) => assert_eq!((value, poll.ok()), (value, expected.ok())),
            }
        }
    }

    #[test]
    fn sinfo() {
        let table = [
            (None, Ok(0xe_0000_0000)),
            (Some(""), Ok(0xe_0000_0000)),
            (Some("0"), Ok(0)),
            (Some("0xe00000000"), Ok(0xe_0000_0000)),
            (Some("E00000000"), Ok(0xe_0000_0000)),
            (Some("123456789abcdef"), Ok(0x0123_4567_89ab_cdef)),
            // The last address at which the image fits.
            (Some("ffffffffffff802f"), Ok(u64::MAX - 32_720)),
            (
                Some("ffffffffffff8030"),
                Err(
                    "parameter sinfo: 'ffffffffffff8030' is not a valid hexadecimal \
                     physical address",
                ),
            ),
            (
                Some("10000000000000000"),
                Err(
                    "parameter sinfo: '10000000000000000' is not a valid hexadecimal \
                     physical address",
                ),
            ),
            (
                Some("0x"),
                Err("parameter sinfo: '0x' is not a valid hexadecimal physical address"),
            ),
            (
                Some("sinfo"),
                Err("parameter sinfo: 'sinfo' is not a valid hexadecimal physical address"),
            ),
            (
                Some("-1"),
                Err("parameter sinfo: '-1' is not a valid hexadecimal physical address"),
            ),
        ];
        for (value, expected) in table {
            match (parse_sinfo(value.map(str::as_bytes)), expected) {
                (Err(error), Err(line)) => assert_eq!((line, shows(&error, line)), (line, true)),
                (address, expected) => assert_eq!((value, address.ok()), (value, expected.ok())),
            }
        }
    }
}
