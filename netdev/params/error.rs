// SPDX-License-Identifier: GPL-2.0

//! What can be wrong with the module parameters, as one line for the log.

use core::fmt;

use super::{
    super::mode::Mode,
    NAME_MAX,
    POLL_MAX_US, //
};

/// Longest piece of a value, in bytes, that a line of the log repeats.
const SHOWN_MAX: usize = 64;

/// A word from a parameter: bytes that somebody typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// The word in `bytes`.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes of the word.
    pub(crate) const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

/// Bytes that are not printable ASCII come out escaped, and of a long word only the start.
impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.get(..SHOWN_MAX) {
            Some(start) if self.0.len() > SHOWN_MAX => write!(f, "{}...", start.escape_ascii()),
            _ => self.0.escape_ascii().fmt(f),
        }
    }
}

/// Where in the parameters something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// In a parameter as a whole.
    Parameter(&'static str),
    /// In the values of the interface of this name.
    Interface(Text<'a>),
    /// In the name of the interface with this index.
    Name(usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(parameter) => write!(f, "parameter {parameter}"),
            Self::Interface(name) => write!(f, "interface '{name}'"),
            Self::Name(index) => write!(f, "interface number {index}"),
        }
    }
}

/// Parameters that cannot be used: where they are wrong, and how.
///
/// Displays as one line that says so. In the kernel it converts into an errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConfigError<'a> {
    /// Where.
    pub(crate) place: Place<'a>,
    /// What.
    pub(crate) problem: Problem<'a>,
}

impl fmt::Display for ConfigError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

