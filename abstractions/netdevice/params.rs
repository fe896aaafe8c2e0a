// SPDX-License-Identifier: GPL-2.0

//! The parameters of a new network device: link type, MTU, flags and offloads.

use super::{
    bindings,
    ethernet, //
};
use kernel::prelude::*;

/// A device type, which uevents and udev have as `DEVTYPE`: `struct device_type`.
#[repr(transparent)]
pub(crate) struct DeviceType(bindings::device_type);

// SAFETY: A type is never written, and its name is static.
unsafe impl Sync for DeviceType {}

impl DeviceType {
    /// Creates a type.
    #[expect(
        clippy::disallowed_methods,
        reason = "`as_char_ptr` cannot be called in constants"
    )]
    pub(crate) const fn new(name: &'static CStr) -> Self {
        let mut inner: bindings::device_type = pin_init::zeroed();
        inner.name = name.as_ptr().cast();
        Self(inner)
    }

    pub(super) fn as_ptr(&'static self) -> *const bindings::device_type {
        &raw const self.0
    }
}

/// The parameters of a new network device.
///
/// C headers: [`include/uapi/linux/if_arp.h`](srctree/include/uapi/linux/if_arp.h),
/// [`include/uapi/linux/if.h`](srctree/include/uapi/linux/if.h),
/// [`include/linux/netdev_features.h`](srctree/include/linux/netdev_features.h).
#[derive(Clone, Copy)]
pub(crate) struct DeviceParams {
    ethernet: bool,
    address: Option<[u8; bindings::ETH_ALEN as usize]>,
    ip_header_ops: bool,
    keep_dst: bool,
    byte_queue_limits: bool,
    /// Flags to set, and flags to clear, in those of the link type.
    flags: u32,
    no_flags: u32,
    vlan_features: bool,
    features: u64,
    /// Segmentation offloads: features that packets in tunnels do not get.
    gso_features: u64,
    mtu: u32,
    min_mtu: u32,
    max_mtu: u32,
}

#[allow(dead_code, reason = "each driver uses some of the parameters")]
impl DeviceParams {
    /// `ARPHRD_NONE` with `IFF_POINTOPOINT`, `IFF_NOARP` and `IFF_MULTICAST`: no link layer header.
    pub(crate) const fn point_to_point() -> Self {
        Self {
            ethernet: false,
            address: None,
            ip_header_ops: false,
            keep_dst: false,
            byte_queue_limits: false,
            flags: 0,
            no_flags: 0,
            vlan_features: false,
            features: 0,
            gso_features: 0,
            mtu: 0,
            min_mtu: 0,
            max_mtu: 0,
        }
    }

    /// `ether_setup()`, with a random address or [`Self::address`]. The device does not filter
    /// received frames. Users may change its address, also while it is up
    /// (`IFF_LIVE_ADDR_CHANGE`).
    pub(crate) const fn ethernet() -> Self {
        Self {
            ethernet: true,
            ..Self::point_to_point()
        }
    }

    /// `ip_tunnel_header_ops`: packets are IPv4 or IPv6, as their first byte says.
    pub(crate) const fn ip_header_ops(mut self) -> Self {
        self.ip_header_ops = true;
        self
    }

    /// The permanent address of an Ethernet device: a unicast address, not zero.
    pub(crate) const fn address(mut self, address: [u8; bindings::ETH_ALEN as usize]) -> Self {
        self.address = Some(address);
        self
    }

    /// `netif_keep_dst()`: packets keep their route until they are transmitted, so that the driver
    /// can send ICMP errors for them.
    pub(crate) const fn keep_dst(mut self) -> Self {
        self.keep_dst = true;
        self
    }

    /// `IFF_NOARP`: the device does not resolve addresses of neighbours.
    pub(crate) const fn noarp(mut self) -> Self {
        self.flags |= bindings::net_device_flags_IFF_NOARP;
        self
    }

    /// Without `IFF_MULTICAST`.
    pub(crate) const fn no_multicast(mut self) -> Self {
        self.no_flags |= bindings::net_device_flags_IFF_MULTICAST;
        self
    }

    /// Users can see and change the byte queue limits of the device.
    pub(crate) const fn byte_queue_limits(mut self, on: bool) -> Self {
        self.byte_queue_limits = on;
        self
    }

