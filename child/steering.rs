// SPDX-License-Identifier: GPL-2.0

//! The commands that change whose a mark is.

use super::{
    device::Child,
    find::{
        self,
        text,
        Found,
        NAME, //
    },
    generation,
    marks::{
        self,
        Refusal, //
    },
    tell,
    uapi::muennet as attr, //
};
use crate::{
    abstractions::{
        netdevice::Device,
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
    netdev::PortId, //
};
use kernel::prelude::*;

const SUBJECT_MARK: [Policy; attr::MARK as usize + 1] = policies(&[
    (attr::IFNAME, NAME),
    (attr::NETNSID, Policy::i32()),
    (attr::MARK, Policy::u32()),
]);

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

/// Changes whose the mark of a request is, among the children of one parent, to what `decide` makes
/// of the mark and its owner. `child` is the one that a refusal is about. Returns the mark.
///
/// # Errors
///
/// - `EINVAL`: the request has no mark.
/// - what the [`Refusal`] comes to, explained to the sender.
/// - `ENOMEM`: there is no memory for it.
fn steer(
    request: &Request<'_>,
    child: &Device<Child>,
    rtnl: &Rtnl,
    decide: impl FnOnce(u32, Option<PortId>) -> Result<Option<PortId>, Refusal<PortId>>,
) -> Result<u32> {
    let by = request.required(attr::MARK, "mark")?;
    let mark = by.u32()?;
    let ports = child.data().parent().data().ports();
    ports
        .steer(mark, |owner| -> Result<_, NotChanged> {
            Ok(decide(mark, owner)?)
        })
        .map_err(|why| explain(request, by, mark, child, why, rtnl))?;
    generation::raise(rtnl);
    Ok(mark)
}

/// Adds a mark to a child.
pub(super) struct AddMark;

impl Handler for AddMark {
    const POLICY: &'static [Policy] = &SUBJECT_MARK;

    fn run(request: &Request<'_>) -> Result {
        let rtnl = &*rtnl::lock();
        let Found { dev: child, .. } = find::steerable(request, find::SUBJECT, rtnl)?;
        let mark = steer(request, child, rtnl, |mark, owner| {
            marks::add(mark, owner, child.data().port()).map(Some)
        })?;
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
        let Found { dev: child, .. } = find::steerable(request, find::SUBJECT, rtnl)?;
        let mark = steer(request, child, rtnl, |mark, owner| {
            marks::del(mark, owner, child.data().port()).map(|()| None)
        })?;
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
        let Found { dev: from, .. } = find::steerable(request, find::FROM, rtnl)?;
        let Found { dev: to, by } = find::steerable(request, find::SUBJECT, rtnl)?;
        let parent = from.data().parent();
        if !core::ptr::eq(parent, to.data().parent()) {
            let name = text(to.any().name(rtnl));
            let parent = text(parent.any().name(rtnl));
            return Err(request.refuse(
                by,
                EINVAL,
                fmt!("{name} is not a child of {parent}: marks stay with their parent"),
            ));
        }
        let mark = steer(request, from, rtnl, |mark, owner| {
            marks::shift(mark, owner, from.data().port(), to.data().port()).map(Some)
        })?;
        tell::mark_moved(from, to, mark, rtnl);
        Ok(())
    }
}
