// SPDX-License-Identifier: GPL-2.0

//! Path MTU: finds packets that are too long for a path behind the peer.
//!
//! Another subject knows the MTU of each path and writes it into a table in shared memory, at any
//! time. The table is an array of `u32` in native byte order. Entry `m - 1` is the limit for
//! packets with mark `m`. Zero means no limit, and so does a mark without an entry. A limit below
//! the minimum MTU of the IP version counts as that minimum.

use super::wire::Version;

/// Size of a table entry in bytes.
pub(crate) const ENTRY_SIZE: usize = 4;

/// Number of bytes at the start of a packet that [`action`] needs.
pub(crate) const PREFIX_SIZE: usize = 8;

/// Returns the offset of the entry for packets with `mark`, in bytes from the start of the table;
/// [`None`] for packets without a mark. The offset may be beyond the end of the table: reading the
/// memory of the table checks that.
pub(crate) fn entry_at(mark: u32) -> Option<usize> {
    let index = usize::try_from(mark.checked_sub(1)?).ok()?;
    index.checked_mul(ENTRY_SIZE)
}

/// The action for a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send the packet as it is: it is short enough.
    Send,
    /// Send the packet in fragments of at most this many bytes: 68 or more.
    Fragment(u32),
    /// Drop the packet and report this limit in bytes to its sender: 68 or more for IPv4, 1280 or
    /// more for IPv6.
    TooBig(u32),
}

impl Version {
    /// Returns the length in bytes of the longest packet that every path carries: RFC 791, RFC
    /// 8200.
    const fn least_mtu(self) -> u32 {
        match self {
            Self::V4 => 68,
            Self::V6 => 1_280,
        }
    }
}

/// Returns the action for a packet of IP version `version` that starts with `ip`.
///
/// `entry` is the table entry of the packet's mark, read once. `fits` returns whether the packet
/// has at most the given number of bytes. For a GSO packet, it returns whether each segment has.
pub(crate) fn action(
    entry: u32,
    version: Version,
    ip: &[u8; PREFIX_SIZE],
    fits: impl FnOnce(u32) -> bool,
) -> Action {
    if entry == 0 {
        return Action::Send;
    }
    let limit = entry.max(version.least_mtu());
    if fits(limit) {
        return Action::Send;
    }
    let &[_, _, _, _, _, _, flags, _] = ip;
    let dont_fragment = flags & 0x40 != 0;
    match version {
        Version::V4 if !dont_fragment => Action::Fragment(limit),
        Version::V4 | Version::V6 => Action::TooBig(limit),
    }
}

#[cfg(CONFIG_RUST)]
mod table {
    use super::{
        action,
        entry_at,
        Action,
        PREFIX_SIZE, //
    };
    use crate::{
        abstractions::{
            mapping::Mapping,
            skbuff::SkBuff, //
        },
        netdev::{
            format,
            wire::Version, //
        }, //
    };

    /// A table of path MTUs, written by another subject.
    pub(crate) struct Table(Mapping);

    impl Table {
        /// Returns the table in `mapping`, which it fills.
        pub(crate) fn new(mapping: Mapping) -> Self {
            Self(mapping)
        }

        /// Returns the entry for packets with `mark`, read once; zero if there is none.
        #[inline]
        fn entry(&self, mark: u32) -> u32 {
            entry_at(mark)
                .and_then(|offset| self.0.read_u32(offset))
                .unwrap_or(0)
        }

        /// Returns the IP version of a packet and the action for it. [`None`]: the table has no
        /// limit for the packet, or it is not an IP packet, which this table does not restrict.
        #[inline]
        pub(crate) fn lookup(&self, skb: &SkBuff<'_>) -> Option<(Version, Action)> {
            let entry = self.entry(skb.mark());
            if entry == 0 {
                return None;
            }
            let ip = skb.head::<PREFIX_SIZE>()?;
            let version = format::version(skb, &ip)?;
            let action = action(entry, version, &ip, |limit| skb.network_len_fits(limit));
            Some((version, action))
        }
    }
}
#[cfg(CONFIG_RUST)]
pub(crate) use self::table::Table;

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_pmtu))]
mod tests {
    use super::*;

    #[test]
    fn entries() {
        let table = [
            (0, None),
            (1, Some(0)),
            (2, Some(4)),
            (1_024, Some(4_092)),
            (1_025, Some(4_096)),
            (u32::MAX, Some(0x3_ffff_fff8)),
        ];
        for (mark, at) in table {
            assert_eq!((mark, entry_at(mark)), (mark, at));
        }
    }

    /// Returns the start of a packet with this seventh byte: in IPv4, flags and fragment offset.
    fn flags(byte: u8) -> [u8; PREFIX_SIZE] {
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, byte, 0xff]
    }

    #[test]
    fn verdicts() {
        use Action::{
            Fragment,
            Send,
            TooBig, //
        };
        use Version::{
            V4,
            V6, //
        };

        const DF: u8 = 0x40;
        const MF: u8 = 0x20;
        // (entry, version, flags, length, action)
        let table = [
            // No limit.
            (0, V4, 0, 1_500, Send),
            (0, V4, DF, 65_535, Send),
            (0, V6, 0, 65_575, Send),
            // At the limit, and one beyond it.
            (1_400, V4, 0, 1_400, Send),
            (1_400, V4, DF, 1_400, Send),
            (1_400, V6, 0, 1_400, Send),
            (1_400, V4, 0, 1_401, Fragment(1_400)),
            (1_400, V4, DF, 1_401, TooBig(1_400)),
            (1_400, V6, 0, 1_401, TooBig(1_400)),
            // Only the sender of an IPv6 packet fragments it, whatever that byte holds.
            (1_400, V6, 0xff, 1_401, TooBig(1_400)),
            (1_400, V6, !DF, 1_401, TooBig(1_400)),
            // A fragment may be fragmented again, unless its sender forbids that.
            (1_400, V4, MF, 1_401, Fragment(1_400)),
            (1_400, V4, !DF, 1_401, Fragment(1_400)),
            (1_400, V4, MF | DF, 1_401, TooBig(1_400)),
            // Limits below or at the minimum MTU.
            (1, V4, 0, 68, Send),
            (1, V4, 0, 69, Fragment(68)),
            (67, V4, DF, 69, TooBig(68)),
            (68, V4, DF, 69, TooBig(68)),
            (69, V4, DF, 69, Send),
            (1, V6, 0, 1_280, Send),
            (1, V6, 0, 1_281, TooBig(1_280)),
            (1_279, V6, 0, 1_281, TooBig(1_280)),
            (1_280, V6, 0, 1_281, TooBig(1_280)),
            (1_281, V6, 0, 1_281, Send),
            // Garbage entries, far above the length of any packet.
            (u32::MAX, V4, 0, 65_535, Send),
            (u32::MAX, V6, 0, 65_575, Send),
            (0x8000_0000, V4, DF, 65_535, Send),
        ];
        for (entry, version, byte, length, expected) in table {
            let row = (entry, version, byte, length);
            let action = action(entry, version, &flags(byte), |limit| length <= limit);
            assert_eq!((row, action), (row, expected));
        }
    }
}
