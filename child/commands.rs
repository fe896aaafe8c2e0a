// SPDX-License-Identifier: GPL-2.0

//! The commands that do something, or ask for one thing.

use super::{
    family::FAMILY,
    find::{
        self,
        text,
        Found,
        NAME, //
    },
    link::{
        Child,
        KIND, //
    },
    rules::{
        self,
        Refusal, //
    },
    show,
    tell,
    uapi::{
        command,
        muennet as attr, //
    }, //
};
use crate::{
    abstractions::{
        netdevice::{
            is_valid_name,
            Device, //
        },
        netlink::{
            policies,
            Attribute,
            Handler,
            Policy,
            Request, //
        },
        rtnl::{
            self,
            Rtnl, //
        }, //
    },
    netdev::{
        Interface,
        PortId,
        Ports, //
    }, //
};
use kernel::prelude::*;

/// The longest name of a new interface, in bytes.
const NEW_NAME_MAX: usize = 15;

const SUBJECT: [Policy; attr::NETNSID as usize + 1] =
    policies(&[(attr::IFNAME, NAME), (attr::NETNSID, Policy::i32())]);

const SUBJECT_MARK: [Policy; attr::MARK as usize + 1] = policies(&[
    (attr::IFNAME, NAME),
    (attr::NETNSID, Policy::i32()),
    (attr::MARK, Policy::u32()),
]);

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
        // Whatever else is refused, is refused because of the parent.
        request.extack().blame(parent.by);
        KIND.add(request.net(), name, parent.dev, request.extack(), rtnl)?;
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
        KIND.remove(child.dev, rtnl);
        Ok(())
    }
}

/// The mark of a request.
fn mark<'a>(request: &'a Request<'_>) -> Result<(Attribute<'a>, u32)> {
    let by = request.required(attr::MARK, "mark")?;
    Ok((by, by.u32()?))
}

/// Why a mark was not changed.
enum NotChanged {
    Refused(Refusal<PortId>),
    Failed(Error),
}

impl From<Refusal<PortId>> for NotChanged {
    fn from(refusal: Refusal<PortId>) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for NotChanged {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Explains to the sender why a mark was not changed.
fn explain(
    request: &Request<'_>,
    by: Attribute<'_>,
    mark: u32,
    child: &Device<Child>,
    why: NotChanged,
    rtnl: &Rtnl,
) -> Error {
    let name = text(child.any().name(rtnl));
    let refusal = match why {
        NotChanged::Failed(error) => return error,
        NotChanged::Refused(refusal) => refusal,
    };
    match refusal {
        Refusal::Zero => request.refuse(
            by,
            EINVAL,
            fmt!("mark 0 is that of packets without a mark: nobody can own it"),
        ),
        Refusal::Already => request.refuse(by, EEXIST, fmt!("{name} owns mark {mark} already")),
        Refusal::Unowned => request.refuse(
            by,
            ENOENT,
            fmt!("{name} does not own mark {mark}: nobody does"),
        ),
        Refusal::Same => request.refuse(
            by,
            EINVAL,
            fmt!("mark {mark} cannot be moved from {name} to itself"),
        ),
        Refusal::OwnedBy(id) => {
            let ports = child.data().parent().data().ports();
            match ports.get(id) {
                Some((port, _)) => {
                    let owner = text(port.device().name(rtnl));
                    request.refuse(by, EBUSY, fmt!("mark {mark} is owned by {owner}"))
                }
                None => request.refuse(by, EBUSY, fmt!("mark {mark} is owned by another child")),
            }
        }
    }
}

/// The ports of a child's parent.
fn ports(child: &Device<Child>) -> &Ports {
    child.data().parent().data().ports()
}

/// Adds a mark to a child.
pub(super) struct AddMark;

impl Handler for AddMark {
    const POLICY: &'static [Policy] = &SUBJECT_MARK;

    fn run(request: &Request<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        let Found { dev: child, by } = find::child(request, find::SUBJECT, rtnl)?;
        find::may_steer(request, child.data().parent().any(), by, rtnl)?;
        let (by, mark) = mark(request)?;
        ports(child)
            .steer(mark, |owner| -> Result<_, NotChanged> {
                Ok(Some(rules::add(mark, owner, child.data().port())?))
            })
            .map_err(|why| explain(request, by, mark, child, why, rtnl))?;
        tell::mark_added(child, mark, rtnl);
        Ok(())
    }
}

/// Takes a mark from a child.
pub(super) struct DelMark;

impl Handler for DelMark {
    const POLICY: &'static [Policy] = &SUBJECT_MARK;

    fn run(request: &Request<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        let Found { dev: child, by } = find::child(request, find::SUBJECT, rtnl)?;
        find::may_steer(request, child.data().parent().any(), by, rtnl)?;
        let (by, mark) = mark(request)?;
        ports(child)
            .steer(mark, |owner| -> Result<_, NotChanged> {
                rules::del(mark, owner, child.data().port())?;
                Ok(None)
            })
            .map_err(|why| explain(request, by, mark, child, why, rtnl))?;
        tell::mark_deleted(child, mark, rtnl);
        Ok(())
    }
}

/// Moves a mark from one child to another.
pub(super) struct MoveMark;

impl Handler for MoveMark {
    const POLICY: &'static [Policy] = &policies::<{ attr::MARK as usize + 1 }>(&[
        (attr::FROM_IFNAME, NAME),
        (attr::FROM_NETNSID, Policy::i32()),
        (attr::IFNAME, NAME),
        (attr::NETNSID, Policy::i32()),
        (attr::MARK, Policy::u32()),
    ]);

    fn run(request: &Request<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        let from = find::child(request, find::FROM, rtnl)?;
        find::may_steer(request, from.dev.data().parent().any(), from.by, rtnl)?;
        let to = find::child(request, find::SUBJECT, rtnl)?;
        find::may_steer(request, to.dev.data().parent().any(), to.by, rtnl)?;
        if !core::ptr::eq(from.dev.data().parent(), to.dev.data().parent()) {
            let name = text(to.dev.any().name(rtnl));
            let parent = text(from.dev.data().parent().any().name(rtnl));
            return Err(request.refuse(
                to.by,
                EINVAL,
                fmt!("{name} is not a child of {parent}: marks stay with their parent"),
            ));
        }
        let (by, mark) = mark(request)?;
        ports(from.dev)
            .steer(mark, |owner| -> Result<_, NotChanged> {
                let (from, to) = (from.dev.data().port(), to.dev.data().port());
                Ok(Some(rules::shift(mark, owner, from, to)?))
            })
            .map_err(|why| explain(request, by, mark, from.dev, why, rtnl))?;
        tell::mark_moved(from.dev, to.dev, mark, rtnl);
        Ok(())
    }
}
