// SPDX-License-Identifier: GPL-2.0

//! Link kinds: network devices that users create with `ip link add`, alone or on top of another
//! device.
//!
//! A driver implements [`Driver`], and [`Operations`] for the data that it keeps for each device.
//! Its devices are on top of another one if it implements [`Driver::lower`]:
//!
//! - `IFLA_LINK` of a request is the index of the lower device: [`NewLink::lower`].
//! - The networking core knows that the device is on top of the lower one
//!   (`netdev_upper_dev_link()`), and reports it as its link (`ndo_get_iflink()`).
//!
//! ```text
//!   newlink --> init --> [ registered ] --> registered() ... uninit --> data dropped
//!                 (registering may fail: uninit, data dropped)
//! ```
//!
//! All steps but the last are called with the RTNL held. Between `uninit` and the last step the
//! networking core waits for an RCU grace period and for all references.
//!
//! C header: [`include/net/rtnetlink.h`](srctree/include/net/rtnetlink.h)

use super::{
    bindings,
    ethernet,
    fault_inject,
    netdevice::{
        configure,
        init_private,
        Adapter,
        Device,
        DeviceParams,
        NetDevice,
        NoReceive,
        Operations, //
    },
    netlink::{
        Attribute,
        ExtAck, //
    },
    netns::Net,
    rtnl::{
        self,
        Rtnl,
        RtnlCell, //
    }, //
};
use core::marker::PhantomData;
use kernel::{
    error::{
        from_err_ptr,
        from_result,
        to_result,
        VTABLE_DEFAULT_ERROR, //
    },
    ffi::c_int,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Acquire,
            Atomic,
            Release, //
        }, //
    },
    types::Opaque, //
};

/// A driver of a link kind. Its devices receive no packets themselves.
#[vtable]
pub(crate) trait Driver: Operations<Receive = NoReceive> {
    /// The name of the kind.
    const KIND: &'static CStr;

    /// `setup()`: the parameters of a new device. Attributes of the request, such as the address
    /// and the MTU, replace some of them.
    const PARAMS: DeviceParams;

