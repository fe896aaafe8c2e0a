// SPDX-License-Identifier: GPL-2.0

//! The interfaces that a request names, and whether its sender may change them.

use super::{
    device::Child,
    uapi::{
        muennet as attr,
        NAME_MAX, //
    }, //
};
use crate::{
    abstractions::{
        netdevice::{
            Device,
            NetDevice, //
        },
        netlink::{
            Attribute,
            Policy,
            Request, //
        },
        rtnl::Rtnl, //
    },
    netdev::{
        config::Text,
        Interface, //
    }, //
};
use kernel::prelude::*;

/// What the name of an interface has to be.
pub(super) const NAME: Policy = Policy::string(NAME_MAX);

/// Two attributes that name an interface: its name, and its namespace.
#[derive(Clone, Copy)]
pub(super) struct Named {
    name: u16,
    netnsid: u16,
    what: &'static str,
}

/// The interface that a request is about.
pub(super) const SUBJECT: Named = Named {
    name: attr::IFNAME,
    netnsid: attr::NETNSID,
    what: "ifname",
};

/// The child that a mark is taken from.
pub(super) const FROM: Named = Named {
    name: attr::FROM_IFNAME,
    netnsid: attr::FROM_NETNSID,
    what: "from-ifname",
};

/// A device and the attribute that names it.
#[derive(Clone, Copy)]
pub(super) struct Found<'a, D> {
    pub(super) dev: &'a D,
    pub(super) by: Attribute<'a>,
}

/// Shows the name that an attribute holds.
pub(super) fn text(name: &CStr) -> Text<'_> {
    Text::new(name.to_bytes())
}

fn unknown(request: &Request<'_>, by: Attribute<'_>, name: &CStr) -> Error {
    request.refuse(by, ENODEV, fmt!("there is no interface {}", text(name)))
}

/// The interface that a request names.
///
/// # Errors
///
/// - `EINVAL`: no name is given, or a namespace that does not exist.
/// - `ENODEV`: there is no such interface, or, in another namespace, no child of an interface in
///   the asker's.
pub(super) fn any<'a>(
    request: &'a Request<'_>,
    named: Named,
    rtnl: &'a Rtnl,
) -> Result<Found<'a, NetDevice>> {
    let by = request.required(named.name, named.what)?;
    let name = by.string()?;
    let Some(netnsid) = request.attribute(named.netnsid) else {
        let dev = request.net().device_by_name(name, rtnl);
        return dev
            .map(|dev| Found { dev, by })
            .ok_or_else(|| unknown(request, by, name));
    };
    let id = netnsid.i32()?;
    let Some(net) = request.net().by_id(id) else {
        let error = request.refuse(
            netnsid,
            EINVAL,
            fmt!("there is no namespace with the id {id}"),
        );
        return Err(error);
    };
    // What else there is in that namespace is not the asker's business.
    net.device_by_name(name, rtnl)
        .filter(|dev| {
            dev.downcast::<Child>()
                .is_some_and(|child| child.data().parent().any().net(rtnl) == request.net())
        })
        .map(|dev| Found { dev, by })
        .ok_or_else(|| unknown(request, by, name))
}

/// The child that a request names.
///
/// # Errors
///
/// - `EINVAL`: as [`any`], or it is no child.
/// - `ENODEV`: as [`any`].
pub(super) fn child<'a>(
    request: &'a Request<'_>,
    named: Named,
    rtnl: &'a Rtnl,
) -> Result<Found<'a, Device<Child>>> {
    let Found { dev, by } = any(request, named, rtnl)?;
    if let Some(dev) = dev.downcast::<Child>() {
        return Ok(Found { dev, by });
    }
    let name = text(dev.name(rtnl));
    Err(match dev.downcast::<Interface>() {
        Some(_) => request.refuse(by, EINVAL, fmt!("{name} is a main interface, not a child")),
        None => request.refuse(by, EINVAL, fmt!("{name} is not a muennet interface")),
    })
}

/// The interface in the asker's namespace that a request names as the parent.
///
/// # Errors
///
/// - `EINVAL`: no name is given.
/// - `ENODEV`: there is no such interface.
pub(super) fn parent<'a>(request: &'a Request<'_>, rtnl: &'a Rtnl) -> Result<Found<'a, NetDevice>> {
    let by = request.required(attr::PARENT_IFNAME, "parent-ifname")?;
    let name = by.string()?;
    request
        .net()
        .device_by_name(name, rtnl)
        .map(|dev| Found { dev, by })
        .ok_or_else(|| unknown(request, by, name))
}

/// Checks that the sender may steer the traffic of a parent.
///
/// # Errors
///
/// - `EPERM`: it may not administer the parent's namespace.
pub(super) fn may_steer(
    request: &Request<'_>,
    parent: &NetDevice,
    by: Attribute<'_>,
    rtnl: &Rtnl,
) -> Result {
    if request.may_administer(parent.net(rtnl)) {
        return Ok(());
    }
    let name = text(parent.name(rtnl));
    Err(request.refuse(
        by,
        EPERM,
        fmt!("this needs CAP_NET_ADMIN over the namespace of its parent {name}"),
    ))
}

/// The child that a request names, whose parent's traffic its sender may steer.
///
/// # Errors
///
/// - `EPERM`: it may not, as [`may_steer`] says.
/// - else as [`child`].
pub(super) fn steerable<'a>(
    request: &'a Request<'_>,
    named: Named,
    rtnl: &'a Rtnl,
) -> Result<Found<'a, Device<Child>>> {
    let found = child(request, named, rtnl)?;
    may_steer(request, found.dev.data().parent().any(), found.by, rtnl)?;
    Ok(found)
}
