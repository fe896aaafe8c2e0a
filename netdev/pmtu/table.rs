// SPDX-License-Identifier: GPL-2.0

//! The table of path MTUs in mapped memory, and what it says about a packet.

use super::decide::{
    decide,
    entry_at,
    Verdict,
    PREFIX_SIZE, //
};
use crate::{
    abstractions::{
        mapping::Mapping,
        skbuff::SkBuff, //
    },
    netdev::{
        format,
        frame::Version, //
    }, //
};

/// A table of path MTUs, which another subject writes.
pub(crate) struct Table(Mapping);

impl Table {
    /// Takes memory for a table; all of it counts.
    pub(crate) fn new(mapping: Mapping) -> Self {
        Self(mapping)
    }

    /// The entry for packets with `mark`, read once; zero where there is none.
    #[inline]
    fn entry(&self, mark: u32) -> u32 {
        entry_at(mark)
            .and_then(|offset| self.0.read_u32(offset))
            .unwrap_or(0)
    }

    /// What is to be done with a packet, and which version it is of. What is no IP packet is not
    /// for this table to stop.
    #[inline]
    pub(crate) fn judge(&self, skb: &SkBuff) -> Option<(Version, Verdict)> {
        let entry = self.entry(skb.mark());
        if entry == 0 {
            return None;
        }
        let ip = skb.head::<PREFIX_SIZE>()?;
        let version = format::version(skb, &ip)?;
        let verdict = decide(entry, version, &ip, |limit| skb.fits(limit));
        Some((version, verdict))
    }
}
