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
    /// `mac`
    pub(crate) mac: &'a dyn List,
}

impl<'a> Lists<'a> {
    /// The indices of the interfaces: of the names that are not empty. An empty name is skipped
    /// with the entries that belong to it, whatever they are.
    pub(crate) fn indices(&self) -> impl Iterator<Item = usize> + use<'a> {
        let names = self.name;
        (0..names.count()).filter(move |&index| entry(names, index).is_some())
    }

    /// The number of interfaces.
    pub(crate) fn len(&self) -> usize {
        self.indices().count()
    }

    /// Whether there is no interface at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks the lists against each other, and every interface in them.
    ///
    /// After this, [`Self::interface`] does not fail for any of [`Self::indices`].
    ///
    /// # Errors
    ///
    /// - `-EINVAL` if a list has an entry behind the last place of `name` that is not empty, if two
    ///   interfaces have the same channel `out`, or for an interface that
    ///   [`InterfaceConfig::parse`] does not accept.
    /// - `-EEXIST` if two interfaces have the same name.
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

    /// The configuration of interface `index`. See [`InterfaceConfig::parse`].
    ///
    /// # Errors
    ///
    /// - `-EINVAL` as [`InterfaceConfig::parse`] says.
    pub(crate) fn interface(&self, index: usize) -> Result<InterfaceConfig<'a>, ConfigError<'a>> {
        InterfaceConfig::parse(self, index)
    }

    fn check_lengths(&self) -> Result<(), ConfigError<'a>> {
        let names = self.name.count();
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
            let entries = list.count();
            if let Some(first) = (names..entries).find_map(|index| entry(list, index)) {
                return Err(ConfigError {
                    place: Place::Parameter(parameter),
                    problem: Problem::TooManyEntries {
                        entries,
                        names: self.len(),
                        first,
                    },
                });
            }
        }
        Ok(())
    }
}

/// Entry `index` of `list`; `None` for the default.
pub(super) fn entry(list: &dyn List, index: usize) -> Option<Text<'_>> {
    list.get(index)
        .filter(|entry| !entry.is_empty())
        .map(Text::new)
}