/// What is wrong with a parameter. All of it is `-EINVAL` unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem<'a> {
    /// A list has more entries than there are names.
    TooManyEntries {
        /// Number of entries of the list.
        entries: usize,
        /// Number of names.
        names: usize,
        /// The first entry that belongs to nobody.
        first: Text<'a>,
    },
    /// The interface has no name.
    NameMissing,
    /// The name is longer than the kernel can store.
    NameTooLong(Text<'a>),
    /// The kernel does not allow this name.
    NameInvalid(Text<'a>),
    /// The kernel has other uses for this name.
    NameReserved(Text<'a>),
    /// An earlier interface has the same name: `-EEXIST`, as for a name that the system has.
    NameTaken,
    /// There is a channel neither in nor out.
    NoChannel,
    /// An earlier interface writes to the same channel.
    WriterTaken {
        /// Name of the channel.
        channel: Text<'a>,
        /// Name of the other interface.
        other: Text<'a>,
    },
    /// There is a channel, but no protocol for it.
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
    /// There is no such flag.
    FlagUnknown(Text<'a>),
    /// The flags ask for offloads in another mode than IP.
    OffloadWithoutIp(Text<'a>),
    /// The flags ask for room for VLAN tags in another mode than Ethernet.
    VlanWithoutEthernet(Text<'a>),
    /// The flags ask for two modes at once.
    FlagsExclusive(Text<'a>),
    /// The MTU is not a decimal number.
    MtuInvalid(Text<'a>),
    /// The mode has no such MTU.
    MtuOutOfRange {
        /// The value.
        value: Text<'a>,
        /// The mode that the flags ask for.
        mode: Mode,
    },
    /// The poll period is not a decimal number.
    PollInvalid(Text<'a>),
    /// The poll period is too long.
    PollTooLong(Text<'a>),
    /// The address is not a hexadecimal number with room for the image behind it.
    AddressInvalid(Text<'a>),
    /// There is a region with path MTUs, which only IP mode has.
    PmtuWithoutIp(Text<'a>),
    /// There are path MTUs, and offloads.
    PmtuWithOffload(Text<'a>),
    /// There is an address in another mode than Ethernet.
    MacWithoutEthernet(Text<'a>),
    /// The address is none that an interface can have.
    MacInvalid(Text<'a>),
}

impl fmt::Display for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyEntries {
                entries,
                names,
                first,
            } => write!(
                f,
                "{entries} entries for {names} names, '{first}' belongs to no interface"
            ),
            Self::NameMissing => f.write_str("name is empty"),
            Self::NameTooLong(name) => {
                write!(f, "name '{name}' is longer than {NAME_MAX} characters")
            }
            Self::NameInvalid(name) => write!(f, "name '{name}' is not a valid interface name"),
            Self::NameReserved(name) => {
                write!(f, "name '{name}' is what the kernel calls all interfaces")
            }
            Self::NameTaken => f.write_str("name is used twice"),
            Self::NoChannel => f.write_str("neither in nor out is given"),
            Self::WriterTaken { channel, other } => write!(
                f,
                "out channel '{channel}' is that of interface '{other}' already"
            ),
            Self::ProtocolMissing { parameter, channel } => {
                write!(f, "{parameter} is missing for channel '{channel}'")
            }
            Self::ProtocolInvalid { parameter, value } => write!(
                f,
                "{parameter} '{value}' is not a non-zero hexadecimal number of up to 64 bits"
            ),
            Self::FlagUnknown(flag) => write!(f, "flag '{flag}' is unknown"),
            Self::OffloadWithoutIp(flags) => write!(f, "flags '{flags}': offload needs net_hdr"),
            Self::VlanWithoutEthernet(flags) => write!(f, "flags '{flags}': vlan needs eth_dev"),
            Self::FlagsExclusive(flags) => write!(f, "flags '{flags}' exclude each other"),
            Self::MtuInvalid(value) => write!(f, "mtu '{value}' is not a decimal number"),
            Self::MtuOutOfRange { value, mode } => {
                let range = mode.mtu_range();
                write!(
                    f,
                    "mtu '{value}' is not in the range of {} to {}",
                    range.start(),
                    range.end()
                )
            }
            Self::PollInvalid(value) => write!(f, "'{value}' is not a decimal number"),
            Self::PollTooLong(value) => {
                write!(f, "'{value}' is more than {POLL_MAX_US} microseconds")
            }
            Self::AddressInvalid(value) => {
                write!(f, "'{value}' is not a hexadecimal address of memory")
            }
            Self::PmtuWithoutIp(region) => write!(f, "pmtu '{region}' needs the flag net_hdr"),
            Self::PmtuWithOffload(region) => {
                write!(f, "pmtu '{region}' excludes the flag offload")
            }
            Self::MacWithoutEthernet(value) => write!(f, "mac '{value}' needs the flag eth_dev"),
            Self::MacInvalid(value) => write!(
                f,
                "mac '{value}' is not the address of an interface, such as 02:00:00:00:00:01"
            ),
        }
    }
}

/// The errors of the parameters in the kernel's types; elsewhere this module uses `core` only.
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

    // The kernel's `Display` is what `pr_err!` and friends ask for.

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
    use crate::muen::sinfo::shows::shows;

    const fn text(text: &str) -> Text<'_> {
        Text::new(text.as_bytes())
    }

    /// 64 characters, the most that are shown.
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
            (&Place::Name(31), "interface number 31"),
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
                    names: 1,
                    first: x,
                },
                "3 entries for 1 names, 'x' belongs to no interface",
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
                "name 'x' is what the kernel calls all interfaces",
            ),
            (Problem::NameTaken, "name is used twice"),
            (Problem::NoChannel, "neither in nor out is given"),
            (
                Problem::WriterTaken {
                    channel: x,
                    other: y,
                },
                "out channel 'x' is that of interface 'y' already",
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
                "reader_protocol 'x' is not a non-zero hexadecimal number of up to 64 bits",
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
            (Problem::FlagsExclusive(x), "flags 'x' exclude each other"),
            (Problem::MtuInvalid(x), "mtu 'x' is not a decimal number"),
            (
                Problem::MtuOutOfRange {
                    value: x,
                    mode: Mode::Ethernet,
                },
                "mtu 'x' is not in the range of 68 to 65521",
            ),
            (Problem::PollInvalid(x), "'x' is not a decimal number"),
            (
                Problem::PollTooLong(x),
                "'x' is more than 1000000 microseconds",
            ),
            (
                Problem::AddressInvalid(x),
                "'x' is not a hexadecimal address of memory",
            ),
            (Problem::PmtuWithoutIp(x), "pmtu 'x' needs the flag net_hdr"),
            (
                Problem::PmtuWithOffload(x),
                "pmtu 'x' excludes the flag offload",
            ),
            (
                Problem::MacWithoutEthernet(x),
                "mac 'x' needs the flag eth_dev",
            ),
            (
                Problem::MacInvalid(x),
                "mac 'x' is not the address of an interface, such as 02:00:00:00:00:01",
            ),
        ];
        for (problem, expected) in table {
            assert_eq!((expected, shows(&problem, expected)), (expected, true));
        }

        let error = ConfigError {
            place: Place::Interface(text("net0")),
            problem: Problem::NoChannel,
        };
        assert!(shows(
            &error,
            "interface 'net0': neither in nor out is given"
        ));
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
