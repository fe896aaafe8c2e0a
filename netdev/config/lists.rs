// SPDX-License-Identifier: GPL-2.0

//! The list parameters as a whole.

use super::error::{
    ConfigError,
    Place,
    Problem,
    Text, //
};
use super::interface::InterfaceConfig;

/// The entries of one list parameter.
pub(crate) trait List {
    /// The number of entries.
    fn count(&self) -> usize;

    /// Entry `index`, or `None` if the list has fewer.
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
}

impl<'a> Lists<'a> {
    /// The number of interfaces: the number of names.
    pub(crate) fn len(&self) -> usize {
        len(self.name)
    }

    /// Whether there is no interface at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks the lists against each other, and every interface in them.
    ///
    /// After this, [`Self::interface`] does not fail.
    ///
    /// # Errors
    ///
    /// - `-EINVAL` if a list has more entries than there are names, if two interfaces have the same
    ///   channel `out`, or for an interface that [`InterfaceConfig::parse`] does not accept.
    /// - `-EEXIST` if two interfaces have the same name.
    pub(crate) fn check(&self) -> Result<(), ConfigError<'a>> {
        self.check_lengths()?;
        for index in 0..self.len() {
            let interface = self.interface(index)?;
            for earlier in 0..index {
                interface.check_distinct(&self.interface(earlier)?)?;
            }
        }
        Ok(())
    }

    /// The configuration of interface `index`. See [`InterfaceConfig::parse`].
    ///
    /// # Errors
    ///
    /// - `-EINVAL` as [`InterfaceConfig::parse`] says.
    pub(crate) fn interface(&self, index: usize) -> Result<InterfaceConfig<'a>, ConfigError<'a>> {
        InterfaceConfig::parse(self, index)
    }

    fn check_lengths(&self) -> Result<(), ConfigError<'a>> {
        let names = self.len();
        let lists = [
            ("in", self.in_channel),
            ("out", self.out_channel),
            ("reader_protocol", self.reader_protocol),
            ("writer_protocol", self.writer_protocol),
            ("flags", self.flags),
            ("mtu", self.mtu),
            ("pmtu", self.pmtu),
        ];
        for (parameter, list) in lists {
            let entries = len(list);
            if entries > names {
                return Err(ConfigError {
                    place: Place::Parameter(parameter),
                    problem: Problem::TooManyEntries {
                        entries,
                        names,
                        first: entry(list, names).unwrap_or_default(),
                    },
                });
            }
        }
        Ok(())
    }
}

/// The number of entries of `list`. A parameter that was given without a value has one for C, an
/// empty one; it says no more than a parameter that was not given.
fn len(list: &dyn List) -> usize {
    match list.count() {
        1 if list.get(0).is_none_or(<[u8]>::is_empty) => 0,
        entries => entries,
    }
}

/// Entry `index` of `list`; `None` for the default.
pub(super) fn entry(list: &dyn List, index: usize) -> Option<Text<'_>> {
    list.get(index)
        .filter(|entry| !entry.is_empty())
        .map(Text::new)
}
