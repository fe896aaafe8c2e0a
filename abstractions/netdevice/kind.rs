// SPDX-License-Identifier: GPL-2.0

//! Kinds of network devices that users make on top of other devices, by `ip link add` or another
//! way.
//!
//! ```text
//!   create --> init --> [ registered ] --> created ... uninit --> drop
//!                 (C may give up: uninit, drop)
//! ```
//!
//! All but the drop are called with the RTNL held. Between `uninit` and the drop, C waits for an
//! RCU grace period and for all references.
//!
//! C header: [`include/net/rtnetlink.h`](srctree/include/net/rtnetlink.h)

use super::{
    super::{
        netlink::ExtAck,
        netns::Net,
        rtnl::Rtnl, //
    },
    ops::Adapter,
    *, //
};
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        rcu::rcu_barrier, //
    },
};

/// What a driver does for devices on top of others.
pub(crate) trait Stacked: Operations {
    /// The name of the kind.
    const KIND: &'static CStr;

    /// Makes the data of a device on top of `lower`. `mtu` is that which the user asks for.
    ///
    /// # Errors
    ///
    /// What is returned reaches the user, together with what is in `extack`.
    fn create(
        lower: &NetDevice,
        mtu: Option<u32>,
        extack: &ExtAck<'_>,
        rtnl: &Rtnl,
    ) -> Result<(Link, Self)>;

    /// The device is about to be registered.
    ///
    /// # Errors
    ///
    /// What is returned reaches the user, and there will be no device.
    fn init(dev: &Device<Self>, rtnl: &Rtnl) -> Result;

    /// The device has been registered.
    fn created(dev: &Device<Self>, rtnl: &Rtnl);

    /// The device is down, and about to be gone. There must be no references to it soon.
    fn uninit(dev: &Device<Self>, rtnl: &Rtnl);

    /// What the device is on top of.
    fn lower(&self) -> &NetDevice;
}

/// A kind of devices: `struct rtnl_link_ops`.
pub(crate) struct Kind<T: Stacked> {
    inner: Opaque<bindings::rtnl_link_ops>,
    registered: Atomic<bool>,
    _data: PhantomData<T>,
}

// SAFETY: What C changes in it, it locks.
unsafe impl<T: Stacked> Sync for Kind<T> {}

