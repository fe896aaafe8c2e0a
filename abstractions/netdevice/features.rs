// SPDX-License-Identifier: GPL-2.0

//! What a network device is to the stack: its link type, sizes and offloads.

use super::bindings;

/// The kind of link that a device has, and what it can do.
///
/// Constants of C by their names: [`include/uapi/linux/if_arp.h`](srctree/include/uapi/linux/if_arp.h),
/// [`include/uapi/linux/if.h`](srctree/include/uapi/linux/if.h),
/// [`include/linux/netdev_features.h`](srctree/include/linux/netdev_features.h).
#[derive(Clone, Copy)]
pub(crate) struct Link {
    link_type: u16,
    flags: u32,
    features: u64,
    mtu: u32,
    min_mtu: u32,
    max_mtu: u32,
}

impl Link {
    /// A point-to-point link that carries IP packets without a link layer header: no ARP, and
    /// multicast reaches the other end.
    pub(crate) const fn point_to_point() -> Self {
        Self {
            link_type: bindings::ARPHRD_NONE as u16,
            flags: bindings::net_device_flags_IFF_POINTOPOINT
                | bindings::net_device_flags_IFF_NOARP
                | bindings::net_device_flags_IFF_MULTICAST,
            features: 0,
            mtu: 0,
            min_mtu: 0,
            max_mtu: 0,
        }
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
        // SAFETY: As the caller promises, nobody else uses the device yet.
        let dev = unsafe { &mut *dev };
        dev.type_ = self.link_type;
        dev.flags = self.flags;
        dev.features |= self.features;
        dev.hw_features |= self.features;
        dev.vlan_features |= self.features;
        dev.hw_enc_features |= self.features;
        dev.mtu = self.mtu;
        dev.min_mtu = self.min_mtu;
        dev.max_mtu = self.max_mtu;
    }
}
