// SPDX-License-Identifier: GPL-2.0

//! The statistics of a run.

use std::fmt;

/// The point at which the rogue changes the region.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MutationPoint {
    /// Before the call of the reader.
    BeforeCall,
    /// Before the load of a word.
    Load,
    /// Before or between the two halves of a peek at this offset.
    Peek(usize),
    /// Before or between the two halves of a copy from this offset.
    Copy(usize),
}

/// The names of the columns of the table.
const POINTS: [&str; 4] = ["between calls", "at a load", "in a peek", "in a copy"];

impl MutationPoint {
    fn column(self) -> usize {
        match self {
            Self::BeforeCall => 0,
            Self::Load => 1,
            Self::Peek(_) => 2,
            Self::Copy(_) => 3,
        }
    }
}

/// The kinds of mutations, which are the names of the rows of the table.
pub(crate) const KINDS: [&str; 21] = [
    "word: transport",
    "word: epoch",
    "word: protocol",
    "word: size",
    "word: elements",
    "word: report",
    "word: wsc",
    "word: wc",
    "counters: ahead by 1",
    "counters: far ahead",
    "counters: back",
    "counters: wrap at 2^64",
    "epoch: 0 to 3",
    "payload: one byte",
    "length: header",
    "length: IPv4",
    "length: IPv6",
    "length: Ethernet",
    "length: reassembled packet",
    "header: version, IHL",
    "fragments: a sequence",
];

/// A kind of mutation: its index in [`KINDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(pub(crate) usize);

impl Kind {
    pub(crate) const AHEAD: Self = Self(8);
    pub(crate) const FAR_AHEAD: Self = Self(9);
    pub(crate) const BACK: Self = Self(10);
    pub(crate) const WRAP: Self = Self(11);
    pub(crate) const EPOCH: Self = Self(12);
    pub(crate) const BYTE: Self = Self(13);
    pub(crate) const LENGTH_HEADER: Self = Self(14);
    pub(crate) const LENGTH_IPV4: Self = Self(15);
    pub(crate) const LENGTH_IPV6: Self = Self(16);
    pub(crate) const LENGTH_ETHERNET: Self = Self(17);
    pub(crate) const LENGTH_TOTAL: Self = Self(18);
    pub(crate) const VERSION: Self = Self(19);
    pub(crate) const FRAGMENTS: Self = Self(20);
}

/// The statistics of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Mutations of shared memory, by kind and by point.
    pub by_kind: [[u64; 4]; KINDS.len()],
    /// Calls of the reader under attack.
    pub calls: u64,
    /// Intact elements under attack, including those without a valid packet.
    pub delivered: u64,
    /// Packets that were delivered under attack. All are checked.
    pub packets: u64,
    /// Of these packets, those that consisted of several elements.
    pub reassembled: u64,
    /// Elements and packets that were rejected under attack.
    pub rejected: u64,
    /// Packets that were dropped because an allocation failed.
    pub no_memory: u64,
    /// Epochs that the reader rejected at their start or stopped following.
    pub refused_epochs: u64,
    /// Honest writers, each of which started after an attack.
    pub honest_writers: u64,
    /// Delivered elements of honest writers. All are checked.
    pub honest_elements: u64,
    /// Packets that the driver's own writer sent and its reader delivered. All bytes are compared.
    pub round_trips: u64,
}

impl Stats {
    /// Returns the total number of mutations.
    pub fn mutations(&self) -> u64 {
        self.by_kind.iter().flatten().sum()
    }

    /// Returns the kinds of mutations that were never made at one or more of the points.
    pub fn missing(&self) -> Vec<&'static str> {
        let rows = KINDS.iter().zip(&self.by_kind);
        rows.filter(|(_, row)| row.contains(&0))
            .map(|(name, _)| *name)
            .collect()
    }

    /// Adds the statistics of another run.
    pub fn add(&mut self, more: &Self) {
        for (row, more) in self.by_kind.iter_mut().zip(&more.by_kind) {
            for (sum, more) in row.iter_mut().zip(more) {
                *sum += more;
            }
        }
        self.calls += more.calls;
        self.delivered += more.delivered;
        self.packets += more.packets;
        self.reassembled += more.reassembled;
        self.rejected += more.rejected;
        self.no_memory += more.no_memory;
        self.refused_epochs += more.refused_epochs;
        self.honest_writers += more.honest_writers;
        self.honest_elements += more.honest_elements;
        self.round_trips += more.round_trips;
    }

    pub(crate) fn count_mutation(&mut self, kind: Kind, point: MutationPoint) {
        self.by_kind[kind.0][point.column()] += 1;
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:26}", "mutations")?;
        for point in POINTS {
            write!(f, "{point:>14}")?;
        }
        writeln!(f, "{:>14}", "total")?;
        let mut sums = [0; POINTS.len()];
        for (name, row) in KINDS.iter().zip(&self.by_kind) {
            for (sum, count) in sums.iter_mut().zip(row) {
                *sum += count;
            }
            line(f, name, row)?;
        }
        line(f, "total", &sums)?;
        writeln!(f)?;
        for (name, count) in [
            ("calls under attack", self.calls),
            ("intact elements", self.delivered),
            ("packets delivered", self.packets),
            ("  of several elements", self.reassembled),
            ("rejected", self.rejected),
            ("packets without memory", self.no_memory),
            ("epochs refused", self.refused_epochs),
            ("honest writers", self.honest_writers),
            ("  delivered elements", self.honest_elements),
            ("round trips", self.round_trips),
        ] {
            writeln!(f, "{name:26}{count:>14}")?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, row: &[u64; 4]) -> fmt::Result {
    write!(f, "{name:26}")?;
    for count in row {
        write!(f, "{count:>14}")?;
    }
    writeln!(f, "{:>14}", row.iter().sum::<u64>())
}
