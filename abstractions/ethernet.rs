// SPDX-License-Identifier: GPL-2.0

//! Ethernet devices.
//!
//! C header: [`include/linux/etherdevice.h`](srctree/include/linux/etherdevice.h)

use super::bindings;

/// The length of an Ethernet header without VLAN tags, in bytes. A frame is at least this long.
pub(crate) const HEADER_SIZE: usize = bindings::ETH_HLEN as usize;

/// Sets up a device without a link layer as an Ethernet device, with this permanent address, or
/// with a random one for `None`.
///
/// # Safety
///
/// `dev` must be a valid device that is not registered.
pub(super) unsafe fn setup(
    dev: *mut bindings::net_device,
    address: Option<&[u8; bindings::ETH_ALEN as usize]>,
) {
    let address = address.map_or(core::ptr::null(), |address| address.as_ptr());
    // SAFETY: The caller guarantees a valid device that is not registered. The address is null, or
    // has the `ETH_ALEN` bytes that the function reads.
    unsafe { bindings::muennet_ether_setup_address(dev, address) }
}

/// Returns whether an address is that of one device: `is_valid_ether_addr()`.
pub(super) fn is_valid_address(address: &[u8; bindings::ETH_ALEN as usize]) -> bool {
    address[0] & 1 == 0 && *address != [0; bindings::ETH_ALEN as usize]
}

/// Adds the operations of Ethernet devices to `ops`: users may set the address, and the filters
/// accept all frames.
pub(super) const fn operations(ops: bindings::net_device_ops) -> bindings::net_device_ops {
    bindings::net_device_ops {
        ndo_set_mac_address: Some(bindings::eth_mac_addr),
        ndo_validate_addr: Some(bindings::eth_validate_addr),
        ndo_set_rx_mode: Some(set_rx_mode),
        ..ops
    }
}

/// Does nothing: the device receives all frames, so that it has no filter to set. The core accepts
/// additional addresses from user space (`SIOCADDMULTI`) only if the operation exists.
///
/// # Safety
///
/// None: it accesses nothing.
unsafe extern "C" fn set_rx_mode(_dev: *mut bindings::net_device) {}
