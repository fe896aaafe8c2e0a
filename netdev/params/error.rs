// SPDX-License-Identifier: GPL-2.0

//! The errors of the module parameters. Each error is displayed as one line for the log.
//!
//! - [`Text`]: a word from a parameter, which is escaped when it is displayed.
//! - [`ConfigError`]: an error, made up of its place in the parameters ([`Place`]) and the
//!   [`Problem`].

use core::fmt;

use super::{
    super::mode::Mode,
    NAME_MAX,
    POLL_MAX_US, //
};

/// Largest number of bytes of a value that a line of the log shows.
const SHOWN_MAX: usize = 64;

/// A word from a parameter: arbitrary bytes from the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// Returns the word in `bytes`.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the word.
    pub(crate) const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

/// Escapes bytes that are not printable ASCII, and shows only the start of a long word.
impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.get(..SHOWN_MAX) {
            Some(start) if self.0.len() > SHOWN_MAX => write!(f, "{}...", start.escape_ascii()),
            _ => self.0.escape_ascii().fmt(f),
        }
    }
}

/// The place of an error in the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// A parameter as a whole.
    Parameter(&'static str),
    /// The values for the interface of this name.
    Interface(Text<'a>),
    /// The name of the interface with this index, which counts from 0 and is shown from 1.
    Name(usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(parameter) => write!(f, "parameter {parameter}"),
            Self::Interface(name) => name.fmt(f),
            Self::Name(index) => write!(f, "entry {} of name", index + 1),
        }
    }
}

/// An error in the parameters. It is displayed as one line. In the kernel it converts into an
/// errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConfigError<'a> {
    /// The place of the error.
    pub(crate) place: Place<'a>,
    /// The problem at that place.
    pub(crate) problem: Problem<'a>,
}

impl fmt::Display for ConfigError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

