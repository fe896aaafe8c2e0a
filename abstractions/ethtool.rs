// SPDX-License-Identifier: GPL-2.0

//! What `ethtool` shows and changes of a network device.
//!
//! C header: [`include/linux/ethtool.h`](srctree/include/linux/ethtool.h)

use super::{
    bindings,
    netdevice::{
        Device,
        Operations, //
    }, //
};
use core::marker::PhantomData;
use kernel::{
    error::{
        from_result,
        VTABLE_DEFAULT_ERROR, //
    },
    ffi::{
        c_char,
        c_int, //
    },
    prelude::*, //
};

/// What a driver tells `ethtool` about its devices. All but the statistics runs with the RTNL held
/// and may sleep; the statistics may sleep, too. What a driver does not have, `ethtool` calls not
/// supported.
#[vtable]
pub(crate) trait EthtoolOperations: Operations {
    /// The driver's name, at most 31 characters.
    const DRIVER: &'static CStr;

    /// The names of the statistics, each at most 31 characters.
    const STATISTICS: &'static [&'static str];

    /// The names of the private flags, at most 32 of at most 31 characters each.
    const FLAGS: &'static [&'static str] = &[];

    /// Writes where the device is to be found, `bus-info`, into `info`.
    fn bus_info(dev: &Device<Self>, info: &mut Text<'_>);

    /// Writes the statistics, in the order of their names.
    fn statistics(dev: &Device<Self>, values: &mut [u64]);

    /// The elements of the receive and transmit rings.
    fn ring(_dev: &Device<Self>) -> Ring {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// How long the device waits for packets before it looks for them, in microseconds.
    fn rx_usecs(_dev: &Device<Self>) -> u32 {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Changes it.
    ///
    /// # Errors
    ///
    /// What is returned reaches who asked for it, with the text that comes with it.
    fn set_rx_usecs(_dev: &Device<Self>, _usecs: u32) -> Result<(), (Error, &'static CStr)> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The private flags that are set, bit `i` for name `i`.
    fn flags(_dev: &Device<Self>) -> u32 {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Sets and clears private flags.
    ///
    /// # Errors
    ///
    /// What is returned reaches who asked for it, and nothing has changed.
    fn set_flags(_dev: &Device<Self>, _flags: u32) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// The elements of a device's rings; zero where there is none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ring {
    /// Of the receive ring.
    pub(crate) rx: u32,
    /// Of the transmit ring.
    pub(crate) tx: u32,
}

/// The speed and the duplex mode of a link, which users may set: memory has neither, but some
/// protocols, such as LACP, want them.
pub(super) struct LinkSettings {
    /// In Mbit/s.
    speed: u32,
    duplex: u8,
}

impl LinkSettings {
    /// Nothing is made up.
    pub(super) const UNKNOWN: Self = Self {
        speed: bindings::SPEED_UNKNOWN as u32,
        duplex: bindings::DUPLEX_UNKNOWN as u8,
    };
}

/// A field of characters that is filled from its start and always ends with a NUL.
pub(crate) struct Text<'a> {
    field: &'a mut [c_char],
    used: usize,
}

impl<'a> Text<'a> {
    fn new(field: &'a mut [c_char]) -> Self {
        field.fill(0);
        Self { field, used: 0 }
    }

    /// Appends bytes, or as many as there is room for.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = self.field.len().saturating_sub(self.used + 1);
        let free = self.field.iter_mut().skip(self.used).take(room);
        for (to, from) in free.zip(bytes) {
            *to = *from as c_char;
            self.used += 1;
        }
    }
}

/// The table of a driver's operations for `ethtool`.
pub(crate) struct Table<T: ?Sized>(&'static bindings::ethtool_ops, PhantomData<T>);

impl<T: EthtoolOperations> Table<T> {
    const OPS: bindings::ethtool_ops = {
        let mut ops: bindings::ethtool_ops = pin_init::zeroed();
        ops.get_drvinfo = Some(Self::get_drvinfo);
        ops.get_link = Some(bindings::ethtool_op_get_link);
        ops.get_link_ksettings = Some(Self::get_link_ksettings);
        ops.set_link_ksettings = Some(Self::set_link_ksettings);
        ops.get_sset_count = Some(Self::get_sset_count);
        ops.get_strings = Some(Self::get_strings);
        ops.get_ethtool_stats = Some(Self::get_ethtool_stats);
        ops.get_ts_info = Some(bindings::ethtool_op_get_ts_info);
        if T::HAS_RX_USECS && T::HAS_SET_RX_USECS {
            ops.supported_coalesce_params = bindings::RUST_CONST_HELPER_ETHTOOL_COALESCE_RX_USECS;
            ops.get_coalesce = Some(Self::get_coalesce);
            ops.set_coalesce = Some(Self::set_coalesce);
        }
        if T::HAS_RING {
            ops.get_ringparam = Some(Self::get_ringparam);
        }
        if T::HAS_FLAGS && T::HAS_SET_FLAGS {
            ops.get_priv_flags = Some(Self::get_priv_flags);
            ops.set_priv_flags = Some(Self::set_priv_flags);
        }
        ops
    };

    /// The driver's table.
    pub(crate) const fn new() -> Self {
        Self(&Self::OPS, PhantomData)
    }

    fn strings(set: u32) -> &'static [&'static str] {
        match set {
            bindings::ethtool_stringset_ETH_SS_STATS => T::STATISTICS,
            bindings::ethtool_stringset_ETH_SS_PRIV_FLAGS => T::FLAGS,
            _ => &[],
        }
    }

    /// # Safety
    ///
    /// C calls it with a device of this driver and a structure to be filled in.
    unsafe extern "C" fn get_drvinfo(
        dev: *mut bindings::net_device,
        info: *mut bindings::ethtool_drvinfo,
    ) {
        // SAFETY: `dev` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(dev) };
        // SAFETY: The structure is the caller's, and nobody else uses it during the call.
        let info = unsafe { &mut *info };
        Text::new(&mut info.driver).push(T::DRIVER.to_bytes());
        T::bus_info(dev, &mut Text::new(&mut info.bus_info));
    }

    /// # Safety
    ///
    /// C calls it with a device of this driver and a structure to be filled in, with the RTNL held.
    unsafe extern "C" fn get_link_ksettings(
        dev: *mut bindings::net_device,
        settings: *mut bindings::ethtool_link_ksettings,
    ) -> c_int {
        // SAFETY: The device is one of this driver, and the RTNL guards what is pointed to.
        let link = unsafe { &*Device::<T>::from_raw(dev).link_settings() };
        // SAFETY: The structure is the caller's, and nobody else uses it during the call.
        let base = unsafe { &mut (*settings).base };
        base.speed = link.speed;
        base.duplex = link.duplex;
        base.port = bindings::PORT_OTHER as u8;
        0
    }

    /// # Safety
    ///
    /// C calls it with a device of this driver and what is to be set, with the RTNL held.
    unsafe extern "C" fn set_link_ksettings(
        dev: *mut bindings::net_device,
        settings: *const bindings::ethtool_link_ksettings,
    ) -> c_int {
        // SAFETY: The device is one of this driver, and the RTNL guards what is pointed to.
        let link = unsafe { &mut *Device::<T>::from_raw(dev).link_settings() };
        // SAFETY: As the caller promises; the function checks what is to be set, and writes the
        // two numbers.
        unsafe {
            bindings::ethtool_virtdev_set_link_ksettings(
                dev,
                settings,
                &mut link.speed,
                &mut link.duplex,
            )
        }
    }

    /// # Safety
    ///
    /// C calls it with a device of this driver and a structure to be filled in.
    unsafe extern "C" fn get_coalesce(
        dev: *mut bindings::net_device,
        coalesce: *mut bindings::ethtool_coalesce,
        _kernel: *mut bindings::kernel_ethtool_coalesce,
        _extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: `dev` is a device of this driver.
        let usecs = T::rx_usecs(unsafe { Device::<T>::from_raw(dev) });
        // SAFETY: The structure is the caller's.
        unsafe { (*coalesce).rx_coalesce_usecs = usecs };
        0
    }

    /// # Safety
    ///
    /// C calls it with a device of this driver and what is to be set.
    unsafe extern "C" fn set_coalesce(
        dev: *mut bindings::net_device,
        coalesce: *mut bindings::ethtool_coalesce,
        _kernel: *mut bindings::kernel_ethtool_coalesce,
        extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: `dev` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(dev) };
        // SAFETY: The structure is the caller's.
        let usecs = unsafe { (*coalesce).rx_coalesce_usecs };
        match T::set_rx_usecs(dev, usecs) {
            Ok(()) => 0,
            Err((error, text)) => {
                // SAFETY: `extack` is null, or the caller's; the text is static.
                if let Some(extack) = unsafe { extack.as_mut() } {
                    extack._msg = text.as_char_ptr();
                }
                error.to_errno()
            }
        }
    }

    /// # Safety
    ///
    /// C calls it with a device of this driver and a structure to be filled in.
    unsafe extern "C" fn get_ringparam(
        dev: *mut bindings::net_device,
        param: *mut bindings::ethtool_ringparam,
        _kernel: *mut bindings::kernel_ethtool_ringparam,
        _extack: *mut bindings::netlink_ext_ack,
    ) {
        // SAFETY: `dev` is a device of this driver.
        let ring = T::ring(unsafe { Device::<T>::from_raw(dev) });
        // SAFETY: The structure is the caller's, and nobody else uses it during the call.
        let param = unsafe { &mut *param };
        param.rx_max_pending = ring.rx;
        param.rx_pending = ring.rx;
        param.tx_max_pending = ring.tx;
        param.tx_pending = ring.tx;
    }

    /// # Safety
    ///
    /// C calls it with a device of this driver.
    unsafe extern "C" fn get_sset_count(_dev: *mut bindings::net_device, set: c_int) -> c_int {
        match u32::try_from(set).map(Self::strings) {
            Ok(names) if !names.is_empty() => c_int::try_from(names.len()).unwrap_or(0),
            _ => EOPNOTSUPP.to_errno(),
        }
    }

    /// # Safety
    ///
    /// C calls it with a device of this driver and room for as many names as `get_sset_count`
    /// said.
    unsafe extern "C" fn get_strings(_dev: *mut bindings::net_device, set: u32, data: *mut u8) {
        const LENGTH: usize = bindings::ETH_GSTRING_LEN as usize;
        for (index, name) in Self::strings(set).iter().enumerate() {
            // SAFETY: The caller has room for all names, and nobody else uses it.
            let field =
                unsafe { core::slice::from_raw_parts_mut(data.add(index * LENGTH), LENGTH) };
            Text::new(field).push(name.as_bytes());
        }
    }

    /// # Safety
    ///
    /// C calls it with a device of this driver and room for as many numbers as `get_sset_count`
    /// said.
    unsafe extern "C" fn get_ethtool_stats(
        dev: *mut bindings::net_device,
        _stats: *mut bindings::ethtool_stats,
        data: *mut u64,
    ) {
        // SAFETY: The caller has room for all numbers, and nobody else uses it. It is zeroed.
        let values = unsafe { core::slice::from_raw_parts_mut(data, T::STATISTICS.len()) };
        // SAFETY: `dev` is a device of this driver.
        T::statistics(unsafe { Device::<T>::from_raw(dev) }, values);
    }

    /// # Safety
    ///
    /// C calls it with a device of this driver.
    unsafe extern "C" fn get_priv_flags(dev: *mut bindings::net_device) -> u32 {
        // SAFETY: `dev` is a device of this driver.
        T::flags(unsafe { Device::<T>::from_raw(dev) })
    }

    /// # Safety
    ///
    /// C calls it with a device of this driver.
    unsafe extern "C" fn set_priv_flags(dev: *mut bindings::net_device, flags: u32) -> c_int {
        // SAFETY: `dev` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(dev) };
        from_result(|| T::set_flags(dev, flags).map(|()| 0))
    }
}

impl<T: ?Sized> Table<T> {
    /// The table, for a device of `T`.
    pub(super) fn as_ops(&self) -> &'static bindings::ethtool_ops {
        self.0
    }
}
