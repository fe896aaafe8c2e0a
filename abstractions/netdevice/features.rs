// SPDX-License-Identifier: GPL-2.0

//! What a network device is to the stack: its link type, sizes and offloads.

use super::{
    bindings,
    ethernet, //
};

/// The kind of link that a device has, and what it can do.
///
/// Constants of C by their names: [`include/uapi/linux/if_arp.h`](srctree/include/uapi/linux/if_arp.h),
/// [`include/uapi/linux/if.h`](srctree/include/uapi/linux/if.h),
/// [`include/linux/netdev_features.h`](srctree/include/linux/netdev_features.h).
#[derive(Clone, Copy)]
pub(crate) struct Link {
    ethernet: bool,
    address: Option<[u8; bindings::ETH_ALEN as usize]>,
    ip: bool,
    keeps_dst: bool,
    features: u64,
    /// Features that packets inside of tunnels do not have.
    segmentation: u64,
    mtu: u32,
    min_mtu: u32,
    max_mtu: u32,
}

impl Link {
    /// A point-to-point link that carries IP packets without a link layer header: no ARP, and
    /// multicast reaches the other end.
    pub(crate) const fn point_to_point() -> Self {
        Self {
            ethernet: false,
            address: None,
            ip: false,
            keeps_dst: false,
            features: 0,
            segmentation: 0,
            mtu: 0,
            min_mtu: 0,
            max_mtu: 0,
        }
    }

    /// Packets are IPv4 or IPv6, as their first byte tells.
    pub(crate) const fn carries_ip(mut self) -> Self {
        self.ip = true;
        self
    }

    /// An Ethernet, with a random address at first, or [`Self::address`]. Received frames are not
    /// filtered.
    pub(crate) const fn ethernet() -> Self {
        Self {
            ethernet: true,
            ..Self::point_to_point()
        }
    }

    /// The permanent address of an Ethernet device: neither zero nor that of a group.
    pub(crate) const fn address(mut self, address: [u8; bindings::ETH_ALEN as usize]) -> Self {
        self.address = Some(address);
        self
    }

    /// Packets keep their route while they are sent, for instance to tell who sent them that they
    /// are too long.
    pub(crate) const fn keeps_dst(mut self) -> Self {
        self.keeps_dst = true;
        self
    }

    /// Whether the device is an Ethernet one.
    pub(super) const fn is_ethernet(&self) -> bool {
        self.ethernet
    }

    /// The device copies packets from their fragments, wherever these lie, and computes the
    /// checksums that the stack left open while it does so.
    pub(crate) const fn copies_and_checksums(mut self) -> Self {
        self.features |= 1 << bindings::NETIF_F_SG_BIT
            | 1 << bindings::NETIF_F_FRAGLIST_BIT
            | 1 << bindings::NETIF_F_HIGHDMA_BIT
            | 1 << bindings::NETIF_F_HW_CSUM_BIT;
        self
    }

    /// The device checks the checksums of TCP and UDP packets that it receives.
    pub(crate) const fn checks_checksums(mut self) -> Self {
        self.features |= 1 << bindings::NETIF_F_RXCSUM_BIT;
        self
    }

    /// The device cuts large TCP and UDP packets into segments itself.
    pub(crate) const fn segments(mut self) -> Self {
        self.segmentation = 1 << bindings::NETIF_F_TSO_BIT
            | 1 << bindings::NETIF_F_TSO6_BIT
            | 1 << bindings::NETIF_F_TSO_ECN_BIT
            | 1 << bindings::NETIF_F_GSO_UDP_L4_BIT;
        self
    }

    /// The MTU at first, and the range in which it may be changed, in bytes.
    pub(crate) const fn mtu(mut self, mtu: u32, min: u32, max: u32) -> Self {
        self.mtu = mtu;
        self.min_mtu = min;
        self.max_mtu = max;
        self
    }

    /// Writes what was chosen into a device.
    ///
    /// # Safety
    ///
    /// `dev` must be a valid device that is not registered yet.
    pub(super) unsafe fn apply(&self, dev: *mut bindings::net_device) {
        if self.ethernet {
            // SAFETY: As the caller promises.
            unsafe { ethernet::setup(dev, self.address.as_ref()) };
        }
        if self.ip {
            // SAFETY: As the caller promises.
            unsafe { bindings::muennet_ip_setup(dev) };
        }
        // SAFETY: As the caller promises.
        unsafe { bindings::muennet_netif_set_private_flags(dev, self.keeps_dst) };
        // SAFETY: As the caller promises, nobody else uses the device yet.
        let dev = unsafe { &mut *dev };
        if !self.ethernet {
            dev.type_ = bindings::ARPHRD_NONE as u16;
            dev.flags = bindings::net_device_flags_IFF_POINTOPOINT
                | bindings::net_device_flags_IFF_NOARP
                | bindings::net_device_flags_IFF_MULTICAST;
        }
        let features = self.features | self.segmentation;
        dev.features |= features;
        dev.hw_features |= features;
        dev.vlan_features |= features;
        dev.hw_enc_features |= self.features;
        dev.mtu = self.mtu;
        dev.min_mtu = self.min_mtu;
        dev.max_mtu = self.max_mtu;
    }
}
