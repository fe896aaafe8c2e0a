// SPDX-License-Identifier: GPL-2.0

//! The parameters that are not about one interface.

use super::error::{
    ConfigError,
    Place,
    Problem,
    Text, //
};
use super::number::{
    decimal,
    hexadecimal,
    NumberError, //
};
use crate::muen::sinfo::IMAGE_SIZE;

/// Poll period in microseconds if nobody asks for another.
const POLL_DEFAULT_US: u32 = 1_000;

/// Shortest poll period in microseconds.
const POLL_MIN_US: u32 = 50;

/// Longest poll period in microseconds.
pub(super) const POLL_MAX_US: u32 = 1_000_000;

/// Address of the subject information if nobody asks for another: that of Muen on x86-64.
const SINFO_DEFAULT: u64 = 0xe_0000_0000;

/// The `poll` parameter: how long readers without a vector sleep at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Poll {
    /// Longest idle period in microseconds, 50 to 1,000,000.
    pub(crate) period_us: u32,
    /// The period that was asked for, if that is too short and counts as the shortest one. This is
    /// worth a line in the log.
    pub(crate) raised_from: Option<u32>,
}

impl Poll {
    /// Reads the value of the parameter; `None` or an empty one means the default.
    ///
    /// # Errors
    ///
    /// - [`Problem::PollInvalid`] if it is not a decimal number.
    /// - [`Problem::PollTooLong`] if it is above 1,000,000.
    pub(crate) fn parse(value: Option<&[u8]>) -> Result<Self, ConfigError<'_>> {
        let value = Text::new(value.unwrap_or_default());
        let asked = match decimal(value.as_bytes()) {
            _ if value.as_bytes().is_empty() => POLL_DEFAULT_US,
            Ok(period) => match u32::try_from(period) {
                Ok(period) if period <= POLL_MAX_US => period,
                _ => return Err(error("poll", Problem::PollTooLong(value))),
            },
            Err(NumberError::TooLarge) => return Err(error("poll", Problem::PollTooLong(value))),
            Err(NumberError::NoNumber) => return Err(error("poll", Problem::PollInvalid(value))),
        };
        Ok(Self {
            period_us: asked.max(POLL_MIN_US),
            raised_from: (asked < POLL_MIN_US).then_some(asked),
        })
    }
}

/// Reads the `sinfo` parameter: the physical address of the subject information. `None` or an empty
/// value means [`SINFO_DEFAULT`].
///
/// # Errors
///
/// - [`Problem::AddressInvalid`] if it is not a hexadecimal number of at most 64 bits, or if the
///   image would not fit behind it.
pub(crate) fn parse_sinfo(value: Option<&[u8]>) -> Result<u64, ConfigError<'_>> {
    let value = match value {
        Some(value) if !value.is_empty() => Text::new(value),
        _ => return Ok(SINFO_DEFAULT),
    };
    hexadecimal(value.as_bytes())
        .ok()
        .filter(|address| address.checked_add(IMAGE_SIZE as u64).is_some())
        .ok_or(error("sinfo", Problem::AddressInvalid(value)))
}

fn error<'a>(parameter: &'static str, problem: Problem<'a>) -> ConfigError<'a> {
    ConfigError {
        place: Place::Parameter(parameter),
        problem,
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_config_module))]
mod tests {
    use super::*;
    use crate::muen::sinfo::shows::shows;

    #[test]
    fn poll() {
        let poll = |period_us, raised_from| {
            Ok(Poll {
                period_us,
                raised_from,
            })
        };
        let table = [
            (None, poll(1_000, None)),
            (Some(""), poll(1_000, None)),
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
            // The last address with room for the image behind it.
            (Some("ffffffffffff802f"), Ok(u64::MAX - 32_720)),
            (
                Some("ffffffffffff8030"),
                Err("parameter sinfo: 'ffffffffffff8030' is not a hexadecimal address of memory"),
            ),
            (
                Some("10000000000000000"),
                Err("parameter sinfo: '10000000000000000' is not a hexadecimal address of memory"),
            ),
            (
                Some("0x"),
                Err("parameter sinfo: '0x' is not a hexadecimal address of memory"),
            ),
            (
                Some("sinfo"),
                Err("parameter sinfo: 'sinfo' is not a hexadecimal address of memory"),
            ),
            (
                Some("-1"),
                Err("parameter sinfo: '-1' is not a hexadecimal address of memory"),
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