/// What is wrong with a parameter. The errno is `EINVAL` unless another one is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem<'a> {
    /// A list has an entry beyond the last position of `name`.
    TooManyEntries {
        /// Number of entries of the list, without empty ones at its end.
        entries: usize,
        /// Number of positions of `name`, empty ones included.
        positions: usize,
        /// The first entry that belongs to no interface.
        first: Text<'a>,
    },
    /// The interface has no name.
    NameMissing,
    /// The name is longer than the kernel can store.
    NameTooLong(Text<'a>),
    /// The name is not a valid interface name.
    NameInvalid(Text<'a>),
    /// The kernel reserves the name.
    NameReserved(Text<'a>),
    /// An earlier interface has the same name: `EEXIST`, as for a name that exists in the system.
    NameTaken,
    /// Neither an in channel nor an out channel is given.
    NoChannel,
    /// An earlier interface writes to the same channel.
    WriterTaken {
        /// Name of the channel.
        channel: Text<'a>,
        /// Name of the other interface.
        other: Text<'a>,
    },
    /// A channel is given without a protocol.
    ProtocolMissing {
        /// Name of the parameter.
        parameter: &'static str,
        /// Name of the channel.
        channel: Text<'a>,
    },
    /// The protocol is not a hexadecimal number of at most 64 bits other than zero.
    ProtocolInvalid {
        /// Name of the parameter.
        parameter: &'static str,
        /// The value.
        value: Text<'a>,
    },
    /// The flag is unknown.
    FlagUnknown(Text<'a>),
    /// The flag `offload` is set in another mode than IP.
    OffloadWithoutIp(Text<'a>),
    /// The flag `vlan` is set in another mode than Ethernet.
    VlanWithoutEthernet(Text<'a>),
    /// The flags select two modes.
    FlagsExclusive(Text<'a>),
    /// Flow control needs both channels.
    PauseWithOneChannel(Text<'a>),
    /// The MTU is not a decimal number.
    MtuInvalid(Text<'a>),
    /// The MTU is out of the range of the mode.
    MtuOutOfRange {
        /// The value.
        value: Text<'a>,
        /// The mode that the flags select.
        mode: Mode,
    },
    /// The poll period is not a decimal number.
    PollInvalid(Text<'a>),
    /// The poll period is too long.
    PollTooLong(Text<'a>),
    /// The address of the subject information is not a hexadecimal number, or the image does not
    /// fit at it.
    AddressInvalid(Text<'a>),
    /// A region with path MTUs is given in another mode than IP.
    PmtuWithoutIp(Text<'a>),
    /// A region with path MTUs is given with offloads.
    PmtuWithOffload(Text<'a>),
    /// A MAC address is given in another mode than Ethernet.
    MacWithoutEthernet(Text<'a>),
    /// The MAC address is malformed, zero, or a group address.
    MacInvalid(Text<'a>),
}

impl fmt::Display for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyEntries {
                entries,
                positions,
                first,
            } => write!(
                f,
                "entry '{first}' is beyond the last position of name \
                 ({entries} entries, {positions} positions)"
            ),
            Self::NameMissing => f.write_str("name is empty"),
            Self::NameTooLong(name) => {
                write!(f, "name '{name}' is longer than {NAME_MAX} characters")
            }
            Self::NameInvalid(name) => write!(f, "name '{name}' is not a valid interface name"),
            Self::NameReserved(name) => write!(f, "name '{name}' is reserved by the kernel"),
            Self::NameTaken => f.write_str("name is used twice"),
            Self::NoChannel => f.write_str("neither in nor out is given"),
            Self::WriterTaken { channel, other } => write!(
                f,
                "out channel '{channel}' is already used by interface '{other}'"
            ),
            Self::ProtocolMissing { parameter, channel } => {
                write!(f, "{parameter} is missing for channel '{channel}'")
            }
            Self::ProtocolInvalid { parameter, value } => write!(
                f,
                "{parameter} '{value}' must be a hexadecimal number of at most 64 bits, not zero"
            ),
            Self::FlagUnknown(flag) => write!(f, "flag '{flag}' is unknown"),
            Self::OffloadWithoutIp(flags) => write!(f, "flags '{flags}': offload needs net_hdr"),
            Self::VlanWithoutEthernet(flags) => write!(f, "flags '{flags}': vlan needs eth_dev"),
            Self::PauseWithOneChannel(flags) => {
                write!(f, "flags '{flags}': pause needs an in and an out channel")
            }
            Self::FlagsExclusive(flags) => {
                write!(f, "flags '{flags}': use either net_hdr or eth_dev")
            }
            Self::MtuInvalid(value) => write!(f, "mtu '{value}' is not a decimal number"),
            Self::MtuOutOfRange { value, mode } => {
                let range = mode.mtu_range();
                write!(
                    f,
                    "mtu '{value}' is out of range ({} to {})",
                    range.start(),
                    range.end()
                )
            }
            Self::PollInvalid(value) => write!(f, "'{value}' is not a decimal number"),
            Self::PollTooLong(value) => {
                write!(f, "'{value}' is more than {POLL_MAX_US} microseconds")
            }
            Self::AddressInvalid(value) => {
                write!(f, "'{value}' is not a valid hexadecimal physical address")
            }
            Self::PmtuWithoutIp(region) => write!(f, "pmtu '{region}' needs the flag net_hdr"),
            Self::PmtuWithOffload(region) => {
                write!(f, "pmtu '{region}' cannot be used with the flag offload")
            }
            Self::MacWithoutEthernet(value) => write!(f, "mac '{value}' needs the flag eth_dev"),
            Self::MacInvalid(value) => write!(
                f,
                "mac '{value}' is not a unicast MAC address, such as 02:00:00:00:00:01"
            ),
        }
    }
}

/// Conversions of the errors into types of the kernel. The rest of this file uses only `core`.
#[cfg(CONFIG_RUST)]
mod kernel_impl {
    use super::{
        ConfigError,
        Problem,
        Text, //
    };
    use kernel::{
        error::Error,
        fmt,
        prelude::*, //
    };

    impl From<ConfigError<'_>> for Error {
        fn from(error: ConfigError<'_>) -> Self {
            match error.problem {
                Problem::NameTaken => EEXIST,
                _ => EINVAL,
            }
        }
    }

    // `pr_err!` and the like require `kernel::fmt::Display`.

    impl fmt::Display for ConfigError<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            core::fmt::Display::fmt(self, f)
        }
    }

    impl fmt::Display for Text<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            core::fmt::Display::fmt(self, f)
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_params_error))]
mod tests {
    use super::*;
    use crate::muen::sinfo::tests::shows::shows;

    const fn text(text: &str) -> Text<'_> {
        Text::new(text.as_bytes())
    }

    /// 64 characters, the largest number that is shown.
    const LONG: &str = "0123456789012345678901234567890123456789012345678901234567890123";
    const TOO_LONG: &str = "01234567890123456789012345678901234567890123456789012345678901234";

    #[test]
    fn words_and_places() {
        let table: [(&dyn fmt::Display, &str); 7] = [
            (&text("net0"), "net0"),
            (&text(""), ""),
            (&text("a\n\u{e9}'b"), r"a\n\xc3\xa9\'b"),
            (&text(LONG), LONG),
            (
                &text(TOO_LONG),
                "0123456789012345678901234567890123456789012345678901234567890123...",
            ),
            (&Place::Parameter("mtu"), "parameter mtu"),
            (&Place::Name(31), "entry 32 of name"),
        ];
        for (value, expected) in table {
            assert_eq!((expected, shows(value, expected)), (expected, true));
        }
    }

    #[test]
    fn lines() {
        let parameter = "reader_protocol";
        let (x, y) = (text("x"), text("y"));
        let table = [
            (
                Problem::TooManyEntries {
                    entries: 3,
                    positions: 2,
                    first: x,
                },
                "entry 'x' is beyond the last position of name (3 entries, 2 positions)",
            ),
            (Problem::NameMissing, "name is empty"),
            (
                Problem::NameTooLong(x),
                "name 'x' is longer than 15 characters",
            ),
            (
                Problem::NameInvalid(x),
                "name 'x' is not a valid interface name",
            ),
            (
                Problem::NameReserved(x),
                "name 'x' is reserved by the kernel",
            ),
            (Problem::NameTaken, "name is used twice"),
            (Problem::NoChannel, "neither in nor out is given"),
            (
                Problem::WriterTaken {
                    channel: x,
                    other: y,
                },
                "out channel 'x' is already used by interface 'y'",
            ),
            (
                Problem::ProtocolMissing {
                    parameter,
                    channel: x,
                },
                "reader_protocol is missing for channel 'x'",
            ),
            (
                Problem::ProtocolInvalid {
                    parameter,
                    value: x,
                },
                "reader_protocol 'x' must be a hexadecimal number of at most 64 bits, not zero",
            ),
            (Problem::FlagUnknown(x), "flag 'x' is unknown"),
            (
                Problem::OffloadWithoutIp(x),
                "flags 'x': offload needs net_hdr",
            ),
            (
                Problem::VlanWithoutEthernet(x),
                "flags 'x': vlan needs eth_dev",
            ),
            (
                Problem::PauseWithOneChannel(x),
                "flags 'x': pause needs an in and an out channel",
            ),
            (
                Problem::FlagsExclusive(x),
                "flags 'x': use either net_hdr or eth_dev",
            ),
            (Problem::MtuInvalid(x), "mtu 'x' is not a decimal number"),
            (
                Problem::MtuOutOfRange {
                    value: x,
                    mode: Mode::Ethernet,
                },
                "mtu 'x' is out of range (68 to 65521)",
            ),
            (Problem::PollInvalid(x), "'x' is not a decimal number"),
            (
                Problem::PollTooLong(x),
                "'x' is more than 1000000 microseconds",
            ),
            (
                Problem::AddressInvalid(x),
                "'x' is not a valid hexadecimal physical address",
            ),
            (Problem::PmtuWithoutIp(x), "pmtu 'x' needs the flag net_hdr"),
            (
                Problem::PmtuWithOffload(x),
                "pmtu 'x' cannot be used with the flag offload",
            ),
            (
                Problem::MacWithoutEthernet(x),
                "mac 'x' needs the flag eth_dev",
            ),
            (
                Problem::MacInvalid(x),
                "mac 'x' is not a unicast MAC address, such as 02:00:00:00:00:01",
            ),
        ];
        for (problem, expected) in table {
            assert_eq!((expected, shows(&problem, expected)), (expected, true));
        }

        let error = ConfigError {
            place: Place::Interface(text("net0")),
            problem: Problem::NoChannel,
        };
        assert!(shows(&error, "net0: neither in nor out is given"));
    }

    #[test]
    #[cfg(CONFIG_RUST)]
    fn errno() {
        use kernel::error::{
            code::*,
            Error, //
        };

        let x = text("x");
        let table = [
            (Problem::NameTooLong(x), EINVAL),
            (Problem::NameReserved(x), EINVAL),
            (Problem::NameTaken, EEXIST),
            (Problem::NoChannel, EINVAL),
            (Problem::FlagUnknown(x), EINVAL),
            (Problem::OffloadWithoutIp(x), EINVAL),
            (Problem::VlanWithoutEthernet(x), EINVAL),
            (Problem::FlagsExclusive(x), EINVAL),
            (Problem::PauseWithOneChannel(x), EINVAL),
            (Problem::MtuInvalid(x), EINVAL),
            (Problem::PollTooLong(x), EINVAL),
            (Problem::AddressInvalid(x), EINVAL),
            (Problem::PmtuWithoutIp(x), EINVAL),
            (Problem::PmtuWithOffload(x), EINVAL),
            (Problem::MacWithoutEthernet(x), EINVAL),
            (Problem::MacInvalid(x), EINVAL),
        ];
        for (problem, errno) in table {
            let error = ConfigError {
                place: Place::Name(0),
                problem,
            };
            assert_eq!((problem, Error::from(error)), (problem, errno));
        }
    }
}