    /// Creates the data of a new device, and may change its parameters.
    ///
    /// # Errors
    ///
    /// Returned to the user together with the extended acknowledgment of `link`.
    fn newlink(link: &mut NewLink<'_>, rtnl: &Rtnl) -> Result<Self>;

    /// Returns the device that this device is on top of: always the same one. Drivers whose devices
    /// are on top of no other one do not implement it.
    fn lower(&self) -> &NetDevice {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `ndo_init()`: the device is about to be registered.
    ///
    /// # Errors
    ///
    /// Returned to the user; the device is not registered.
    fn init(_dev: &Device<Self>, _rtnl: &Rtnl) -> Result {
        Ok(())
    }

    /// The device has been registered.
    fn registered(_dev: &Device<Self>, _rtnl: &Rtnl) {}

    /// `ndo_uninit()`: the device is down and is being unregistered, or registering it failed after
    /// `init`. References to it must be dropped soon.
    fn uninit(_dev: &Device<Self>, _rtnl: &Rtnl) {}
}

/// A request for a new device: `struct rtnl_newlink_params`.
pub(crate) struct NewLink<'a> {
    kind: &'static CStr,
    lower: Lower<'a>,
    mtu: Option<u32>,
    /// The parameters that the driver has set.
    params: Option<DeviceParams>,
    extack: &'a ExtAck<'a>,
    rtnl: &'a Rtnl,
}

/// The lower device of a request.
enum Lower<'a> {
    /// The device with the index in `IFLA_LINK`, if the request has one.
    Link(&'a Net, Option<u32>),
    /// The device that the driver has chosen, if any.
    Device(Option<&'a NetDevice>),
}

impl<'a> NewLink<'a> {
    /// Returns the lower device of the request: the one with the index in `IFLA_LINK`, or the one
    /// that was passed to [`Ops::add`].
    ///
    /// # Errors
    ///
    /// The extended acknowledgment says why.
    ///
    /// - `EINVAL`: the request has none.
    /// - `ENODEV`: there is no such device.
    pub(crate) fn lower(&self) -> Result<&'a NetDevice> {
        let (net, ifindex) = match self.lower {
            Lower::Device(Some(lower)) => return Ok(lower),
            Lower::Link(net, Some(ifindex)) => (net, ifindex),
            Lower::Device(None) | Lower::Link(_, None) => {
                let kind = self.kind;
                self.extack
                    .set_err_msg(fmt!("a {kind} interface needs a parent: give its link"));
                return Err(EINVAL);
            }
        };
        NetDevice::by_index(net, ifindex, self.rtnl).ok_or_else(|| {
            self.extack
                .set_err_msg(fmt!("there is no interface with the index {ifindex}"));
            ENODEV
        })
    }

    /// Returns the MTU of the request in bytes, if it has one: `IFLA_MTU`.
    pub(crate) fn mtu(&self) -> Option<u32> {
        self.mtu
    }

    /// Replaces the parameters of the new device, also those that the request has set, such as its
    /// MTU. They must be of the same link type as [`Driver::PARAMS`]: the request fails with
    /// `EINVAL` otherwise.
    pub(crate) fn set_params(&mut self, params: DeviceParams) {
        self.params = Some(params);
    }

    /// Returns the extended acknowledgment of the request.
    pub(crate) fn extack(&self) -> &'a ExtAck<'a> {
        self.extack
    }
}

/// A link kind: `struct rtnl_link_ops`.
pub(crate) struct Ops<T: Driver> {
    inner: Opaque<bindings::rtnl_link_ops>,
    /// Whether there is a [`Registration`], or about to be one.
    registered: Atomic<bool>,
    /// Whether devices may be added: the kind is registered, and will unregister its devices.
    accepts: RtnlCell<bool>,
    _data: PhantomData<T>,
}

// SAFETY: The core has locks for the fields that it changes, and the other fields are `Sync`.
unsafe impl<T: Driver> Sync for Ops<T> {}

/// The registration of a link kind. Dropping it unregisters all devices of the kind, in all
/// namespaces.
///
/// # Invariants
///
/// The kind is registered. It accepts devices only while the value exists.
pub(crate) struct Registration<T: Driver>(&'static Ops<T>);

impl<T: Driver> Ops<T> {
    /// Creates a kind that is not registered.
    #[expect(
        clippy::disallowed_methods,
        reason = "`as_char_ptr` cannot be called in constants"
    )]
    pub(crate) const fn new() -> Self {
        Self {
            inner: Opaque::new(bindings::rtnl_link_ops {
                kind: T::KIND.as_ptr().cast(),
                priv_size: size_of::<super::netdevice::Private<T>>(),
                setup: Some(Self::setup),
                validate: if T::PARAMS.is_ethernet() {
                    Some(Self::validate_ethernet)
                } else {
                    None
                },
                newlink: Some(Self::newlink),
                dellink: Some(Self::dellink),
                get_link_net: if T::HAS_LOWER {
                    Some(Self::get_link_net)
                } else {
                    None
                },
                ..pin_init::zeroed()
            }),
            registered: Atomic::new(false),
            accepts: RtnlCell::new(false),
            _data: PhantomData,
        }
    }

    fn as_ptr(&self) -> *mut bindings::rtnl_link_ops {
        self.inner.get()
    }

    /// Registers the kind: `rtnl_link_register()`. Takes the RTNL.
    ///
    /// # Errors
    ///
    /// - `EEXIST`: the kind, or another one with its name, is registered.
    pub(crate) fn register(&'static self) -> Result<Registration<T>> {
        fault_inject::should_fail("kind", ENOMEM)?;
        // `rtnl_link_register()` initialises fields that a registered kind uses, before it finds
        // it.
        if self.registered.xchg(true, Acquire) {
            return Err(EEXIST);
        }
        // SAFETY: The kind and its name are static, and it is not registered.
        let registered = to_result(unsafe { bindings::rtnl_link_register(self.as_ptr()) });
        if registered.is_err() {
            self.registered.store(false, Release);
        }
        registered?;
        // INVARIANT: The kind is registered, and accepts devices from now on.
        let registration = Registration(self);
        self.accepts.replace(true, &rtnl::lock());
        Ok(registration)
    }

