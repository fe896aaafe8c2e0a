// SPDX-License-Identifier: GPL-2.0

//! The modes of an interface: how an element carries a packet.

use core::num::NonZeroU64;

use super::wire::{
    self,
    ethernet,
    offload, //
};

/// Smallest MTU of all modes but raw mode, in bytes: every host must accept IPv4 packets of this
/// size.
const MTU_MIN_IP: u32 = 68;

/// Largest length in bytes that the `u16` length fields of both header and trailer can hold.
const LENGTH_MAX: u32 = 65_535;

/// The contents of an element. Both ends of a channel must use the same mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The bytes of the packet, padded with zeros. The receiver gets the whole element.
    Raw,
    /// A header of 8 bytes and an IP packet: see [`wire`].
    Ip,
    /// IP mode with offloads, in which a packet may be spread over several elements: see
    /// [`offload`].
    Offload,
    /// An Ethernet frame, and its length in the last two bytes of the element: see
    /// [`ethernet`].
    Ethernet,
    /// Ethernet mode, with room in each element for the tags of a VLAN that has the MTU of the
    /// interface. It differs from Ethernet mode only in the size of the elements that this end
    /// writes.
    Vlan,
}

impl Mode {
    /// Returns the range of MTUs that the mode supports, in bytes.
    pub(crate) const fn mtu_range(self) -> core::ops::RangeInclusive<u32> {
        match self {
            Self::Raw => 1..=LENGTH_MAX,
            Self::Ip | Self::Offload => MTU_MIN_IP..=LENGTH_MAX,
            Self::Ethernet => MTU_MIN_IP..=LENGTH_MAX - ethernet::HEADER_SIZE as u32,
            Self::Vlan => {
                MTU_MIN_IP..=LENGTH_MAX - (ethernet::HEADER_SIZE + ethernet::TAGS_SIZE) as u32
            }
        }
    }

    /// Returns the number of bytes of an element that do not count towards the MTU.
    pub(crate) const fn overhead(self) -> usize {
        match self {
            Self::Raw => 0,
            Self::Ip => wire::HEADER_SIZE,
            Self::Offload => offload::HEADER_SIZE,
            Self::Ethernet => ethernet::HEADER_SIZE + ethernet::TRAILER_SIZE,
            Self::Vlan => ethernet::HEADER_SIZE + ethernet::TAGS_SIZE + ethernet::TRAILER_SIZE,
        }
    }

    /// Returns the size in bytes of elements that carry packets of up to `mtu` bytes.
    pub(crate) const fn element_size(self, mtu: u32) -> usize {
        // A `usize` has at least 32 bits on supported machines. MTUs have been checked long before.
        // For a number that is no valid MTU, the result is too large for any region.
        (mtu as usize).saturating_add(self.overhead())
    }

    /// Returns the range of element sizes in bytes that a reader accepts. The peer may have another
    /// MTU, or no room for tags.
    pub(crate) const fn element_sizes(self) -> core::ops::RangeInclusive<usize> {
        if let Self::Vlan = self {
            return Self::Ethernet.element_sizes();
        }
        let mtu = self.mtu_range();
        self.element_size(*mtu.start())..=self.element_size(*mtu.end())
    }

    /// Returns the protocol number in the header of a channel of this mode. `protocol` is the
    /// configured number, on which both ends agree.
    ///
    /// Channels are unidirectional, so two ends cannot negotiate offloads. An end that does not
    /// support offloads, or must not use them, must see the other end as incompatible.
    pub(crate) fn wire_protocol(self, protocol: NonZeroU64) -> NonZeroU64 {
        /// "offload" in ASCII.
        const OFFLOAD: u64 = 0x006f_6666_6c6f_6164;

        match self {
            Self::Raw | Self::Ip | Self::Ethernet | Self::Vlan => protocol,
            // Zero is not a valid protocol number.
            Self::Offload => NonZeroU64::new(protocol.get() ^ OFFLOAD).unwrap_or(NonZeroU64::MAX),
        }
    }

    /// Returns the value of the module parameter `flags` that selects the mode; [`None`] for raw
    /// mode, which is used without flags.
    pub(crate) const fn flag(self) -> Option<&'static str> {
        match self {
            Self::Raw => None,
            Self::Offload => Some("net_hdr+offload"),
            Self::Ip => Some("net_hdr"),
            Self::Ethernet => Some("eth_dev"),
            Self::Vlan => Some("eth_dev+vlan"),
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(CONFIG_KUNIT = "y", kernel::macros::kunit_tests(muennet_mode))]
mod tests {
    use super::{
        Mode,
        NonZeroU64, //
    };

    #[test]
    fn sizes() {
        // (mode, smallest MTU, largest MTU, element size for 1500, smallest and largest element)
        let table = [
            (Mode::Raw, 1, 65_535, 1_500, 1, 65_535),
            (Mode::Ip, 68, 65_535, 1_508, 76, 65_543),
            (Mode::Offload, 68, 65_535, 1_528, 96, 65_563),
            (Mode::Ethernet, 68, 65_521, 1_516, 84, 65_537),
            (Mode::Vlan, 68, 65_513, 1_524, 84, 65_537),
        ];
        for (mode, mtu_min, mtu_max, usual, element_min, element_max) in table {
            assert_eq!((mode, mode.mtu_range()), (mode, mtu_min..=mtu_max));
            assert_eq!((mode, mode.element_size(1_500)), (mode, usual));
            assert_eq!(
                (mode, mode.element_sizes()),
                (mode, element_min..=element_max)
            );
            // An invalid MTU must not result in a small element.
            assert!(mode.element_size(u32::MAX) >= u32::MAX as usize);
        }
    }

    #[test]
    fn flags() {
        let table = [
            (Mode::Raw, None),
            (Mode::Ip, Some("net_hdr")),
            (Mode::Offload, Some("net_hdr+offload")),
            (Mode::Ethernet, Some("eth_dev")),
            (Mode::Vlan, Some("eth_dev+vlan")),
        ];
        for (mode, flag) in table {
            assert_eq!((mode, mode.flag()), (mode, flag));
        }
    }

    #[test]
    fn offloads_change_the_protocol() {
        const OFFLOAD: u64 = 0x006f_6666_6c6f_6164;
        let table = [
            (2, 2 ^ OFFLOAD),
            (u64::MAX, u64::MAX ^ OFFLOAD),
            (OFFLOAD, u64::MAX),
        ];
        for (number, expected) in table {
            let protocol = NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN);
            let published = Mode::Offload.wire_protocol(protocol).get();
            assert_eq!((number, published), (number, expected));
            for mode in [Mode::Raw, Mode::Ip, Mode::Ethernet, Mode::Vlan] {
                assert_eq!((mode, mode.wire_protocol(protocol)), (mode, protocol));
            }
        }
    }
}