    /// Returns whether users can see and change the byte queue limits.
    pub(super) const fn has_byte_queue_limits(&self) -> bool {
        self.byte_queue_limits
    }

    /// Returns whether the device is an Ethernet device.
    pub(in super::super) const fn is_ethernet(&self) -> bool {
        self.ethernet
    }

    /// `NETIF_F_SG`, `NETIF_F_FRAGLIST`, `NETIF_F_HIGHDMA` and `NETIF_F_HW_CSUM`: the driver copies
    /// packets from any fragments, and computes checksums that the stack left to the device.
    pub(crate) const fn sg_hw_csum(mut self) -> Self {
        self.features |= 1 << bindings::NETIF_F_SG_BIT
            | 1 << bindings::NETIF_F_FRAGLIST_BIT
            | 1 << bindings::NETIF_F_HIGHDMA_BIT
            | 1 << bindings::NETIF_F_HW_CSUM_BIT;
        self
    }

    /// `NETIF_F_RXCSUM`: the driver verifies the checksums of received TCP and UDP packets.
    pub(crate) const fn rxcsum(mut self) -> Self {
        self.features |= 1 << bindings::NETIF_F_RXCSUM_BIT;
        self
    }

    /// `NETIF_F_TSO`, `NETIF_F_TSO6`, `NETIF_F_TSO_ECN` and `NETIF_F_GSO_UDP_L4`: the driver
    /// segments TCP and UDP packets.
    pub(crate) const fn tso_udp_l4(mut self) -> Self {
        self.gso_features = 1 << bindings::NETIF_F_TSO_BIT
            | 1 << bindings::NETIF_F_TSO6_BIT
            | 1 << bindings::NETIF_F_TSO_ECN_BIT
            | 1 << bindings::NETIF_F_GSO_UDP_L4_BIT;
        self
    }

    /// `NETIF_F_GSO_SOFTWARE`: the driver accepts packets of all kinds that the stack can segment,
    /// also in tunnels.
    pub(crate) const fn gso_software(mut self) -> Self {
        self.features |= bindings::RUST_CONST_HELPER_NETIF_F_GSO_SOFTWARE;
        self
    }

    /// `NETIF_F_GSO_ENCAP_ALL`: the same for packets of tunnels.
    pub(crate) const fn gso_encap_all(mut self) -> Self {
        self.features |= bindings::RUST_CONST_HELPER_NETIF_F_GSO_ENCAP_ALL;
        self
    }

    /// VLAN devices on top of the device have its features, too: `dev->vlan_features`.
    pub(crate) const fn vlan_features(mut self) -> Self {
        self.vlan_features = true;
        self
    }

    /// The initial MTU, and the range in which users may change it, in bytes. A maximum of 0 is no
    /// limit.
    pub(crate) const fn mtu(mut self, mtu: u32, min: u32, max: u32) -> Self {
        self.mtu = mtu;
        self.min_mtu = min;
        self.max_mtu = max;
        self
    }

    /// Sets a device up.
    ///
    /// # Safety
    ///
    /// `dev` must be a valid device that is not registered and that nobody else uses.
    pub(in super::super) unsafe fn apply(&self, dev: *mut bindings::net_device) {
        if self.ethernet {
            // SAFETY: The caller guarantees a device that nobody else uses.
            unsafe { ethernet::setup(dev, self.address.as_ref()) };
        }
        if self.ip_header_ops {
            // SAFETY: As above.
            unsafe { bindings::muennet_ip_setup(dev) };
        }
        // SAFETY: As above.
        unsafe { bindings::muennet_netif_set_private_flags(dev, self.keep_dst) };
        // SAFETY: As above.
        let dev = unsafe { &mut *dev };
        if !self.ethernet {
            dev.type_ = bindings::ARPHRD_NONE as u16;
            dev.flags = bindings::net_device_flags_IFF_POINTOPOINT
                | bindings::net_device_flags_IFF_NOARP
                | bindings::net_device_flags_IFF_MULTICAST;
        }
        dev.flags |= self.flags;
        dev.flags &= !self.no_flags;
        let features = self.features | self.gso_features;
        dev.features |= features;
        dev.hw_features |= features;
        if self.vlan_features {
            dev.vlan_features |= features;
        }
        dev.hw_enc_features |= self.features;
        dev.mtu = self.mtu;
        dev.min_mtu = self.min_mtu;
        dev.max_mtu = self.max_mtu;
    }
}
