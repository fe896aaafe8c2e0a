// SPDX-License-Identifier: GPL-2.0

//! The commands that add or delete a child, or ask for one thing.

use super::{
    device::{
        Child,
        LINK_OPS, //
    },
    family::FAMILY,
    find::{
        self,
        text,
        Found,
        NAME, //
    },
    show,
    uapi::{
        command,
        muennet as attr, //
    }, //
};
use crate::{
    abstractions::{
        netdevice::is_valid_name,
        netlink::{
            policies,
            Handler,
            Policy,
            Request, //
        },
        rtnl, //
    },
    netdev::{
        config,
        Interface, //
    },
};
use kernel::prelude::*;

/// The longest name of a new interface, in bytes.
const NEW_NAME_MAX: usize = 15;

const SUBJECT: [Policy; attr::NETNSID as usize + 1] =
    policies(&[(attr::IFNAME, NAME), (attr::NETNSID, Policy::i32())]);

/// Asks for one interface.
pub(super) struct Get;

impl Handler for Get {
    const POLICY: &'static [Policy] = &SUBJECT;

    fn run(request: &Request<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        let Found { dev, by } = find::any(request, find::SUBJECT, rtnl)?;
        if let Some(child) = dev.downcast::<Child>() {
            return request.reply(&FAMILY, command::GET, |message| {
                show::child(message, request.net(), child, rtnl)
            });
        }
        if let Some(interface) = dev.downcast::<Interface>() {
            return request.reply(&FAMILY, command::GET, |message| {
                show::interface(message, request.net(), interface, rtnl)
            });
        }
        let name = text(dev.name(rtnl));
        Err(request.refuse(by, EINVAL, fmt!("{name} is not a muennet interface")))
    }
}

/// Asks for the owner of a mark.
pub(super) struct GetMark;

impl Handler for GetMark {
    const POLICY: &'static [Policy] = &policies::<{ attr::MARK as usize + 1 }>(&[
        (attr::PARENT_IFNAME, NAME),
        (attr::MARK, Policy::u32()),
    ]);

    fn run(request: &Request<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        let Found { dev, by } = find::parent(request, rtnl)?;
        let name = text(dev.name(rtnl));
        let Some(parent) = dev.downcast::<Interface>() else {
            return Err(request.refuse(by, EINVAL, fmt!("{name} is not a main muennet interface")));
        };
        let by = request.required(attr::MARK, "mark")?;
        let mark = by.u32()?;
        let owner = parent.data().ports().owner(mark);
        let child = owner
            .as_ref()
            .and_then(|port| port.device().downcast::<Child>())
            .ok_or_else(|| {
                request.refuse(by, ENOENT, fmt!("no child of {name} owns the mark {mark}"))
            })?;
        request.reply(&FAMILY, command::GET_MARK, |message| {
            show::mark(message, request.net(), child, mark, rtnl)
        })
    }
}

/// Adds a child.
pub(super) struct AddChild;

impl Handler for AddChild {
    const POLICY: &'static [Policy] = &policies::<{ attr::PARENT_IFNAME as usize + 1 }>(&[
        (attr::PARENT_IFNAME, NAME),
        (attr::IFNAME, NAME),
    ]);

    fn run(request: &Request<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        let parent = find::parent(request, rtnl)?;
        find::may_steer(request, parent.dev, parent.by, rtnl)?;
        let by = request.required(attr::IFNAME, "ifname")?;
        let name = by.string()?;
        if name.to_bytes().len() > NEW_NAME_MAX {
            return Err(request.refuse(
                by,
                EINVAL,
                fmt!("the name is longer than {NEW_NAME_MAX} characters"),
            ));
        }
        if request.net().device_by_name(name, rtnl).is_some() {
            let name = text(name);
            return Err(request.refuse(by, EEXIST, fmt!("there is an interface {name} already")));
        }
        if !is_valid_name(name) {
            let name = text(name);
            return Err(request.refuse(by, EINVAL, fmt!("'{name}' is no name for an interface")));
        }
        if config::is_reserved_name(name.to_bytes()) {
            let name = text(name);
            return Err(request.refuse(
                by,
                EINVAL,
                fmt!("{name} is what the kernel calls all interfaces"),
            ));
        }
        // Whatever else is refused, is refused because of the parent.
        request.extack().blame(parent.by);
        LINK_OPS.add(request.net(), name, parent.dev, request.extack(), rtnl)?;
        Ok(())
    }
}

/// Deletes a child.
pub(super) struct DelChild;

impl Handler for DelChild {
    const POLICY: &'static [Policy] = &SUBJECT;

    fn run(request: &Request<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        // Who may administer the child's namespace or the parent's may delete it, and one of the
        // two is that of the asker, for which C has checked that.
        let child = find::child(request, find::SUBJECT, rtnl)?;
        LINK_OPS.remove(child.dev, rtnl);
        Ok(())
    }
}
