// SPDX-License-Identifier: GPL-2.0

//! The statistics of a run.

use std::fmt;

/// The point in the work of the reader at which the rogue acted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    /// Before the call.
    Between,
    /// Before the load of a word.
    Load,
    /// Before, or in the middle of, a peek at bytes of an element at this offset.
    Peek(usize),
    /// Before, or in the middle of, a copy into a packet of bytes at this offset.
    Copy(usize),
}

/// The names of the columns of the table.
const MOMENTS: [&str; 4] = ["between calls", "at a load", "in a peek", "in a copy"];

impl Moment {
    fn column(self) -> usize {
        match self {
            Self::Between => 0,
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
    "word: reserved",
    "word: wsc",
    "word: wc",
    "counters: ahead by 1",
    "counters: far ahead",
    "counters: back",
    "counters: round 2^64",
    "epoch: a likely one",
    "payload: a byte",
    "length: header",
    "length: IPv4",
    "length: IPv6",
    "length: Ethernet",
    "length: of a whole packet",
    "header: version, IHL",
    "pieces: a row of them",
];

/// A kind of mutation: its index in [`KINDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(pub(crate) usize);

impl Kind {
    pub(crate) const AHEAD: Self = Self(8);
    pub(crate) const FAR_AHEAD: Self = Self(9);
    pub(crate) const BACK: Self = Self(10);
    pub(crate) const ROUND: Self = Self(11);
    pub(crate) const EPOCH: Self = Self(12);
    pub(crate) const BYTE: Self = Self(13);
    pub(crate) const LENGTH_HEADER: Self = Self(14);
    pub(crate) const LENGTH_IPV4: Self = Self(15);
    pub(crate) const LENGTH_IPV6: Self = Self(16);
    pub(crate) const LENGTH_ETHERNET: Self = Self(17);
    pub(crate) const LENGTH_TOTAL: Self = Self(18);
    pub(crate) const VERSION: Self = Self(19);
    pub(crate) const PIECES: Self = Self(20);
}

/// The statistics of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Mutations of shared memory, by kind and by moment.
    pub by_kind: [[u64; 4]; KINDS.len()],
    /// Calls of the reader under attack.
    pub calls: u64,
    /// Elements that were found intact under attack, including those that contained no packet.
    pub delivered: u64,
    /// Packets that were delivered under attack, all of them checked.
    pub packets: u64,
    /// Those of these packets that consisted of several elements.
    pub pieced: u64,
    /// Elements and packets that were rejected under attack.
    pub rejected: u64,
    /// Packets for which there was no memory.
    pub no_memory: u64,
    /// Epochs that the reader stopped following because of the rogue, or never followed.
    pub refused: u64,
    /// Honest peers after an attack.
    pub honest: u64,
    /// Elements of honest peers that arrived, all of them checked.
    pub arrived: u64,
    /// Packets that the driver's own writer sent and its own reader received, compared byte by
    /// byte.
    pub own: u64,
}

impl Figures {
    /// Returns the number of all mutations.
    pub fn mutations(&self) -> u64 {
        self.by_kind.iter().flatten().sum()
    }

    /// Returns the kinds of mutations that were never made at one or more of the moments.
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
        self.pieced += more.pieced;
        self.rejected += more.rejected;
        self.no_memory += more.no_memory;
        self.refused += more.refused;
        self.honest += more.honest;
        self.arrived += more.arrived;
        self.own += more.own;
    }

    pub(crate) fn add_change(&mut self, kind: Kind, moment: Moment) {
        self.by_kind[kind.0][moment.column()] += 1;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:26}", "mutations")?;
        for moment in MOMENTS {
            write!(f, "{moment:>14}")?;
        }
        writeln!(f, "{:>14}", "sum")?;
        let mut sums = [0; MOMENTS.len()];
        for (name, row) in KINDS.iter().zip(&self.by_kind) {
            for (sum, count) in sums.iter_mut().zip(row) {
                *sum += count;
            }
            line(f, name, row)?;
        }
        line(f, "all", &sums)?;
        writeln!(f)?;
        for (name, figure) in [
            ("calls under attack", self.calls),
            ("elements found intact", self.delivered),
            ("packets handed up", self.packets),
            ("  of several elements", self.pieced),
            ("rejected", self.rejected),
            ("without memory", self.no_memory),
            ("epochs refused", self.refused),
            ("honest peers", self.honest),
            ("  their elements", self.arrived),
            ("  the driver's packets", self.own),
        ] {
            writeln!(f, "{name:26}{figure:>14}")?;
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