/// The registration of a kind. Dropping it unregisters all of its devices, in all namespaces.
///
/// # Invariants
///
/// The kind is registered.
pub(crate) struct KindRegistration<T: Stacked>(&'static Kind<T>);

impl<T: Stacked> Kind<T> {
    /// Makes a kind that is not registered.
    #[expect(
        clippy::disallowed_methods,
        reason = "`as_char_ptr` cannot be called in constants"
    )]
    pub(crate) const fn new() -> Self {
        const {
            assert!(align_of::<Private<T>>() <= bindings::NETDEV_ALIGN as usize);
        }
        Self {
            inner: Opaque::new(bindings::rtnl_link_ops {
                kind: T::KIND.as_ptr().cast(),
                priv_size: size_of::<Private<T>>(),
                setup: Some(Self::setup),
                newlink: Some(Self::newlink),
                dellink: Some(Self::dellink),
                get_link_net: Some(Self::get_link_net),
                ..pin_init::zeroed()
            }),
            registered: Atomic::new(false),
            _data: PhantomData,
        }
    }

    fn as_ptr(&self) -> *mut bindings::rtnl_link_ops {
        self.inner.get()
    }

    /// Registers the kind.
    ///
    /// # Errors
    ///
    /// - `EEXIST`: it is registered, or another one of its name.
    pub(crate) fn register(&'static self) -> Result<KindRegistration<T>> {
        fault::point("kind", ENOMEM)?;
        // C initialises anew what a kind that is registered has in use.
        if self.registered.xchg(true, Acquire) {
            return Err(EEXIST);
        }
        // SAFETY: The kind is static, and whatever it points to, and it is not registered.
        let registered = to_result(unsafe { bindings::rtnl_link_register(self.as_ptr()) });
        if registered.is_err() {
            self.registered.store(false, Release);
        }
        registered?;
        // INVARIANT: It is registered now.
        Ok(KindRegistration(self))
    }

    /// Adds a device on top of `lower`, in the namespace `net`. It is down at first.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the name is no valid name of a device.
    /// - `EEXIST`: there is a device of this name in `net`.
    /// - `ENOMEM`: there is no memory for it.
    /// - what [`Stacked::create`] and [`Stacked::init`] return.
    pub(crate) fn add<'a>(
        &'static self,
        net: &Net,
        name: &CStr,
        lower: &NetDevice,
        extack: &ExtAck<'_>,
        rtnl: &'a Rtnl,
    ) -> Result<&'a Device<T>> {
        if name.to_bytes_with_nul().len() > bindings::IFNAMSIZ as usize {
            return Err(EINVAL);
        }
        let mut attributes = [core::ptr::null_mut(); bindings::__IFLA_MAX as usize];
        // SAFETY:
        // - The namespace is valid, and the name is a C string that fits `dev->name`.
        // - There is room for all attributes, and there are none.
        // - The RTNL is held.
        let dev = from_err_ptr(unsafe {
            bindings::rtnl_create_link(
                net.as_ptr(),
                name.as_char_ptr(),
                bindings::NET_NAME_USER as u8,
                self.as_ptr(),
                attributes.as_mut_ptr(),
                extack.as_ptr(),
            )
        })?;
        // SAFETY: The device has just been made by `setup`, and the RTNL is held.
        if let Err(error) = unsafe { Self::set_up(dev, lower, None, extack, rtnl) } {
            // SAFETY: The device is not registered, or C has taken note of that it shall be freed.
            unsafe { bindings::free_netdev(dev) };
            return Err(error);
        }
        // SAFETY: The device is registered, and the RTNL is held.
        let configured = to_result(unsafe {
            bindings::rtnl_configure_link(dev, core::ptr::null(), 0, core::ptr::null())
        });
        // SAFETY: The device is one of this kind, and not freed while the RTNL is held.
        let dev = unsafe { Device::from_raw(dev) };
        configured.inspect_err(|_| self.remove(dev, rtnl))?;
        Ok(dev)
    }

    /// Unregisters a device. It is gone when the RTNL is released. Nothing happens if it is being
    /// unregistered already.
    pub(crate) fn remove(&'static self, dev: &Device<T>, _rtnl: &Rtnl) {
        // SAFETY: The device is valid.
        if !unsafe { bindings::muennet_netdev_is_registered(dev.as_ptr()) } {
            return;
        }
        // SAFETY: The device is registered and of this kind, and the RTNL is held.
        unsafe { bindings::rtnl_delete_link(dev.as_ptr(), 0, core::ptr::null()) };
    }

    /// The device's operations: those that every device has, and those of devices on top of
    /// others.
    const OPS: bindings::net_device_ops = bindings::net_device_ops {
        ndo_init: Some(Self::init),
        ndo_uninit: Some(Self::uninit),
        ndo_get_iflink: Some(Self::get_iflink),
        ..Adapter::<T>::OPS
    };

    /// Gives a new device its data, and registers it.
    ///
    /// # Safety
    ///
    /// `dev` must have been made by this kind's `setup`, and not have been given to this function
    /// before. The RTNL must be held.
    unsafe fn set_up(
        dev: *mut bindings::net_device,
        lower: &NetDevice,
        mtu: Option<u32>,
        extack: &ExtAck<'_>,
        rtnl: &Rtnl,
    ) -> Result {
        let (link, data) = T::create(lower, mtu, extack, rtnl)?;
        // SAFETY: The device is not registered.
        unsafe { link.apply(dev) };
        if let Some(table) = T::ethtool() {
            // SAFETY: As before.
            unsafe { (*dev).ethtool_ops = table.as_ops() };
        }
        // SAFETY: C has allocated the device with room for a `Private<T>`, zeroed.
        let private = unsafe { Device::<T>::private(dev) };
        // SAFETY: As before; the area does not move.
        unsafe {
            (&raw mut (*private).data_type).write(Some(TypeId::of::<T>()));
            (&raw mut (*private).data).write(data);
            (&raw mut (*private).irq).write(None);
            (&raw mut (*private).folder).write(UnsafeCell::new(core::ptr::null_mut()));
            (&raw mut (*private).link).write(UnsafeCell::new(ethtool::LinkSettings::UNKNOWN));
            Napi::add(&raw mut (*private).napi, dev, Adapter::<T>::poll);
        }
        // SAFETY: The device is set up completely.
        let register = || to_result(unsafe { bindings::register_netdevice(dev) });
        let registered = fault::point("child", ENOMEM).and_then(|()| register());
        if registered.is_err() {
            // What `init` left to readers under RCU may hold the device until they are gone, and C
            // does not wait for who holds a device that it could not register.
            rcu_barrier();
        }
        // SAFETY: The device is valid: C does not free it before this returns.
        if registered.is_err() && unsafe { (*dev).priv_destructor }.is_none() {
            // SAFETY: The data are initialised; C has not come to `init`, so it does not drop them.
            unsafe { (&raw mut (*private).data).drop_in_place() };
        }
        registered?;
        // SAFETY: The device is registered, and not freed while the RTNL is held.
        T::created(unsafe { Device::from_raw(dev) }, rtnl);
        Ok(())
    }

    /// # Safety
    ///
    /// C calls it with a new device that has room for a `Private<T>`.
    unsafe extern "C" fn setup(dev: *mut bindings::net_device) {
        // SAFETY: The device is valid, and nobody else uses it.
        let dev = unsafe { &mut *dev };
        dev.netdev_ops = &Self::OPS;
        dev.needs_free_netdev = true;
        // SAFETY: The device is valid.
        unsafe {
            Link::point_to_point().apply(dev);
            bindings::netif_carrier_off(dev);
        }
    }

    /// # Safety
    ///
    /// C calls it with a device made by `setup`, with the RTNL held. If it fails, C frees the
    /// device.
    unsafe extern "C" fn newlink(
        dev: *mut bindings::net_device,
        params: *mut bindings::rtnl_newlink_params,
        extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: C holds the RTNL.
        let rtnl = unsafe { Rtnl::assume_held() };
        // SAFETY: C's pointer is valid for this call, or null.
        let extack = unsafe { ExtAck::from_raw(extack) };
        let attribute = |index: u32| {
            // SAFETY: The table has an entry for each attribute of links, which C has validated.
            let attribute = unsafe { *(*params).tb.add(index as usize) };
            // SAFETY: As before; both attributes that are asked for have a payload of a u32.
            (!attribute.is_null()).then(|| unsafe { bindings::muennet_nla_u32(attribute) })
        };
        from_result(|| {
            let Some(index) = attribute(bindings::IFLA_LINK) else {
                extack.message(fmt!(
                    "a {} interface needs a parent: give its link",
                    KindName::<T>::NEW
                ));
                return Err(EINVAL);
            };
            // SAFETY: The parameters are valid, and C holds a reference to the namespace.
            let net = unsafe { Net::from_raw(bindings::muennet_newlink_lower_net(params)) };
            let Some(lower) = net.device_by_index(index, rtnl) else {
                extack.message(fmt!("there is no interface with the index {index}"));
                return Err(ENODEV);
            };
            let mtu = attribute(bindings::IFLA_MTU);
            // SAFETY: As C promises.
            unsafe { Self::set_up(dev, lower, mtu, &extack, rtnl) }?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// C calls it with a registered device of this kind and a list to put it on, with the RTNL
    /// held.
    unsafe extern "C" fn dellink(dev: *mut bindings::net_device, list: *mut bindings::list_head) {
        // SAFETY: As C promises.
        unsafe { bindings::unregister_netdevice_queue(dev, list) }
    }

    /// # Safety
    ///
    /// C calls it with a registered device of this kind.
    unsafe extern "C" fn get_link_net(dev: *const bindings::net_device) -> *mut bindings::net {
        // SAFETY: The device has its data until it is freed.
        let dev = unsafe { Device::<T>::from_raw(dev.cast_mut()) };
        // SAFETY: What the device is on top of is valid as long as its data.
        unsafe { bindings::muennet_dev_net(dev.data().lower().as_ptr()) }
    }

    /// # Safety
    ///
    /// C calls it with a device of this kind that has its data.
    unsafe extern "C" fn get_iflink(dev: *const bindings::net_device) -> c_int {
        // SAFETY: The device has its data until it is freed.
        let dev = unsafe { Device::<T>::from_raw(dev.cast_mut()) };
        c_int::try_from(dev.data().lower().index()).unwrap_or(0)
    }

    /// # Safety
    ///
    /// C calls it with a device that has its data, as the first thing that it has to undo.
    unsafe extern "C" fn init(ptr: *mut bindings::net_device) -> c_int {
        // SAFETY: C holds the RTNL.
        let rtnl = unsafe { Rtnl::assume_held() };
        // SAFETY: The device has its data.
        let dev = unsafe { Device::<T>::from_raw(ptr) };
        from_result(|| {
            T::init(dev, rtnl)?;
            // SAFETY: The device is valid. From now on C drops its data, and not `set_up`.
            unsafe { (*ptr).priv_destructor = Some(Self::destroy) };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// C calls it with a device for which `init` has succeeded, once, with the RTNL held.
    unsafe extern "C" fn uninit(ptr: *mut bindings::net_device) {
        // SAFETY: C holds the RTNL.
        let rtnl = unsafe { Rtnl::assume_held() };
        // SAFETY: The device has its data.
        T::uninit(unsafe { Device::<T>::from_raw(ptr) }, rtnl);
    }

    /// # Safety
    ///
    /// C calls it after `uninit`, when nobody uses the device any more, once.
    unsafe extern "C" fn destroy(dev: *mut bindings::net_device) {
        // SAFETY: The data are initialised, and nobody uses them.
        unsafe { (&raw mut (*Device::<T>::private(dev)).data).drop_in_place() }
    }
}

/// Shows the name of a kind.
struct KindName<T>(PhantomData<T>);

impl<T: Stacked> KindName<T> {
    const NEW: Self = Self(PhantomData);
}

impl<T: Stacked> fmt::Display for KindName<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", T::KIND.to_bytes().escape_ascii())
    }
}

impl<T: Stacked> Drop for KindRegistration<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the kind is registered.
        unsafe { bindings::rtnl_link_unregister(self.0.as_ptr()) };
        self.0.registered.store(false, Release);
    }
}
