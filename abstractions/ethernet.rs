// SPDX-License-Identifier: GPL-2.0

//! Ethernet devices.
//!
//! C header: [`include/linux/etherdevice.h`](srctree/include/linux/etherdevice.h)

use super::bindings;

/// Bytes of an Ethernet header without tags, which a frame has at least.
pub(crate) const HEADER_SIZE: usize = bindings::ETH_HLEN as usize;

/// Makes an Ethernet device of a device that has no link layer yet, with this permanent address, or
/// a random one.
///
/// # Safety
///
/// `dev` must be a valid device that is not registered yet.
pub(super) unsafe fn setup(
    dev: *mut bindings::net_device,
    address: Option<&[u8; bindings::ETH_ALEN as usize]>,
) {
    let address = address.map_or(core::ptr::null(), |address| address.as_ptr());
    // SAFETY: As the caller promises; the address is null, or has as many bytes as C reads.
    unsafe { bindings::muennet_ether_setup(dev, address) }
}

/// Adds what C wants of an Ethernet device to the operations that all devices have: addresses that
/// users may set, and filters that let everything pass.
pub(super) const fn operations(ops: bindings::net_device_ops) -> bindings::net_device_ops {
    bindings::net_device_ops {
        ndo_set_mac_address: Some(bindings::eth_mac_addr),
        ndo_validate_addr: Some(bindings::eth_validate_addr),
        ndo_set_rx_mode: Some(set_rx_mode),
        ..ops
    }
}

/// Whatever is received is handed up, so there is no filter to set; the function has to be there
/// for user space to ask for more addresses.
///
/// # Safety
///
/// None: it touches nothing.
unsafe extern "C" fn set_rx_mode(_dev: *mut bindings::net_device) {}