    /// Adds a device in the namespace `net`, as RTM_NEWLINK does. It is down. `lower` is the lower
    /// device of the request: see [`NewLink::lower`].
    ///
    /// # Errors
    ///
    /// - `EOPNOTSUPP`: the kind is not registered.
    /// - `EINVAL`: the name is invalid.
    /// - `EEXIST`: a device in `net` has this name.
    /// - `ENODEV`: `lower` is being unregistered.
    /// - `ENOMEM`: there is no memory.
    /// - The errors of [`Driver::newlink`], [`Driver::init`] and `netdev_upper_dev_link()`.
    pub(crate) fn add<'a>(
        &'static self,
        net: &Net,
        name: &CStr,
        lower: Option<&NetDevice>,
        extack: &ExtAck<'_>,
        rtnl: &'a Rtnl,
    ) -> Result<&'a Device<T>> {
        // The functions of the device are code of this module, and the registration unregisters the
        // devices of the kind. With the RTNL held it cannot begin to do so before the device is
        // added.
        if !self.accepts.get(rtnl) {
            return Err(EOPNOTSUPP);
        }
        if name.to_bytes_with_nul().len() > bindings::IFNAMSIZ as usize {
            return Err(EINVAL);
        }
        let mut attributes = [core::ptr::null_mut(); bindings::__IFLA_MAX as usize];
        // SAFETY:
        // - The namespace is valid, and the name is a C string that fits `dev->name`.
        // - The table has an entry for each attribute, and all are absent.
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
        let link = NewLink {
            kind: T::KIND,
            lower: Lower::Device(lower),
            mtu: None,
            params: None,
            extack,
            rtnl,
        };
        // SAFETY: The device was created by `setup` just now, and the RTNL is held.
        if let Err(error) = unsafe { Self::create(dev, link) } {
            // SAFETY: The device is not registered. If registering it began, the function leaves
            // the rest to the release of the RTNL.
            unsafe { bindings::free_netdev(dev) };
            return Err(error);
        }
        // SAFETY: The device is registered, and the RTNL is held.
        let configured = to_result(unsafe {
            bindings::rtnl_configure_link(dev, core::ptr::null(), 0, core::ptr::null())
        });
        // SAFETY: The device is of this kind, and not freed while the RTNL is held.
        let dev = unsafe { Device::from_raw(dev) };
        configured.inspect_err(|_| self.delete(dev, rtnl))?;
        Ok(dev)
    }

    /// Returns whether a device was added by this kind: other ones with data of type `T` belong to
    /// a [`netdevice::Registration`](super::netdevice::Registration), which unregisters them.
    fn has_added(&self, dev: &Device<T>) -> bool {
        // SAFETY: The device is valid. The field does not change after the device was created.
        core::ptr::eq(unsafe { (*dev.as_ptr()).rtnl_link_ops }, self.as_ptr())
    }

    /// Unregisters a device, which is gone when the RTNL is released. Does nothing if it is being
    /// unregistered, or is not a device of this kind.
    pub(crate) fn delete(&'static self, dev: &Device<T>, _rtnl: &Rtnl) {
        // Not one in a list of devices to unregister, either: a notifier may run while the core
        // takes these down.
        // SAFETY: The device is valid.
        let registered = unsafe { bindings::muennet_netdev_can_unregister(dev.as_ptr()) };
        if !registered || !self.has_added(dev) {
            return;
        }
        // SAFETY: The device is registered, of this kind and in no list, so that it is linked, and
        // the RTNL is held.
        unsafe { bindings::rtnl_delete_link(dev.as_ptr(), 0, core::ptr::null()) };
    }

    /// Unregisters the devices for which `next` returns the next one, [`None`] after the last: all
    /// of them wait for the same RCU grace periods. They are gone when the RTNL is released.
    /// Devices that are being unregistered, and those of other kinds, are skipped.
    pub(crate) fn delete_all(
        &'static self,
        mut next: impl FnMut() -> Option<ARef<Device<T>>>,
        _rtnl: &Rtnl,
    ) {
        let mut list = bindings::list_head::default();
        let head = &raw mut list;
        list.next = head;
        list.prev = head;
        while let Some(dev) = next() {
            // SAFETY: The device is valid.
            let registered = unsafe { bindings::muennet_netdev_can_unregister(dev.as_ptr()) };
            if registered && self.has_added(&dev) {
                // SAFETY: The device is registered, of this kind and in no list, so that it is
                // linked, and the RTNL is held. The list is initialised, and does not move.
                unsafe { Self::dellink(dev.as_ptr(), head) };
            }
        }
        // SAFETY: The list has only registered devices. The function empties it.
        unsafe { bindings::unregister_netdevice_many(head) };
    }

    /// The operations of any device of this driver, and those of a device of a kind.
    const NETDEV_OPS: bindings::net_device_ops = {
        let ops = bindings::net_device_ops {
            ndo_init: Some(Self::init),
            ndo_uninit: Some(Self::uninit),
            ndo_get_iflink: if T::HAS_LOWER {
                Some(Self::get_iflink)
            } else {
                None
            },
            ..Adapter::<T>::OPS
        };
        if T::PARAMS.is_ethernet() {
            ethernet::operations(ops)
        } else {
            ops
        }
    };

    /// Gives a new device its data, registers it, and links it to its lower device, if any.
    ///
    /// # Safety
    ///
    /// `dev` must have been created by [`Self::setup`], and not have been passed to this function
    /// before. The RTNL must be held.
    unsafe fn create(dev: *mut bindings::net_device, mut link: NewLink<'_>) -> Result {
        let (extack, rtnl) = (link.extack, link.rtnl);
        let data = T::newlink(&mut link, rtnl)?;
        if let Some(params) = &link.params {
            // The operations are those of the link type.
            if params.is_ethernet() != T::PARAMS.is_ethernet() {
                return Err(EINVAL);
            }
            // SAFETY: The device is valid and not registered, and nobody else uses it.
            unsafe { params.apply(dev) };
        }
        let lower: Option<ARef<NetDevice>> = if T::HAS_LOWER {
            Some(data.lower().into())
        } else {
            None
        };
        if let Some(lower) = &lower {
            // SAFETY: The device is valid.
            if !unsafe { bindings::muennet_netdev_is_registered(lower.as_ptr()) } {
                return Err(ENODEV);
            }
        }
        // SAFETY: The device is valid and not registered, and nobody else uses it. It has room for
        // a zeroed `Private<T>`, because that is the size of the private area of the kind.
        unsafe { init_private::<T>(dev, Ok(data)) }?;
        // SAFETY: The device is set up, and the RTNL is held.
        let register = || to_result(unsafe { bindings::register_netdevice(dev) });
        let registered = fault_inject::should_fail("child", ENOMEM).and_then(|()| register());
        if let Err(error) = registered {
            // SAFETY: The device is valid: the core does not free it before this returns.
            if unsafe { bindings::muennet_netdev_is_unregistering(dev) } {
                // A notifier refused the device. The core waits until there are no references to
                // it before it calls the destructor.
                // SAFETY: The device is valid, and its private area is initialised.
                unsafe { (*dev).priv_destructor = Some(Self::destroy) };
            } else {
                // The core frees the device when this returns, without waiting for references. What
                // `init` gave to RCU readers may hold some.
                // SAFETY: The device is valid.
                unsafe { bindings::muennet_netdev_wait_unreferenced(dev) };
                // SAFETY: The private area is initialised and no longer in use: there is no
                // reference to the device.
                unsafe { Device::<T>::private(dev).drop_in_place() };
            }
            return Err(error);
        }
        // SAFETY: The device is valid, and its private area is initialised. The core calls the
        // destructor once, when there are no references to the device.
        unsafe { (*dev).priv_destructor = Some(Self::destroy) };
        if let Some(lower) = lower {
            // SAFETY: Both devices are registered: `dev` by now, `lower` as checked above, with the
            // RTNL held since then.
            let linked = to_result(unsafe {
                bindings::netdev_upper_dev_link(lower.as_ptr(), dev, extack.as_ptr())
            });
            if let Err(error) = linked {
                // SAFETY: The device is registered, and the RTNL is held.
                unsafe { bindings::unregister_netdevice_queue(dev, core::ptr::null_mut()) };
                return Err(error);
            }
        }
        // SAFETY: The device is registered, and not freed while the RTNL is held.
        T::registered(unsafe { Device::from_raw(dev) }, rtnl);
        Ok(())
    }

    /// # Safety
    ///
    /// The core calls it with a new device that has room for a `Private<T>`.
    unsafe extern "C" fn setup(dev: *mut bindings::net_device) {
        // SAFETY:
        // - The device is valid and not registered, and nobody else uses it.
        // - The operations accept devices of `T`, and `create` initialises the private area before
        //   it registers the device.
        unsafe {
            configure::<T>(dev, &T::PARAMS, &Self::NETDEV_OPS);
            (*dev).needs_free_netdev = true;
        }
    }

    /// Checks the address of a request for an Ethernet device.
    ///
    /// # Safety
    ///
    /// The core calls it with a table that has an entry for each attribute of links. Nothing writes
    /// the attributes meanwhile.
    unsafe extern "C" fn validate_ethernet(
        attributes: *mut *mut bindings::nlattr,
        _data: *mut *mut bindings::nlattr,
        _extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: The table has an entry for this attribute, which is null or valid.
        let address =
            unsafe { Attribute::from_raw(*attributes.add(bindings::IFLA_ADDRESS as usize)) };
        from_result(|| match address.map(Attribute::bytes).transpose()? {
            Some(address) if !ethernet::is_valid_address(&address) => Err(EADDRNOTAVAIL),
            _ => Ok(0),
        })
    }

    /// # Safety
    ///
    /// The core calls it with a device created by `setup`, with the RTNL held. If it fails, the
    /// core frees the device.
    unsafe extern "C" fn newlink(
        dev: *mut bindings::net_device,
        params: *mut bindings::rtnl_newlink_params,
        extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: The core holds the RTNL.
        let rtnl = unsafe { Rtnl::assume_held() };
        // SAFETY: The pointer is null or valid for this call.
        let extack = unsafe { ExtAck::from_raw(extack) };
        let attribute = |index: u32| {
            // SAFETY: The table has an entry for each attribute of links, which the core validated.
            let attribute = unsafe { *(*params).tb.add(index as usize) };
            // SAFETY: As above; both attributes used here have a payload of a u32.
            (!attribute.is_null()).then(|| unsafe { bindings::muennet_nla_u32(attribute) })
        };
        // SAFETY: The parameters are valid, and the core holds a reference to the namespace.
        let net = unsafe { Net::from_raw(bindings::muennet_newlink_lower_net(params)) };
        let link = NewLink {
            kind: T::KIND,
            lower: Lower::Link(net, attribute(bindings::IFLA_LINK)),
            mtu: attribute(bindings::IFLA_MTU),
            params: None,
            extack: &extack,
            rtnl,
        };
        from_result(|| {
            // SAFETY: The device was created by `setup`, and the RTNL is held.
            unsafe { Self::create(dev, link) }?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// The core calls it with a registered device of this kind and a list for it, with the RTNL
    /// held.
    unsafe extern "C" fn dellink(dev: *mut bindings::net_device, list: *mut bindings::list_head) {
        if T::HAS_LOWER {
            // SAFETY: The device has its data until it is freed.
            let lower = unsafe { Device::<T>::from_raw(dev) }.data().lower();
            // SAFETY: Both devices are valid, and the RTNL is held. The devices are linked:
            // `create` links them before it returns, or takes the device from the list, so that the
            // core calls this once for a linked device. If `lower()` returns another device than
            // before, the function warns and changes nothing.
            unsafe { bindings::netdev_upper_dev_unlink(lower.as_ptr(), dev) };
        }
        // SAFETY: The device is registered, and the RTNL is held.
        unsafe { bindings::unregister_netdevice_queue(dev, list) };
    }

    /// # Safety
    ///
    /// The core calls it with a registered device of this kind.
    unsafe extern "C" fn get_link_net(dev: *const bindings::net_device) -> *mut bindings::net {
        // SAFETY: The device has its data until it is freed.
        let dev = unsafe { Device::<T>::from_raw(dev.cast_mut()) };
        // SAFETY: The lower device is valid as long as the data.
        unsafe { bindings::muennet_dev_net(dev.data().lower().as_ptr()) }
    }

    /// # Safety
    ///
    /// The core calls it with a device of this kind that has its data.
    unsafe extern "C" fn get_iflink(dev: *const bindings::net_device) -> c_int {
        // SAFETY: The device has its data until it is freed.
        let dev = unsafe { Device::<T>::from_raw(dev.cast_mut()) };
        c_int::try_from(dev.data().lower().ifindex()).unwrap_or(0)
    }

    /// # Safety
    ///
    /// The core calls it with a device that has its data, with the RTNL held.
    unsafe extern "C" fn init(ptr: *mut bindings::net_device) -> c_int {
        // SAFETY: The core holds the RTNL.
        let rtnl = unsafe { Rtnl::assume_held() };
        // SAFETY: The device has its data.
        let dev = unsafe { Device::<T>::from_raw(ptr) };
        from_result(|| {
            T::init(dev, rtnl)?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// The core calls it once for a device for which `init` succeeded, with the RTNL held.
    unsafe extern "C" fn uninit(ptr: *mut bindings::net_device) {
        // SAFETY: The core holds the RTNL.
        let rtnl = unsafe { Rtnl::assume_held() };
        // SAFETY: The device has its data.
        T::uninit(unsafe { Device::<T>::from_raw(ptr) }, rtnl);
    }

    /// # Safety
    ///
    /// The core calls it once for a device that `create` has registered, when there are no
    /// references to it.
    unsafe extern "C" fn destroy(dev: *mut bindings::net_device) {
        // SAFETY: The private area is initialised and no longer in use.
        unsafe { Device::<T>::private(dev).drop_in_place() }
    }
}

impl<T: Driver> Drop for Registration<T> {
    fn drop(&mut self) {
        // A device that `add` adds later would stay when the kind is unregistered.
        self.0.accepts.replace(false, &rtnl::lock());
        // SAFETY: By the type invariant the kind is registered.
        unsafe { bindings::rtnl_link_unregister(self.0.as_ptr()) };
        self.0.registered.store(false, Release);
    }
}
