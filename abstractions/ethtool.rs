// SPDX-License-Identifier: GPL-2.0

//! The operations of a network device for `ethtool`.
//!
//! C header: [`include/linux/ethtool.h`](srctree/include/linux/ethtool.h)

use super::{
    bindings,
    netdevice::{
        Device,
        EthtoolOps,
        LinkSettings,
        Operations, //
    },
    rtnl::Rtnl, //
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

/// The operations of a driver for `ethtool`. All may sleep. All except `stats` are called with the
/// RTNL held. Operations that a driver does not implement fail with `EOPNOTSUPP`.
///
/// `get_ts_info()` is `ethtool_op_get_ts_info()`: the driver reports the times of transmissions
/// ([`SkBuff::tx_timestamp`](super::skbuff::SkBuff::tx_timestamp)).
#[vtable]
pub(crate) trait EthtoolOperations: Operations {
    /// The name of the driver, at most 31 characters.
    const DRIVER: &'static CStr;

    /// `get_link()` and `get_link_ksettings()`: users see whether the device has a link, and they
    /// see and set its speed and duplex mode (`ethtool_virtdev_set_link_ksettings()`).
    const LINK_SETTINGS: bool = false;

    /// The names of the statistics, each at most 31 characters: `ETH_SS_STATS`.
    const STATS: &'static [&'static str] = &[];

    /// The names of the private flags, at most 32 of at most 31 characters each:
    /// `ETH_SS_PRIV_FLAGS`.
    const PRIV_FLAGS: &'static [&'static str] = &[];

    /// `get_drvinfo()`: writes the field `bus_info`.
    fn bus_info(_dev: &Device<Self>, _info: &mut StringField<'_>) {}

    /// `get_ethtool_stats()`: writes the statistics, in the order of [`Self::STATS`].
    fn stats(_dev: &Device<Self>, _values: &mut [u64]) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `get_ringparam()`: returns the sizes of the rings.
    fn ringparam(_dev: &Device<Self>) -> RingParam {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `get_coalesce()`: returns `rx-usecs`, the longest time between two polls, in microseconds.
    fn rx_usecs(_dev: &Device<Self>) -> u32 {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `set_coalesce()`: sets `rx-usecs`, in microseconds.
    ///
    /// # Errors
    ///
    /// Returned to the user, with the text as extended acknowledgment.
    fn set_rx_usecs(_dev: &Device<Self>, _usecs: u32) -> Result<(), (Error, &'static CStr)> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `get_pauseparam()`: returns the settings of flow control.
    fn pauseparam(_dev: &Device<Self>) -> PauseParam {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `set_pauseparam()`: sets those of flow control.
    ///
    /// # Errors
    ///
    /// Returned to the user; no setting changes.
    fn set_pauseparam(_dev: &Device<Self>, _param: PauseParam, _rtnl: &Rtnl) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `get_pause_stats()`: returns the statistics of flow control.
    fn pause_stats(_dev: &Device<Self>) -> PauseStats {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `get_priv_flags()`: returns the flags. Bit `i` is the flag [`Self::PRIV_FLAGS`]`[i]`.
    fn priv_flags(_dev: &Device<Self>) -> u32 {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `set_priv_flags()`: sets the flags, with the bits of [`Self::priv_flags`].
    ///
    /// # Errors
    ///
    /// Returned to the user; no flag changes.
    fn set_priv_flags(_dev: &Device<Self>, _flags: u32, _rtnl: &Rtnl) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// The settings of flow control: `struct ethtool_pauseparam`. Nothing is negotiated.
#[derive(Clone, Copy, Default)]
pub(crate) struct PauseParam {
    /// Whether this end stops for the peer.
    pub(crate) rx: bool,
    /// Whether this end lets the peer stop.
    pub(crate) tx: bool,
}

/// The statistics of flow control: `struct ethtool_pause_stats`.
#[derive(Clone, Copy, Default)]
pub(crate) struct PauseStats {
    /// How often this end stopped for the peer.
    pub(crate) rx: u64,
    /// How often this end let the peer stop.
    pub(crate) tx: u64,
}

/// The sizes of a device's rings: `struct ethtool_ringparam`.
#[derive(Clone, Copy, Default)]
pub(crate) struct RingParam {
    /// The number of elements of the receive ring, 0 without a ring.
    pub(crate) rx: u32,
    /// The number of elements of the transmit ring, 0 without a ring.
    pub(crate) tx: u32,
}

/// A string field of a C structure. It always ends with a NUL.
pub(crate) struct StringField<'a> {
    field: &'a mut [c_char],
    used: usize,
}

impl<'a> StringField<'a> {
    fn new(field: &'a mut [c_char]) -> Self {
        field.fill(0);
        Self { field, used: 0 }
    }

    /// Appends the bytes that fit.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = self.field.len().saturating_sub(self.used + 1);
        let free = self.field.iter_mut().skip(self.used).take(room);
        for (to, from) in free.zip(bytes) {
            *to = *from as c_char;
            self.used += 1;
        }
    }
}

/// Returns the `struct ethtool_ops` of a driver.
pub(crate) const fn ops<T: EthtoolOperations>() -> EthtoolOps<T> {
    // SAFETY: The functions of the adapter for `T` accept devices of `T`.
    unsafe { EthtoolOps::new(&Adapter::<T>::OPS) }
}

/// The C callbacks for devices with data of type `T`.
struct Adapter<T>(PhantomData<T>);

impl<T: EthtoolOperations> Adapter<T> {
    const OPS: bindings::ethtool_ops = {
        let mut ops: bindings::ethtool_ops = pin_init::zeroed();
        ops.get_drvinfo = Some(Self::get_drvinfo);
        ops.get_ts_info = Some(bindings::ethtool_op_get_ts_info);
        if T::LINK_SETTINGS {
            ops.get_link = Some(bindings::ethtool_op_get_link);
            ops.get_link_ksettings = Some(Self::get_link_ksettings);
            ops.set_link_ksettings = Some(Self::set_link_ksettings);
        }
        if !T::STATS.is_empty() || !T::PRIV_FLAGS.is_empty() {
            ops.get_sset_count = Some(Self::get_sset_count);
            ops.get_strings = Some(Self::get_strings);
        }
        if T::HAS_STATS {
            ops.get_ethtool_stats = Some(Self::get_ethtool_stats);
        }
        if T::HAS_RX_USECS && T::HAS_SET_RX_USECS {
            ops.supported_coalesce_params = bindings::RUST_CONST_HELPER_ETHTOOL_COALESCE_RX_USECS;
            ops.get_coalesce = Some(Self::get_coalesce);
            ops.set_coalesce = Some(Self::set_coalesce);
        }
        if T::HAS_RINGPARAM {
            ops.get_ringparam = Some(Self::get_ringparam);
        }
        if T::HAS_PAUSEPARAM && T::HAS_SET_PAUSEPARAM && T::HAS_PAUSE_STATS {
            ops.get_pauseparam = Some(Self::get_pauseparam);
            ops.set_pauseparam = Some(Self::set_pauseparam);
            ops.get_pause_stats = Some(Self::get_pause_stats);
        }
        if T::HAS_PRIV_FLAGS && T::HAS_SET_PRIV_FLAGS {
            ops.get_priv_flags = Some(Self::get_priv_flags);
            ops.set_priv_flags = Some(Self::set_priv_flags);
        }
        ops
    };

    fn strings(set: u32) -> &'static [&'static str] {
        match set {
            bindings::ethtool_stringset_ETH_SS_STATS => T::STATS,
            bindings::ethtool_stringset_ETH_SS_PRIV_FLAGS => T::PRIV_FLAGS,
            _ => &[],
        }
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver and a structure to fill in.
    unsafe extern "C" fn get_drvinfo(
        dev: *mut bindings::net_device,
        info: *mut bindings::ethtool_drvinfo,
    ) {
        // SAFETY: `dev` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(dev) };
        // SAFETY: The structure belongs to the caller, which does not use it during the call.
        let info = unsafe { &mut *info };
        StringField::new(&mut info.driver).push(T::DRIVER.to_bytes());
        T::bus_info(dev, &mut StringField::new(&mut info.bus_info));
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver and a structure to fill in, with the RTNL
    /// held.
    unsafe extern "C" fn get_link_ksettings(
        dev: *mut bindings::net_device,
        settings: *mut bindings::ethtool_link_ksettings,
    ) -> c_int {
        // SAFETY: The core holds the RTNL.
        let rtnl = unsafe { Rtnl::assume_held() };
        // SAFETY: `dev` is a device of this driver.
        let link = unsafe { Device::<T>::from_raw(dev) }
            .link_settings()
            .get(rtnl);
        // SAFETY: The structure belongs to the caller, which does not use it during the call.
        let base = unsafe { &mut (*settings).base };
        base.speed = link.speed;
        base.duplex = link.duplex;
        base.port = bindings::PORT_OTHER as u8;
        0
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver and the new settings, with the RTNL held.
    unsafe extern "C" fn set_link_ksettings(
        dev: *mut bindings::net_device,
        settings: *const bindings::ethtool_link_ksettings,
    ) -> c_int {
        // SAFETY: The core holds the RTNL.
        let rtnl = unsafe { Rtnl::assume_held() };
        // SAFETY: `dev` is a device of this driver.
        let link = unsafe { Device::<T>::from_raw(dev) }.link_settings();
        let LinkSettings {
            mut speed,
            mut duplex,
        } = link.get(rtnl);
        // SAFETY: The device and the settings are valid. The function writes only the two
        // variables.
        let result = unsafe {
            bindings::ethtool_virtdev_set_link_ksettings(dev, settings, &mut speed, &mut duplex)
        };
        link.replace(LinkSettings { speed, duplex }, rtnl);
        result
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver and a structure to fill in.
    unsafe extern "C" fn get_coalesce(
        dev: *mut bindings::net_device,
        coalesce: *mut bindings::ethtool_coalesce,
        _kernel: *mut bindings::kernel_ethtool_coalesce,
        _extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: `dev` is a device of this driver.
        let usecs = T::rx_usecs(unsafe { Device::<T>::from_raw(dev) });
        // SAFETY: The structure belongs to the caller.
        unsafe { (*coalesce).rx_coalesce_usecs = usecs };
        0
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver and the new settings.
    unsafe extern "C" fn set_coalesce(
        dev: *mut bindings::net_device,
        coalesce: *mut bindings::ethtool_coalesce,
        _kernel: *mut bindings::kernel_ethtool_coalesce,
        extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: `dev` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(dev) };
        // SAFETY: The structure belongs to the caller.
        let usecs = unsafe { (*coalesce).rx_coalesce_usecs };
        match T::set_rx_usecs(dev, usecs) {
            Ok(()) => 0,
            Err((error, text)) => {
                // SAFETY: `extack` is null, or belongs to the caller, which does not use it during
                // the call. The text is static.
                if let Some(extack) = unsafe { extack.as_mut() } {
                    extack._msg = text.as_char_ptr();
                }
                error.to_errno()
            }
        }
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver and a structure to fill in.
    unsafe extern "C" fn get_ringparam(
        dev: *mut bindings::net_device,
        param: *mut bindings::ethtool_ringparam,
        _kernel: *mut bindings::kernel_ethtool_ringparam,
        _extack: *mut bindings::netlink_ext_ack,
    ) {
        // SAFETY: `dev` is a device of this driver.
        let ring = T::ringparam(unsafe { Device::<T>::from_raw(dev) });
        // SAFETY: The structure belongs to the caller, which does not use it during the call.
        let param = unsafe { &mut *param };
        param.rx_max_pending = ring.rx;
        param.rx_pending = ring.rx;
        param.tx_max_pending = ring.tx;
        param.tx_pending = ring.tx;
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver and a structure to fill in.
    unsafe extern "C" fn get_pauseparam(
        dev: *mut bindings::net_device,
        param: *mut bindings::ethtool_pauseparam,
    ) {
        // SAFETY: `dev` is a device of this driver.
        let pause = T::pauseparam(unsafe { Device::<T>::from_raw(dev) });
        // SAFETY: The structure belongs to the caller, which does not use it during the call.
        let param = unsafe { &mut *param };
        param.rx_pause = pause.rx.into();
        param.tx_pause = pause.tx.into();
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver and the new settings, with the RTNL held.
    unsafe extern "C" fn set_pauseparam(
        dev: *mut bindings::net_device,
        param: *mut bindings::ethtool_pauseparam,
    ) -> c_int {
        // SAFETY: The core holds the RTNL.
        let rtnl = unsafe { Rtnl::assume_held() };
        // SAFETY: `dev` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(dev) };
        // SAFETY: The structure belongs to the caller, which does not use it during the call.
        let param = unsafe { &*param };
        from_result(|| {
            if param.autoneg != 0 {
                return Err(EINVAL);
            }
            let pause = PauseParam {
                rx: param.rx_pause != 0,
                tx: param.tx_pause != 0,
            };
            T::set_pauseparam(dev, pause, rtnl).map(|()| 0)
        })
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver and a structure to fill in.
    unsafe extern "C" fn get_pause_stats(
        dev: *mut bindings::net_device,
        stats: *mut bindings::ethtool_pause_stats,
    ) {
        // SAFETY: `dev` is a device of this driver.
        let found = T::pause_stats(unsafe { Device::<T>::from_raw(dev) });
        // SAFETY: The structure belongs to the caller, which does not use it during the call. Both
        // members of the union have the same fields.
        let stats = unsafe { &mut (*stats).__bindgen_anon_1.__bindgen_anon_1 };
        stats.rx_pause_frames = found.rx;
        stats.tx_pause_frames = found.tx;
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver.
    unsafe extern "C" fn get_sset_count(_dev: *mut bindings::net_device, set: c_int) -> c_int {
        match u32::try_from(set).map(Self::strings) {
            Ok(names) if !names.is_empty() => c_int::try_from(names.len()).unwrap_or(0),
            _ => EOPNOTSUPP.to_errno(),
        }
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver and an array for as many names as
    /// `get_sset_count` returned.
    unsafe extern "C" fn get_strings(_dev: *mut bindings::net_device, set: u32, data: *mut u8) {
        const LENGTH: usize = bindings::ETH_GSTRING_LEN as usize;
        for (index, name) in Self::strings(set).iter().enumerate() {
            // SAFETY: The array has an entry for each name, and nothing else uses it.
            let field =
                unsafe { core::slice::from_raw_parts_mut(data.add(index * LENGTH), LENGTH) };
            StringField::new(field).push(name.as_bytes());
        }
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver and an array for as many numbers as
    /// `get_sset_count` returned.
    unsafe extern "C" fn get_ethtool_stats(
        dev: *mut bindings::net_device,
        _stats: *mut bindings::ethtool_stats,
        data: *mut u64,
    ) {
        // SAFETY: The array has an entry for each number. It is zeroed, and nothing else uses it.
        let values = unsafe { core::slice::from_raw_parts_mut(data, T::STATS.len()) };
        // SAFETY: `dev` is a device of this driver.
        T::stats(unsafe { Device::<T>::from_raw(dev) }, values);
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver.
    unsafe extern "C" fn get_priv_flags(dev: *mut bindings::net_device) -> u32 {
        // SAFETY: `dev` is a device of this driver.
        T::priv_flags(unsafe { Device::<T>::from_raw(dev) })
    }

    /// # Safety
    ///
    /// The core calls it with a device of this driver, with the RTNL held.
    unsafe extern "C" fn set_priv_flags(dev: *mut bindings::net_device, flags: u32) -> c_int {
        // SAFETY: `dev` is a device of this driver.
        let dev = unsafe { Device::<T>::from_raw(dev) };
        // SAFETY: The core holds the RTNL.
        let rtnl = unsafe { Rtnl::assume_held() };
        from_result(|| T::set_priv_flags(dev, flags, rtnl).map(|()| 0))
    }
}
