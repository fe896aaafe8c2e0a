// SPDX-License-Identifier: GPL-2.0

//! Tables for the lists of module parameters.

mod lists;
mod values;

use super::{
    error::Place,
    *, //
};
use core::num::NonZeroU64;

/// A list as it stands on a command line; `None` if it does not.
#[derive(Clone, Copy)]
pub(super) struct Commas(pub(super) Option<&'static str>);

impl List for Commas {
    fn count(&self) -> usize {
        self.0.map_or(0, |list| list.split(',').count())
    }

    fn get(&self, index: usize) -> Option<&[u8]> {
        self.0?.split(',').nth(index).map(str::as_bytes)
    }
}

/// Names of the list parameters, in the order of [`Parameters`].
pub(super) const LISTS: [&str; 9] = [
    "name",
    "in",
    "out",
    "reader_protocol",
    "writer_protocol",
    "flags",
    "mtu",
    "pmtu",
    "mac",
];

/// An interface that nothing is wrong with.
pub(super) const GOOD: &str = "name=a in=x reader_protocol=1 flags=net_hdr";

/// All list parameters.
pub(super) struct Parameters(pub(super) [Commas; 9]);

impl Parameters {
    /// Those of a command line: "parameter=list" with a space between them.
    pub(super) fn new(line: &'static str) -> Self {
        Self(LISTS.map(|list| {
            let value = |word: &'static str| word.strip_prefix(list)?.strip_prefix('=');
            Commas(line.split(' ').find_map(value))
        }))
    }

    /// The good interface with another value for one of its parameters.
    pub(super) fn good_but(parameter: &str, value: &'static str) -> Self {
        Self::new(GOOD).with(parameter, value)
    }

    /// These with another value for one of them.
    pub(super) fn with(mut self, parameter: &str, value: &'static str) -> Self {
        for (list, name) in self.0.iter_mut().zip(LISTS) {
            if name == parameter {
                *list = Commas(Some(value));
            }
        }
        self
    }

    pub(super) fn lists(&self) -> Lists<'_> {
        let [name, in_channel, out_channel, reader_protocol, writer_protocol, ..] = &self.0;
        let [.., flags, mtu, pmtu, mac] = &self.0;
        Lists {
            name,
            in_channel,
            out_channel,
            reader_protocol,
            writer_protocol,
            flags,
            mtu,
            pmtu,
            mac,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError<'_>> {
        self.lists().check()
    }
}

pub(super) fn text(text: &str) -> Text<'_> {
    Text::new(text.as_bytes())
}

/// What is wrong with the interface of this name.
pub(super) fn wrong<'a>(name: &'a str, problem: Problem<'a>) -> Result<(), ConfigError<'a>> {
    Err(ConfigError {
        place: Place::Interface(text(name)),
        problem,
    })
}

pub(super) fn channel(name: &str, protocol: u64) -> Option<Channel<'_>> {
    Some(Channel {
        name: text(name),
        protocol: NonZeroU64::new(protocol)?,
    })
}
